/* `orsino setup`, the server: the account's own, or found by the address, probed, and confirmed. */
#include "cli/setup_inside.h"

#include "cli/probe_ports.h"
#include "cli/probe_text.h"
#include "cli/target.h"
#include "deliver/discover.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    TIMEOUT = 5000, /* milliseconds, for a probe */
    ADDRESSES_ROOM = 512,
    LINE_ROOM = 2048,
    PORT_ROOM = 12,
    PORT_MAX = 65535,
    USUAL_TLS = 465,
    USUAL_STARTTLS = 587,
};

static const char *domain_of(const struct setup *s)
{
    return strrchr(s->address, '@') + 1;
}

static const char *word_of(bool implicit)
{
    return implicit ? "implicit" : "starttls";
}

/* The provider's name stands for host, port and tls. */
static void take_provider(struct setup *s, const struct provider *p)
{
    s->provider = p;
    setup_take(s, SETUP_PROVIDER, p->name);
}

static void take_port(struct setup *s, unsigned port)
{
    char text[PORT_ROOM];

    (void)snprintf(text, sizeof text, "%u", port);
    setup_take(s, SETUP_PORT, text);
}

/* A port that goes with the mode anyway need not be written. */
static void take_unusual_port(struct setup *s, unsigned port, bool implicit)
{
    if (!s->values[SETUP_PORT] && port != (implicit ? USUAL_TLS : USUAL_STARTTLS))
        take_port(s, port);
}

static void take_host(struct setup *s, const char *host)
{
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    setup_take(s, SETUP_HOST, host);
}

/* What came with another answer goes with it. What options say stays, unless they name the server
 * that is no more; a CA may vouch for the next one, too. */
static void forget_server(struct setup *s)
{
    bool was_option = s->values[SETUP_HOST] && s->values[SETUP_HOST] != s->rooms[SETUP_HOST];

    s->provider = NULL;
    for (int i = 0; i <= SETUP_LAST_OF_SERVER; i++)
        if (s->values[i] == s->rooms[i] || (was_option && i != SETUP_CA_FILE))
            s->values[i] = NULL;
}

/* A value of the account as it is, or of all accounts; an empty one of its own is none. */
static struct slice present(const struct setup *s, const char *section, enum setup_key key)
{
    const char *name = setup_keys[key];
    bool is_own = scan_line(&s->file.scan, slice_of(section), name) > 0;

    return setup_file_value(&s->file, slice_of(is_own ? section : SCAN_GLOBALS), name);
}

static bool is_other(struct slice value, const char *said)
{
    return said && !slice_equal_nocase(value, slice_of(said));
}

/* Without a password; now there is one. */
static bool is_no_login(enum setup_key key, struct slice value)
{
    return key == SETUP_AUTH && slice_equal_nocase(value, slice_of("none"));
}

bool setup_find_present(const struct setup *s, char out[SETUP_NAME_ROOM])
{
    if (!s->account)
        return setup_file_find(&s->file, s->address, out);
    (void)snprintf(out, SETUP_NAME_ROOM, "%s", s->account);
    return scan_line(&s->file.scan, slice_of(s->account), NULL) > 0;
}

/*
 * What the account has now need not be found out; but when an option names another server, nothing
 * of it counts. Whether there was something.
 */
static bool take_present(struct setup *s)
{
    char section[SETUP_NAME_ROOM], text[ASK_ROOM], host[PROVIDER_HOST_ROOM];
    const char *region;

    if (!setup_find_present(s, section) ||
        is_other(present(s, section, SETUP_HOST), s->values[SETUP_HOST]) ||
        is_other(present(s, section, SETUP_PROVIDER), s->values[SETUP_PROVIDER]))
        return false;
    for (int i = 0; i <= SETUP_LAST_OF_SERVER; i++) {
        struct slice value = present(s, section, (enum setup_key)i);

        (void)snprintf(text, sizeof text, "%.*s", (int)value.n, value.n > 0 ? value.p : "");
        if (value.n > 0 && !s->values[i] && !is_no_login((enum setup_key)i, value))
            setup_take(s, (enum setup_key)i, text);
    }
    region = s->values[SETUP_REGION] ? s->values[SETUP_REGION] : "";
    if (s->values[SETUP_PROVIDER])
        s->provider = provider_find(slice_of(s->values[SETUP_PROVIDER]));
    if (s->values[SETUP_HOST])
        (void)snprintf(s->host, sizeof s->host, "%s", s->values[SETUP_HOST]);
    else if (s->provider && provider_host(s->provider, region, host))
        (void)snprintf(s->host, sizeof s->host, "%s", host);
    return s->host[0] != 0;
}

/* RFC 6186 section 6: who can forge DNS would get the password, and has a certificate for his own
 * name. */
