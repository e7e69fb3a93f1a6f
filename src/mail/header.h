/*
 * The header block of a message: RFC 5322 section 2.2, one field after the other.
 *
 * A block is held with LF line ends, and a CR never occurs in it.
 */
#ifndef ORSINO_MAIL_HEADER_H
#define ORSINO_MAIL_HEADER_H

#include "base/status.h"

struct field {
    struct slice name;  /* without the colon and the white space before it */
    struct slice value; /* after the colon, folding kept, without the last LF */
    struct slice whole; /* name to last LF */
};

/* Takes the next field off the block *in, skipping lines that are none; false at its end. */
bool header_next(struct slice *in, struct field *out);

/*
 * Whether a line begins a field: a name of printable ASCII but space and colon, optional white
 * space (RFC 5322 section 4.5.8), a colon. Continuation lines begin with a space or tab and do not
 * count.
 */
bool header_line_begins_field(struct slice line);

/* The first field of that name, without regard to case. */
bool header_find(struct slice block, const char *name, struct field *out);

#endif
