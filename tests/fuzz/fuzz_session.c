/*
 * A whole session over memory, against a server that says what the fuzzer likes. It never says a
 * line with a control character, never logs in before TLS, always ends, and calls a recipient
 * accepted only after the whole message went out and was answered.
 *
 * Input: a byte of settings, a byte for the size of the pieces (0: a line at a time), whose highest
 * bit asks for held transactions, then what the server says.
 */
#include "mail/message.h"
#include "smtp/client.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    RECIPIENTS = 3,
    MESSAGES = 3,
    COMMAND_MAX = 1024,
    HELD = 0x80, /* of the second byte */
};

enum setting {
    SETTING_STARTTLS = 1,
    SETTING_NO_TLS = 2,
    SETTING_NO_USER = 4,
    SETTING_NO_PIPELINING = 8,
    SETTING_8BIT = 16,
    SETTING_UTF8 = 32,
    SETTING_EARLY = 64, /* the server speaks while the message is being sent */
    SETTING_LONG = 128,
};

struct run {
    struct session *session;
    struct submission submission;
    struct message *message;
    struct declared declared;
    struct outcome outcome;
    unsigned offered;
    bool secured, in_body;
    bool forgotten; /* the message offered last */
    char last;      /* byte that the client said */
    char line[COMMAND_MAX];
    size_t line_n;
    char tail[5]; /* of the message as it went */
    size_t steps;
};

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static bool begins(const struct run *r, const char *word)
{
    size_t n = strlen(word);

    return r->line_n >= n && memcmp(r->line, word, n) == 0;
}

static void hear_command_byte(struct run *r, char c)
{
    insist((r->last == '\r') == (c == '\n'));
    r->last = c;
    if (c == '\n') {
        insist(r->secured || !begins(r, "AUTH"));
        r->line_n = 0;
        return;
    }
    insist(c == '\r' || ((unsigned char)c >= 0x20 && c != 0x7f));
    insist(r->line_n < sizeof r->line);
    r->line[r->line_n++] = c;
}

static void hear_body_byte(struct run *r, char c)
{
    insist((r->tail[4] == '\r') == (c == '\n'));
    memmove(r->tail, r->tail + 1, sizeof r->tail - 1);
    r->tail[4] = c;
}

static bool message_is_whole(const struct run *r)
{
    return memcmp(r->tail, "\r\n.\r\n", sizeof r->tail) == 0;
}

/* Takes the session's output; what it makes out of a message is told from its commands. */
static void listen_to(struct run *r, size_t piece)
{
    bool body = smtp_wants(r->session) == WANTS_OUTPUT;
    struct slice out = slice_part(smtp_output(r->session), 0, piece);

    r->in_body = out.n > 0 && (body || r->in_body);
    for (size_t i = 0; i < out.n; i++)
        if (r->in_body)
            hear_body_byte(r, out.p[i]);
        else
            hear_command_byte(r, out.p[i]);
    if (smtp_wants(r->session) != WANTS_OUTPUT && message_is_whole(r))
        r->in_body = false;
    smtp_sent(r->session, out.n);
}

/* A message that was offered is settled when the session wants the next, or nothing. */
static void check_settled(const struct run *r)
{
    if (r->offered == 0 || r->forgotten)
        return;
    for (size_t i = 0; i < r->submission.envelope->forward_count; i++)
        if (r->outcome.recipients[i].code == CODE_OK)
            insist(message_is_whole(r) && r->outcome.said[0] == '2');
}

/* A row for each recipient, elsewhere in memory than before; the first `kept` stay as they are. */
static void make_rows(struct run *r, size_t kept)
{
    struct status *rows = calloc(RECIPIENTS, sizeof *rows);

    insist(rows);
    if (kept > 0)
        memcpy(rows, r->outcome.recipients, kept * sizeof *rows);
    free(r->outcome.recipients);
    r->outcome.recipients = rows;
}

static void offer(struct run *r)
{
    check_settled(r);
    if (r->offered++ == MESSAGES) {
        smtp_quit(r->session);
        insist(smtp_wants(r->session) == WANTS_NOTHING);
        return;
    }
    make_rows(r, 0);
    memset(r->tail, 0, sizeof r->tail);
    r->outcome.said[0] = 0;
    r->forgotten = false;
    r->submission.envelope->forward_count = r->submission.declared ? 1 : RECIPIENTS;
    r->submission.message = r->submission.declared ? NULL : r->message;
    smtp_offer(r->session, &r->submission, &r->outcome);
}

/* Hands over what the server says next, or that it hung up. */
static void speak(struct run *r, struct slice *server, size_t piece)
{
    struct status why = { 0 };

    if (server->n == 0) {
        (void)status_set(&why, CODE_CLOSED, STAGE_NONE, "closed");
        smtp_lost(r->session, &why);
        insist(smtp_wants(r->session) == WANTS_NOTHING);
        return;
    }
    if (piece == 0)
        piece = slice_find(*server, '\n') + 1;
    smtp_input(r->session, slice_part(*server, 0, piece));
    *server = slice_part(*server, piece, server->n);
}