static bool is_below(const char *host, const char *domain)
{
    size_t n = strlen(host), m = strlen(domain);

    return n >= m && strcasecmp(host + n - m, domain) == 0 && (n == m || host[n - m - 1] == '.');
}

static enum code refuse_stranger(const struct setup *s, const struct candidate *c,
                                 struct status *why)
{
    return status_set(
        why, CODE_USAGE, STAGE_OPTIONS,
        "DNS names %.100s for %.100s, which lies in another domain: say --host %.100s "
        "if it is right",
        c->host, domain_of(s), c->host);
}

static void take_candidate(struct setup *s, const struct candidate *c)
{
    bool implicit = c->tls == TLS_IMPLICIT;

    take_host(s, c->host);
    s->provider = c->provider;
    if (c->provider && c->source != SOURCE_SRV) {
        take_provider(s, c->provider);
        if (c->region[0] != 0 && !s->values[SETUP_REGION])
            setup_take(s, SETUP_REGION, c->region);
        s->values[SETUP_HOST] = NULL;
    } else if (c->port > 0 && !s->values[SETUP_PORT]) {
        take_unusual_port(s, c->port, implicit);
        if (!s->asks && !s->values[SETUP_TLS])
            setup_take(s, SETUP_TLS, word_of(implicit));
    }
}

/* The first finding is the best one. */
static enum code find_by_domain(struct setup *s, struct status *why)
{
    const struct deadline deadline = deadline_in(TIMEOUT);
    struct discovery found;
    const struct candidate *best = &found.rows[0];
    struct status fault = { 0 };

    if (discover(domain_of(s), deadline, &found, &fault)) {
        if (s->asks && found.is_refused)
            (void)printf("%s says in DNS that it has no such server.\n", domain_of(s));
        return CODE_OK;
    }
    if (!s->asks && best->source == SOURCE_SRV && !best->provider &&
        !is_below(best->host, domain_of(s)))
        return refuse_stranger(s, best, why);
    (void)printf("%s: %s.\n", best->host, best->reason);
    take_candidate(s, best);
    return CODE_OK;
}

