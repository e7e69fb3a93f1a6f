/* Sizes, ages and texts as people and programs read them. Pure functions. */
#ifndef ORSINO_CLI_SHOW_H
#define ORSINO_CLI_SHOW_H

#include "base/text.h"

/* "999", "1.2K", "34K", "5.6M": at most five characters, powers of 1024, rounded down. */
void show_size(struct buf *out, uint64_t bytes);

/* "45s", "12m", "30h", "9d", rounded down; what is negative is "0s". */
void show_span(struct buf *out, int64_t seconds);

/* A moment in local time, as strftime(3) writes it, or "?" when it is beyond all calendars. */
void show_time(struct buf *out, int64_t when, const char *format);

/* Adds a text and as many spaces as make it `columns` wide: behind it, or before it. What is wider
 * stays whole. A letter of UTF-8 counts as one column. */
void show_left(struct buf *out, struct slice text, size_t columns);
void show_right(struct buf *out, struct slice text, size_t columns);

/* Adds a string of JSON (RFC 8259 section 7), or null for NULL. Bytes that are no UTF-8 become
 * U+FFFD; control characters are escaped, also those from U+0080 to U+009F. */
void show_json(struct buf *out, const char *text);

#endif
