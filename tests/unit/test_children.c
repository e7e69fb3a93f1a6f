#include "cli/children.h"

#include "unit.h"

static void places(void **state)
{
    static const struct {
        const char *sentence;
        size_t limit, count;
        bool many, full;
    } rows[] = {
        { "the only place", 1, 0, true, false },
        { "none left", 1, 1, true, true },
        { "the first of two", 2, 0, false, false },
        { "the last of two", 2, 1, true, false },
        { "the third of four", 4, 2, true, false },
        { "the second of four", 4, 1, false, false },
        { "three quarters are taken but for one", 100, 73, false, false },
        { "three quarters are taken", 100, 74, true, false },
        { "the limit was lowered meanwhile", 2, 5, true, true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct children c = { .limit = rows[i].limit, .count = rows[i].count };

        check(rows[i].sentence, children_are_many(&c) == rows[i].many);
        check(rows[i].sentence, children_are_full(&c) == rows[i].full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(places) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
