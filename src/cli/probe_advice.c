/* What follows from a probe: which way to take, and why there is none. */
#include "cli/probe_text.h"

enum {
    PORT_OF_TLS = 465,
    PORT_OF_STARTTLS = 587,
};

static const char no_port[] = "No port can be used: check the name, the network and its firewall.";

/* TLS that works, but that nobody should use. */
static bool is_old(const struct port_report *r)
{
    return (r->state == PORT_IMPLICIT || r->state == PORT_STARTTLS) && !r->is_modern;
}

/* Of ports without a way, the one that tells most, and what follows from it. */
static const struct telling {
    enum port_state state;
    const char *summary;
} telling[] = {
    { PORT_BROKEN, "TLS fails there: whoever runs the server has to mend that." },
    { PORT_TLS_FAILED, "TLS fails there: whoever runs the server has to mend that." },
    { PORT_REFUSES_US, "The server is there, and refuses this machine: ask its owner why." },
    { PORT_PLAIN, "This server speaks no TLS that can be used here: ask the provider for the port "
                  "of his submission server." },
    { PORT_OTHER, "That is no mail server: check the name and the port." },
    { PORT_SILENT, no_port },
    { PORT_REFUSED, no_port },
    { PORT_FILTERED, no_port },
    { PORT_UNKNOWN, no_port },
};

static const struct port_report *first_with(const struct probe_findings *f, enum port_state state)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->reports[i].state == state)
            return &f->reports[i];
    return NULL;
}

static const struct port_report *first_old(const struct probe_findings *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (is_old(&f->reports[i]))
            return &f->reports[i];
    return NULL;
}

/* Its row in *row; NULL when no port was asked. */
static const struct port_report *most_telling(const struct probe_findings *f,
                                              const struct telling **row)
{
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        const struct port_report *r = first_with(f, telling[i].state);

        *row = &telling[i];
        if (r)
            return r;
    }
    return NULL;
}

static void add_despair(struct buf *out, const struct probe_findings *f)
{
    const struct telling *row;

    if (first_old(f))
        buf_add_string(out, "Its TLS is too old to be used: whoever runs the server has to allow "
                            "TLS 1.2 and ECDHE with AES-GCM or ChaCha20.\n");
    else if (most_telling(f, &row))
        buf_addf(out, "%s\n", row->summary);
}

static void add_summary(struct buf *out, const struct probe_findings *f,
                        const struct port_report *best)
{
    bool implicit = first_with(f, PORT_IMPLICIT) != NULL;
    bool starttls = first_with(f, PORT_STARTTLS) != NULL;
    const char *word = best && best->state == PORT_IMPLICIT ? "implicit TLS" : "STARTTLS";

    if (!best)
        add_despair(out, f);
    else if (f->is_chosen && f->count == 1)
        buf_addf(out, "Port %u can be used, with %s.\n", best->port, word);
    else if (f->is_chosen)
        buf_addf(out, "Of these ports %u is the best, with %s.\n", best->port, word);
    else if (implicit != starttls)
        buf_addf(out, "This provider only speaks %s, on port %u.\n", word, best->port);
    else
        buf_addf(out, "This provider speaks implicit TLS and STARTTLS; port %u is the best.\n",
                 best->port);
}

const struct provider *probe_provider(const struct probe_findings *f,
                                      char region[PROVIDER_REGION_ROOM])
{
    const struct port_report *best = probe_best(f->reports, f->count);
    const struct provider *p =
        best ? provider_of_host(slice_of(f->host), best->port, region) : NULL;

    if (p && p->port == best->port && (p->tls == TLS_IMPLICIT) == (best->state == PORT_IMPLICIT))
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

void probe_conclude(const struct probe_findings *f, struct status *why)
{
    const struct port_report *best = probe_best(f->reports, f->count), *other;
    const struct telling *row;

    if (best) {
        *why = best->trust.judgement;
        return;
    }
    other = first_old(f) ? NULL : most_telling(f, &row);
    if (other)
        *why = other->why;
    if (why->code == CODE_OK)
        (void)status_set(why, CODE_TLS_MISMATCH, STAGE_TLS, "no TLS that can be used here");
}
