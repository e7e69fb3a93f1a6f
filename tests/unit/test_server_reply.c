/* What the server side says when the one who drives it has answered. */
#include "unit.h"

#include "smtp/server.h"

#include <stdio.h>
#include <string.h>

/* A status as the session with a provider makes it out of "550 5.1.1 words". */
static void set_reply(struct status *why, enum code code, enum stage stage, struct slice said)
{
    struct slice rest = said, number = { 0 }, enhanced = { 0 };
    uint64_t reply = 0;

    (void)status_set(why, code, stage, "refused");
    assert_true(slice_take_word(&rest, &number) && slice_number(number, 599, &reply));
    why->reply = (int)reply;
    if (slice_take_word(&rest, &enhanced) && is_digit(enhanced.p[0]))
        (void)snprintf(why->enhanced, sizeof why->enhanced, "%.*s", (int)enhanced.n, enhanced.p);
    status_said(why, said);
}

static struct server *begin(bool utf8)
{
    struct server_params params = { .name = "relay.example.org", .timeout = 1000 };
    struct status why = { 0 };
    struct server *d = NULL;
    struct slice start = slice_of(utf8 ? "EHLO a\r\nMAIL FROM:<a@b.example> SMTPUTF8\r\n"
                                       : "EHLO a\r\nMAIL FROM:<a@b.example>\r\n");

    assert_int_equal(server_begin(&params, &d, &why), CODE_OK);
    assert_int_equal(server_input(d, start), start.n);
    server_sent(d, server_output(d).n);
    assert_int_equal(server_wants(d), SERVER_WANTS_SENDER);
    return d;
}

