#include "cli/probe_text.h"

#include "cli/queue_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    LINE_ROOM = 4096,
    CELL_ROOM = 128,
    PORT_COLUMNS = 5,
    STATE_COLUMNS = 15,
    TLS_COLUMNS = 5,
    CERTIFICATE_COLUMNS = 17,
    LOGIN_COLUMNS = 26,
    SIZE_COLUMNS = 6,
    TIME_COLUMNS = 9,
    PORT_OF_TLS = 465,
    PORT_OF_STARTTLS = 587,
};

static const char green[] = "\033[32m", yellow[] = "\033[33m", red[] = "\033[31m",
                  plain[] = "\033[0m";

static const struct word {
    const char *text;
    const char *colour;
    const char *verdict; /* NULL where it needs the report */
} words[] = {
    [PORT_UNKNOWN] = { "not known", red, NULL },
    [PORT_REFUSED] = { "refused", red, "connection refused: nothing listens there" },
    [PORT_FILTERED] = { "no answer", red,
                        "no answer: nothing is there, or a network on the way blocks it" },
    [PORT_SILENT] = { "silent", red, "takes the connection, then neither greets nor speaks TLS" },
    [PORT_PLAIN] = { "plain", yellow,
                     "SMTP without TLS or STARTTLS: a password could be read on the way" },
    [PORT_STARTTLS] = { "STARTTLS", green, NULL },
    [PORT_BROKEN] = { "STARTTLS fails", red, NULL },
    [PORT_IMPLICIT] = { "implicit TLS", green, NULL },
    [PORT_TLS_FAILED] = { "TLS fails", red, NULL },
    [PORT_REFUSES_US] = { "refuses us", red, NULL },
    [PORT_OTHER] = { "no mail server", red, NULL },
};

const char *probe_state_word(enum port_state state)
{
    return words[state].text;
}

/* By the words of net/explain.c. */
static const struct {
    const char *words, *shown;
} troubles[] = {
    { "wrong name", "wrong name" },   { "expired", "expired" },
    { "out of date", "CA expired" },  { "not valid before", "not yet valid" },
    { "self-signed", "self-signed" }, { "no CA certificates", "not verified" },
};

void probe_add_certificate(struct buf *out, const struct port_report *r)
{
    const struct status *judgement = &r->trust.judgement;
    const char *shown = "not trusted";

    if (!r->trust.is_shown)
        return;
    if (judgement->code == CODE_OK) {
        buf_addf(out, "valid %d day%s", r->trust.days_left, r->trust.days_left == 1 ? "" : "s");
        return;
    }
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (strstr(judgement->what, troubles[i].words)) {
            shown = troubles[i].shown;
            break;
        }
    buf_add_string(out, shown);
}

static void add_cell(struct buf *out, const char *text, size_t columns)
{
    struct slice cut = slice_part(slice_of(text), 0, columns);

    queue_add_left(out, cut, columns);
    buf_add_string(out, "  ");
}

static const char *login_of(const struct port_report *r)
{
    return r->auth_after[0] != 0 ? r->auth_after : r->auth_before;
}

static void add_state(struct buf *out, const struct port_report *r, bool colour)
{
    const struct word *word = &words[r->state];
    bool is_doubtful = r->tls[0] != 0 && (r->trust.judgement.code != CODE_OK || !r->is_modern);

    if (colour)
        buf_add_string(out, is_doubtful && word->colour == green ? yellow : word->colour);
    add_cell(out, word->text, STATE_COLUMNS);
    if (colour)
        buf_add_string(out, plain);
}

/* "1.2" of "TLSv1.2/SUITE". */
static void add_version(struct buf *out, const char *tls)
{
    char cell[CELL_ROOM] = "";

    if (strncmp(tls, "TLSv", 4) == 0)
        (void)snprintf(cell, sizeof cell, "%.*s", (int)strcspn(tls + 4, "/"), tls + 4);
    add_cell(out, cell, TLS_COLUMNS);
}

static void trim_end(struct buf *out)
{
    while (out->n > 0 && out->p[out->n - 1] == ' ')
        out->n--;
}

