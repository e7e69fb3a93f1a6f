#include "cli/probe_text.h"

#include "cli/show.h"

#include <stdio.h>
#include <string.h>

enum {
    LINE_ROOM = 4096,
    CELL_ROOM = 128,
    PORT_COLUMNS = 5,
    STATE_COLUMNS = 14,
    TLS_COLUMNS = 3,
    CERTIFICATE_COLUMNS = 14,
    LOGIN_COLUMNS = 17,
    SIZE_COLUMNS = 5,
    TIME_COLUMNS = 8, /* with two between each: 78 */
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

    show_left(out, cut, columns);
    buf_add_string(out, "  ");
}

/* As many words as there is room for; the verdict has them all. */
static void add_login(struct buf *out, const struct port_report *r)
{
    struct slice rest = slice_of(r->auth_after[0] != 0 ? r->auth_after : r->auth_before), word;
    char room[CELL_ROOM];
    struct buf cell;

    buf_over(&cell, room, sizeof room);
    while (slice_take_word(&rest, &word)) {
        bool is_last = slice_trim(rest).n == 0;

        if (cell.n + word.n + (is_last ? 0 : 2) > LOGIN_COLUMNS) {
            buf_add_char(&cell, '+');
            break;
        }
        buf_add_slice(&cell, word);
        buf_add_char(&cell, ' ');
    }
    show_left(out, buf_slice(&cell), LOGIN_COLUMNS + 2);
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
    show_right(out, buf_slice(&cell), PORT_COLUMNS);
    buf_add_string(out, "  ");
    add_state(out, r, colour);
    add_version(out, r->tls);
    buf_clear(&cell);
    probe_add_certificate(&cell, r);
    show_left(out, buf_slice(&cell), CERTIFICATE_COLUMNS + 2);
    add_login(out, r);
    buf_clear(&cell);
    if (r->size_limit > 0)
        show_size(&cell, r->size_limit);
    show_left(out, buf_slice(&cell), SIZE_COLUMNS + 2);
    buf_clear(&cell);
    if (r->is_timed)
        buf_addf(&cell, "%lld.%lld ms", (long long)(r->round_trip / 1000),
                 (long long)(r->round_trip % 1000 / 100));
    show_right(out, buf_slice(&cell), TIME_COLUMNS);
    trim_end(out);
}

static void add_head(struct buf *out)
{
    show_right(out, slice_of("PORT"), PORT_COLUMNS);
    buf_add_string(out, "  ");
    add_cell(out, "STATE", STATE_COLUMNS);
    add_cell(out, "TLS", TLS_COLUMNS);
    add_cell(out, "CERTIFICATE", CERTIFICATE_COLUMNS);
    add_cell(out, "LOGIN", LOGIN_COLUMNS);
    add_cell(out, "SIZE", SIZE_COLUMNS);
    show_right(out, slice_of("TIME"), TIME_COLUMNS);
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
        if (r->auth_before[0] != 0)
            buf_addf(out, "; it offers logins in the clear, too: %s", r->auth_before);
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
    case PORT_FILTERED:
        if (r->why.code == CODE_UNREACHABLE)
            add_failure(out, "no way from this machine", &r->why);
        else
            buf_add_string(out, words[r->state].verdict);
        return;
    case PORT_SILENT:
        buf_add_string(out, r->tls[0] != 0 ? "TLS from the first byte, but no greeting follows"
                                           : words[r->state].verdict);
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
