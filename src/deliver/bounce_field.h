/*
 * What a notification is written with. Whatever a text holds, which may be a server's or a
 * client's, it becomes one header field, 7-bit and without a line that is too long.
 */
#ifndef ORSINO_DELIVER_BOUNCE_FIELD_H
#define ORSINO_DELIVER_BOUNCE_FIELD_H

#include "base/text.h"

#include <time.h>

/*
 * Appends a field whose text is words: folded at 76, runs of white space made one space, control
 * characters '?', words beyond ASCII encoded as RFC 2047 has it. `type` stands in front, with a
 * semicolon; NULL for none.
 */
void bounce_field(struct buf *out, const char *name, const char *type, struct slice text);

void bounce_field_date(struct buf *out, const char *name, time_t when);

/* Appends a field with an address of type rfc822, or of type utf-8, spelled in ASCII (RFC 6533
 * section 3, utf-8-addr-xtext). */
void bounce_field_address(struct buf *out, const char *name, struct slice address);

/* Appends a field with what xtext (RFC 3461 section 4) stands for. A type in front of it, as ORCPT
 * has one, is part of `xtext`. */
void bounce_field_xtext(struct buf *out, const char *name, struct slice xtext);

/* Appends lines of text, which end in LF, as quoted-printable (RFC 2045 section 6.7). */
void bounce_quote(struct buf *out, struct slice text);

#endif