void probe_add_row(struct buf *out, const struct port_report *r, bool colour)
{
    char room[CELL_ROOM];
    struct buf cell;

    buf_over(&cell, room, sizeof room - 1);
    buf_addf(&cell, "%u", r->port);
    queue_add_right(out, buf_slice(&cell), PORT_COLUMNS);
    buf_add_string(out, "  ");
    add_state(out, r, colour);
    add_version(out, r->tls);
    buf_clear(&cell);
    probe_add_certificate(&cell, r);
    queue_add_left(out, buf_slice(&cell), CERTIFICATE_COLUMNS + 2);
    add_cell(out, login_of(r), LOGIN_COLUMNS);
    buf_clear(&cell);
    if (r->size_limit > 0)
        queue_add_size(&cell, r->size_limit);
    queue_add_left(out, buf_slice(&cell), SIZE_COLUMNS + 2);
    buf_clear(&cell);
    if (r->is_timed)
        buf_addf(&cell, "%lld.%lld ms", (long long)(r->round_trip / 1000),
                 (long long)(r->round_trip % 1000 / 100));
    queue_add_right(out, buf_slice(&cell), TIME_COLUMNS);
    trim_end(out);
}

static void add_head(struct buf *out)
{
    queue_add_right(out, slice_of("PORT"), PORT_COLUMNS);
    buf_add_string(out, "  ");
    add_cell(out, "STATE", STATE_COLUMNS);
    add_cell(out, "TLS", TLS_COLUMNS);
    add_cell(out, "CERTIFICATE", CERTIFICATE_COLUMNS);
    add_cell(out, "LOGIN", LOGIN_COLUMNS);
    add_cell(out, "SIZE", SIZE_COLUMNS);
    queue_add_right(out, slice_of("TIME"), TIME_COLUMNS);
}

static void add_trust(struct buf *out, const struct port_report *r)
{
    const struct trust_facts *t = &r->trust;

    if (t->judgement.code == CODE_OK)
        buf_addf(out, ", certificate valid for %d days, issued by \"%s\"", t->days_left,
                 t->ca[0] != 0 ? t->ca : t->issuer);
    else
        buf_addf(out, ", but its certificate is not trusted: %s", t->judgement.what);
}

static void add_failure(struct buf *out, const char *start, const struct status *why)
{
    buf_add_string(out, start);
    if (why->what[0] != 0)
        buf_addf(out, ": %s", why->what);
    if (why->said[0] != 0)
        buf_addf(out, ", it said \"%s\"", why->said);
}

static void add_way(struct buf *out, const char *start, const struct port_report *r)
{
    buf_add_string(out, start);
    if (!r->is_modern)
        buf_addf(out, ", but with %s, which is too old to be used", r->tls);
    else
        add_trust(out, r);
}

void probe_add_verdict(struct buf *out, const struct port_report *r)
{
    switch (r->state) {
    case PORT_STARTTLS:
        add_way(out, "STARTTLS works", r);
        return;
    case PORT_IMPLICIT:
        add_way(out, "TLS from the first byte works", r);
        return;
    case PORT_BROKEN:
        add_failure(out, "STARTTLS is offered, and fails", &r->why);
        return;
    case PORT_TLS_FAILED:
        add_failure(out, "TLS from the first byte, but it fails", &r->why);
        return;
    case PORT_REFUSES_US:
        add_failure(out, "a mail server that refuses us", &r->why);
        return;
    case PORT_OTHER:
        add_failure(out, "something else than a mail server", &r->why);
        return;
    case PORT_UNKNOWN:
        add_failure(out, "it could not be found out", &r->why);
        return;
    default:
        buf_add_string(out, words[r->state].verdict);
    }
}

/* The keywords of EHLO on one line. */
static void add_keywords(struct buf *out, const struct port_report *r)
{
    const char *text = r->hello.after[0] != 0 ? r->hello.after : r->hello.before;
    struct slice rest = slice_of(text), line;
    bool is_first = true;

    while (slice_take_until(&rest, "\n", &line)) {
        if (line.n == 0)
            continue;
        buf_addf(out, "%s%.*s", is_first ? "" : ", ", (int)line.n, line.p);
        is_first = false;
    }
}

/* What came over the network cannot talk to the terminal. */
static void print(struct buf *line, bool has_colour)
{
    if (!has_colour)
        text_make_printable(line->p, line->n);
    (void)printf("%.*s\n", (int)line->n, line->p);
    buf_clear(line);
}

static void print_verdict(struct buf *line, const struct port_report *r)
{
    buf_addf(line, "%*u  ", PORT_COLUMNS, r->port);
    probe_add_verdict(line, r);
    print(line, false);
    if (r->tls[0] != 0 && r->is_modern) {
        buf_addf(line, "%*s  %s", PORT_COLUMNS, "", r->tls);
        print(line, false);
    }
    if (r->hello.before[0] != 0 || r->hello.after[0] != 0) {
        buf_addf(line, "%*s  ", PORT_COLUMNS, "");
        add_keywords(line, r);
        print(line, false);
    }
}

