/* A courier against a server on the loopback. */
#include "scripted.h"

static void scripts(void **state)
{
    static const struct {
        const char *sentence, *script, *actions, *want;
    } rows[] = {
        { "nothing to send: no connection", "", "", "" },
        { "a message", HELLO WHOLE "QUIT\n", "m", "ok" },
        { "three over one connection", HELLO WHOLE WHOLE WHOLE "QUIT\n", "mmm", "ok ok ok" },
        { "closed in the pause: connects anew", HELLO WHOLE PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n",
          "mwm", "ok ok" },
        { "421 in the pause", HELLO WHOLE PAUSE BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "mwm",
          "ok ok" },
        { "closed at MAIL of the second", HELLO WHOLE MAIL "CLOSE\n" HELLO WHOLE "QUIT\n", "mm",
          "ok ok" },
        { "421 at MAIL of the second", HELLO WHOLE MAIL BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "mm",
          "ok ok" },
        { "closed at the first MAIL: that is a failure", HELLO MAIL "CLOSE\n", "m", "closed" },
        { "421 at the first MAIL, too", HELLO MAIL BUSY "CLOSE\n", "m", "421" },
        { "the new connection is no better", HELLO WHOLE MAIL "CLOSE\n" HELLO MAIL BUSY "CLOSE\n",
          "mm", "ok 421" },
        { "later it is not done again", HELLO WHOLE MAIL OK RCPT("0") "CLOSE\n", "mm",
          "ok closed" },
        { "after a failure the next message connects anew",
          HELLO MAIL OK RCPT("0") BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "mm", "421 ok" },
        { "a recipient refused: the connection stays",
          HELLO MAIL OK RCPT("0") "S: 550 no\nC: RSET\n" OK WHOLE "QUIT\n", "mm", "550 ok" },
        { "asked one by one",
          HELLO MAIL OK RCPT("0") OK RCPT("1") "S: 550 no\n" RCPT("2") OK DATA OK "QUIT\n", "aaas",
          "ok ok,550 ok,550,ok ok,550,ok" },
        { "a whole message, then one by one",
          HELLO WHOLE MAIL OK RCPT("0") OK DATA OK WHOLE "QUIT\n", "masm", "ok ok ok ok" },
        { "forgotten", HELLO MAIL OK RCPT("0") OK "C: RSET\n" OK WHOLE "QUIT\n", "afm", "ok ok" },
        { "asked for, and nothing more", HELLO MAIL OK RCPT("0") OK "QUIT\n", "a", "ok" },
        { "closed while it is held",
          HELLO MAIL OK RCPT("0") OK PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n", "awsm", "ok closed ok" },
        { "closed, and more is asked: that is everybody's fate",
          HELLO MAIL OK RCPT("0") OK PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n", "awaasm",
          "ok closed,closed closed,closed,closed closed,closed,closed ok" },
        { "421 while it is held", HELLO MAIL OK RCPT("0") OK PAUSE BUSY "CLOSE\n", "awas",
          "ok 421,421 421,421" },
        { "forgotten after it was lost",
          HELLO MAIL OK RCPT("0") BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "afm", "421 ok" },
        { "a stale connection at the first question",
          HELLO WHOLE MAIL "CLOSE\n" HELLO MAIL OK RCPT("0") OK DATA OK "QUIT\n", "mas",
          "ok ok ok" },
        { "who was refused before is not asked for", HELLO MAIL OK RCPT("1") OK DATA OK "QUIT\n",
          "ras", "999,ok 999,ok" },
        { "nor after a stale connection",
          HELLO WHOLE MAIL BUSY "CLOSE\n" HELLO MAIL OK RCPT("1") OK DATA OK "QUIT\n", "mras",
          "ok 999,ok 999,ok" },
        { "nor when it is lost", HELLO MAIL BUSY "CLOSE\n", "rara", "999,421 999,421,999,421" },
        { "the sender is refused: nobody is asked for", HELLO MAIL "S: 550 no\n" WHOLE "QUIT\n",
          "aasm", "550 550,550 550,550 ok" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct run r = { .has_parcel = false };
        struct account account = some_account;
        struct status why = { 0 };

        start(&r.server, rows[i].script);
        buf_init(&r.got, 1000);
        account.port = r.server.port;
        assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
        for (const char *action = rows[i].actions; *action != 0; action++)
            act(&r, *action);
        courier_close(r.courier);
        drop(&r);
        check(rows[i].sentence, stop(&r.server));
        check_text(rows[i].sentence, buf_slice(&r.got), slice_of(rows[i].want));
        buf_free(&r.got);
    }
}

/* Nobody listens: told to everybody, once for each message. */
static void refused(void **state)
{
    struct account account = some_account;
    struct courier *courier = NULL;
    struct server server;
    struct parcel p;

    (void)state;
    start(&server, "");
    assert_true(stop(&server)); /* its port is free again */
    account.port = server.port;
    open_parcel(&p, true);
    assert_int_equal(courier_open(&account, &courier, &(struct status){ 0 }), CODE_OK);
    for (size_t count = 1; count <= 2; count++) {
        struct status why = { 0 };

        add_recipient(&p, false);
        assert_int_equal(courier_ask(courier, &p.submission, &p.outcome, &why), CODE_REFUSED);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(p.outcome.recipients[i].code, CODE_REFUSED);
        assert_true(slice_starts_nocase(slice_of(why.where), slice_of("127.0.0.1:")));
    }
    assert_string_equal(p.outcome.host, "127.0.0.1");
    assert_int_equal(p.outcome.port, server.port);
    assert_string_equal(p.outcome.tls, "none");
    courier_close(courier);
    close_parcel(&p);
}

/* It tells nothing of the server, which others may still be sent to. */
static void a_message_that_cannot_be_read(void **state)
{
    struct account account = some_account;
    struct run r = { .has_parcel = true };
    struct status why = { 0 };
    struct submission submission;

    (void)state;
    start(&r.server, HELLO MAIL OK RCPT("0") OK "C: DATA\nS: 354 go on\n" PAUSE "CLOSE\n");
    account.port = r.server.port;
    open_parcel(&r.parcel, false);
    fill(&r.parcel.message);
    assert_int_equal(ftruncate(r.parcel.message.body.fd, 0), 0);
    submission = r.parcel.submission;
    submission.message = &r.parcel.message;
    assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
    assert_int_equal(courier_send(r.courier, &submission, &r.parcel.outcome, &why), CODE_READ);
    assert_int_equal(why.stage, STAGE_BODY);
    assert_int_equal(r.parcel.outcome.recipients[0].code, CODE_READ);
    assert_string_equal(r.parcel.outcome.recipients[0].where, "");
    act(&r, 'w');
    courier_close(r.courier);
    drop(&r);
    assert_true(stop(&r.server));
}

static void over_a_path(void **state)
{
    char folder[] = "/tmp/courier-XXXXXX", path[64];
    struct account account = some_account;
    struct run r = { .has_parcel = false };
    struct status why = { 0 };

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    listen_at_path(&r.server, path);
    start_there(&r.server, HELLO WHOLE "QUIT\n");
    account.host = path;
    account.port = 25;
    assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
    send_whole(&r, false, &why);
    assert_int_equal(why.code, CODE_OK);
    courier_close(r.courier);
    (void)unlink(path);
    assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
    send_whole(&r, false, &why);
    assert_int_equal(why.code, CODE_REFUSED);
    assert_int_equal(why.stage, STAGE_CONNECT);
    assert_string_equal(why.where, path);
    courier_close(r.courier);
    assert_true(stop(&r.server));
    assert_int_equal(rmdir(folder), 0);
}

static void nothing_to_close(void **state)
{
    (void)state;
    courier_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts),
        cmocka_unit_test(refused),
        cmocka_unit_test(a_message_that_cannot_be_read),
        cmocka_unit_test(over_a_path),
        cmocka_unit_test(nothing_to_close),
    };

    return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}
