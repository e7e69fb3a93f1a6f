/* How long the server side has patience with a client that must log in and does not. */
#include "unit.h"

#include "base/clock.h"
#include "smtp/server.h"

#include <string.h>

static struct server *begin(int64_t grace, bool wants_login)
{
    struct server_params params = {
        .name = "relay.example.org",
        .timeout = 300000,
        .grace = grace,
        .offers_login = true,
        .wants_login = wants_login,
    };
    struct status why = { 0 };
    struct server *d = NULL;

    assert_int_equal(server_begin(&params, &d, &why), CODE_OK);
    server_sent(d, server_output(d).n);
    return d;
}

static void say(struct server *d, const char *text)
{
    assert_int_equal(server_input(d, slice_of(text)), strlen(text));
}

static void spend(int64_t milliseconds)
{
    struct deadline end = deadline_in(milliseconds);

    while (deadline_left(end) > 0)
        continue;
}

static void busy_stranger(void **state)
{
    struct server *d = begin(2, true);

    (void)state;
    assert_true(server_timeout(d) <= 2);
    spend(3);
    say(d, "NOOP\r\nNOOP\r\n");
    check_text("what is said", server_output(d),
               slice_of("421 4.7.0 No login came for too long\r\n"));
    assert_int_equal(server_wants(d), SERVER_WANTS_NOTHING);
    server_end(d);
}

static void silent_stranger(void **state)
{
    struct server *d = begin(1000, true);

    (void)state;
    server_timed_out(d);
    check_text("what is said", server_output(d),
               slice_of("421 4.7.0 No login came for too long\r\n"));
    server_end(d);
}

static void one_who_logs_in(void **state)
{
    struct server *d = begin(1000, true);
    struct status ok = { 0 };

    (void)state;
    say(d, "EHLO a\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\n");
    assert_int_equal(server_wants(d), SERVER_WANTS_LOGIN);
    server_answer(d, &ok, NULL);
    assert_true(server_timeout(d) > 1000);
    server_end(d);
}

static void one_who_need_not(void **state)
{
    struct server *d = begin(2, false);

    (void)state;
    spend(3);
    assert_true(server_timeout(d) > 2);
    say(d, "NOOP\r\n");
    check_text("what is said", server_output(d), slice_of("250 2.0.0 Ok\r\n"));
    server_end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_stranger),
        cmocka_unit_test(silent_stranger),
        cmocka_unit_test(one_who_logs_in),
        cmocka_unit_test(one_who_need_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
