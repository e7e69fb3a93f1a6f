#include "deliver/connection.h"

#include "base/host.h"
#include "base/log.h"
#include "net/dial.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PASSWORD_MAX = 4096,
};

void connection_init(struct connection *c, const struct account *account)
{
    *c = (struct connection){ .account = account };
    buf_init(&c->password, PASSWORD_MAX);
}

bool connection_is_local(const struct account *account)
{
    return account->host[0] == '/';
}

void connection_free(struct connection *c)
{
    connection_close(c);
    trust_free(c->trust);
    buf_wipe(&c->password);
}

/* What can be known to be missing is looked for before the server is bothered. */
static enum code prepare(struct connection *c, struct status *why)
{
    const struct account *account = c->account;

    if (account->tls != TLS_NONE && !c->trust && trust_load(account->ca_file, &c->trust, why))
        return why->code;
    if (account->user[0] == 0 || account->auth == AUTH_NONE || c->password.n > 0)
        return CODE_OK;
    if (account_password(account, &c->password, why))
        buf_wipe(&c->password); /* half a password must not look like a whole one next time */
    return why->code;
}

static struct deadline limit(const struct connection *c, int64_t milliseconds)
{
    struct deadline own = deadline_in(milliseconds);

    return c->has_patience && c->patience.at < own.at ? c->patience : own;
}

/* Says so if it was patience that came to an end. */
static void blame_patience(const struct connection *c, const char *where, struct status *why)
{
    long long patience = c->account->patience;
    bool whole = patience % 1000 == 0;

    if (why->code != CODE_TIMEOUT || !c->has_patience || deadline_left(c->patience) > 0)
        return;
    (void)snprintf(why->what, sizeof why->what, "not sent within the patience of %lld %s%s",
                   whole ? patience / 1000 : patience, whole ? "s" : "ms", where);
}

static enum code start_tls(struct connection *c, struct status *why)
{
    const struct account *account = c->account;
    const char *name = account->tls_name[0] != 0 ? account->tls_name : account->host;
    struct deadline deadline = limit(c, account->connect_timeout);

    if (stream_start_tls(c->stream, name, c->trust, deadline, why)) {
        blame_patience(c, ", in the TLS handshake", why);
        return why->code;
    }
    log_trace("=", slice_of(stream_tls_name(c->stream)));
    return CODE_OK;
}

static enum code reach(const struct connection *c, int *fd, struct status *why)
{
    const struct account *account = c->account;
    int64_t own = account->connect_timeout;

    if (connection_is_local(account))
        return net_dial_local(account->host, deadline_left(limit(c, own)), fd, why);
    return net_dial(account->host, account->port, own, c->has_patience ? &c->patience : NULL, fd,
                    why);
}

static enum code dial(struct connection *c, struct status *why)
{
    const struct account *account = c->account;
    int fd = -1;

    if (reach(c, &fd, why)) {
        blame_patience(c, ", while waiting for a connection", why);
        return why->code;
    }
    if (stream_open(fd, &c->stream, why)) {
        (void)close(fd);
        return why->code;
    }
    return account->tls == TLS_IMPLICIT ? start_tls(c, why) : CODE_OK;
}

/*
 * A name that strict servers take (RFC 5321 section 4.1.4): never "localhost", unless it is
 * this machine's own relay, never a container's id, and no DNS look-up, which would stall every
 * message on a host with a broken resolver.
 */
static enum code choose_ehlo_name(struct connection *c, const char *reverse_path,
                                  struct status *why)
{
    const char *at = strrchr(reverse_path, '@');

    if (c->account->hostname[0] != 0) {
        (void)snprintf(c->ehlo_name, sizeof c->ehlo_name, "%s", c->account->hostname);
        return CODE_OK;
    }
    if (host_own_name(c->ehlo_name, sizeof c->ehlo_name))
        return CODE_OK;
    if (at && host_name_is_public(at + 1)) {
        (void)snprintf(c->ehlo_name, sizeof c->ehlo_name, "%s", at + 1);
        return CODE_OK;
    }
    if (connection_is_local(c->account)) {
        (void)snprintf(c->ehlo_name, sizeof c->ehlo_name, "localhost");
        return CODE_OK;
    }
    return net_address_literal(stream_fd(c->stream), c->ehlo_name, sizeof c->ehlo_name, why);
}

static enum code begin_session(struct connection *c, const char *reverse_path, struct status *why)
{
    struct session_params params = {
        .account = c->account,
        .password = buf_slice(&c->password),
        .ehlo_name = c->ehlo_name,
        .secured = c->account->tls == TLS_IMPLICIT,
    };

    if (choose_ehlo_name(c, reverse_path, why))
        return why->code;
    return smtp_begin(&params, &c->session, why);
}

enum code connection_open(struct connection *c, const char *reverse_path, struct status *why)
{
    connection_close(c);
    if (prepare(c, why) || dial(c, why) || begin_session(c, reverse_path, why))
        return why->code;
    connection_pump(c);
    if (smtp_wants(c->session) == WANTS_NOTHING)
        *why = *smtp_fault(c->session);
    return why->code;
}

/*
 * One exchange of bytes between the session and the stream. With patience, what is to be sent
 * leaves first, and then its answer is waited for: only then is it known whether the message is
 * whole, and patience counts no more.
 */
static void exchange(struct connection *c)
{
    struct slice whole = smtp_output(c->session), out = whole, in = { 0 };
    bool limited = c->has_patience && !smtp_is_committed(c->session);
    bool wait = smtp_wants(c->session) == WANTS_INPUT && (!limited || whole.n == 0);
    int64_t own = smtp_timeout(c->session);
    struct status why = { 0 };
    enum code code = stream_exchange(c->stream, &out, &in, wait,
                                     limited ? limit(c, own) : deadline_in(own), &why);
    size_t sent = whole.n - out.n;

    /* What does not wait for an answer can only have waited to send: a record of TLS, though taken,
     * has not left, and is dropped with the stream. */
    if (code == CODE_TIMEOUT && !wait && sent == whole.n && sent > 0)
        sent--;
    if (code && limited)
        blame_patience(c, "", &why);
    smtp_sent(c->session, sent);
    smtp_input(c->session, in);
    if (code)
        smtp_lost(c->session, &why);
}

static void secure(struct connection *c)
{
    struct status why = { 0 };

    if (start_tls(c, &why))
        smtp_lost(c->session, &why);
    else
        smtp_secured(c->session);
}

void connection_pump(struct connection *c)
{
    for (;;) {
        switch (smtp_wants(c->session)) {
        case WANTS_INPUT:
        case WANTS_OUTPUT:
            exchange(c);
            break;
        case WANTS_TLS:
            secure(c);
            break;
        case WANTS_MESSAGE:
        case WANTS_MORE:
        case WANTS_NOTHING:
            return;
        }
    }
}

void connection_listen(struct connection *c)
{
    exchange(c);
}

enum wants connection_wants(const struct connection *c)
{
    return c->session ? smtp_wants(c->session) : WANTS_NOTHING;
}

static void say_goodbye(struct connection *c)
{
    struct slice out, in = { 0 };
    struct status ignored = { 0 };

    if (smtp_wants(c->session) != WANTS_NOTHING)
        smtp_quit(c->session);
    out = smtp_output(c->session);
    if (out.n > 0 && stream_exchange(c->stream, &out, &in, false, deadline_in(0), &ignored))
        return;
}

void connection_close(struct connection *c)
{
    if (c->session)
        say_goodbye(c);
    smtp_end(c->session);
    c->session = NULL;
    if (c->stream)
        stream_close(c->stream);
    c->stream = NULL;
}