/* One recipient after the other, then the message; the second one is thought better of. */
static void go_on(struct run *r)
{
    struct envelope *e = r->submission.envelope;

    make_rows(r, e->forward_count);
    if (e->forward_count < RECIPIENTS) {
        e->forward_count++;
        smtp_ask_more(r->session);
    } else if (r->offered == 2) {
        r->forgotten = true;
        smtp_forget(r->session);
    } else {
        r->submission.message = r->message;
        smtp_complete(r->session);
    }
}

static void play(struct run *r, struct slice server, unsigned settings, size_t piece)
{
    size_t most = 4 * server.n + 4096;

    while (smtp_wants(r->session) != WANTS_NOTHING) {
        insist(r->steps++ < most);
        switch (smtp_wants(r->session)) {
        case WANTS_INPUT:
            for (size_t n = 1; n > 0; n = smtp_output(r->session).n)
                listen_to(r, settings & SETTING_EARLY ? 999 : SIZE_MAX);
            speak(r, &server, piece);
            break;
        case WANTS_OUTPUT:
            listen_to(r, SIZE_MAX);
            if (settings & SETTING_EARLY && server.n > 0)
                speak(r, &server, piece);
            break;
        case WANTS_TLS:
            r->secured = true;
            smtp_secured(r->session);
            break;
        case WANTS_MESSAGE:
            offer(r);
            break;
        case WANTS_MORE:
            insist(smtp_output(r->session).n == 0);
            if (settings & SETTING_EARLY && server.n > 0 && server.p[0] == '4')
                speak(r, &server, piece);
            else
                go_on(r);
            break;
        case WANTS_NOTHING:
            break;
        }
    }
    listen_to(r, SIZE_MAX); /* QUIT */
}

static void make_message(struct message *m, unsigned settings)
{
    static const char eight[] = "caff\xc3\xa8\n.\n", seven[] = "coffee\n.\n";
    const char *line = settings & SETTING_8BIT ? eight : seven;
    size_t times = settings & SETTING_LONG ? 5000 : 1;
    struct status why = { 0 };

    message_init(m);
    buf_add_string(&m->header, "From: <a@example.org>\nMIME-Version: 1.0\n"
                               "Content-Type: text/plain; charset=utf-8\n");
    m->body_8bit = settings & SETTING_8BIT;
    m->longest_line = strlen(line) - 3;
    while (times-- > 0)
        insist(store_add(&m->body, slice_of(line), &why) == CODE_OK);
}

static struct account make_account(unsigned settings)
{
    return (struct account){
        .tls = settings & SETTING_NO_TLS     ? TLS_NONE
               : settings & SETTING_STARTTLS ? TLS_STARTTLS
                                             : TLS_IMPLICIT,
        .user = settings & SETTING_NO_USER ? "" : "user",
        .pipelining = !(settings & SETTING_NO_PIPELINING),
        .timeout = 1000,
        .dsn_notify = DSN_NOTIFY_FAILURE,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[] = "one@example.org", second[] = "two@example.org", third[] = "three@example.org";
    char utf8[] = "th\xc3\xa9@example.org", sender[] = "sender@example.org";
    char *forward_paths[RECIPIENTS] = { first, second, third };
    struct envelope envelope = { .reverse_path = sender, .forward_paths = forward_paths };
    struct message message;
    struct run r = { .submission = { .envelope = &envelope }, .message = &message };
    struct status why = { 0 };
    unsigned settings = size > 0 ? data[0] : 0;
    size_t piece = size > 1 ? data[1] % HELD : 0;
    struct account account = make_account(settings);
    struct session_params params = { .account = &account, .password = slice_of("secret") };

    if (size < 2)
        return 0;
    envelope.dsn_return = DSN_RETURN_FULL;
    if (settings & SETTING_UTF8)
        forward_paths[2] = utf8;
    params.ehlo_name = "client.example.org";
    r.secured = params.secured = account.tls == TLS_IMPLICIT;
    r.declared.utf8 = settings & SETTING_UTF8 && settings & SETTING_8BIT;
    r.declared.size = settings & SETTING_LONG ? 100000 : 0;
    r.submission.declared = data[1] & HELD ? &r.declared : NULL;
    make_message(&message, settings);
    insist(smtp_begin(&params, &r.session, &why) == CODE_OK);
    play(&r, (struct slice){ (const char *)data + 2, size - 2 }, settings, piece);
    check_settled(&r);
    smtp_end(r.session);
    free(r.outcome.recipients);
    message_free(&message);
    return 0;
}
