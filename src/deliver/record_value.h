/* The values in a record's text: how they are written, and read again. For record_parse.c and
 * record_write.c alone. */
#ifndef ORSINO_DELIVER_RECORD_VALUE_H
#define ORSINO_DELIVER_RECORD_VALUE_H

#include "deliver/record.h"
#include "mail/address.h"

enum {
    RECORD_ORIGINAL_MAX = 500, /* RFC 3461 section 4.2 */
};

#define RECORD_FIRST_LINE "orsino-queue 1"
#define RECORD_TIME_LAST  253402300799                  /* the last second of the year 9999 */
#define RECORD_AGE_MAX    (100ULL * 366 * 24 * 60 * 60) /* a hundred years */

/* By enum record_state and enum path_state. */
extern const char *const record_state_names[];
extern const char *const record_path_state_names[];

/* What is given back for want of memory, which is no fault of the text: compare the pointer. */
extern const char record_out_of_memory[];

/*
 * Those that read take a value without control characters and give NULL, or what is wrong with it;
 * then *out means nothing. Those that write append the value; what it must not hold becomes '?', or
 * the nearest that there is.
 */
const char *record_read_number(struct slice value, uint64_t max, uint64_t *out);

/* 2026-11-24T20:45:22Z, from 1970 to RECORD_TIME_LAST. No locale, and a day that is none, as the
 * 30th of February, is refused. */
const char *record_read_time(struct slice value, int64_t *out);
void record_write_time(struct buf *out, int64_t when);

/* A text for people, cut at max bytes. Allocated; what was in *out is freed. */
const char *record_read_text(struct slice value, size_t max, char **out);
void record_write_text(struct buf *out, const char *text, size_t max);

/* A name that is taken at its word, byte for byte; NULL is written as nothing. Allocated; what was
 * in *out is freed. */
const char *record_read_word(struct slice value, size_t max, char **out);
void record_write_word(struct buf *out, const char *word);

/* Values of enum dsn_notify, not DSN_NOTIFY_UNSET. */
const char *record_read_notify(struct slice value, unsigned *out);
void record_write_notify(struct buf *out, unsigned notify);

/* An address as an envelope has it, complete and with nothing around it; or none. */
const char *record_read_address(struct slice value, struct address *out);

/* The index of a word in a list of `count`; `count` when it is not there. */
size_t record_find_word(struct slice word, const char *const *words, size_t count);

#endif
