/* Who watches a connection, what is found out about a port, and what is said of two of them. */
#include "scripted.h"

#include "deliver/connection_inside.h"

/* The stages as they are told, and the count of a message's bytes. */
struct notes {
    struct buf stages;
    uint64_t sent;
    size_t times;
    bool grows;
};

static void note_stage(void *context, enum stage stage)
{
    static const char *const words[STAGE_END] = {
        [STAGE_RESOLVE] = "resolve", [STAGE_CONNECT] = "connect", [STAGE_TLS] = "tls",
        [STAGE_GREETING] = "greet",  [STAGE_HELLO] = "hello",     [STAGE_STARTTLS] = "starttls",
        [STAGE_LOGIN] = "login",     [STAGE_MAIL] = "mail",       [STAGE_RCPT] = "rcpt",
        [STAGE_DATA] = "data",       [STAGE_BODY] = "body",
    };
    struct notes *notes = context;

    notes->sent = stage == STAGE_MAIL ? 0 : notes->sent;
    buf_addf(&notes->stages, "%s%s", notes->stages.n > 0 ? " " : "",
             words[stage] ? words[stage] : "?");
}

static void note_sent(void *context, uint64_t bytes)
{
    struct notes *notes = context;

    notes->grows = notes->grows && bytes > notes->sent;
    notes->sent = bytes;
    notes->times++;
}

/* TCP stands, before anything is waited for. */
static void note_connected(void *context)
{
    struct notes *notes = context;

    buf_add_string(&notes->stages, " up");
}

#define MEETING "resolve connect up greet hello"
#define MESSAGE "mail rcpt data body"

