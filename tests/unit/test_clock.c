#include "unit.h"

#include "base/clock.h"

#include <limits.h>

static void time_never_runs_back(void **state)
{
    int64_t first = clock_ms(), second = clock_ms();

    (void)state;
    assert_true(first >= 0);
    assert_true(second >= first);
}

static void deadlines_count_down(void **state)
{
    static const struct {
        const char *sentence;
        int64_t milliseconds;
        int least, most;
    } rows[] = {
        { "one that lies ahead", 60000, 1, 60000 },
        { "one that is now", 0, 0, 0 },
        { "one that has passed", -5000, 0, 0 },
        { "the longest that poll takes", INT_MAX, INT_MAX - 60000, INT_MAX },
        { "one that is too far for poll", (int64_t)INT_MAX * 4, INT_MAX, INT_MAX },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        int left = deadline_left(deadline_in(rows[i].milliseconds));

        check(rows[i].sentence, left >= rows[i].least);
        check(rows[i].sentence, left <= rows[i].most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_never_runs_back),
        cmocka_unit_test(deadlines_count_down),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
