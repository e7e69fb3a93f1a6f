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

static enum code start_tls(struct connection *c, struct status *why)
{
    const struct account *account = c->account;
    const char *name = account->tls_name[0] != 0 ? account->tls_name : account->host;
    struct deadline deadline = deadline_in(account->connect_timeout);

    if (stream_start_tls(c->stream, name, c->trust, deadline, why))
        return why->code;
    log_trace("=", slice_of(stream_tls_name(c->stream)));
    return CODE_OK;
}

static enum code dial(struct connection *c, struct status *why)
{
    const struct account *account = c->account;
    int fd = -1;

    if (net_dial(account->host, account->port, account->connect_timeout, &fd, why))
        return why->code;
    if (stream_open(fd, &c->stream, why)) {
        (void)close(fd);
        return why->code;
    }
    return account->tls == TLS_IMPLICIT ? start_tls(c, why) : CODE_OK;
}

/*
 * A name that strict servers take (RFC 5321 section 4.1.4): never "localhost", never a container's
 * id, and no DNS look-up, which would stall every message on a host with a broken resolver.
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

/* One exchange of bytes between the session and the stream. */
static void exchange(struct connection *c)
{
    struct slice whole = smtp_output(c->session), out = whole, in = { 0 };
    bool wait = smtp_wants(c->session) == WANTS_INPUT;
    struct deadline deadline = deadline_in(smtp_timeout(c->session));
    struct status why = { 0 };
    enum code code = stream_exchange(c->stream, &out, &in, wait, deadline, &why);

    smtp_sent(c->session, whole.n - out.n);
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
