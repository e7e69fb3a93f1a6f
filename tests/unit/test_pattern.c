#include "conf/pattern.h"

#include "unit.h"

#include <string.h>

static void patterns(void **state)
{
    static const struct {
        const char *sentence, *pattern, *text;
        bool want;
    } rows[] = {
        { "the same", "mx.aruba.it", "mx.aruba.it", true },
        { "in another case", "MX.aruba.it", "mx.Aruba.IT", true },
        { "longer", "mx.aruba.it", "mx.aruba.it.evil", false },
        { "shorter", "mx.aruba.it", "mx.aruba.i", false },
        { "a star", "*.l.google.com", "alt1.aspmx.l.google.com", true },
        { "a star for nothing", "a*b", "ab", true },
        { "a star that comes back", "*ab", "aab", true },
        { "two stars", "*.x.*", "a.x.b", true },
        { "two stars without one", "*.x.*", "a.y.b", false },
        { "a question mark", "mx?.qq.com", "mx3.qq.com", true },
        { "a question mark needs one", "mx?.qq.com", "mx.qq.com", false },
        { "a star for no text", "*", "", true },
        { "a name for no text", "a", "", false },
        { "no pattern", "", "a", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence,
              pattern_fits(slice_of(rows[i].pattern), slice_of(rows[i].text)) == rows[i].want);
}

static void a_nul_is_a_byte(void **state)
{
    (void)state;
    assert_true(pattern_fits(slice_of("a?b"), (struct slice){ "a\0b", 3 }));
    assert_false(pattern_fits(slice_of("a"), (struct slice){ "a\0b", 3 }));
}

static void a_long_pattern_ends(void **state)
{
    static char pattern[1000], text[100000];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof pattern; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[sizeof pattern - 2] = 'b';
    memset(text, 'a', sizeof text - 1);
    assert_false(pattern_fits(slice_of(pattern), slice_of(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(a_nul_is_a_byte),
        cmocka_unit_test(a_long_pattern_ends),
    };

    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
