#include "mail/dsn.h"

#include "unit.h"

#include <string.h>

static void notify(void **state)
{
    static const struct {
        const char *list;
        unsigned want;
    } rows[] = {
        { "never", DSN_NOTIFY_NEVER },
        { "SUCCESS", DSN_NOTIFY_SUCCESS },
        { "Failure,delay", DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY },
        { "success, failure ,delay", DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY },
        { "delay,delay", DSN_NOTIFY_DELAY },
        { "never,never", DSN_NOTIFY_NEVER },
        { "", 0 },
        { ",", 0 },
        { "delay,", 0 },
        { ",delay", 0 },
        { "delay,,success", 0 },
        { "sometimes", 0 },
        { "delay,sometimes", 0 },
        { "delays", 0 },
        { "never,delay", 0 },
        { "failure,NEVER", 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].list, dsn_parse_notify(slice_of(rows[i].list)) == rows[i].want);
}

static void what_to_return(void **state)
{
    (void)state;
    assert_int_equal(dsn_parse_return(slice_of("hdrs")), DSN_RETURN_HEADERS);
    assert_int_equal(dsn_parse_return(slice_of("Full")), DSN_RETURN_FULL);
    assert_int_equal(dsn_parse_return(slice_of("headers")), DSN_RETURN_UNSET);
    assert_int_equal(dsn_parse_return(slice_of("")), DSN_RETURN_UNSET);
}

static void ids(void **state)
{
    static char longest[DSN_ENVELOPE_ID_MAX + 1], too_long[DSN_ENVELOPE_ID_MAX + 2];
    const struct {
        const char *sentence, *text;
        bool is_xtext, is_id;
    } rows[] = {
        { "plain", "QQ314159", true, true },
        { "an encoded space", "a+20b", true, true },
        { "an encoded plus", "+2B", true, true },
        { "a plus that encodes nothing", "a+b", false, false },
        { "lower case digits", "a+2b", false, false },
        { "cut off", "a+2", false, false },
        { "cut off at once", "a+", false, false },
        { "an encoded line end", "a+0D+0A", true, false },
        { "an encoded NUL", "+00", true, false },
        { "an encoded DEL", "a+7F", true, false },
        { "encoded, beyond ASCII", "a+E9", true, false },
        { "an equals sign", "a=b", false, false },
        { "a space", "a b", false, false },
        { "a line end", "a\r\nRCPT", false, false },
        { "a DEL", "a\x7f", false, false },
        { "beyond ASCII", "\xc3\xa9", false, false },
        { "nothing", "", false, false },
        { "as long as may be", longest, true, true },
        { "longer", too_long, true, false },
    };

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    memset(too_long, 'x', sizeof too_long - 1);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        check(rows[i].sentence, dsn_is_xtext(slice_of(rows[i].text)) == rows[i].is_xtext);
        check(rows[i].sentence, dsn_is_envelope_id(slice_of(rows[i].text)) == rows[i].is_id);
    }
    assert_false(dsn_is_xtext((struct slice){ "a\0b", 3 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify),
        cmocka_unit_test(what_to_return),
        cmocka_unit_test(ids),
    };

    return cmocka_run_group_tests_name("dsn", tests, NULL, NULL);
}
