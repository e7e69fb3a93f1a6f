/*
 * The server side over memory, against a client that says what the fuzzer likes, and with answers
 * that the input chooses. What it says are well-formed lines; what it asks comes in the order of a
 * transaction; a message that is to be delivered holds no CR or LF alone and is within its limit;
 * nothing is asked for before the login that must come first; it always ends.
 *
 * Input: a byte of settings, a byte for the size of the pieces, then what the client says.
 */
#include "smtp/server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LINE_MAX_BYTES = 512,
    MESSAGE_MAX = 40000,
};

enum setting {
    SETTING_STARTTLS = 1,
    SETTING_SECURED = 2,
    SETTING_LOGIN = 4,
    SETTING_LOGIN_TLS = 8,
    SETTING_LIMIT = 16,
    SETTING_MOODY = 32,    /* answers are refusals now and then */
    SETTING_STOP = 64,     /* in the middle; and the end is silence, not a close */
    SETTING_OFFERED = 128, /* a login is not needed */
};

struct run {
    struct server *server;
    const uint8_t *data;
    size_t size, answers;
    unsigned settings;
    bool secured, logged_in, in_transaction;
    size_t recipients;
    uint64_t content;
    char last; /* byte of the content */
    char line[LINE_MAX_BYTES];
    size_t line_n;
    char code[3]; /* of the reply whose lines go on */
    bool goes_on;
};

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static void check_line(struct run *r)
{
    const char *line = r->line;
    size_t n = r->line_n;

    insist(n >= 6 && line[n - 2] == '\r');
    insist(line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) && is_digit(line[2]));
    insist(line[3] == ' ' || line[3] == '-');
    insist(!r->goes_on || memcmp(r->code, line, 3) == 0);
    for (size_t i = 0; i + 2 < n; i++)
        insist(!is_control(line[i]));
    memcpy(r->code, line, 3);
    r->goes_on = line[3] == '-';
}

static void listen_to(struct run *r, size_t piece)
{
    struct slice out;

    while ((out = slice_part(server_output(r->server), 0, piece)).n > 0) {
        for (size_t i = 0; i < out.n; i++) {
            insist(r->line_n < sizeof r->line);
            r->line[r->line_n++] = out.p[i];
            if (out.p[i] != '\n')
                continue;
            check_line(r);
            r->line_n = 0;
        }
        server_sent(r->server, out.n);
    }
    insist(r->line_n == 0 && !r->goes_on);
}

/* An answer that depends on a byte of the input, and now and then on a reply of a provider. */
static bool answer(struct run *r, const char *text)
{
    uint8_t mood = r->data[(r->answers++ * 7 + 1) % r->size];
    struct status why = { 0 };
    bool takes = !(r->settings & SETTING_MOODY) || mood < 128;
    char said[] = "599 5.9.9 \xff said\n so";

    if (!takes) {
        why.code = (enum code)(CODE_OK + 1 + mood % (CODE_END - 1));
        why.stage = (enum stage)(mood % STAGE_END);
        memset(why.what, mood, mood % sizeof why.what);
        if (mood & 1) {
            said[0] = (char)('2' + mood % 4);
            why.reply = (said[0] - '0') * 100 + 99;
            memcpy(why.enhanced, "5.9.9", 6);
            status_said(&why, slice_of(said));
        }
    }
    server_answer(r->server, &why, text);
    return takes;
}

static void take_sender(struct run *r)
{
    const struct server_mail *mail = server_mail(r->server);

    insist(!r->in_transaction);
    insist(!(r->settings & SETTING_LOGIN) || r->settings & SETTING_OFFERED || r->logged_in);
    insist(mail->reverse_path.length == 0 ||
           address_is_safe((struct slice){ mail->reverse_path.spec, mail->reverse_path.length }));
    insist(mail->declared.utf8 || !mail->reverse_path.utf8);
    r->in_transaction = answer(r, NULL);
    r->recipients = 0;
    r->content = 0;
    r->last = 0;
}

static void take_recipient(struct run *r)
{
    const struct server_recipient *recipient = server_recipient(r->server);

    insist(r->in_transaction && r->recipients < SERVER_RECIPIENTS_MAX);
    insist(address_is_safe(
        (struct slice){ recipient->forward_path.spec, recipient->forward_path.length }));
    r->recipients += answer(r, "Ok, he is known");
}

