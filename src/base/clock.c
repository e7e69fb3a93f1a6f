#include "base/clock.h"

#include <limits.h>
#include <time.h>

int64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and this pointer */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_in(int64_t milliseconds)
{
    return (struct deadline){ clock_ms() + milliseconds };
}

int deadline_left(struct deadline d)
{
    int64_t left = d.at - clock_ms();

    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}
