/* What transcripts cannot say of a session: time, bytes half sent, and callers that make mistakes.
 */
#include "unit.h"

#include "mail/message.h"
#include "smtp/client.h"

#include <stdio.h>

enum {
    TIMEOUT = 100000, /* milliseconds */
};

struct fixture {
    struct account account;
    char sender[32], recipient[32];
    char *forward_paths[1];
    struct envelope envelope;
    struct message message;
    struct submission submission;
    struct status status;
    struct outcome outcome;
    struct session *session;
};

/* A session without TLS and login. */
static void begin(struct fixture *f, const char *ehlo_name)
{
    struct session_params params = { .account = &f->account, .ehlo_name = ehlo_name };
    struct status why = { 0 };

    *f = (struct fixture){ .sender = "a@example.org", .recipient = "b@example.org" };
    f->account = (struct account){ .tls = TLS_NONE, .user = "", .timeout = TIMEOUT };
    f->forward_paths[0] = f->recipient;
    f->envelope = (struct envelope){ .reverse_path = f->sender, .forward_paths = f->forward_paths };
    f->envelope.forward_count = 1;
    message_init(&f->message);
    buf_add_string(&f->message.header, "Subject: x\n");
    assert_int_equal(store_add(&f->message.body, slice_of("body\n"), &why), CODE_OK);
    f->submission = (struct submission){ .envelope = &f->envelope, .message = &f->message };
    f->outcome.recipients = &f->status;
    assert_int_equal(smtp_begin(&params, &f->session, &why), CODE_OK);
}

static void end(struct fixture *f)
{
    smtp_end(f->session);
    message_free(&f->message);
}

/* The server says a line; everything that the client then says must be `want`. */
static void say(struct fixture *f, const char *line, const char *want)
{
    struct slice out;

    smtp_input(f->session, slice_of(line));
    if (smtp_wants(f->session) == WANTS_MESSAGE)
        smtp_offer(f->session, &f->submission, &f->outcome);
    out = smtp_output(f->session);
    check_text(line, out, slice_of(want));
    smtp_sent(f->session, out.n);
}

/* Up to DATA. */
static void talk(struct fixture *f)
{
    say(f, "220 mx\r\n", "EHLO client.example.org\r\n");
    say(f, "250 mx\r\n", "MAIL FROM:<a@example.org>\r\n");
    say(f, "250 ok\r\n", "RCPT TO:<b@example.org>\r\n");
    say(f, "250 ok\r\n", "DATA\r\n");
}

static void an_answer_before_the_last_byte_is_early(void **state)
{
    static const struct {
        const char *sentence, *reply;
        enum code code;
    } rows[] = {
        { "a refusal stands", "552 5.3.4 too big\r\n", CODE_CONTENT },
        { "an acceptance of what was not sent is not believed", "250 ok\r\n", CODE_PROTOCOL },
        { "the server closes", "421 bye\r\n", CODE_GREETING },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct fixture f;
        struct slice out;

        begin(&f, "client.example.org");
        talk(&f);
        smtp_input(f.session, slice_of("354 go\r\n"));
        out = smtp_output(f.session);
        smtp_sent(f.session, out.n - 1); /* the LF of the last dot's line is still here */
        smtp_input(f.session, slice_of(rows[i].reply));
        check(rows[i].sentence, smtp_wants(f.session) == WANTS_NOTHING);
        check(rows[i].sentence, f.status.code == rows[i].code);
        check_text(rows[i].sentence, smtp_output(f.session), slice_of(""));
        end(&f);
    }
}