static void take_content(struct run *r)
{
    size_t n = 0;
    char *p = server_content(r->server, &n);

    insist(n > 0 && r->in_transaction && r->recipients > 0);
    for (size_t i = 0; i < n; i++) {
        insist((p[i] == '\n') == (r->last == '\r'));
        r->last = p[i];
    }
    insist(r->last != '\r');
    r->content += n;
    memset(p, '\n', n);
    server_content_done(r->server);
}

static void take_message(struct run *r)
{
    insist(r->in_transaction && r->recipients > 0);
    insist(!(r->settings & SETTING_LIMIT) || r->content <= MESSAGE_MAX);
    r->in_transaction = false;
    (void)answer(r, "Ok: queued as A1");
}

static void take_login(struct run *r)
{
    struct server_login login = server_login(r->server);

    insist(r->settings & SETTING_LOGIN && !r->logged_in && !r->in_transaction);
    insist(r->secured || !(r->settings & SETTING_LOGIN_TLS));
    insist(login.user.n > 0 && login.password.n > 0);
    r->logged_in = answer(r, NULL);
    insist(r->logged_in == (server_user(r->server)[0] != 0));
}

static void take_tls(struct run *r, size_t piece)
{
    insist(r->settings & SETTING_STARTTLS && !r->secured && !r->in_transaction);
    listen_to(r, piece);
    r->secured = true;
    r->logged_in = false;
    server_secured(r->server);
}

/* Answers until the machine wants bytes or nothing. */
static void serve(struct run *r, size_t piece)
{
    for (;;) {
        switch (server_wants(r->server)) {
        case SERVER_WANTS_INPUT:
        case SERVER_WANTS_NOTHING:
            return;
        case SERVER_WANTS_TLS:
            take_tls(r, piece);
            break;
        case SERVER_WANTS_LOGIN:
            take_login(r);
            break;
        case SERVER_WANTS_RESET:
            insist(r->in_transaction);
            r->in_transaction = false;
            (void)answer(r, NULL);
            break;
        case SERVER_WANTS_SENDER:
            take_sender(r);
            break;
        case SERVER_WANTS_RECIPIENT:
            take_recipient(r);
            break;
        case SERVER_WANTS_CONTENT:
            take_content(r);
            break;
        case SERVER_WANTS_DELIVERY:
            take_message(r);
            break;
        }
    }
}

static void play(struct run *r, struct slice client, size_t piece)
{
    while (client.n > 0 && server_wants(r->server) == SERVER_WANTS_INPUT) {
        size_t used;

        listen_to(r, piece);
        used = server_input(r->server, slice_part(client, 0, piece));
        insist(used > 0);
        client = slice_part(client, used, client.n);
        serve(r, piece);
        if (r->settings & SETTING_STOP && r->answers == 3)
            server_stop(r->server);
        serve(r, piece);
    }
    if (r->settings & SETTING_STOP)
        server_timed_out(r->server);
    server_closed(r->server);
    serve(r, piece);
    insist(server_wants(r->server) == SERVER_WANTS_NOTHING && !r->in_transaction);
    listen_to(r, piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned settings = size > 0 ? data[0] : 0;
    size_t piece = size > 1 && data[1] > 0 ? data[1] : SIZE_MAX;
    struct run r = { .data = data, .size = size, .settings = settings };
    struct server_params params = {
        .name = "relay.example.org",
        .timeout = 1000,
        .max_message = settings & SETTING_LIMIT ? MESSAGE_MAX : 0,
        .offers_starttls = settings & SETTING_STARTTLS,
        .secured = settings & SETTING_SECURED,
        .offers_login = settings & SETTING_LOGIN,
        .wants_login = settings & SETTING_LOGIN && !(settings & SETTING_OFFERED),
        .login_needs_tls = settings & SETTING_LOGIN_TLS,
    };
    struct status why = { 0 };

    if (size < 2)
        return 0;
    r.secured = params.secured;
    insist(server_begin(&params, &r.server, &why) == CODE_OK);
    play(&r, (struct slice){ (const char *)data + 2, size - 2 }, piece);
    insist(server_protocol(r.server)[0] != 0);
    server_end(r.server);
    return 0;
}
