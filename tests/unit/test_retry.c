#include "unit.h"

#include "deliver/retry.h"

#include <limits.h>

enum {
    MINUTE = 60,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
};

#define NOW INT64_C(1795553122) /* in November 2026 */

static void test_reckon(void **state)
{
    static const struct {
        const char *sentence;
        int64_t age, seen, now, want;
    } rows[] = {
        { "time that has passed counts", 100, NOW, NOW + HOUR, 100 + HOUR },
        { "no time counts as none", 100, NOW, NOW, 100 },
        { "a clock set at last counts as a day", 100, 60, NOW, 100 + DAY },
        { "a day is a day", 0, NOW, NOW + DAY, DAY },
        { "a day and a second is a day", 0, NOW, NOW + DAY + 1, DAY },
        { "a step back counts as nothing", 100, NOW, NOW - HOUR, 100 },
        { "back to 1970 counts as nothing", 100, NOW, 0, 100 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct record r = { .age = rows[i].age, .seen = rows[i].seen };

        retry_reckon(&r, rows[i].now);
        check(rows[i].sentence, r.age == rows[i].want && r.seen == rows[i].now);
    }
}

/* A board without a clock of its own: it boots in 1970, is set, and loses the time again. */
static void test_life_of_a_board(void **state)
{
    static const struct {
        int64_t now, age;
    } looks[] = {
        { 30, 0 },
        { 330, 300 },
        { NOW, 300 + DAY },
        { NOW + HOUR, 300 + DAY + HOUR },
        { 20, 300 + DAY + HOUR },
        { 80, 360 + DAY + HOUR },
    };
    struct record r = { .arrived = 30, .seen = 30 };

    (void)state;
    for (size_t i = 0; i < LENGTH(looks); i++) {
        retry_reckon(&r, looks[i].now);
        assert_int_equal(r.age, looks[i].age);
    }
    assert_false(retry_is_over(&r, 5 * DAY));
}

static void test_back_off(void **state)
{
    static const struct {
        const char *sentence;
        unsigned before; /* tries */
        int64_t wait;
    } rows[] = {
        { "after the first try 5 minutes", 0, 5 * MINUTE },
        { "after the second 10", 1, 10 * MINUTE },
        { "after the third 20", 2, 20 * MINUTE },
        { "after the sixth 160", 5, 160 * MINUTE },
        { "after the seventh no more than 4 hours", 6, 4 * HOUR },
        { "after a hundred no more either", 99, 4 * HOUR },
        { "as many as can be counted", UINT_MAX, 4 * HOUR },
    };
    static const struct {
        uint32_t random;
        int percent; /* INT_MIN: within the bounds */
    } jitters[] = {
        { 0, -RETRY_JITTER },
        { UINT32_MAX, INT_MIN },
        { 4711, INT_MIN },
        { 1u << 31, INT_MIN },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows) * LENGTH(jitters); i++) {
        unsigned before = rows[i / LENGTH(jitters)].before;
        int64_t wait = rows[i / LENGTH(jitters)].wait, got;
        const char *sentence = rows[i / LENGTH(jitters)].sentence;
        int percent = jitters[i % LENGTH(jitters)].percent;
        struct record r = { .tries = before, .seen = NOW - 10, .age = 7 };

        retry_note(&r, NOW, jitters[i % LENGTH(jitters)].random);
        got = r.next_try - NOW;
        check(sentence, r.tries == (before < UINT_MAX ? before + 1 : UINT_MAX));
        check(sentence, r.last_try == NOW && r.seen == NOW && r.age == 17);
        check(sentence, got >= wait - wait / 5 && got <= wait + wait / 5);
        if (percent != INT_MIN)
            check(sentence, got == wait + wait * percent / 100);
    }
}

/* Every wait between the bounds comes, the bounds with them. */
static void test_jitter_spreads(void **state)
{
    bool seen[2 * MINUTE + 1] = { false };
    size_t different = 0;

    (void)state;
    for (uint32_t random = 0; random < 1000; random++) {
        struct record r = { .seen = NOW };

        retry_note(&r, NOW, random);
        assert_in_range(r.next_try - NOW, 4 * MINUTE, 6 * MINUTE);
        seen[r.next_try - NOW - 4 * MINUTE] = true;
    }
    for (size_t i = 0; i < LENGTH(seen); i++)
        different += seen[i];
    assert_int_equal(different, LENGTH(seen));
}

static void test_due(void **state)
{
    static const struct {
        const char *sentence;
        unsigned tries;
        int64_t arrived, last, next, now;
        bool want;
    } rows[] = {
        { "before its time", 1, NOW, NOW, NOW + 300, NOW + 299, false },
        { "at its time", 1, NOW, NOW, NOW + 300, NOW + 300, true },
        { "in the second of the try", 1, NOW, NOW, NOW + 300, NOW, false },
        { "the clock is back in 1970", 1, NOW, NOW, NOW + 300, 60, true },
        { "the clock went back a second behind the try", 1, NOW, NOW, NOW + 300, NOW - 1, true },
        { "tried in 1970 after that", 2, NOW, 60, 660, 120, false },
        { "tried in 1970, now the clock is set", 2, NOW, 60, 660, NOW, true },
        { "never tried, queued now", 0, NOW, 0, NOW, NOW, true },
        { "never tried, and the clock is back in 1970", 0, NOW, 0, NOW, 60, true },
        { "arrived by a clock far ahead, tried since", 1, NOW + 1000 * DAY, NOW, NOW + 300,
          NOW + 10, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct record r = {
            .tries = rows[i].tries,
            .arrived = rows[i].arrived,
            .last_try = rows[i].last,
            .next_try = rows[i].next,
        };

        check(rows[i].sentence, retry_is_due(&r, rows[i].now) == rows[i].want);
    }
}

static void test_over(void **state)
{
    struct record r = { .age = 5 * DAY - 1 };

    (void)state;
    assert_false(retry_is_over(&r, 5 * DAY));
    r.age++;
    assert_true(retry_is_over(&r, 5 * DAY));
    r.age = 0;
    assert_true(retry_is_over(&r, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reckon),   cmocka_unit_test(test_life_of_a_board),
        cmocka_unit_test(test_back_off), cmocka_unit_test(test_jitter_spreads),
        cmocka_unit_test(test_due),      cmocka_unit_test(test_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