static void print_finding(const struct setup *s, const struct port_report *r)
{
    char room[LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    buf_addf(&line, "%s, port %u: ", s->values[SETUP_HOST], r->port);
    probe_add_verdict(&line, r);
    text_make_printable(line.p, line.n);
    (void)printf("%.*s.\n", (int)line.n, line.p);
}

/* A certificate that nobody vouches for may be known to the one at the terminal. */
static bool confirm_certificate(struct setup *s, const struct port_report *best)
{
    if (best->trust.judgement.code == CODE_OK || s->values[SETUP_FINGERPRINT])
        return true;
    (void)printf("Its fingerprint is %s.\n", best->trust.fingerprint);
    if (!ask_yes("Trust it by that, as one that you know is his?", false))
        return false;
    setup_take(s, SETUP_FINGERPRINT, best->trust.fingerprint);
    return true;
}

/* A misspelt provider is looked up as a host, and is none. */
static void tell_no_host(const char *host, const struct status *why)
{
    const char *meant = target_meant(host, why);

    if (meant)
        (void)printf("%s: %s; did you mean %s?\n", host, why->what, meant);
    else
        (void)printf("%s: %s.\n", host, why->what);
}

/* Asks the host itself. False when there is no way that could be used; it is told why. */
static bool probe_host(struct setup *s)
{
    struct probe_params params = {
        .host = s->values[SETUP_HOST],
        .tls_name = s->values[SETUP_TLS_NAME] ? s->values[SETUP_TLS_NAME] : "",
        .ca_file = s->values[SETUP_CA_FILE] ? s->values[SETUP_CA_FILE] : "",
        .ehlo_name = "",
    };
    struct probe_list list = { .timeout = TIMEOUT };
    struct port_report reports[PROBE_PORTS_MAX];
    const struct port_report *best;
    char addresses[ADDRESSES_ROOM];
    struct status why = { 0 };
    uint64_t port;

    if (!s->values[SETUP_PORT])
        probe_list_complete(&list);
    else if (slice_number(slice_of(s->values[SETUP_PORT]), PORT_MAX, &port) && port > 0)
        probe_list_add(&list, (unsigned)port);
    (void)printf("Asking %s what it speaks.\n", params.host);
    (void)fflush(stdout);
    if (probe_ports(&params, &list, reports, addresses, sizeof addresses, &why)) {
        tell_no_host(params.host, &why);
        return false;
    }
    best = probe_best(reports, list.count);
    for (size_t i = 0; i < list.count; i++)
        if (best == &reports[i] || !best)
            print_finding(s, &reports[i]);
    if (!best)
        return false;
    setup_take(s, SETUP_TLS, word_of(best->state == PORT_IMPLICIT));
    take_unusual_port(s, best->port, best->state == PORT_IMPLICIT);
    return confirm_certificate(s, best);
}

/* A provider's name, a host, or a host with a port. False when it is none of them; it is told. */
static bool take_answer(struct setup *s, const char *answer)
{
    const struct provider *p = provider_find(slice_of(answer));
    struct status why = { 0 };
    struct target target;

    forget_server(s);
    if (p) {
        take_provider(s, p);
        return true;
    }
    target_read(answer, &target);
    if (target.is_wrong) {
        (void)puts("port takes a number from 1 to 65535.");
        return false;
    }
    take_host(s, target.host);
    if (target.port > 0)
        take_port(s, target.port);
    if (setup_judge("host", s->values[SETUP_HOST], &why) == CODE_OK)
        return true;
    (void)printf("%s.\n", why.what);
    return false;
}

/* What Enter stands for: the server that was found, or that the account has. */
static void write_usual(const struct setup *s, char out[ASK_ROOM])
{
    if (s->values[SETUP_HOST] && s->values[SETUP_PORT] == s->rooms[SETUP_PORT])
        (void)snprintf(out, ASK_ROOM, "%.900s:%s", s->host, s->values[SETUP_PORT]);
    else
        (void)snprintf(out, ASK_ROOM, "%s", s->host);
}

static bool is_usable(struct setup *s)
{
    return s->values[SETUP_PROVIDER] || !s->checks || s->values[SETUP_TLS] || probe_host(s) ||
           ask_yes("Take it all the same?", false);
}

/* Enter brings back all that goes with the usual server, whatever was tried meanwhile. */
static enum code ask_host(struct setup *s, bool is_given, struct status *why)
{
    const struct setup found = *s;
    char answer[ASK_ROOM], usual[ASK_ROOM] = "";

    if (!is_given)
        write_usual(s, usual);
    for (int i = 0; i < ASK_TIMES; i++) {
        if (i > 0 || !is_given) {
            if (!ask_text("The provider's server for outgoing mail", usual, answer))
                break;
            if (answer[0] != 0 && strcmp(answer, usual) == 0)
                *s = found;
            else if (answer[0] == 0 || !take_answer(s, answer))
                continue;
        }
        if (is_usable(s))
            return CODE_OK;
    }
    return setup_give_up(why);
}

/* What people fail at comes before the questions that it helps to answer. */
static void tell_note(const struct setup *s)
{
    if (s->asks && s->provider && s->provider->note)
        (void)printf("%s: %s.\n", s->provider->title, s->provider->note);
}

/* Of a provider that has several, when the one at the terminal chose him. */
static enum code gather_region(struct setup *s, struct status *why)
{
    const struct provider *p = s->values[SETUP_PROVIDER] ? s->provider : NULL;
    char region[ASK_ROOM], host[PROVIDER_HOST_ROOM];

    tell_note(s);
    if (!p || !p->region || s->values[SETUP_REGION] || !s->asks)
        return CODE_OK;
    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_text("Region", p->region, region))
            break;
        if (provider_host(p, region, host)) {
            setup_take(s, SETUP_REGION, region);
            return CODE_OK;
        }
        (void)puts("This is no region.");
    }
    return setup_give_up(why);
}

static enum code refuse_provider(const char *name, struct status *why)
{
    const char *nearest = provider_nearest(slice_of(name));

    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "no provider \"%.80s\" is known%s%s%s", name,
                      nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static enum code judge_region(const struct setup *s, struct status *why)
{
    const char *region = s->values[SETUP_REGION];
    char host[PROVIDER_HOST_ROOM];

    if (!region || provider_host(s->provider, region, host))
        return CODE_OK;
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s has no region \"%.80s\"",
                      s->provider->name, region);
}

static enum code find_server(struct setup *s, struct status *why)
{
    const char *provider = s->values[SETUP_PROVIDER];
    bool is_given = s->values[SETUP_HOST] != NULL;

    if (provider)
        s->provider = provider_find(slice_of(provider));
    if (provider && !s->provider)
        return refuse_provider(provider, why);
    s->is_present = take_present(s);
    if (provider)
        return judge_region(s, why);
    if (is_given)
        (void)snprintf(s->host, sizeof s->host, "%s", s->values[SETUP_HOST]);
    else if (!s->is_present && s->checks && find_by_domain(s, why))
        return why->code;
    if (s->asks)
        return ask_host(s, is_given, why);
    return s->values[SETUP_HOST] || s->values[SETUP_PROVIDER]
               ? CODE_OK
               : setup_missing(why, "--host, or --provider,");
}

enum code setup_gather_server(struct setup *s, struct status *why)
{
    return find_server(s, why) ? why->code : gather_region(s, why);
}