static bool has_state(const struct probe_findings *f, enum port_state state)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->reports[i].state == state)
            return true;
    return false;
}

static void add_summary(struct buf *out, const struct probe_findings *f,
                        const struct port_report *best)
{
    bool implicit = has_state(f, PORT_IMPLICIT), starttls = has_state(f, PORT_STARTTLS);

    if (!best)
        buf_add_string(out, has_state(f, PORT_PLAIN)
                                ? "This server speaks no TLS that can be used here: ask the "
                                  "provider for the port of his submission server.\n"
                                : "No port can be used: check the name, the network and its "
                                  "firewall.\n");
    else if (implicit && !starttls)
        buf_addf(out, "This provider only speaks implicit TLS, on port %u.\n", best->port);
    else if (starttls && !implicit)
        buf_addf(out, "This provider only speaks STARTTLS, on port %u.\n", best->port);
    else
        buf_addf(out, "This provider speaks implicit TLS and STARTTLS; port %u is the best.\n",
                 best->port);
}

const struct provider *probe_provider(const struct probe_findings *f,
                                      char region[PROVIDER_REGION_ROOM])
{
    const struct port_report *best = probe_best(f->reports, f->count);
    const struct provider *p = provider_of_host(slice_of(f->host), region);

    if (best && p && p->port == best->port &&
        (p->tls == TLS_IMPLICIT) == (best->state == PORT_IMPLICIT))
        return p;
    return NULL;
}

static void add_lines(struct buf *out, const struct probe_findings *f,
                      const struct port_report *best)
{
    bool implicit = best->state == PORT_IMPLICIT;
    char region[PROVIDER_REGION_ROOM];
    const struct provider *p = probe_provider(f, region);

    if (p) {
        buf_addf(out, "provider = %s\n", p->name);
        if (region[0] != 0)
            buf_addf(out, "region = %s\n", region);
        return;
    }
    buf_addf(out, "host = %s\ntls = %s\n", f->host, implicit ? "implicit" : "starttls");
    if (best->port != (implicit ? PORT_OF_TLS : PORT_OF_STARTTLS))
        buf_addf(out, "port = %u\n", best->port);
}

void probe_add_advice(struct buf *out, const struct probe_findings *f)
{
    const struct port_report *best = probe_best(f->reports, f->count);

    add_summary(out, f, best);
    if (!best)
        return;
    buf_add_string(out, "In the INI:\n\n");
    add_lines(out, f, best);
    if (best->trust.judgement.code != CODE_OK)
        buf_addf(out, "; only if you know that this certificate is his:\nfingerprint = %s\n",
                 best->trust.fingerprint);
    if (best->auth_after[0] == 0)
        buf_add_string(out, "; no login is offered there\nauth = none\n");
    else
        buf_add_string(out, "user = ...\npassword = ...\n");
}

void probe_print(const struct probe_findings *f, bool colour)
{
    char room[LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    if (f->candidate) {
        buf_addf(&line, "%s: %s", f->host, f->candidate->reason);
        print(&line, false);
    }
    buf_addf(&line, "%s has %s", f->host, f->addresses);
    print(&line, false);
    (void)putchar('\n');
    add_head(&line);
    print(&line, false);
    for (size_t i = 0; i < f->count; i++) {
        probe_add_row(&line, &f->reports[i], colour);
        print(&line, colour);
    }
    (void)putchar('\n');
    for (size_t i = 0; i < f->count; i++)
        print_verdict(&line, &f->reports[i]);
    (void)putchar('\n');
    probe_add_advice(&line, f);
    (void)fwrite(line.p, 1, line.n, stdout);
}

/* Of ports without a way, the one that tells most. */
static const enum port_state telling[] = {
    PORT_BROKEN, PORT_TLS_FAILED, PORT_REFUSES_US, PORT_PLAIN,   PORT_OTHER,
    PORT_SILENT, PORT_REFUSED,    PORT_FILTERED,   PORT_UNKNOWN,
};

void probe_conclude(const struct probe_findings *f, struct status *why)
{
    const struct port_report *best = probe_best(f->reports, f->count);

    if (best) {
        *why = best->trust.judgement;
        return;
    }
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
        for (size_t k = 0; k < f->count && why->code == CODE_OK; k++)
            if (f->reports[k].state == telling[i])
                *why = f->reports[k].why;
    if (why->code == CODE_OK)
        (void)status_set(why, CODE_TLS_MISMATCH, STAGE_TLS, "no TLS that can be used here");
}
