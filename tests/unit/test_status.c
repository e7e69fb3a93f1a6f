#include "base/status.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void exit_codes(void **state)
{
    static const struct {
        const char *sentence;
        enum code code;
        int reply;
        const char *enhanced;
        int exit;
        bool temporary;
    } rows[] = {
        { "nothing wrong", CODE_OK, 0, "", 0, false },
        { "a bad option", CODE_USAGE, 0, "", 64, false },
        { "nobody to send to", CODE_NO_RECIPIENT, 0, "", 64, false },
        { "an address that cannot be parsed", CODE_ADDRESS, 0, "", 65, false },
        { "a message that is too big", CODE_TOO_BIG, 0, "", 65, false },
        { "a recipient that does not exist", CODE_RECIPIENT, 550, "5.1.1", 67, false },
        { "a recipient refused for another reason", CODE_RECIPIENT, 554, "5.7.1", 69, false },
        { "a recipient refused without enhanced code", CODE_RECIPIENT, 550, "", 69, false },
        { "a greylisted recipient", CODE_RECIPIENT, 450, "4.2.0", 75, true },
        { "a host that does not exist", CODE_RESOLVE, 0, "", 68, false },
        { "no answer from DNS", CODE_RESOLVE_LATER, 0, "", 75, true },
        { "a sender refused", CODE_SENDER, 553, "5.7.1", 69, false },
        { "a message refused for now", CODE_CONTENT, 451, "", 75, true },
        { "a message refused", CODE_CONTENT, 554, "", 69, false },
        { "our fault", CODE_BUG, 0, "", 70, false },
        { "no memory", CODE_MEMORY, 0, "", 71, true },
        { "a missing file", CODE_FILE_MISSING, 0, "", 72, false },
        { "a file that cannot be made", CODE_FILE_CREATE, 0, "", 73, true },
        { "stdin broke", CODE_READ, 0, "", 74, true },
        { "connection refused", CODE_REFUSED, 0, "", 75, true },
        { "no answer", CODE_TIMEOUT, 0, "", 75, true },
        { "greeted with 421", CODE_GREETING, 421, "", 75, true },
        { "greeted with 554", CODE_GREETING, 554, "", 69, false },
        { "nonsense", CODE_PROTOCOL, 0, "", 76, false },
        { "no TLS on the port", CODE_NOT_TLS, 0, "", 76, false },
        { "a login refused", CODE_LOGIN, 535, "5.7.8", 77, false },
        { "a login refused for now", CODE_LOGIN, 454, "4.7.0", 75, true },
        { "a certificate not trusted", CODE_UNTRUSTED, 0, "", 77, false },
        { "a wrong INI", CODE_CONFIG, 0, "", 78, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status st = { .code = rows[i].code, .reply = rows[i].reply };
        int got;

        (void)snprintf(st.enhanced, sizeof st.enhanced, "%s", rows[i].enhanced);
        got = status_exit(&st);
        if (got != rows[i].exit || status_is_temporary(&st) != rows[i].temporary)
            print_error("%s: exit %d, want %d\n", rows[i].sentence, got, rows[i].exit);
        assert_int_equal(got, rows[i].exit);
        assert_int_equal(status_is_temporary(&st), rows[i].temporary);
    }
}

static void first_cause_wins(void **state)
{
    struct status why = { 0 };

    (void)state;
    assert_int_equal(status_set(&why, CODE_REFUSED, STAGE_CONNECT, "first"), CODE_REFUSED);
    assert_int_equal(status_set(&why, CODE_TIMEOUT, STAGE_TLS, "second"), CODE_REFUSED);
    assert_int_equal(status_set_errno(&why, CODE_READ, STAGE_INPUT, EIO, "third"), CODE_REFUSED);
    assert_string_equal(why.what, "first");
    assert_int_equal(why.stage, STAGE_CONNECT);
    status_at(&why, "%s:%d", "mx", 25);
    status_at(&why, "elsewhere");
    assert_string_equal(why.where, "mx:25");
}

static void descriptions(void **state)
{
    struct status why = { 0 };
    struct buf out;

    (void)state;
    buf_init(&out, 2000);
    (void)status_set(&why, CODE_NOT_TLS, STAGE_TLS, "%s", "");
    status_at(&why, "mx:465");
    status_said(&why, slice_of("220 mx\r\nESMTP \x1b[31m\x7f"));
    status_describe(&why, &out);
    assert_string_equal(buf_string(&out),
                        "mx:465: no TLS on this port, it said \"220 mx??ESMTP ?[31m?\"");
    buf_free(&out);
}

static void long_texts_are_cut(void **state)
{
    static char longer[2000];
    struct status why = { 0 };

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    (void)status_set_errno(&why, CODE_READ, STAGE_INPUT, EIO, "%s", longer);
    status_at(&why, "%s", longer);
    status_said(&why, slice_of(longer));
    assert_int_equal(strlen(why.what), STATUS_WHAT_MAX - 1);
    assert_int_equal(strlen(why.where), STATUS_WHERE_MAX - 1);
    assert_int_equal(strlen(why.said), STATUS_SAID_MAX - 1);
}

static void worse(void **state)
{
    struct status ok = { 0 }, later = { .code = CODE_RECIPIENT, .reply = 450 },
                  never = { .code = CODE_RECIPIENT, .reply = 550 };

    (void)state;
    assert_ptr_equal(status_worse(&ok, &later), &later);
    assert_ptr_equal(status_worse(&later, &ok), &later);
    assert_ptr_equal(status_worse(&later, &never), &never);
    assert_ptr_equal(status_worse(&never, &later), &never);
    assert_ptr_equal(status_worse(&never, &ok), &never);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes),   cmocka_unit_test(first_cause_wins),
        cmocka_unit_test(descriptions), cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(worse),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
