#include "deliver/retry.h"

#include <limits.h>

void retry_reckon(struct record *r, int64_t now)
{
    int64_t step = now > r->seen ? now - r->seen : 0;

    r->age += step < RETRY_LEAP ? step : RETRY_LEAP;
    r->seen = now;
}

/* How long to wait after so many tries. */
static int64_t wait_after(unsigned tries)
{
    int64_t wait = RETRY_FIRST;

    for (unsigned i = 1; i < tries && wait < RETRY_LONGEST; i++)
        wait *= 2;
    return wait < RETRY_LONGEST ? wait : RETRY_LONGEST;
}

static int64_t jitter(int64_t wait, uint32_t random)
{
    int64_t most = wait * RETRY_JITTER / 100;

    return wait - most + (int64_t)random % (2 * most + 1);
}

void retry_note(struct record *r, int64_t now, uint32_t random)
{
    retry_reckon(r, now);
    if (r->tries < UINT_MAX)
        r->tries++;
    r->last_try = now;
    r->next_try = now + jitter(wait_after(r->tries), random);
}

bool retry_is_due(const struct record *r, int64_t now)
{
    /* Not the time of arrival once it was tried: a clock that was far ahead then would make it due
     * for years. */
    int64_t latest = r->tries > 0 ? r->last_try : r->arrived;

    return now >= r->next_try || now < latest;
}

bool retry_is_over(const struct record *r, int64_t lifetime)
{
    return r->age >= lifetime;
}
