/* The lines of a header field: no bytes that may not be sent, none too long, none that is blank. */
#ifndef ORSINO_MAIL_FOLD_H
#define ORSINO_MAIL_FOLD_H

#include "base/text.h"

enum {
    FOLD_NAME_MAX = 900, /* a longer field name could not stay on one line with its colon */
};

/* Makes each control character a space but for tab and LF: NUL and its like are refused by many. */
void fold_clean(struct buf *field);

/*
 * Appends a field, name to last LF. Continuation lines of white space alone go: some servers take
 * one for the end of the header. A line over MESSAGE_LINE_MAX is folded at white space, in a list
 * of addresses preferably behind a comma; without any, it is cut hard. Shorter lines are kept to
 * the byte.
 */
void fold_add(struct buf *out, struct slice field, bool is_list);

#endif