static void stages(void **state)
{
    static const struct {
        const char *sentence, *script, *actions, *want;
    } rows[] = {
        { "nothing is sent", "", "", "" },
        { "a message", HELLO WHOLE "QUIT\n", "m", MEETING " " MESSAGE },
        { "two over one connection", HELLO WHOLE WHOLE "QUIT\n", "mm",
          MEETING " " MESSAGE " " MESSAGE },
        { "it connects anew", HELLO WHOLE MAIL "CLOSE\n" HELLO WHOLE "QUIT\n", "mm",
          MEETING " " MESSAGE " mail " MEETING " " MESSAGE },
        { "refused", HELLO MAIL "S: 550 no\nQUIT\n", "m", MEETING " mail" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct notes notes = { .grows = true };
        const struct watcher watcher = { note_stage, note_connected, note_sent, &notes };
        struct run r = { .has_parcel = false };
        struct account account = some_account;

        start(&r.server, rows[i].script);
        buf_init(&r.got, 1000);
        buf_init(&notes.stages, 1000);
        account.port = r.server.port;
        assert_int_equal(courier_open(&account, &r.courier, &(struct status){ 0 }), CODE_OK);
        courier_watch(r.courier, &watcher);
        for (const char *action = rows[i].actions; *action != 0; action++)
            act(&r, *action);
        courier_close(r.courier);
        drop(&r);
        check(rows[i].sentence, stop(&r.server));
        check_text(rows[i].sentence, buf_slice(&notes.stages), slice_of(rows[i].want));
        check(rows[i].sentence, notes.grows);
        buf_free(&notes.stages);
        buf_free(&r.got);
    }
}

static void bytes_of_a_message(void **state)
{
    static const struct {
        const char *sentence;
        bool stages, sent;
    } rows[] = {
        { "both are told", true, true },
        { "the stages alone", true, false },
        { "the bytes alone", false, true },
        { "nothing", false, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct notes notes = { .grows = true };
        const struct watcher watcher = { rows[i].stages ? note_stage : NULL, NULL,
                                         rows[i].sent ? note_sent : NULL, &notes };
        struct account account = some_account;
        struct status why = { 0 };
        struct run r = { .has_parcel = false };

        start(&r.server, HELLO WHOLE "QUIT\n");
        buf_init(&notes.stages, 1000);
        account.port = r.server.port;
        assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
        courier_watch(r.courier, &watcher);
        send_whole(&r, true, &why);
        check(rows[i].sentence, why.code == CODE_OK);
        courier_close(r.courier);
        check(rows[i].sentence, stop(&r.server) && notes.grows);
        check(rows[i].sentence, (notes.stages.n > 0) == rows[i].stages);
        /* Line ends on the wire are two bytes. */
        check(rows[i].sentence,
              rows[i].sent ? notes.sent > BIG && notes.sent < BIG + BIG / 10 && notes.times > 10
                           : notes.times == 0);
        buf_free(&notes.stages);
    }
}

/* A bundle that opens, with nothing in it that could be trusted. */
static void write_bundle(char *path)
{
    static const char text[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

#define CLEAR "HELLO\nS: 220 mx\nC: EHLO client.example.org\nS: 250 mx\nQUIT\n"

static void never_in_the_clear(void **state)
{
    static const struct {
        const char *sentence;
        enum tls_mode tls;
        const char *script;
        enum code code;
        enum stage stage;
        enum tls_mode found;
    } rows[] = {
        { "auto, and no STARTTLS", TLS_AUTO, CLEAR, CODE_NO_STARTTLS, STAGE_STARTTLS,
          TLS_STARTTLS },
        { "auto, and it hangs up", TLS_AUTO, "HELLO\nCLOSE\n", CODE_CLOSED, STAGE_GREETING,
          TLS_STARTTLS },
        { "starttls, and no STARTTLS", TLS_STARTTLS, CLEAR, CODE_NO_STARTTLS, STAGE_STARTTLS,
          TLS_STARTTLS },
        { "implicit, and a greeting", TLS_IMPLICIT, "HELLO\nS: 220 mx\nCLOSE\n", CODE_NOT_TLS,
          STAGE_TLS, TLS_IMPLICIT },
    };

    char bundle[] = "/tmp/connection-XXXXXX";

    (void)state;
    write_bundle(bundle);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = some_account;
        struct connection c;
        struct status why = { 0 };
        struct server server;

        start(&server, rows[i].script);
        account.tls = rows[i].tls;
        account.port = server.port;
        account.ca_file = bundle;
        account.fingerprint = "";
        connection_init(&c, &account);
        check(rows[i].sentence, connection_open(&c, "a@example.org", &why) == rows[i].code);
        check(rows[i].sentence, why.stage == rows[i].stage);
        check(rows[i].sentence, c.settled.tls == rows[i].found && account.tls == rows[i].tls);
        check(rows[i].sentence, c.settled.port == server.port);
        connection_free(&c);
        check(rows[i].sentence, stop(&server));
    }
    assert_int_equal(unlink(bundle), 0);
}

static void two_failures(void **state)
{
    static const struct {
        const char *sentence;
        enum code first, second, want;
    } rows[] = {
        { "both refused", CODE_REFUSED, CODE_REFUSED, CODE_REFUSED },
        { "a refusal less than silence", CODE_REFUSED, CODE_TIMEOUT, CODE_TIMEOUT },
        { "wherever it is", CODE_TIMEOUT, CODE_REFUSED, CODE_TIMEOUT },
        { "silence more than no way", CODE_TIMEOUT, CODE_UNREACHABLE, CODE_TIMEOUT },
        { "no TLS more than a refusal", CODE_NOT_TLS, CODE_REFUSED, CODE_NOT_TLS },
        { "a server that was met more than all", CODE_NOT_TLS, CODE_NO_STARTTLS, CODE_NO_STARTTLS },
        { "its certificate, too", CODE_REFUSED, CODE_UNTRUSTED, CODE_UNTRUSTED },
        { "silence may end, and the message be sent", CODE_TIMEOUT, CODE_UNTRUSTED, CODE_TIMEOUT },
        { "so at the other port", CODE_NOT_TLS, CODE_TIMEOUT, CODE_TIMEOUT },
        { "and a connection that broke", CODE_CLOSED, CODE_NO_STARTTLS, CODE_CLOSED },
        { "no name now", CODE_REFUSED, CODE_RESOLVE_LATER, CODE_RESOLVE_LATER },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status first = { .where = "mx:465" }, why = { .where = "mx:587" };

        (void)status_set(&first, rows[i].first, STAGE_CONNECT, "one");
        (void)status_set(&why, rows[i].second, STAGE_CONNECT, "two");
        status_said(&why, slice_of("220 hello"));
        connection_join(&first, &why);
        check(rows[i].sentence, why.code == rows[i].want);
        check_text(rows[i].sentence, slice_of(why.where), slice_of("mx:465"));
        check_text(rows[i].sentence, slice_of(why.what),
                   slice_of("one; and 587: two, it said \"220 hello\""));
        check_text(rows[i].sentence, slice_of(why.said), slice_of(""));
    }
}

static void a_long_failure_keeps_its_beginning(void **state)
{
    struct status first = { .where = "mx:465" }, why = { 0 };
    char sentence[300];
    struct slice what, rest;

    (void)state;
    memset(sentence, 'x', sizeof sentence);
    sentence[sizeof sentence - 1] = 0;
    (void)status_set(&first, CODE_NOT_TLS, STAGE_TLS, "one");
    status_said(&first, slice_of(sentence));
    (void)status_set(&why, CODE_UNTRUSTED, STAGE_TLS, "%s", sentence);
    connection_join(&first, &why);
    what = slice_of(why.what);
    assert_true(slice_starts_nocase(what, slice_of("one, it said \"xxx")));
    assert_true(slice_contains_nocase(what, slice_of("xxx; and 587: xxx")));
    rest = slice_part(what, slice_find(what, ';'), what.n);
    assert_true(rest.n > 250);
}

static void places(void **state)
{
    static const struct {
        const char *host;
        unsigned port;
        const char *known, *want;
    } rows[] = {
        { "mx.example.org", 587, "", "mx.example.org:587" },
        { "2001:db8::1", 465, "", "[2001:db8::1]:465" },
        { "[2001:db8::1]", 465, "", "[2001:db8::1]:465" },
        { "/run/orsino", 25, "", "/run/orsino" },
        { "mx.example.org", 587, "mx.example.org:465", "mx.example.org:465" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const struct account account = { .host = rows[i].host, .port = rows[i].port };
        struct status why = { 0 };

        status_at(&why, "%s", rows[i].known);
        connection_say_where(&account, &why);
        check_text(rows[i].host, slice_of(why.where), slice_of(rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages),
        cmocka_unit_test(bytes_of_a_message),
        cmocka_unit_test(never_in_the_clear),
        cmocka_unit_test(two_failures),
        cmocka_unit_test(a_long_failure_keeps_its_beginning),
        cmocka_unit_test(places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
