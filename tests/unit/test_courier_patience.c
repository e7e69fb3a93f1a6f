/* A courier who is given little time, and servers that take much of it. */
#include "scripted.h"

#define TO_DATA HELLO MAIL OK RCPT("0") OK "C: DATA\n"

static void be_patient(struct run *r, int64_t milliseconds)
{
    struct deadline until = deadline_in(milliseconds);

    courier_be_patient(r->courier, &until);
}

static void patience(void **state)
{
    static const struct {
        const char *sentence, *script;
        int64_t patience;
        bool big;
        enum stage stage; /* where it ends; none when the message is sent */
        const char *waiting;
    } rows[] = {
        { "no greeting", "HELLO\n" PAUSE "CLOSE\n", SHORT, false, STAGE_GREETING, "the greeting" },
        { "a greeting of many lines", "HELLO\nLINES: 220-wait\nCLOSE\n", SHORT, false,
          STAGE_GREETING, "the greeting" },
        { "a greeting byte by byte", "HELLO\nBYTES: 2\nCLOSE\n", SHORT, false, STAGE_GREETING,
          "the greeting" },
        { "a slow answer to DATA", TO_DATA "LINES: 354-wait\nCLOSE\n", LONG, false, STAGE_DATA,
          "the answer to DATA" },
        { "nobody reads the message", TO_DATA "S: 354 go on\n" PAUSE "CLOSE\n", LONG, true,
          STAGE_BODY, "the message to be taken" },
        { "it is read sip by sip", TO_DATA "S: 354 go on\nSIPS\nCLOSE\n", LONG, true, STAGE_BODY,
          "the message to be taken" },
        { "a late answer to the whole message", TO_DATA "S: 354 go on\nBODY\nLATE\n" OK "QUIT\n",
          LONG, false, STAGE_NONE, "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = some_account;
        struct run r = { .has_parcel = false };
        struct status why = { 0 };
        char want[200] = "";

        start(&r.server, rows[i].script);
        account.port = r.server.port;
        account.patience = 10000;
        assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
        be_patient(&r, rows[i].patience);
        send_whole(&r, rows[i].big, &why);
        if (rows[i].stage) {
            act(&r, 'w');
            (void)snprintf(want, sizeof want,
                           "not sent within the patience of 10 s, while waiting for %s",
                           rows[i].waiting);
        }
        courier_close(r.courier);
        check(rows[i].sentence, stop(&r.server));
        check_text(rows[i].sentence, slice_of(why.what), slice_of(want));
        check(rows[i].sentence, why.stage == rows[i].stage);
        check(rows[i].sentence, why.code == (rows[i].stage ? CODE_TIMEOUT : CODE_OK));
        check(rows[i].sentence, !rows[i].stage || status_is_temporary(&why));
    }
}

/* It is given for each message anew, also over a connection that stands, and may be taken away. */
static void patience_of_the_next_message(void **state)
{
    struct account account = some_account;
    struct run r = { .has_parcel = false };
    struct status why = { 0 };

    (void)state;
    start(&r.server, HELLO WHOLE WHOLE MAIL PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n");
    buf_init(&r.got, 1000);
    account.port = r.server.port;
    assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
    act(&r, 'm');
    be_patient(&r, (int64_t)PATIENCE * 1000);
    send_whole(&r, false, &why);
    assert_int_equal(why.code, CODE_OK);
    be_patient(&r, 0);
    act(&r, 'a');
    courier_forget(r.courier);
    drop(&r);
    act(&r, 'w');
    courier_be_patient(r.courier, NULL);
    act(&r, 'm');
    courier_close(r.courier);
    check_text("ok, too late, ok", buf_slice(&r.got), slice_of("ok other ok"));
    buf_free(&r.got);
    assert_true(stop(&r.server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience),
        cmocka_unit_test(patience_of_the_next_message),
    };

    return cmocka_run_group_tests_name("courier_patience", tests, NULL, NULL);
}
