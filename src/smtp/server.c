/* The machine, and what the one who drives it answers. */
#include "smtp/server.h"

#include "smtp/server_inside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOGIN_FAILURES_MAX = 3,
};

static void watch_silence(struct server *d)
{
    d->silence = deadline_in(d->params.timeout);
}

enum code server_begin(const struct server_params *params, struct server **out, struct status *why)
{
    struct server *d = calloc(1, sizeof *d);

    if (!d)
        return status_set(why, CODE_MEMORY, STAGE_NONE, "out of memory");
    d->params = *params;
    buf_over(&d->line.text, d->line_room, sizeof d->line_room);
    buf_over(&d->secret.text, d->secret_room, sizeof d->secret_room);
    buf_over(&d->out, d->out_room, sizeof d->out_room);
    buf_over(&d->message.content, d->content_room, sizeof d->content_room);
    server_say(d, "220 %s ESMTP orsino", params->name);
    watch_silence(d);
    d->grace = deadline_in(params->grace);
    *out = d;
    return CODE_OK;
}

void server_end(struct server *d)
{
    if (!d)
        return;
    explicit_bzero(d, sizeof *d);
    free(d);
}

enum server_wants server_wants(const struct server *d)
{
    return d->message.due ? SERVER_WANTS_CONTENT : d->asked;
}

/* Who must log in and does not takes the place of one who would: a NOOP now and then is not enough
 * to stay. */
static bool is_stranger(const struct server *d)
{
    return d->params.grace > 0 && d->params.wants_login && d->user[0] == 0;
}

int64_t server_timeout(const struct server *d)
{
    int64_t silence = d->params.timeout > 0 ? deadline_left(d->silence) : INT_MAX;
    int64_t grace = is_stranger(d) ? deadline_left(d->grace) : INT_MAX;

    return silence < grace ? silence : grace;
}

struct slice server_output(const struct server *d)
{
    return buf_slice(&d->out);
}

void server_sent(struct server *d, size_t n)
{
    buf_drop(&d->out, n);
    if (n > 0)
        watch_silence(d);
}

void server_leave(struct server *d, const char *reply)
{
    server_say(d, "%s", reply);
    server_abandon(d, SERVER_WANTS_NOTHING);
}

void server_abandon(struct server *d, enum server_wants then)
{
    bool told = d->in_transaction;

    buf_clear(&d->message.content);
    d->message.due = false;
    d->message.chunked = false;
    d->phase = PHASE_COMMAND;
    d->in_transaction = false;
    d->then = then;
    d->asked = told ? SERVER_WANTS_RESET : then;
}

/* Nothing is asked for any more: the client speaks next, unless it left or shall leave. */
static void rest(struct server *d)
{
    if (d->asked != SERVER_WANTS_INPUT || d->message.due)
        return;
    if (d->closed)
        server_abandon(d, SERVER_WANTS_NOTHING);
    else if (d->stopping && !d->in_transaction)
        server_leave(d, "421 4.3.2 The service is shutting down");
}

void server_refuse(struct server *d, const char *reply)
{
    server_say(d, "%s", reply);
    if (++d->errors >= SERVER_ERRORS_MAX)
        server_leave(d, "421 4.7.0 Too many errors");
}

void server_refuse_order(struct server *d, const char *reply)
{
    if (d->refused)
        server_say(d, "%s", reply);
    else
        server_refuse(d, reply);
}

size_t server_input(struct server *d, struct slice bytes)
{
    static void (*const take[])(struct server *, struct slice *) = {
        [PHASE_COMMAND] = server_take_line,
        [PHASE_LOGIN] = server_take_line,
        [PHASE_DATA] = server_take_data,
        [PHASE_CHUNK] = server_take_chunk,
    };
    _Static_assert(sizeof take / sizeof *take == PHASE_END, "a way to take each phase");
    size_t all = bytes.n;

    if (is_stranger(d) && deadline_left(d->grace) == 0) {
        server_timed_out(d);
        return all;
    }
    while (bytes.n > 0 && server_wants(d) == SERVER_WANTS_INPUT && d->out.n < SERVER_OUT_ENOUGH) {
        /* A byte now and then is not enough to keep a half command waiting for ever. */
        if (d->phase == PHASE_DATA || d->phase == PHASE_CHUNK || d->line.length == 0)
            watch_silence(d);
        take[d->phase](d, &bytes);
        rest(d);
    }
    return all - bytes.n;
}

