#include "cli/check_inside.h"

#include "deliver/connection.h"

#include <stdio.h>

enum {
    DAYS_LEFT = 14, /* a certificate should have more */
};

/* What people call the steps up to the login; NULL: it is part of the one before. */
static const char *const names[STAGE_END] = {
    [STAGE_RESOLVE] = "name look-up", [STAGE_CONNECT] = "connection", [STAGE_TLS] = "TLS",
    [STAGE_GREETING] = "greeting",    [STAGE_HELLO] = "EHLO",         [STAGE_STARTTLS] = "STARTTLS",
    [STAGE_LOGIN] = "login",
};

/* Where nothing that has a name is under way, TCP stands, and the server is to speak. */
static const char *name_of(enum stage stage)
{
    return names[stage] ? names[stage] : "greeting";
}

/* On the way: the step under way is told of when the next one begins. */
struct walk {
    struct connection connection;
    struct hello_record record;
    struct steps *steps;
    enum stage stage;
};

static void tell_certificate(struct walk *w)
{
    struct trust_facts facts;
    const char *by;

    trust_facts(w->connection.trust, &facts);
    by = facts.ca[0] != 0 ? facts.ca : facts.issuer;
    if (w->connection.settled.fingerprint[0] != 0)
        steps_tell(w->steps, STEP_OK, "certificate", "%s, the one of fingerprint =", facts.subject);
    else if (facts.days_left < DAYS_LEFT)
        steps_tell(w->steps, STEP_WARNING, "certificate",
                   "%s, valid for %d day%s only, so it has to be renewed soon; issued by \"%s\"",
                   facts.subject, facts.days_left, facts.days_left == 1 ? "" : "s", by);
    else
        steps_tell(w->steps, STEP_OK, "certificate", "%s, valid for %d days, issued by \"%s\"",
                   facts.subject, facts.days_left, by);
}

static const char *first_line(const char *text, char *room, size_t size)
{
    struct slice rest = slice_of(text), line = { 0 };

    (void)slice_take_until(&rest, "\n", &line);
    (void)snprintf(room, size, "%.*s", (int)line.n, line.p ? line.p : "");
    return room;
}

/* EHLO's keywords on one line. */
static void join_lines(const char *text, char *out, size_t room)
{
    struct slice rest = slice_of(text), line;
    struct buf joined;

    buf_over(&joined, out, room - 1);
    while (slice_take_until(&rest, "\n", &line) && line.n > 0)
        buf_addf(&joined, "%s%.*s", joined.n > 0 ? ", " : "", (int)line.n, line.p);
    out[joined.n] = 0;
}

static void tell_done(struct walk *w)
{
    const struct account *a = &w->connection.settled;
    const char *name = names[w->stage];
    char room[HELLO_TEXT_ROOM + 64];
    bool in_tls = w->record.after[0] != 0;

    switch (w->stage) {
    case STAGE_CONNECT:
        steps_tell(w->steps, STEP_OK, name, "%s, port %u", a->host, a->port);
        break;
    case STAGE_TLS:
        steps_tell(w->steps, STEP_OK, name, "%s", stream_tls_name(w->connection.stream));
        tell_certificate(w);
        break;
    case STAGE_GREETING:
        steps_tell(w->steps, STEP_OK, name, "%s",
                   first_line(w->record.greeting, room, sizeof room));
        break;
    case STAGE_HELLO:
        join_lines(in_tls ? w->record.after : w->record.before, room, sizeof room);
        steps_tell(w->steps, STEP_OK, name, "%s", room);
        break;
    case STAGE_STARTTLS:
        steps_tell(w->steps, STEP_OK, name, "the server begins TLS");
        break;
    case STAGE_LOGIN:
        steps_tell(w->steps, STEP_OK, name, "as %s", a->user);
        break;
    default:
        if (name)
            steps_tell(w->steps, STEP_OK, name, "%s", a->host);
    }
}

/* A server that is met anew was no success before. */
static void note_stage(void *context, enum stage stage)
{
    struct walk *w = context;

    if (stage == STAGE_RESOLVE && w->stage != STAGE_NONE)
        steps_tell(w->steps, STEP_WARNING, name_of(w->stage), "not this way: another is tried");
    else if (w->stage != STAGE_NONE)
        tell_done(w);
    else
        steps_start(w->steps);
    w->stage = stage;
    if (names[stage])
        steps_expect(w->steps, names[stage]);
}

/* What follows may begin with a wait for a greeting, which is no part of it. */
static void note_connected(void *context)
{
    struct walk *w = context;

    if (w->stage == STAGE_CONNECT)
        tell_done(w);
    w->stage = STAGE_NONE;
}

static enum code open_connection(struct walk *w, struct making *m, struct status *why)
{
    const struct account *a = &w->connection.settled;

    if (connection_open(&w->connection, m->envelope.reverse_path, why)) {
        connection_say_where(a, why);
        steps_fail(w->steps, why->code == CODE_UNTRUSTED ? "certificate" : name_of(w->stage), why,
                   &m->account);
        return why->code;
    }
    if (w->stage != STAGE_NONE)
        tell_done(w);
    w->stage = STAGE_NONE;
    if (a->tls == TLS_NONE && !connection_is_local(a))
        steps_tell(w->steps, STEP_WARNING, "TLS", "none: tls = none sends all in the clear");
    if (a->user[0] == 0 || a->auth == AUTH_NONE)
        steps_tell(w->steps, STEP_OK, "login", "none, as the account says");
    return CODE_OK;
}

/* MAIL FROM, and its end before anybody is named. */
static enum code try_sender(struct walk *w, struct making *m, struct status *why)
{
    struct declared declared = { .size = 0 };
    struct submission submission = { .envelope = &m->envelope, .declared = &declared };
    struct session *s = w->connection.session;
    struct outcome none = { .recipients = NULL };

    steps_start(w->steps);
    steps_expect(w->steps, "sender");
    smtp_offer(s, &submission, &none);
    connection_pump(&w->connection);
    *why = smtp_wants(s) == WANTS_MORE ? *smtp_refusal(s) : *smtp_fault(s);
    if (smtp_wants(s) == WANTS_MORE) {
        smtp_forget(s);
        smtp_reset(s);
        connection_pump(&w->connection);
    }
    if (why->code == CODE_OK) {
        steps_tell(w->steps, STEP_OK, "sender", "<%s> is accepted", m->envelope.reverse_path);
        return CODE_OK;
    }
    connection_say_where(&w->connection.settled, why);
    steps_fail(w->steps, "sender", why, &m->account);
    return why->code;
}

enum code check_way(struct making *m, struct steps *steps, struct status *why)
{
    struct walk w = { .steps = steps };
    const struct watcher watcher = { .stage = note_stage,
                                     .connected = note_connected,
                                     .context = &w };

    connection_init(&w.connection, &m->account);
    w.connection.watcher = &watcher;
    w.connection.record = &w.record;
    steps_start(steps);
    if (open_connection(&w, m, why) == CODE_OK) {
        w.connection.watcher = NULL;
        (void)try_sender(&w, m, why);
    }
    connection_free(&w.connection);
    return why->code;
}
