/* How a connection comes to a server, and to TLS there: as the account says, or by finding out. */
#include "deliver/connection_inside.h"

#include "base/log.h"
#include "net/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
    GREETING_SOON = 300,     /* milliseconds: who greets at all has done so by then, mostly */
    SECOND_HANDSHAKE = 3000, /* milliseconds, connecting included */
    DESCRIPTION_ROOM = STATUS_WHAT_MAX + STATUS_SAID_MAX + 16,
};

struct deadline connection_limit(const struct connection *c, int64_t milliseconds)
{
    struct deadline own = deadline_in(milliseconds);

    return c->has_patience && c->patience.at < own.at ? c->patience : own;
}

void connection_blame_patience(const struct connection *c, const char *place, struct status *why)
{
    long long patience = c->account->patience;
    bool whole = patience % 1000 == 0;

    if (why->code != CODE_TIMEOUT || !c->has_patience || patience == 0 ||
        deadline_left(c->patience) > 0)
        return;
    (void)snprintf(why->what, sizeof why->what, "not sent within the patience of %lld %s%s",
                   whole ? patience / 1000 : patience, whole ? "s" : "ms", place);
}

void connection_tell(struct connection *c, enum stage stage)
{
    if (!c->watcher || stage == c->told)
        return;
    c->told = stage;
    c->sent = 0;
    if (stage != STAGE_NONE && c->watcher->stage)
        c->watcher->stage(c->watcher->context, stage);
}

static void tell_resolved(void *context)
{
    connection_tell(context, STAGE_CONNECT);
}

static enum code dial(const struct account *account, const struct deadline *until,
                      const struct dial_watch *watch, int *fd, struct status *why)
{
    struct deadline own;

    if (!connection_is_local(account))
        return net_dial_watched(account->host, account->port, account->connect_timeout, until,
                                watch, fd, why);
    own = deadline_in(account->connect_timeout);
    return net_dial_local(account->host, deadline_left(until && until->at < own.at ? *until : own),
                          fd, why);
}

static enum code open_stream(const struct account *account, const struct deadline *until,
                             const struct dial_watch *watch, struct stream **out,
                             struct status *why)
{
    int fd = -1;

    if (dial(account, until, watch, &fd, why))
        return why->code;
    if (stream_open(fd, out, why))
        (void)close(fd);
    return why->code;
}

static enum code connect_stream(struct connection *c, struct status *why)
{
    const struct dial_watch watch = { .resolved = tell_resolved, .context = c };

    connection_tell(c, connection_is_local(&c->settled) ? STAGE_CONNECT : STAGE_RESOLVE);
    if (open_stream(&c->settled, c->has_patience ? &c->patience : NULL, c->watcher ? &watch : NULL,
                    &c->stream, why))
        return why->code;
    if (c->watcher && c->watcher->connected)
        c->watcher->connected(c->watcher->context);
    return CODE_OK;
}

static void drop_stream(struct connection *c)
{
    if (c->stream)
        stream_close(c->stream);
    c->stream = NULL;
}

static const char *tls_name(const struct account *account)
{
    return account->tls_name[0] != 0 ? account->tls_name : account->host;
}

static enum code shake_hands(struct connection *c, struct status *why)
{
    struct deadline deadline = connection_limit(c, c->settled.connect_timeout);

    connection_tell(c, STAGE_TLS);
    if (stream_start_tls(c->stream, tls_name(&c->settled), c->trust, deadline, why))
        return why->code;
    log_trace("=", slice_of(stream_tls_name(c->stream)));
    return CODE_OK;
}

enum code connection_start_tls(struct connection *c, struct status *why)
{
    if (shake_hands(c, why))
        connection_blame_patience(c, ", in the TLS handshake", why);
    return why->code;
}

