#include "cli/dialogue.h"

#include "base/log.h"
#include "cli/dialogue_inside.h"
#include "cli/report.h"
#include "cli/users.h"
#include "net/stream.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    CLIENT_TIMEOUT = 5 * 60 * 1000, /* RFC 5321 section 4.5.3.2.7 */
    CROWDED_TIMEOUT = 20 * 1000,
    LOGIN_GRACE = 2 * 60 * 1000,
    TLS_TIMEOUT = 30 * 1000,
    MILLION = 1000000,
};

static void log_trouble(const struct dialogue *d, const struct status *why)
{
    log_line(LOG_LEVEL_WARNING, "client=%s error=%s%s%s", d->peer, why->where,
             why->where[0] != 0 ? ": " : "", why->what);
}

static void start_tls(struct dialogue *d)
{
    struct status why = { 0 };

    if (stream_accept_tls(d->stream, d->params->identity, deadline_in(TLS_TIMEOUT), &why)) {
        log_trouble(d, &why);
        server_closed(d->server);
        return;
    }
    server_secured(d->server);
}

void dialogue_show_user(char shown[DIALOGUE_USER_ROOM], struct slice user)
{
    size_t n = user.n < DIALOGUE_USER_ROOM - 1 ? user.n : DIALOGUE_USER_ROOM - 1;

    for (size_t i = 0; i < n; i++)
        shown[i] = is_space(user.p[i]) || user.p[i] == '=' ? '?' : user.p[i];
    shown[n] = 0;
}

static void check_login(struct dialogue *d)
{
    struct server_login login = server_login(d->server);
    struct status why = { 0 };
    char user[DIALOGUE_USER_ROOM];

    dialogue_show_user(user, login.user);
    if (users_check(d->params->door->globals.listen_users, login.user, login.password, &why))
        log_line(LOG_LEVEL_WARNING, "client=%s user=%s error=%s%s%s", d->peer, user, why.where,
                 why.where[0] != 0 ? ": " : "", why.what);
    server_answer(d->server, &why, NULL);
}

/*
 * Past the stream: to a client that only stopped writing, as a script through a pipe does, and for
 * the answer to STARTTLS, since what comes after that is not for us to read.
 */
static void say_directly(struct dialogue *d)
{
    struct slice out = server_output(d->server);

    if (out.n > 0 && strcmp(stream_tls_name(d->stream), "none") == 0)
        log_write(d->out, out);
    server_sent(d->server, out.n);
}

/* Waits until there are bytes, the client was silent for too long, or we are to end. */
static void wait_for_client(struct dialogue *d)
{
    struct pollfd p = { .fd = d->in, .events = POLLIN };
    int64_t left = server_timeout(d->server);
    struct timespec time = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * MILLION };
    sigset_t none;

    (void)sigemptyset(&none);
    if (d->params->ending && *d->params->ending && !d->told_to_stop) {
        d->told_to_stop = true;
        server_stop(d->server);
        return;
    }
    if (ppoll(&p, 1, left < INT_MAX ? &time : NULL, &none) == 0)
        server_timed_out(d->server);
}

/* Sends what there is to be sent, and takes what has come without waiting for it. */
static bool exchange(struct dialogue *d)
{
    struct slice whole = server_output(d->server), out = whole, in = { 0 };
    struct status why = { 0 };

    if (d->broken) {
        say_directly(d);
        return false;
    }
    if (stream_exchange(d->stream, &out, &in, false, deadline_in(CLIENT_TIMEOUT), &why))
        d->broken = true;
    server_sent(d->server, whole.n - out.n);
    buf_add_slice(&d->pending, in);
    if (d->pending.failed)
        d->broken = true;
    return in.n > 0;
}

/* Hands the machine what came; when it takes nothing, answers what is asked and hears more. */
static void feed(struct dialogue *d)
{
    size_t used = server_input(d->server, buf_slice(&d->pending));

    buf_drop(&d->pending, used);
    if (used > 0)
        return;
    if (exchange(d) || (d->pending.n > 0 && !d->broken))
        return;
    if (d->broken)
        server_closed(d->server);
    else
        wait_for_client(d);
}

/* One step; false at the end. */
static bool go_on(struct dialogue *d)
{
    switch (server_wants(d->server)) {
    case SERVER_WANTS_INPUT:
        feed(d);
        return true;
    case SERVER_WANTS_TLS:
        say_directly(d);
        start_tls(d);
        return true;
    case SERVER_WANTS_LOGIN:
        check_login(d);
        return true;
    case SERVER_WANTS_RESET:
        dialogue_forget(d);
        return true;
    case SERVER_WANTS_SENDER:
        dialogue_take_sender(d);
        return true;
    case SERVER_WANTS_RECIPIENT:
        dialogue_take_recipient(d);
        return true;
    case SERVER_WANTS_CONTENT:
        dialogue_take_content(d);
        return true;
    case SERVER_WANTS_DELIVERY:
        dialogue_deliver(d);
        return true;
    case SERVER_WANTS_NOTHING:
        break;
    }
    return false;
}

bool dialogue_is_trusted(const struct account *globals, const struct peer *peer)
{
    return !peer || peer->is_local || peer_is_in(peer, globals->listen_allow);
}

static int64_t timeout_for(const struct dialogue_params *p)
{
    if (!p->peer || (!p->is_relay && p->peer->is_unix)) /* a program may keep it for ever */
        return 0;
    return p->is_crowded ? CROWDED_TIMEOUT : CLIENT_TIMEOUT;
}