void server_closed(struct server *d)
{
    bool half = d->line.length > 0 && (d->phase == PHASE_COMMAND || d->phase == PHASE_LOGIN);

    if (d->closed || server_wants(d) == SERVER_WANTS_NOTHING)
        return;
    d->closed = true;
    if (server_wants(d) == SERVER_WANTS_INPUT && half)
        server_say(d, "500 5.5.2 A command must end in CR LF");
    if (d->asked == SERVER_WANTS_INPUT || d->asked == SERVER_WANTS_TLS)
        server_abandon(d, SERVER_WANTS_NOTHING);
}

void server_timed_out(struct server *d)
{
    if (d->asked == SERVER_WANTS_INPUT)
        server_leave(d, is_stranger(d) ? "421 4.7.0 No login came for too long"
                                       : "421 4.4.2 Nothing came for too long");
}

void server_stop(struct server *d)
{
    d->stopping = true;
    rest(d);
}

void server_secured(struct server *d)
{
    if (d->asked != SERVER_WANTS_TLS)
        return;
    d->params.secured = true;
    d->extended = false;
    d->client_name[0] = 0;
    d->user[0] = 0;
    d->asked = SERVER_WANTS_INPUT;
    watch_silence(d);
    rest(d);
}

static void end_login(struct server *d, const struct status *why, const char *text)
{
    (void)text;
    d->asked = SERVER_WANTS_INPUT;
    server_end_login(d, why);
    if (d->asked == SERVER_WANTS_INPUT && d->secret.failures >= LOGIN_FAILURES_MAX)
        server_leave(d, "421 4.7.0 Too many failed logins");
}

/* There is no way to fail. */
static void end_reset(struct server *d, const struct status *why, const char *text)
{
    (void)why;
    (void)text;
    d->asked = d->closed ? SERVER_WANTS_NOTHING : d->then;
}

static void end_mail(struct server *d, const struct status *why, const char *text)
{
    d->asked = SERVER_WANTS_INPUT;
    d->in_transaction = why->code == CODE_OK;
    d->refused = !d->in_transaction;
    if (d->in_transaction)
        server_say_words(d, 250, "2.1.0", slice_of(text ? text : "Ok"));
    else
        server_say_status(d, why);
}

static void end_rcpt(struct server *d, const struct status *why, const char *text)
{
    d->asked = SERVER_WANTS_INPUT;
    if (why->code == CODE_OK) {
        d->recipients++;
        server_say_words(d, 250, "2.1.5", slice_of(text ? text : "Ok"));
        return;
    }
    d->refused = true;
    server_say_status(d, why);
}

/* Without an enhanced code before a text: clients look for "250 Ok: queued as" to find an id. */
static void end_message(struct server *d, const struct status *why, const char *text)
{
    d->asked = SERVER_WANTS_INPUT;
    d->in_transaction = false;
    d->message.chunked = false;
    if (why->code != CODE_OK) {
        server_say_status(d, why);
        return;
    }
    d->errors = 0;
    server_say_words(d, 250, text ? "" : "2.0.0", slice_of(text ? text : "Ok"));
}

void server_answer(struct server *d, const struct status *why, const char *text)
{
    static void (*const end[])(struct server *, const struct status *, const char *) = {
        [SERVER_WANTS_LOGIN] = end_login,      [SERVER_WANTS_RESET] = end_reset,
        [SERVER_WANTS_SENDER] = end_mail,      [SERVER_WANTS_RECIPIENT] = end_rcpt,
        [SERVER_WANTS_DELIVERY] = end_message, [SERVER_WANTS_NOTHING] = NULL,
    };

    if (!end[server_wants(d)])
        return;
    end[server_wants(d)](d, why, text);
    watch_silence(d);
    rest(d);
}

const char *server_client_name(const struct server *d)
{
    return d->client_name;
}

const char *server_protocol(const struct server *d)
{
    static const char *const names[2][2][2] = {
        { { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
        { { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
    };

    if (!d->extended)
        return "SMTP";
    return names[d->mail.declared.utf8][d->params.secured][d->user[0] != 0];
}

const char *server_user(const struct server *d)
{
    return d->user;
}

struct server_login server_login(const struct server *d)
{
    return d->secret.login;
}

const struct server_mail *server_mail(const struct server *d)
{
    return &d->mail;
}

const struct server_recipient *server_recipient(const struct server *d)
{
    return &d->recipient;
}

char *server_content(struct server *d, size_t *n)
{
    *n = d->message.due ? d->message.content.n : 0;
    return d->message.content.p;
}

void server_content_done(struct server *d)
{
    if (!d->message.due)
        return;
    buf_clear(&d->message.content);
    d->message.due = false;
    rest(d);
}
