/*
 * When a message is tried again, and when no more. Pure functions over the record and the time.
 *
 * A clock may be wrong at boot and jump later. So a message is due when its time has come, or when
 * the clock stands before the last try, or before its arrival when there was none; and what counts
 * towards its lifetime is added up from look to look, a step back as nothing and a leap as at most
 * RETRY_LEAP.
 */
#ifndef ORSINO_DELIVER_RETRY_H
#define ORSINO_DELIVER_RETRY_H

#include "deliver/record.h"

enum {
    RETRY_FIRST = 5 * 60, /* seconds to the second try, then twice as long each time */
    RETRY_LONGEST = 4 * 60 * 60,
    RETRY_JITTER = 20, /* percent, up or down, so that a crowd parts */
    RETRY_LEAP = 24 * 60 * 60,
};

/* Notes a try at `now`: counts it, reckons the age, and sets when the next one is due. `random` is
 * any number. */
void retry_note(struct record *r, int64_t now, uint32_t random);

/* Brings age up to `now`. */
void retry_reckon(struct record *r, int64_t now);

bool retry_is_due(const struct record *r, int64_t now);

/* Whether its lifetime, in seconds, is over as of the last reckoning. */
bool retry_is_over(const struct record *r, int64_t lifetime);

#endif
