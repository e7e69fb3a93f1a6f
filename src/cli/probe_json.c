#include "cli/probe_text.h"

#include "cli/show.h"

#include <stdio.h>

enum {
    STRING_ROOM = 8 * 1024, /* the longest text, with each byte escaped */
    PROBE_TIME_ROOM = 24,
};

static void print_string(const char *name, const char *value)
{
    char room[STRING_ROOM];
    struct buf text;

    buf_over(&text, room, sizeof room);
    show_json(&text, value && value[0] != 0 ? value : NULL);
    (void)printf("\"%s\": %.*s, ", name, text.failed ? 4 : (int)text.n,
                 text.failed ? "null" : text.p);
}

/* Texts parted by `parts` as an array. */
static void print_list(const char *name, const char *value, const char *parts)
{
    struct slice rest = slice_of(value), part;
    const char *comma = "";

    (void)printf("\"%s\": [", name);
    while (slice_take_until(&rest, parts, &part)) {
        char room[STRING_ROOM], word[HELLO_TEXT_ROOM];
        struct buf text;

        part = slice_trim(part);
        if (part.n == 0 || part.n >= sizeof word)
            continue;
        (void)snprintf(word, sizeof word, "%.*s", (int)part.n, part.p);
        buf_over(&text, room, sizeof room);
        show_json(&text, word);
        (void)printf("%s%.*s", comma, (int)text.n, text.p);
        comma = ", ";
    }
    (void)fputs("], ", stdout);
}

/* "20270213213502" as RFC 3339 writes it. */
static void print_time(const char *name, const char *digits)
{
    char text[PROBE_TIME_ROOM] = "";

    if (slice_of(digits).n == 14)
        (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", digits, digits + 4,
                       digits + 6, digits + 8, digits + 10, digits + 12);
    print_string(name, text);
}

static void print_certificate(const struct port_report *r)
{
    const struct trust_facts *t = &r->trust;

    if (!t->is_shown) {
        (void)fputs("\"certificate\": null, ", stdout);
        return;
    }
    (void)fputs("\"certificate\": {", stdout);
    print_string("subject", t->subject);
    print_string("issuer", t->issuer);
    print_string("ca", t->ca);
    print_list("names", t->names, ",");
    print_time("not_after", t->not_after);
    print_string("fingerprint", t->fingerprint);
    print_string("error", t->judgement.code ? t->judgement.what : NULL);
    (void)printf("\"days_left\": %d, \"trusted\": %s}, ", t->days_left,
                 t->judgement.code ? "false" : "true");
}

static void print_report(const struct port_report *r)
{
    (void)printf("{\"port\": %u, ", r->port);
    print_string("state", probe_state_word(r->state));
    print_string("error", r->why.code ? r->why.what : NULL);
    print_string("said", r->why.said);
    print_string("greeting", r->hello.greeting);
    print_string("tls", r->tls);
    print_certificate(r);
    print_list("keywords_before_tls", r->hello.before, "\n");
    print_list("keywords", r->hello.after, "\n");
    print_list("login_before_tls", r->auth_before, " ");
    print_list("login", r->auth_after, " ");
    (void)printf("\"size\": %llu, ", (unsigned long long)r->size_limit);
    if (r->is_timed)
        (void)printf("\"microseconds\": %lld}", (long long)r->round_trip);
    else
        (void)fputs("\"microseconds\": null}", stdout);
}

static void print_use(const struct probe_findings *f)
{
    const struct port_report *best = probe_best(f->reports, f->count);
    char region[PROVIDER_REGION_ROOM];
    const struct provider *p = probe_provider(f, region);

    if (!best) {
        (void)fputs("\"use\": null", stdout);
        return;
    }
    (void)fputs("\"use\": {", stdout);
    print_string("provider", p ? p->name : NULL);
    print_string("region", p && region[0] != 0 ? region : NULL);
    print_string("host", f->host);
    print_string("tls", best->state == PORT_IMPLICIT ? "implicit" : "starttls");
    if (best->trust.judgement.code)
        print_string("fingerprint", best->trust.fingerprint);
    (void)printf("\"trusted\": %s, \"port\": %u}", best->trust.judgement.code ? "false" : "true",
                 best->port);
}

void probe_print_json(const struct probe_findings *f)
{
    (void)putchar('{');
    print_string("host", f->host);
    print_list("addresses", f->addresses, ",");
    print_string("found", f->candidate ? f->candidate->reason : NULL);
    (void)fputs("\"ports\": [", stdout);
    for (size_t i = 0; i < f->count; i++) {
        if (i > 0)
            (void)fputs(", ", stdout);
        print_report(&f->reports[i]);
    }
    (void)fputs("], ", stdout);
    print_use(f);
    (void)fputs("}\n", stdout);
}
