/* SMTP replies: RFC 5321 section 4.2, RFC 2034 for the enhanced codes. */
#ifndef ORSINO_SMTP_REPLY_H
#define ORSINO_SMTP_REPLY_H

#include "base/status.h"

enum {
    REPLY_LINE_MAX = 4096, /* RFC 5321 says 512; some servers' EHLO lines are longer */
    REPLY_LINES_MAX = 256,
    REPLY_TEXT_MAX = 32 * 1024,
};

struct reply {
    int code;          /* 200 to 599 */
    char enhanced[12]; /* "5.7.1", that of the first line that has one, or empty */
    struct buf text;   /* the lines without their codes, parted by LF; enhanced codes are kept */
    unsigned lines;
};

struct reply_parser {
    struct buf line; /* the line under way */
    struct reply reply;
    bool complete; /* reply holds a whole one; the next reply_take begins a new one */
};

void reply_begin(struct reply_parser *p);
void reply_end(struct reply_parser *p);

/*
 * Takes bytes off *in up to the end of one reply. p->complete says whether it is whole; if not, all
 * of *in was taken. How the bytes are cut into calls never matters. CODE_PROTOCOL, with the line as
 * far as it came in why->said: no three digits, followed by nothing, a space or a hyphen; first
 * digit not 2 to 5; codes of one reply that differ; control characters but the tab; a line or reply
 * over its maximum. CODE_MEMORY. After either the parser is of no more use than for reply_end. A
 * bare LF ends a line as CRLF does.
 */
enum code reply_take(struct reply_parser *p, struct slice *in, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Copies code, enhanced code and text into a status; what was said begins with the code, and its
 * lines are joined to one.
 */
void reply_describe(const struct reply *r, struct status *why);

#endif
