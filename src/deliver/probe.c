#include "deliver/probe.h"

#include "deliver/connection.h"
#include "smtp/extensions.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Measures the first handshake of TCP. */
struct stopwatch {
    struct timespec began;
    struct port_report *report;
};

static void note_stage(void *context, enum stage stage)
{
    struct stopwatch *w = context;

    if (stage == STAGE_CONNECT)
        (void)clock_gettime(CLOCK_MONOTONIC, &w->began);
}

static void note_connected(void *context)
{
    struct stopwatch *w = context;
    struct timespec now;

    if (w->report->is_timed)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    w->report->round_trip =
        (now.tv_sec - w->began.tv_sec) * 1000000 + (now.tv_nsec - w->began.tv_nsec) / 1000;
    w->report->is_timed = true;
}

/* What EHLO was answered: the parser wants the line before the keywords, too. */
static void read_keywords(const char *keywords, struct port_report *report, char auth[128])
{
    char text[HELLO_TEXT_ROOM + 2];
    struct extensions extensions;

    if (keywords[0] == 0)
        return;
    (void)snprintf(text, sizeof text, "-\n%s", keywords);
    extensions_parse(slice_of(text), &extensions);
    (void)snprintf(auth, 128, "%s", extensions.auth_words);
    if (extensions.size_limit > 0)
        report->size_limit = extensions.size_limit;
}

static void read_connection(const struct connection *c, struct port_report *report)
{
    if (c->trust)
        trust_facts(c->trust, &report->trust);
    if (c->stream && strcmp(stream_tls_name(c->stream), "none") != 0) {
        (void)snprintf(report->tls, sizeof report->tls, "%s", stream_tls_name(c->stream));
        report->is_modern = stream_tls_is_modern(c->stream);
    }
    read_keywords(report->hello.before, report, report->auth_before);
    read_keywords(report->hello.after, report, report->auth_after);
}

/*
 * A whole session up to where a login would come, or to where it fails; the same way as that of an
 * account with tls = auto. Gives whether it came to be STARTTLS.
 */
static bool attempt(const struct probe_params *params, struct deadline deadline,
                    struct port_report *report)
{
    int64_t limit = deadline_left(deadline);
    struct account account = {
        .name = "probe",
        .hostname = params->ehlo_name,
        .host = params->host,
        .port = report->port,
        .tls = TLS_AUTO,
        .tls_name = params->tls_name,
        .ca_file = params->ca_file,
        .fingerprint = "",
        .user = "",
        .password = "",
        .password_file = "",
        .auth = AUTH_NONE,
        .timeout = limit,
        .connect_timeout = limit,
    };
    struct stopwatch stopwatch = { .report = report };
    const struct watcher watcher = { .stage = note_stage,
                                     .connected = note_connected,
                                     .context = &stopwatch };
    struct connection c;
    bool is_starttls;

    connection_init(&c, &account);
    c.looks = true;
    c.record = &report->hello;
    c.watcher = &watcher;
    c.has_patience = true;
    c.patience = deadline;
    if (connection_open(&c, "", &report->why))
        connection_say_where(&c.settled, &report->why);
    read_connection(&c, report);
    is_starttls = c.settled.tls == TLS_STARTTLS;
    connection_free(&c);
    return is_starttls;
}

/* What a failure says of a port, whatever was tried. */
static enum port_state state_of(const struct status *why)
{
    if (why->stage == STAGE_CONNECT || why->stage == STAGE_RESOLVE)
        switch (why->code) {
        case CODE_REFUSED:
            return PORT_REFUSED;
        case CODE_TIMEOUT:
        case CODE_UNREACHABLE:
            return PORT_FILTERED;
        default:
            return PORT_UNKNOWN;
        }
    switch (why->code) {
    case CODE_GREETING:
        return PORT_REFUSES_US;
    case CODE_PROTOCOL:
        return PORT_OTHER;
    case CODE_TIMEOUT:
    case CODE_CLOSED:
        return PORT_SILENT;
    default:
        return PORT_UNKNOWN;
    }
}

static enum port_state state_of_starttls(const struct port_report *report)
{
    const struct status *why = &report->why;

    if (why->code == CODE_OK)
        return PORT_STARTTLS;
    if (why->code == CODE_NO_STARTTLS)
        return why->reply == 0 ? PORT_PLAIN : PORT_BROKEN;
    if (report->hello.before[0] != 0 && why->stage >= STAGE_TLS)
        return PORT_BROKEN;
    return state_of(why);
}

static enum port_state state_of_implicit(const struct port_report *report)
{
    const struct status *why = &report->why;

    if (why->code == CODE_OK)
        return PORT_IMPLICIT;
    if (why->code == CODE_TLS || why->code == CODE_TLS_MISMATCH || why->code == CODE_UNTRUSTED)
        return PORT_TLS_FAILED;
    return state_of(why);
}

void probe_port(const struct probe_params *params, unsigned port, struct deadline deadline,
                struct port_report *report)
{
    memset(report, 0, sizeof *report); /* also between the fields: it goes through a pipe */
    report->port = port;
    report->state =
        attempt(params, deadline, report) ? state_of_starttls(report) : state_of_implicit(report);
}

/* The more, the better; 0 for no way at all. */
static unsigned worth(const struct port_report *r)
{
    bool is_usual = r->port == 465 || r->port == 587;
    bool is_verified = r->trust.judgement.code == CODE_OK;

    if ((r->state != PORT_IMPLICIT && r->state != PORT_STARTTLS) || !r->is_modern)
        return 0;
    return 1u + (is_verified ? 4u : 0u) + (r->state == PORT_IMPLICIT ? 2u : 0u) +
           (is_usual ? 1u : 0u);
}

const struct port_report *probe_best(const struct port_report *reports, size_t count)
{
    const struct port_report *best = NULL;

    for (size_t i = 0; i < count; i++)
        if (worth(&reports[i]) > (best ? worth(best) : 0))
            best = &reports[i];
    return best;
}
