/*
 * The message as it goes over the wire: CRLF line ends, dots stuffed, body encoded as m->encoding
 * says. A generator with bounded output: it holds no more of the message than one read.
 */
#ifndef ORSINO_MAIL_WIRE_H
#define ORSINO_MAIL_WIRE_H

#include "mail/message.h"

enum {
    WIRE_CHUNK = 8192,
    WIRE_ROOM_MIN = 64, /* the least room wire_next can work with */
};

enum wire_form {
    WIRE_PLAIN, /* RFC 5322 bytes: for counting, for BDAT */
    WIRE_DATA,  /* RFC 5321 section 4.5.2: leading dots doubled, "." CRLF at the end */
};

enum wire_part {
    WIRE_HEADER,
    WIRE_BODY,
    WIRE_END,
};

/* Points into itself: it must stay where wire_begin found it. */
struct wire {
    const struct message *message;
    enum wire_form form;
    enum wire_part part;
    struct slice rest; /* of the header, or of the chunk: what is still to go out */
    uint64_t offset;   /* of the next body read */
    size_t column;     /* of the output line, a stuffed dot not counted */
    bool line_begins;  /* rest stands at the first byte of a line of the message */
    bool breaks;       /* there are lines to be broken */
    bool blanks_nul;   /* a NUL of the body becomes a space */
    char chunk[WIRE_CHUNK];
};

void wire_begin(struct wire *w, const struct message *m, enum wire_form form);

/*
 * Puts up to room bytes into p; *got is 0 at the end only. Every line ends in CRLF, also the last,
 * and a CR or LF never stands alone; the empty line after the header is always there. A body line
 * over MESSAGE_LINE_MAX is broken with CRLF SPACE when the encoding is AS_IS, not within a UTF-8
 * character. A stuffed dot does not count (RFC 5321 section 4.5.3.1.6), so that both forms carry
 * the same message. A NUL of the body becomes a space unless the message is signed or encoded;
 * header lines go out as they are, repair.h has seen to them. What comes out is the same for any
 * room. CODE_READ.
 */
enum code wire_next(struct wire *w, char *p, size_t room, size_t *got, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Octets of the message in WIRE_PLAIN form: what SIZE= declares (RFC 1870). The body is read for
 * it only when lines must be broken or encoded.
 */
enum code wire_size(const struct message *m, uint64_t *size, struct status *why)
    __attribute__((warn_unused_result));

#endif
