#include "deliver/deliver.h"

#include "base/host.h"
#include "base/log.h"
#include "conf/config.h"
#include "net/dial.h"
#include "net/stream.h"
#include "smtp/client.h"

#include <stdio.h>
#include <string.h>

enum {
    PASSWORD_MAX = 4096,
    EHLO_NAME_ROOM = 256,
};

/* All that one delivery holds; released in one place. */
struct delivery {
    const struct account *account;
    struct trust *trust;
    struct buf password;
    struct stream *stream;
    struct session *session;
    bool offered; /* the session has the message: from then on it settles every recipient */
    char ehlo_name[EHLO_NAME_ROOM];
};

static const char *tls_name(const struct account *account)
{
    return account->tls_name[0] != 0 ? account->tls_name : account->host;
}

/*
 * A name that strict servers take (RFC 5321 section 4.1.4): never "localhost", never a container's
 * id, and no DNS look-up, which would stall every message on a host with a broken resolver.
 */
static enum code choose_ehlo_name(struct delivery *d, const char *reverse_path, struct status *why)
{
    const char *at = strrchr(reverse_path, '@');

    if (d->account->hostname[0] != 0) {
        (void)snprintf(d->ehlo_name, sizeof d->ehlo_name, "%s", d->account->hostname);
        return CODE_OK;
    }
    if (host_own_name(d->ehlo_name, sizeof d->ehlo_name))
        return CODE_OK;
    if (at && host_name_is_public(at + 1)) {
        (void)snprintf(d->ehlo_name, sizeof d->ehlo_name, "%s", at + 1);
        return CODE_OK;
    }
    return net_address_literal(stream_fd(d->stream), d->ehlo_name, sizeof d->ehlo_name, why);
}

static enum code start_tls(struct delivery *d, struct status *why)
{
    struct deadline deadline = deadline_in(d->account->connect_timeout);

    if (stream_start_tls(d->stream, tls_name(d->account), d->trust, deadline, why))
        return why->code;
    log_trace("=", slice_of(stream_tls_name(d->stream)));
    return CODE_OK;
}

/* What can be known to be missing is looked for before the server is bothered. */
static enum code prepare(struct delivery *d, struct status *why)
{
    const struct account *account = d->account;

    if (account->tls != TLS_NONE && trust_load(account->ca_file, &d->trust, why))
        return why->code;
    if (account->user[0] != 0 && account->auth != AUTH_NONE)
        return account_password(account, &d->password, why);
    return CODE_OK;
}

static enum code connect_to(struct delivery *d, struct status *why)
{
    const struct account *account = d->account;
    int fd = -1;

    if (net_dial(account->host, account->port, account->connect_timeout, &fd, why))
        return why->code;
    if (stream_open(fd, &d->stream, why))
        return why->code;
    return account->tls == TLS_IMPLICIT ? start_tls(d, why) : CODE_OK;
}

/* One exchange of bytes between the session and the stream. */
static void exchange(struct delivery *d)
{
    struct slice whole = smtp_output(d->session), out = whole, in = { 0 };
    bool wait = smtp_wants(d->session) == WANTS_INPUT;
    struct deadline deadline = deadline_in(smtp_timeout(d->session));
    struct status why = { 0 };
    enum code code = stream_exchange(d->stream, &out, &in, wait, deadline, &why);

    smtp_sent(d->session, whole.n - out.n);
    smtp_input(d->session, in);
    if (code)
        smtp_lost(d->session, &why);
}

static void secure(struct delivery *d)
{
    struct status why = { 0 };

    if (start_tls(d, &why))
        smtp_lost(d->session, &why);
    else
        smtp_secured(d->session);
}

/* QUIT, without waiting for its answer: a round trip that nobody needs. */
static void say_goodbye(struct delivery *d)
{
    struct slice out = smtp_output(d->session), in = { 0 };
    struct status ignored = { 0 };

    if (out.n > 0 && stream_exchange(d->stream, &out, &in, false, deadline_in(0), &ignored))
        return;
}

static void pump(struct delivery *d, const struct submission *submission, struct outcome *outcome)
{
    for (;;) {
        switch (smtp_wants(d->session)) {
        case WANTS_INPUT:
        case WANTS_OUTPUT:
            exchange(d);
            break;
        case WANTS_TLS:
            secure(d);
            break;
        case WANTS_MESSAGE:
            if (d->offered)
                smtp_quit(d->session);
            else
                smtp_offer(d->session, submission, outcome);
            d->offered = true;
            break;
        case WANTS_NOTHING:
            say_goodbye(d);
            return;
        }
    }
}

static enum code run_session(struct delivery *d, const struct submission *submission,
                             struct outcome *outcome, struct status *why)
{
    struct session_params params = {
        .account = d->account,
        .password = buf_slice(&d->password),
        .ehlo_name = d->ehlo_name,
        .secured = d->account->tls == TLS_IMPLICIT,
    };

    if (choose_ehlo_name(d, submission->envelope->reverse_path, why))
        return why->code;
    if (smtp_begin(&params, &d->session, why))
        return why->code;
    pump(d, submission, outcome);
    (void)snprintf(outcome->tls, sizeof outcome->tls, "%s", stream_tls_name(d->stream));
    *why = *smtp_fault(d->session);
    return why->code;
}

static void release(struct delivery *d)
{
    smtp_end(d->session);
    if (d->stream)
        stream_close(d->stream);
    trust_free(d->trust);
    buf_wipe(&d->password);
}

static void say_where(const struct account *account, struct status *st)
{
    bool colons = strchr(account->host, ':') && account->host[0] != '[';

    status_at(st, colons ? "[%s]:%u" : "%s:%u", account->host, account->port);
}

/* A failure before the message was offered is that of every recipient: a login refused leaves
 * nobody who was accepted. Each learns where it happened. */
static void settle(const struct account *account, const struct submission *submission,
                   struct outcome *outcome, bool offered, struct status *why)
{
    if (why->code)
        say_where(account, why);
    for (size_t i = 0; i < submission->envelope->forward_count; i++) {
        struct status *one = &outcome->recipients[i];

        if (one->code == CODE_OK && !offered)
            *one = *why;
        if (one->code != CODE_OK)
            say_where(account, one);
    }
}

enum code deliver(const struct account *account, const struct submission *submission,
                  struct outcome *outcome, struct status *why)
{
    struct delivery d = { .account = account };
    int64_t began = clock_ms();

    buf_init(&d.password, PASSWORD_MAX);
    (void)snprintf(outcome->host, sizeof outcome->host, "%s", account->host);
    outcome->port = account->port;
    (void)snprintf(outcome->tls, sizeof outcome->tls, "none");
    if (prepare(&d, why) == CODE_OK && connect_to(&d, why) == CODE_OK)
        (void)run_session(&d, submission, outcome, why);
    settle(account, submission, outcome, d.offered, why);
    release(&d);
    outcome->millis = clock_ms() - began;
    return why->code;
}