bool connection_hears(const struct connection *c, int64_t milliseconds)
{
    struct deadline deadline = connection_limit(c, milliseconds);
    struct pollfd p = { .fd = stream_fd(c->stream), .events = POLLIN };
    int n;

    do {
        n = poll(&p, 1, deadline_left(deadline));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* At a port that may speak either: who greets is answered, with STARTTLS; else we speak first. */
static enum code find_way(struct connection *c, struct status *why)
{
    if (connection_hears(c, GREETING_SOON)) {
        c->settled.tls = TLS_STARTTLS;
        return CODE_OK;
    }
    c->settled.tls = TLS_IMPLICIT;
    if (shake_hands(c, why) == CODE_TIMEOUT)
        (void)snprintf(why->what, sizeof why->what, "neither a greeting nor TLS in time");
    if (why->code != CODE_NOT_TLS)
        return why->code;
    log_trace("=", slice_of("a late greeting: connects anew, for STARTTLS"));
    *why = (struct status){ .code = CODE_OK };
    drop_stream(c);
    c->settled.tls = TLS_STARTTLS;
    return connect_stream(c, why);
}

static enum code take_way(struct connection *c, struct status *why)
{
    if (connect_stream(c, why))
        return why->code;
    if (c->settled.tls == TLS_AUTO)
        return find_way(c, why);
    return c->settled.tls == TLS_IMPLICIT ? shake_hands(c, why) : CODE_OK;
}

static void blame_way(const struct connection *c, struct status *why)
{
    connection_blame_patience(c,
                              why->stage == STAGE_TLS ? ", in the TLS handshake"
                                                      : ", while waiting for a connection",
                              why);
}

/*
 * How a port says that it is not the one; the later the more it tells. Not here: a certificate that
 * is not trusted, or a handshake that fails as TLS does. There is a server with TLS, and what is
 * wrong with it must be said.
 */
static const enum code not_this_port[] = {
    CODE_UNREACHABLE, CODE_TIMEOUT, CODE_REFUSED, CODE_CLOSED, CODE_NOT_TLS,
};

/* 0 and up; their number for a code that is none of these. */
static size_t telling(enum code code)
{
    const size_t count = sizeof not_this_port / sizeof *not_this_port;

    for (size_t i = 0; i < count; i++)
        if (not_this_port[i] == code)
            return i;
    return count;
}

static bool is_not_this_port(enum code code)
{
    return telling(code) < sizeof not_this_port / sizeof *not_this_port;
}

static void describe(const struct status *st, char *out, size_t room)
{
    struct status placeless = *st;
    struct buf text;

    placeless.where[0] = 0;
    buf_over(&text, out, room - 1);
    status_describe(&placeless, &text);
    out[text.n] = 0;
}

/* A port that refuses is taken for one that is not used; of one that did not come to an answer
 * nobody knows what it will be tomorrow. */
static bool leaves_hope(const struct status *st)
{
    return st->code != CODE_REFUSED && status_is_temporary(st);
}

static bool is_decided_by_first(const struct status *first, const struct status *second)
{
    if (leaves_hope(first) != leaves_hope(second))
        return leaves_hope(first);
    return telling(first->code) > telling(second->code);
}

void connection_join(const struct status *first, struct status *why)
{
    const struct status second = *why;
    char at_first[DESCRIPTION_ROOM], at_second[DESCRIPTION_ROOM];

    describe(first, at_first, sizeof at_first);
    describe(&second, at_second, sizeof at_second);
    if (is_decided_by_first(first, &second))
        *why = *first;
    (void)snprintf(why->where, sizeof why->where, "%s", first->where);
    (void)snprintf(why->what, sizeof why->what, "%.100s; and %d: %.280s", at_first,
                   ACCOUNT_SECOND_PORT, at_second);
    why->said[0] = 0; /* it is in the sentence */
}

static enum code take_other_way(struct connection *c, struct status *first, struct status *why)
{
    *first = *why;
    connection_say_where(&c->settled, first);
    *why = (struct status){ .code = CODE_OK };
    log_trace("=", slice_of("port 465 cannot be had: tries 587 with STARTTLS"));
    drop_stream(c);
    c->settled.port = ACCOUNT_SECOND_PORT;
    c->settled.tls = TLS_STARTTLS;
    if (take_way(c, why) == CODE_OK)
        return CODE_OK;
    blame_way(c, why);
    connection_join(first, why);
    return why->code;
}

/* Whether there is another way when this one is none, and time for it. */
static bool has_other_way(const struct connection *c)
{
    return c->account->port_is_open && !connection_is_local(c->account) &&
           (!c->has_patience || deadline_left(c->patience) > 0);
}

enum code connection_reach(struct connection *c, struct status *first, struct status *why)
{
    const struct deadline patience = c->patience;

    c->settled = *c->account;
    if (c->looks)
        c->settled.auth = AUTH_NONE;
    c->told = STAGE_NONE;
    /* The other way, too, needs some of the patience. */
    if (c->has_patience && has_other_way(c))
        c->patience = deadline_in(deadline_left(patience) / 2);
    (void)take_way(c, why);
    c->patience = patience;
    if (why->code == CODE_OK)
        return CODE_OK;
    blame_way(c, why);
    if (!is_not_this_port(why->code) || !has_other_way(c))
        return why->code;
    return take_other_way(c, first, why);
}

/* Whether it ended as only a handshake with TLS on the other side does, well or not. */
static bool spoke_tls(enum code code)
{
    return code == CODE_OK || code == CODE_TLS || code == CODE_TLS_MISMATCH ||
           code == CODE_UNTRUSTED || code == CODE_READ;
}

static bool shakes_hands_anew(const struct connection *c, struct trust *trust,
                              struct deadline until)
{
    struct stream *stream = NULL;
    struct status why = { 0 };
    enum code code;

    if (open_stream(&c->settled, &until, NULL, &stream, &why))
        return false;
    code = stream_start_tls(stream, tls_name(&c->settled), trust, until, &why);
    stream_close(stream);
    return spoke_tls(code);
}

bool connection_expects_tls(struct connection *c)
{
    struct deadline until = deadline_in(SECOND_HANDSHAKE);
    struct trust *own = NULL; /* of an account without TLS, which has none; nothing follows it */
    struct status why = { 0 };
    bool expects;

    if (!c->trust && trust_load_to_look(c->account->ca_file, &own, &why))
        return false;
    /* A greeting that comes meanwhile must find some of the patience left. */
    if (c->has_patience && deadline_left(c->patience) / 2 < SECOND_HANDSHAKE)
        until = deadline_in(deadline_left(c->patience) / 2);
    log_trace("=", slice_of("no greeting: asks for TLS on a second connection"));
    expects = shakes_hands_anew(c, own ? own : c->trust, until);
    trust_free(own);
    return expects;
}