static struct server_params server_params_for(const struct dialogue *d)
{
    const struct dialogue_params *p = d->params;
    const struct account *globals = &p->door->globals;
    bool has_users = p->is_relay && globals->listen_users && globals->listen_users[0] != 0;

    return (struct server_params){
        .name = d->name,
        .max_message = globals->max_message,
        .timeout = timeout_for(p),
        .grace = LOGIN_GRACE,
        .offers_starttls = p->is_relay && p->identity && !p->implicit_tls,
        .secured = p->implicit_tls,
        .offers_login = has_users,
        .wants_login = has_users && !dialogue_is_trusted(globals, p->peer),
        .login_needs_tls = p->peer && !p->peer->is_local,
    };
}

/* What we call ourselves: `hostname`, else the machine's name, with `domain` when it has none. */
static void choose_name(struct dialogue *d)
{
    const struct account *globals = &d->params->door->globals;
    const char *hostname = globals->hostname ? globals->hostname : "";
    const char *domain = globals->domain ? globals->domain : "";
    char own[HOST_NAME_ROOM];

    host_any_name(own, sizeof own);
    if (own[0] == 0)
        (void)snprintf(own, sizeof own, "localhost");
    if (hostname[0] != 0)
        (void)snprintf(d->name, sizeof d->name, "%s", hostname);
    else if (strchr(own, '.') || domain[0] == 0)
        (void)snprintf(d->name, sizeof d->name, "%s", own);
    else
        (void)snprintf(d->name, sizeof d->name, "%.63s.%.190s", own, domain);
}

static enum code begin(struct dialogue *d, int fd, struct status *why)
{
    struct server_params params;

    buf_init(&d->pending, DIALOGUE_PENDING_MAX);
    choose_name(d);
    params = server_params_for(d);
    if (fd < 0 ? stream_open_pair(STDIN_FILENO, STDOUT_FILENO, &d->stream, why)
               : stream_open(fd, &d->stream, why))
        return why->code;
    if (fd >= 0)
        stream_face_client(d->stream);
    if (d->params->implicit_tls &&
        stream_accept_tls(d->stream, d->params->identity, deadline_in(TLS_TIMEOUT), why))
        return why->code;
    return server_begin(&params, &d->server, why);
}

static void release(struct dialogue *d)
{
    dialogue_drop(d);
    courier_close(d->courier);
    server_end(d->server);
    if (d->stream)
        stream_close(d->stream);
    buf_wipe(&d->pending);
}

void dialogue_run(const struct dialogue_params *params, int fd)
{
    struct dialogue *d = calloc(1, sizeof *d);
    struct status why = { 0 };

    if (!d)
        return;
    d->params = params;
    d->in = fd < 0 ? STDIN_FILENO : fd;
    d->out = fd < 0 ? STDOUT_FILENO : fd;
    d->peer = params->peer ? params->peer->name : "local";
    if (begin(d, fd, &why) == CODE_OK) {
        while (go_on(d))
            ;
        (void)exchange(d);
    } else {
        log_trouble(d, &why);
    }
    release(d);
    free(d);
}

/* Who reaches us over a network must be known, and trusted unless he can log in. */
static void check_peer(const struct dialogue_params *params, struct status *why)
{
    const struct account *globals = &params->door->globals;

    if (peer_is_hidden(STDIN_FILENO))
        (void)status_set(why, CODE_SENDER, STAGE_MAIL,
                         "this relay serves its own machine, and cannot tell who you are");
    else if (params->is_relay && !dialogue_is_trusted(globals, params->peer) &&
             globals->listen_users[0] == 0)
        (void)status_set(why, CODE_SENDER, STAGE_MAIL,
                         "this relay serves its own machine, and not %s", params->peer->name);
}

/* A certificate for STARTTLS with a client of a network, if there is one. */
static enum code admit(struct dialogue_params *p, struct identity **identity, struct status *why)
{
    const struct account *globals = &p->door->globals;

    check_peer(p, why);
    if (why->code || !p->is_relay || globals->listen_cert[0] == 0)
        return why->code;
    if (identity_load(globals->listen_cert, globals->listen_key, identity, why))
        return why->code;
    p->identity = *identity;
    return CODE_OK;
}

static bool make_non_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* inetd(8) and systemd hand a socket down as stdin: from a network, it is the relay's, and of no
 * other program. */
int dialogue_main(const struct options *options)
{
    struct identity *identity = NULL;
    struct listener own = { .fd = STDIN_FILENO };
    struct door door;
    struct status closed = { 0 };
    struct peer peer;
    bool has_peer = peer_of(STDIN_FILENO, &peer);
    struct dialogue_params params = {
        .door = &door,
        .closed = &closed,
        .peer = has_peer ? &peer : NULL,
        .is_relay = has_peer && !peer.is_unix,
    };

    if (options->verbose)
        log_trace_on();
    if (params.is_relay && listen_describe(&own)) {
        params.listeners = &own;
        params.listener_count = 1;
    }
    if (door_open(&door, options, &closed) || admit(&params, &identity, &closed))
        report_log_failure("", &closed);
    if (has_peer && peer.has_user)
        door.caller.user = peer.user;
    dialogue_run(&params, params.is_relay && make_non_blocking(STDIN_FILENO) ? STDIN_FILENO : -1);
    identity_free(identity);
    door_close(&door);
    return EX_OK;
}
