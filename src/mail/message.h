/*
 * A message between stdin and the wire.
 *
 * message_read takes bytes as callers write them (LF, CRLF, bare CR, a mixture, no final newline,
 * NUL) into one form: a header block and a body, both with LF line ends and without any CR. Each
 * line is judged by itself. CR LF is one line end, and so is a run of CRs before a LF, which only
 * programs that convert twice write; a CR that no LF follows is a line end, each one. A last line
 * without an end gets one. Later repairs change the header block only; the body stays as it was
 * read, and how it must be encoded is noted and done on the way out (wire.h). So a body is written
 * once and read once, whatever its size.
 */
#ifndef ORSINO_MAIL_MESSAGE_H
#define ORSINO_MAIL_MESSAGE_H

#include "mail/store.h"
#include "mail/submission.h"

enum {
    MESSAGE_HEADER_MAX = 1024 * 1024, /* the whole header block */
    MESSAGE_LINE_MAX = 998,           /* RFC 5322 section 2.1.1, without the CRLF */
};

/* What a lone dot means on stdin; Sendmail's -i is DOTS_ARE_DATA. */
enum dots {
    DOTS_ARE_DATA,
    DOTS_TERMINATE, /* "." ends the message, ".." at the start of a line loses one dot */
    DOTS_AUTO,      /* "." ends it only when nothing follows, or on a terminal; ".." loses a dot
                       only when no line begins with a single one: neither stuffed nor unstuffed
                       text is harmed */
};

struct message_limits {
    uint64_t max_size; /* bytes read; beyond it CODE_TOO_BIG */
    enum dots dots;
};

/* How the body goes out; decided by repair.h, or by the session for a 7-bit server. */
enum encoding {
    ENCODING_AS_IS,            /* lines over MESSAGE_LINE_MAX are broken as Postfix does */
    ENCODING_QUOTED_PRINTABLE, /* RFC 2045 section 6.7 */
};

struct message {
    struct buf header; /* the block without the empty line after it */
    struct store body;
    /* Known once it is read: */
    bool header_8bit;
    bool body_8bit;
    bool body_nul;
    bool body_utf8;         /* the whole body is well-formed UTF-8, as ASCII is */
    bool unstuff;           /* one dot of a leading ".." goes, on the way out */
    size_t longest_line;    /* of the body, without its LF, unstuffed if it is to be */
    uint64_t body_lines;    /* all of them end in LF */
    uint64_t stuffed_lines; /* of the body: those that begin with ".." */
    uint64_t read_bytes;    /* up to the end, dots and line ends as they came */
    /* Decided by repairs: */
    enum encoding encoding;
};

void message_init(struct message *m);
void message_free(struct message *m);

/*
 * Reads to the end of file, from the current offset, whatever kind of file it is; also past a dot
 * that ended the message (but not on a terminal), and past an error, so that the writer never gets
 * SIGPIPE. Leading mbox lines, which begin with "From " or ">From ", are dropped when they hold a
 * date or a field follows; else they are text. The first line that is neither a
 * field nor a continuation ends the header, as an empty line does, and is then the first of the
 * body. CODE_READ when read(2) fails: nothing may be sent then. CODE_TOO_BIG, CODE_MESSAGE (header
 * block over MESSAGE_HEADER_MAX), CODE_FILE_CREATE, CODE_MEMORY.
 */
enum code message_read(struct message *m, int fd, const struct message_limits *limits,
                       struct status *why) __attribute__((warn_unused_result));

/*
 * The same from a file that holds a message in the form that message_save gives it, and stays as it
 * is for as long as the message lives: the header is copied, the body is read from the file when it
 * is wanted, through a descriptor that is the message's own. Nothing is dropped or repaired.
 * CODE_READ, CODE_MESSAGE (no such form, or a header over twice MESSAGE_HEADER_MAX), CODE_MEMORY.
 */
enum code message_load(struct message *m, int fd, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Writes the message as it would go out, encoded and with long lines broken, but with LF line ends:
 * header, empty line, body. From the current offset of fd; *size is what was written.
 * CODE_FILE_CREATE with the errno in why->os, CODE_READ, CODE_MEMORY.
 */
enum code message_save(const struct message *m, int fd, uint64_t *size, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The same for bytes that come in pieces, from a dialogue for one: message_read_begin, then
 * message_read_add for each piece, which it changes in place, then message_read_end. After a
 * failure of add no more is to be added. CODE_TOO_BIG, CODE_MESSAGE, CODE_FILE_CREATE, CODE_MEMORY.
 */
struct message_reader; /* opaque */
enum code message_read_begin(struct message *m, const struct message_limits *limits,
                             struct message_reader **out, struct status *why)
    __attribute__((warn_unused_result));
enum code message_read_add(struct message_reader *r, char *p, size_t n, struct status *why)
    __attribute__((warn_unused_result));
/* Frees it as well, and takes NULL. With `why` NULL, or with a failure in it, the message is not
 * wanted, and the failure is handed back. */
enum code message_read_end(struct message_reader *r, struct status *why);

/* Reads and forgets what a caller still writes, up to 1 GiB: when the message is not wanted. */
void message_drain(int fd);

struct recipient_rules;

/*
 * Adds the recipients that the header names to the envelope: To, Cc and Bcc, all fields of each
 * name, or, when there is any Resent- recipient field, those of the newest block (RFC 5322 section
 * 3.6.6) instead: the first run of Resent- fields that names recipients. A field of another kind,
 * or a name that was there before, ends a run. What they become, `rules` say (recipients.h).
 * CODE_ADDRESS names field and address.
 */
enum code message_recipients(const struct message *m, struct envelope *e,
                             struct recipient_rules *rules, struct status *why)
    __attribute__((warn_unused_result));

#endif