static void a_loss_tells_whether_the_message_was_whole(void **state)
{
    static const struct {
        const char *sentence;
        size_t unsent;
        enum code code;
        const char *what;
    } rows[] = {
        { "all was sent: nobody knows", 0, CODE_UNKNOWN_END,
          "it hung up, after the whole message was sent: it may have been accepted" },
        { "its last byte was not: not accepted", 1, CODE_CLOSED,
          "it hung up, while waiting for the message to be taken" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status cause = { .code = CODE_CLOSED, .what = "it hung up" };
        struct fixture f;
        struct slice out;

        begin(&f, "client.example.org");
        talk(&f);
        smtp_input(f.session, slice_of("354 go\r\n"));
        out = smtp_output(f.session);
        check(rows[i].sentence, !smtp_is_committed(f.session));
        smtp_sent(f.session, out.n - rows[i].unsent);
        check(rows[i].sentence, smtp_is_committed(f.session) == (rows[i].unsent == 0));
        smtp_lost(f.session, &cause);
        check_text(rows[i].sentence, slice_of(f.status.what), slice_of(rows[i].what));
        check(rows[i].sentence, f.status.code == rows[i].code);
        check(rows[i].sentence, f.status.stage == STAGE_BODY);
        check(rows[i].sentence, smtp_fault(f.session)->code == rows[i].code);
        end(&f);
    }
}

static void a_loss_after_an_empty_message_is_no_doubt(void **state)
{
    struct status cause = { .code = CODE_CLOSED, .what = "closed" };
    struct fixture f;

    (void)state;
    begin(&f, "client.example.org");
    f.account.pipelining = true;
    say(&f, "220 mx\r\n", "EHLO client.example.org\r\n");
    say(&f, "250-mx\r\n250 PIPELINING\r\n",
        "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
    say(&f, "250 ok\r\n550 no\r\n354 go\r\n", ".\r\n");
    assert_false(smtp_is_committed(f.session));
    smtp_lost(f.session, &cause);
    assert_int_equal(f.status.code, CODE_RECIPIENT);
    assert_int_equal(smtp_fault(f.session)->code, CODE_CLOSED);
    end(&f);
}

static void time_is_given_by_the_step(void **state)
{
    struct fixture f;
    struct slice out;

    (void)state;
    begin(&f, "client.example.org");
    assert_in_range(smtp_timeout(f.session), TIMEOUT / 2, TIMEOUT);
    talk(&f);
    assert_in_range(smtp_timeout(f.session), TIMEOUT / 2, TIMEOUT);
    smtp_input(f.session, slice_of("354 go\r\n"));
    out = smtp_output(f.session);
    assert_in_range(smtp_timeout(f.session), TIMEOUT + 1, 2 * TIMEOUT);
    smtp_sent(f.session, out.n);
    assert_in_range(smtp_timeout(f.session), TIMEOUT + 1, 2 * TIMEOUT);
    end(&f);
}

static void nobody_left_to_ask_for(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "client.example.org");
    (void)status_set(&f.status, CODE_RECIPIENT, STAGE_INPUT, "refused by ourselves");
    say(&f, "220 mx\r\n", "EHLO client.example.org\r\n");
    say(&f, "250 mx\r\n", "");
    assert_int_equal(smtp_wants(f.session), WANTS_MESSAGE);
    assert_int_equal(f.status.code, CODE_RECIPIENT);
    end(&f);
}

/* They are for a held transaction only: a driver that is wrong about it changes nothing. */
static void what_is_not_held_is_not_completed(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "client.example.org");
    talk(&f);
    smtp_ask_more(f.session);
    smtp_complete(f.session);
    smtp_forget(f.session);
    assert_int_equal(smtp_wants(f.session), WANTS_INPUT);
    say(&f, "550 no\r\n", "");
    assert_int_equal(f.status.code, CODE_CONTENT);
    end(&f);
}

static void never_stands_alone(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "client.example.org");
    f.account.dsn_notify = DSN_NOTIFY_NEVER | DSN_NOTIFY_FAILURE;
    f.account.dsn_return = DSN_RETURN_HEADERS;
    say(&f, "220 mx\r\n", "EHLO client.example.org\r\n");
    say(&f, "250-mx\r\n250 DSN\r\n", "MAIL FROM:<a@example.org> RET=HDRS\r\n");
    say(&f, "250 ok\r\n", "RCPT TO:<b@example.org> NOTIFY=NEVER\r\n");
    end(&f);
}

static void what_would_be_two_commands_is_not_said(void **state)
{
    static const struct {
        const char *sentence, *recipient, *ehlo_name, *envelope_id;
    } rows[] = {
        { "a line end in a recipient", "b@c\r\nRCPT TO:<d@e", "client.example.org", NULL },
        { "a line end in our name", "b@c.example", "client\nQUIT", NULL },
        { "a line end in the envelope's id", "b@c.example", "client.example.org", "x\r\nDATA" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        static const char *const server[] = { "220 mx\r\n", "250-mx\r\n250 DSN\r\n", "250 ok\r\n" };
        char id[32] = "";
        struct fixture f;

        begin(&f, rows[i].ehlo_name);
        (void)snprintf(f.recipient, sizeof f.recipient, "%s", rows[i].recipient);
        (void)snprintf(id, sizeof id, "%s", rows[i].envelope_id ? rows[i].envelope_id : "");
        f.envelope.envelope_id = id[0] != 0 ? id : NULL;
        for (size_t n = 0; n < LENGTH(server); n++) {
            struct slice out;

            smtp_input(f.session, slice_of(server[n]));
            if (smtp_wants(f.session) == WANTS_MESSAGE && f.status.code)
                smtp_quit(f.session);
            if (smtp_wants(f.session) == WANTS_MESSAGE)
                smtp_offer(f.session, &f.submission, &f.outcome);
            out = smtp_output(f.session);
            check(rows[i].sentence, slice_find(out, '\n') + 1 >= out.n); /* one line at most */
            smtp_sent(f.session, out.n);
        }
        check(rows[i].sentence,
              f.status.code == CODE_ADDRESS || smtp_fault(f.session)->code == CODE_ADDRESS);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_before_the_last_byte_is_early),
        cmocka_unit_test(a_loss_tells_whether_the_message_was_whole),
        cmocka_unit_test(a_loss_after_an_empty_message_is_no_doubt),
        cmocka_unit_test(time_is_given_by_the_step),
        cmocka_unit_test(nobody_left_to_ask_for),
        cmocka_unit_test(what_is_not_held_is_not_completed),
        cmocka_unit_test(never_stands_alone),
        cmocka_unit_test(what_would_be_two_commands_is_not_said),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