/* What a failure makes the server say: the provider's reply, or our own. */
static void test_answers(void **state)
{
    static const struct {
        const char *sentence;
        enum code code;
        enum stage stage;
        const char *said;
        const char *want;
    } rows[] = {
        { "a refusal is passed on", CODE_RECIPIENT, STAGE_RCPT, "550 5.1.1 no such user",
          "550 5.1.1 no such user\r\n" },
        { "a refusal for now too", CODE_SENDER, STAGE_MAIL, "450 4.7.1 greylisted",
          "450 4.7.1 greylisted\r\n" },
        { "without an enhanced code it gets one", CODE_RECIPIENT, STAGE_RCPT, "550 no such user",
          "550 5.1.1 no such user\r\n" },
        { "in the class of the reply", CODE_RECIPIENT, STAGE_RCPT, "450 later",
          "450 4.1.1 later\r\n" },
        { "without words it gets some", CODE_CONTENT, STAGE_BODY, "554", "554 5.6.0 Refused\r\n" },
        { "421 would mean that we close", CODE_GREETING, STAGE_BODY, "421 4.3.2 going down",
          "451 4.3.2 going down\r\n" },
        { "our login is not the client's", CODE_LOGIN, STAGE_LOGIN, "535 5.7.8 bad password",
          "451 4.7.0 refused, it said \"535 5.7.8 bad password\"\r\n" },
        { "that we did not log in neither", CODE_SENDER, STAGE_MAIL, "530 5.7.0 log in first",
          "451 4.7.0 refused, it said \"530 5.7.0 log in first\"\r\n" },
        { "a greeting is about the connection", CODE_GREETING, STAGE_GREETING, "554 go away",
          "451 4.3.2 refused, it said \"554 go away\"\r\n" },
        { "our syntax is not the client's", CODE_SENDER, STAGE_MAIL, "501 5.5.4 bad parameter",
          "554 5.5.4 bad parameter\r\n" },
        { "an answer that is no refusal", CODE_PROTOCOL, STAGE_BODY, "354 go on",
          "451 4.5.0 refused, it said \"354 go on\"\r\n" },
        { "no recipient of ours", CODE_RECIPIENT, STAGE_NONE, NULL, "550 5.1.1 refused\r\n" },
        { "no sender of ours", CODE_SENDER, STAGE_NONE, NULL, "550 5.7.1 refused\r\n" },
        { "an address", CODE_ADDRESS, STAGE_NONE, NULL, "553 5.1.3 refused\r\n" },
        { "a message", CODE_MESSAGE, STAGE_NONE, NULL, "554 5.6.0 refused\r\n" },
        { "too big", CODE_TOO_BIG, STAGE_NONE, NULL, "552 5.3.4 refused\r\n" },
        { "our INI is not the client's", CODE_CONFIG, STAGE_CONFIG, NULL, "451 4.3.5 refused\r\n" },
        { "no connection", CODE_REFUSED, STAGE_CONNECT, NULL, "451 4.4.1 refused\r\n" },
        { "no TLS", CODE_UNTRUSTED, STAGE_TLS, NULL, "451 4.7.5 refused\r\n" },
        { "no memory", CODE_MEMORY, STAGE_NONE, NULL, "451 4.3.0 refused\r\n" },
        { "beyond ASCII it is not understood", CODE_SENDER, STAGE_MAIL, "550 5.7.1 caff\xc3\xa8",
          "550 5.7.1 caff??\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct server *d = begin(false);
        struct status why = { 0 };

        if (rows[i].said)
            set_reply(&why, rows[i].code, rows[i].stage, slice_of(rows[i].said));
        else
            (void)status_set(&why, rows[i].code, rows[i].stage, "refused");
        server_answer(d, &why, NULL);
        check_text(rows[i].sentence, server_output(d), slice_of(rows[i].want));
        check(rows[i].sentence, server_wants(d) == SERVER_WANTS_INPUT);
        server_end(d);
    }
}

static void test_each_code_is_answered(void **state)
{
    (void)state;
    for (enum code code = CODE_OK + 1; code < CODE_END; code++) {
        struct server *d = begin(false);
        struct status why = { .code = code };
        struct slice out;

        server_answer(d, &why, NULL);
        out = server_output(d);
        assert_true(out.n > 12 && (out.p[0] == '4' || out.p[0] == '5') && out.p[4] == out.p[0]);
        server_end(d);
    }
}

static void test_long_answers(void **state)
{
    struct server *d = begin(true);
    struct status why = { .code = CODE_CONFIG };
    struct slice out, line;
    size_t lines = 0;

    (void)state;
    memset(why.where, 'w', sizeof why.where - 1);
    memset(why.what, ' ', sizeof why.what - 1);
    for (size_t i = 0; i + 2 < sizeof why.said; i += 2)
        memcpy(why.said + i, "\xc3\xa8", 2);
    server_answer(d, &why, NULL);
    for (out = server_output(d); slice_take_until(&out, "\n", &line); lines++) {
        assert_true(line.n < 512 && line.p[line.n - 1] == '\r');
        assert_true(slice_is_utf8(line)); /* cut between characters */
        assert_true(slice_starts_nocase(line, slice_of(out.n > 0 ? "451-4.3.5 " : "451 4.3.5 ")));
    }
    assert_true(lines > 2);
    server_end(d);
}

/* A client that sends much without reading makes us wait for it, and keep nothing. */
static void test_much_to_say(void **state)
{
    struct server_params params = { .name = "relay.example.org" };
    struct status why = { 0 };
    struct server *d = NULL;
    struct buf many;
    size_t used;

    (void)state;
    buf_init(&many, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_add_string(&many, "EHLO a\r\n");
    assert_int_equal(server_begin(&params, &d, &why), CODE_OK);
    used = server_input(d, buf_slice(&many));
    assert_true(used > 0 && used < many.n);
    assert_int_equal(server_wants(d), SERVER_WANTS_INPUT);
    assert_int_equal(server_input(d, buf_slice(&many)), 0);
    server_sent(d, server_output(d).n);
    assert_true(server_input(d, buf_slice(&many)) > 0);
    assert_true(server_timeout(d) >= 1000000); /* no limit was given */
    server_end(d);
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_each_code_is_answered),
        cmocka_unit_test(test_long_answers),
        cmocka_unit_test(test_much_to_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
