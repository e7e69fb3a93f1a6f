#include "deliver/connection.h"

#include "base/host.h"
#include "deliver/connection_inside.h"
#include "net/dial.h"

#include <stdio.h>
#include <string.h>

enum {
    PASSWORD_MAX = 4096,
    GREETING_LATE = 5000, /* milliseconds, then it is asked why */
};

void connection_init(struct connection *c, const struct account *account)
{
    *c = (struct connection){ .account = account, .settled = *account };
    buf_init(&c->password, PASSWORD_MAX);
}

bool connection_is_local(const struct account *account)
{
    return account->host[0] == '/';
}

void connection_say_where(const struct account *account, struct status *st)
{
    bool colons = strchr(account->host, ':') && account->host[0] != '[';

    if (connection_is_local(account))
        status_at(st, "%s", account->host);
    else
        status_at(st, colons ? "[%s]:%u" : "%s:%u", account->host, account->port);
}

void connection_free(struct connection *c)
{
    connection_close(c);
    trust_free(c->trust);
    buf_wipe(&c->password);
}

static int value_of(char digit)
{
    return is_digit(digit) ? digit - '0' : digit - 'a' + 10;
}

/* Its form is that of account.h. */
static enum code load_fingerprint(const char *digits, struct trust **trust, struct status *why)
{
    unsigned char digest[TRUST_DIGEST_BYTES];

    for (size_t i = 0; i < sizeof digest; i++)
        digest[i] = (unsigned char)(value_of(digits[2 * i]) << 4 | value_of(digits[2 * i + 1]));
    return trust_load_fingerprint(digest, trust, why);
}

static enum code load_trust(const struct connection *c, struct trust **trust, struct status *why)
{
    const struct account *account = c->account;

    if (c->looks)
        return trust_load_to_look(account->ca_file, trust, why);
    if (account->fingerprint[0] != 0)
        return load_fingerprint(account->fingerprint, trust, why);
    return trust_load(account->ca_file, trust, why);
}

/* What can be known to be missing is looked for before the server is bothered. */
static enum code prepare(struct connection *c, struct status *why)
{
    const struct account *account = c->account;

    if (account->tls != TLS_NONE && !c->trust && load_trust(c, &c->trust, why))
        return why->code;
    if (c->looks || account->user[0] == 0 || account->auth == AUTH_NONE || c->password.n > 0)
        return CODE_OK;
    if (account_password(account, &c->password, why))
        buf_wipe(&c->password); /* half a password must not look like a whole one next time */
    return why->code;
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
        .account = &c->settled,
        .password = buf_slice(&c->password),
        .ehlo_name = c->ehlo_name,
        .secured = c->settled.tls == TLS_IMPLICIT,
        .record = c->record,
    };

    if (choose_ehlo_name(c, reverse_path, why))
        return why->code;
    return smtp_begin(&params, &c->session, why);
}

/* All that leaves while the message is under way is of it. */
static void tell_sent(struct connection *c, size_t n)
{
    if (n == 0 || smtp_stage(c->session) != STAGE_BODY)
        return;
    c->sent += n;
    if (c->watcher->sent)
        c->watcher->sent(c->watcher->context, c->sent);
}

/*
 * One exchange of bytes between the session and the stream. With patience, what is to be sent
 * leaves first, and then its answer is waited for: only then is it known whether the message is
 * whole, and patience counts no more.
 */
static void exchange(struct connection *c, bool may_wait)
{
    struct slice whole = smtp_output(c->session), out = whole, in = { 0 };
    bool limited = c->has_patience && !smtp_is_committed(c->session);
    bool wait = may_wait && smtp_wants(c->session) == WANTS_INPUT && (!limited || whole.n == 0);
    int64_t own = smtp_timeout(c->session);
    struct status why = { 0 };
    enum code code = stream_exchange(c->stream, &out, &in, wait,
                                     limited ? connection_limit(c, own) : deadline_in(own), &why);
    size_t sent = whole.n - out.n;

    /* What does not wait for an answer can only have waited to send: a record of TLS, though taken,
     * has not left, and is dropped with the stream. */
    if (code == CODE_TIMEOUT && !wait && sent == whole.n && sent > 0)
        sent--;
    if (code && limited)
        connection_blame_patience(c, "", &why);
    if (c->watcher)
        tell_sent(c, sent);
    smtp_sent(c->session, sent);
    smtp_input(c->session, in);
    if (code)
        smtp_lost(c->session, &why);
}

static void secure(struct connection *c)
{
    struct status why = { 0 };

    if (connection_start_tls(c, &why))
        smtp_lost(c->session, &why);
    else
        smtp_secured(c->session);
}

/*
 * Where the account says STARTTLS, or none, a port that expects TLS at once would be silent until
 * the timeout, some minutes from now. Where STARTTLS was found out, that needs no question.
 */
static void await_greeting(struct connection *c)
{
    struct status why = { 0 };

    if ((c->account->tls != TLS_STARTTLS && c->account->tls != TLS_NONE) ||
        connection_is_local(c->account) || smtp_timeout(c->session) < GREETING_LATE)
        return;
    if (connection_hears(c, GREETING_LATE)) {
        exchange(c, false);
        return;
    }
    if (c->has_patience && deadline_left(c->patience) == 0)
        return;
    if (!connection_expects_tls(c))
        return;
    (void)status_set(&why, CODE_TLS_AT_ONCE, STAGE_GREETING, "this port expects TLS at once");
    smtp_lost(c->session, &why);
}

static enum code open_once(struct connection *c, const char *reverse_path, struct status *why)
{
    struct status first = { 0 };

    connection_close(c);
    if (prepare(c, why) || connection_reach(c, &first, why) || begin_session(c, reverse_path, why))
        return why->code;
    connection_tell(c, STAGE_GREETING);
    await_greeting(c);
    connection_pump(c);
    if (smtp_wants(c->session) == WANTS_NOTHING)
        *why = *smtp_fault(c->session);
    if (first.code && why->code && why->stage < STAGE_LOGIN)
        connection_join(&first, why);
    return why->code;
}

enum code connection_open(struct connection *c, const char *reverse_path, struct status *why)
{
    if (open_once(c, reverse_path, why) == CODE_TLS_MISMATCH && !c->looks)
        connection_diagnose(c, reverse_path, why);
    return why->code;
}

void connection_pump(struct connection *c)
{
    for (;;) {
        connection_tell(c, smtp_stage(c->session));
        switch (smtp_wants(c->session)) {
        case WANTS_INPUT:
        case WANTS_OUTPUT:
            exchange(c, true);
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
    exchange(c, false);
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
