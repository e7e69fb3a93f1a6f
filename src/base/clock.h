/* Deadlines on the monotonic clock, so that a wall clock that jumps neither hangs nor hurries us.
 */
#ifndef ORSINO_BASE_CLOCK_H
#define ORSINO_BASE_CLOCK_H

#include <stdint.h>

struct deadline {
    int64_t at; /* milliseconds of clock_ms() */
};

/* Milliseconds since some fixed moment; only differences mean something. */
int64_t clock_ms(void);

struct deadline deadline_in(int64_t milliseconds);

/* Milliseconds left, never negative, at most INT_MAX: fit for poll(2). 0 means it has passed. */
int deadline_left(struct deadline d);

#endif
