#include "deliver/discover.h"

#include "net/dial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    ADDRESSES_ROOM = 64, /* only whether there are any counts */
};

/* Adds a candidate, unless it is there or there are enough. The format makes its reason. */
static void add(struct discovery *d, const struct candidate *candidate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct discovery *d, const struct candidate *candidate, const char *format, ...)
{
    struct candidate *row = &d->rows[d->count];
    va_list arguments;

    for (size_t i = 0; i < d->count; i++)
        if (strcasecmp(d->rows[i].host, candidate->host) == 0 && d->rows[i].port == candidate->port)
            return;
    if (d->count == CANDIDATES_MAX)
        return;
    *row = *candidate;
    va_start(arguments, format);
    (void)vsnprintf(row->reason, sizeof row->reason, format, arguments);
    va_end(arguments);
    d->count++;
}

static void note_dns(struct discovery *d, const struct status *why)
{
    if (d->dns.code == CODE_OK)
        d->dns = *why;
}

/* RFC 8314 section 5.1, then RFC 6186: implicit TLS before STARTTLS. */
static const struct service {
    const char *name;
    enum tls_mode tls;
} services[] = {
    { "_submissions._tcp", TLS_IMPLICIT },
    { "_submission._tcp", TLS_STARTTLS },
};

static void ask_service(struct discovery *d, const struct service *service, const char *domain)
{
    struct lookup_answer answer;
    struct status why = { 0 };

    if (lookup_srv(service->name, domain, &answer, &why)) {
        note_dns(d, &why);
        return;
    }
    for (size_t i = 0; i < answer.count; i++) {
        const struct lookup_row *row = &answer.rows[i];
        struct candidate c = { .source = SOURCE_SRV, .port = row->port, .tls = service->tls };

        if (row->name[0] == 0) { /* RFC 2782: the service is decidedly not there */
            d->is_refused = true;
            continue;
        }
        (void)snprintf(c.host, sizeof c.host, "%s", row->name);
        add(d, &c, "%s.%.80s says so in DNS", service->name, domain);
    }
}

static void add_provider(struct discovery *d, const struct provider *p, const char *region,
                         enum discovery_source source, const char *of)
{
    struct candidate c = { .source = source, .provider = p, .port = p->port, .tls = p->tls };

    if (!provider_host(p, region, c.host))
        return;
    (void)snprintf(c.region, sizeof c.region, "%s", region);
    if (source == SOURCE_MX)
        add(d, &c, "the domain's mail goes to %.80s, of %s", of, p->title);
    else
        add(d, &c, "the domain is one of %s", p->title);
}

static void ask_mx(struct discovery *d, const char *domain)
{
    struct lookup_answer answer;
    struct status why = { 0 };

    if (lookup_mx(domain, &answer, &why)) {
        note_dns(d, &why);
        return;
    }
    for (size_t i = 0; i < answer.count && d->count == 0; i++) {
        char region[PROVIDER_REGION_ROOM];
        const struct provider *p = provider_of_mx(slice_of(answer.rows[i].name), region);

        if (p)
            add_provider(d, p, region, SOURCE_MX, answer.rows[i].name);
    }
}

static const char *const guesses[] = { "smtp", "mail" };

enum {
    GUESSES = sizeof guesses / sizeof *guesses,
};

static void guess(struct discovery *d, const char *name, const char *domain)
{
    struct candidate c = { .source = SOURCE_GUESS };
    struct status why = { 0 };
    char addresses[ADDRESSES_ROOM];
    int n = snprintf(c.host, sizeof c.host, "%s.%s", name, domain);

    if (n < 0 || (size_t)n >= sizeof c.host)
        return;
    if (net_addresses(c.host, addresses, sizeof addresses, &why) == CODE_OK)
        add(d, &c, "there is a host of this name");
    else if (why.code != CODE_RESOLVE)
        note_dns(d, &why);
}

/* The provider of an SRV's host, for his notes. */
static void name_providers(struct discovery *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct candidate *c = &d->rows[i];

        if (!c->provider)
            c->provider = provider_of_host(slice_of(c->host), c->port, c->region);
    }
}

/* The questions to DNS, each as long as there is no answer yet, and time. */
static void ask_dns(struct discovery *d, const char *domain, struct deadline deadline)
{
    const struct provider *known;
    char region[PROVIDER_REGION_ROOM];

    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (i == 0 || deadline_left(deadline) > 0)
            ask_service(d, &services[i], domain);
    known = provider_of_domain(slice_of(domain), region);
    if (d->count == 0 && known)
        add_provider(d, known, region, SOURCE_PROVIDER, "");
    if (d->count == 0 && deadline_left(deadline) > 0)
        ask_mx(d, domain);
    for (size_t i = 0; d->count == 0 && i < GUESSES && deadline_left(deadline) > 0; i++)
        guess(d, guesses[i], domain);
}

enum code discover(const char *domain, struct deadline deadline, struct discovery *out,
                   struct status *why)
{
    *out = (struct discovery){ .count = 0 };
    ask_dns(out, domain, deadline);
    name_providers(out);
    if (out->count > 0)
        return CODE_OK;
    status_at(why, "%.200s", domain);
    if (out->dns.code)
        return status_set(why, out->dns.code, STAGE_RESOLVE, "%s", out->dns.what);
    return status_set(why, CODE_RESOLVE, STAGE_RESOLVE,
                      "no server for submission is known by this domain");
}
