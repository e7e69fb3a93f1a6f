#include "cli/setup_inside.h"

#include "cli/probe_ports.h"
#include "cli/probe_text.h"
#include "deliver/discover.h"
#include "mail/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT = 5000, /* milliseconds, for a probe */
    ADDRESSES_ROOM = 512,
    LINE_ROOM = 2048,
    PORT_MAX = 65535,
    USUAL_TLS = 465,
    USUAL_STARTTLS = 587,
};

static const struct {
    const char *key, *variable;
} keys[SETUP_KEYS] = {
    [SETUP_PROVIDER] = { "provider", "ORSINO_PROVIDER" },
    [SETUP_REGION] = { "region", "ORSINO_REGION" },
    [SETUP_HOST] = { "host", "ORSINO_HOST" },
    [SETUP_PORT] = { "port", "ORSINO_PORT" },
    [SETUP_TLS] = { "tls", "ORSINO_TLS" },
    [SETUP_CA_FILE] = { "ca_file", "ORSINO_CA_FILE" },
    [SETUP_FINGERPRINT] = { "fingerprint", "ORSINO_FINGERPRINT" },
    [SETUP_USER] = { "user", "ORSINO_USER" },
    [SETUP_PASSWORD] = { "password", "ORSINO_PASSWORD" },
    [SETUP_PASSWORD_FILE] = { "password_file", "ORSINO_PASSWORD_FILE" },
    [SETUP_FROM] = { "from", "ORSINO_FROM" },
};

static enum code missing(struct status *why, const char *what)
{
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s is missing", what);
}

static enum code give_up(struct status *why)
{
    return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                      "no answer that can be used: nothing is written");
}

static void take_environment(struct setup *s)
{
    for (size_t i = 0; i < SETUP_KEYS; i++) {
        const char *value = getenv(keys[i].variable);

        if (!s->values[i] && value && value[0] != 0)
            s->values[i] = value;
    }
    if (!s->local)
        s->local = getenv("ORSINO_LOCAL");
}

static bool is_address(const char *text)
{
    struct status ignored = { 0 };
    struct address address;

    return address_parse(slice_of(text), &address, &ignored) == CODE_OK && address.at > 0 &&
           strchr(text, '@') != NULL;
}

static enum code gather_address(struct setup *s, struct status *why)
{
    if (s->address[0] == 0 && s->values[SETUP_FROM])
        s->address = s->values[SETUP_FROM];
    if (s->address[0] == 0 && s->values[SETUP_USER] && strchr(s->values[SETUP_USER], '@'))
        s->address = s->values[SETUP_USER];
    if (!s->asks && s->address[0] == 0)
        return missing(why, "the mail address, as an argument or --from,");
    for (int i = 0; i < ASK_TIMES && !is_address(s->address); i++) {
        if (!s->asks)
            return status_set(why, CODE_ADDRESS, STAGE_OPTIONS, "\"%.80s\" is no mail address",
                              s->address);
        if (s->address[0] != 0)
            (void)puts("This is no mail address.");
        s->address = s->address_room;
        if (!ask_text("Your mail address", "", s->address_room))
            break;
    }
    return is_address(s->address) ? CODE_OK : give_up(why);
}

static const char *domain_of(const struct setup *s)
{
    return strrchr(s->address, '@') + 1;
}

/* The provider's name stands for host, port and tls. */
static void take_provider(struct setup *s, const struct provider *p)
{
    s->provider = p;
    s->values[SETUP_PROVIDER] = p->name;
}

static void take_region(struct setup *s, const char *region)
{
    if (region[0] == 0 || s->values[SETUP_REGION])
        return;
    (void)snprintf(s->region, sizeof s->region, "%s", region);
    s->values[SETUP_REGION] = s->region;
}

/* The name, and the port unless it is the one that goes with the mode anyway. */
static void take_port(struct setup *s, unsigned port, bool implicit)
{
    if (port == (implicit ? USUAL_TLS : USUAL_STARTTLS))
        return;
    (void)snprintf(s->port, sizeof s->port, "%u", port);
    s->values[SETUP_PORT] = s->port;
}

static void take_host(struct setup *s, const char *host)
{
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    s->values[SETUP_HOST] = s->host;
}

/* A port, region or provider that came with another answer goes with it; those of options stay. */
static void forget_server(struct setup *s)
{
    s->provider = NULL;
    s->values[SETUP_PROVIDER] = s->values[SETUP_HOST] = NULL;
    if (s->values[SETUP_PORT] == s->port)
        s->values[SETUP_PORT] = NULL;
    if (s->values[SETUP_REGION] == s->region)
        s->values[SETUP_REGION] = NULL;
}

/* The first finding is the best one; s->host is its name, also where the provider stands for it. */
static void find_by_domain(struct setup *s)
{
    struct discovery found;
    const struct candidate *best = &found.rows[0];
    struct status why = { 0 };

    if (discover(domain_of(s), &found, &why)) {
        if (s->asks && found.is_refused)
            (void)printf("%s says in DNS that it has no such server.\n", domain_of(s));
        return;
    }
    if (s->asks)
        (void)printf("%s: %s.\n", best->host, best->reason);
    take_host(s, best->host);
    s->provider = best->provider;
    if (best->provider && best->source != SOURCE_SRV) {
        take_provider(s, best->provider);
        take_region(s, best->region);
        s->values[SETUP_HOST] = NULL;
    } else if (best->port > 0 && !s->values[SETUP_PORT]) {
        take_port(s, best->port, best->tls == TLS_IMPLICIT);
        if (!s->asks && !s->values[SETUP_TLS])
            s->values[SETUP_TLS] = best->tls == TLS_IMPLICIT ? "implicit" : "starttls";
    }
}

/* A way that was probed. */
static void take_way(struct setup *s, const struct port_report *best)
{
    bool implicit = best->state == PORT_IMPLICIT;

    s->values[SETUP_TLS] = implicit ? "implicit" : "starttls";
    if (!s->values[SETUP_PORT])
        take_port(s, best->port, implicit);
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

/* Asks the host itself. False when there is no way that could be used; it is told why. */
static bool probe_host(struct setup *s)
{
    struct probe_params params = {
        .host = s->values[SETUP_HOST],
        .tls_name = "",
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
        (void)printf("%s: %s.\n", params.host, why.what);
        return false;
    }
    best = probe_best(reports, list.count);
    for (size_t i = 0; i < list.count; i++)
        if (best == &reports[i] || !best)
            print_finding(s, &reports[i]);
    if (best)
        take_way(s, best);
    return best != NULL;
}

/* A provider's name, a host, or a host with a port: host:2525. */
static void take_answer(struct setup *s, const char *answer)
{
    const char *colon = strchr(answer, ':');
    uint64_t port;

    forget_server(s);
    if (provider_find(slice_of(answer))) {
        take_provider(s, provider_find(slice_of(answer)));
        return;
    }
    take_host(s, answer);
    if (colon && colon > answer && slice_number(slice_of(colon + 1), PORT_MAX, &port) && port > 0) {
        s->host[colon - answer] = 0;
        (void)snprintf(s->port, sizeof s->port, "%u", (unsigned)port);
        s->values[SETUP_PORT] = s->port;
    }
}

/* What was found is what Enter stands for; what an option says is not asked. */
static enum code ask_host(struct setup *s, bool is_given, struct status *why)
{
    char answer[ASK_ROOM], usual[ASK_ROOM];

    (void)snprintf(usual, sizeof usual, "%s", is_given ? "" : s->host);
    for (int i = 0; i < ASK_TIMES; i++) {
        if (i > 0 || !is_given) {
            if (!ask_text("The provider's server for outgoing mail", usual, answer))
                break;
            if (answer[0] == 0)
                continue;
            if (i > 0 || strcmp(answer, usual) != 0)
                take_answer(s, answer);
        }
        if (s->values[SETUP_PROVIDER] || !s->checks || s->values[SETUP_TLS] || probe_host(s) ||
            ask_yes("Take it all the same?", false))
            return CODE_OK;
    }
    return give_up(why);
}

static enum code gather_server(struct setup *s, struct status *why)
{
    const char *provider = s->values[SETUP_PROVIDER];
    bool is_given;

    if (provider) {
        s->provider = provider_find(slice_of(provider));
        if (s->provider)
            return CODE_OK;
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "no provider \"%.80s\" is known",
                          provider);
    }
    is_given = s->values[SETUP_HOST] != NULL;
    if (!is_given && s->checks)
        find_by_domain(s);
    if (s->asks)
        return ask_host(s, is_given, why);
    return s->values[SETUP_HOST] || s->values[SETUP_PROVIDER]
               ? CODE_OK
               : missing(why, "--host, or --provider,");
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
    char host[PROVIDER_HOST_ROOM];

    tell_note(s);
    if (!p || !p->region || s->values[SETUP_REGION] || !s->asks)
        return CODE_OK;
    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_text("Region", p->region, s->region))
            break;
        if (provider_host(p, s->region, host)) {
            s->values[SETUP_REGION] = s->region;
            return CODE_OK;
        }
        (void)puts("This is no region.");
    }
    return give_up(why);
}

static enum code gather_user(struct setup *s, struct status *why)
{
    char room[PROVIDER_HOST_ROOM];
    const char *fixed = s->provider ? provider_fixed_user(s->provider, room) : NULL;
    const char *usual = fixed ? fixed : s->address;

    if (s->values[SETUP_USER])
        return CODE_OK;
    (void)snprintf(s->user, sizeof s->user, "%s", usual);
    if (s->asks && !fixed) {
        if (s->provider)
            (void)printf("The user name at %s: %s.\n", s->provider->title, s->provider->user);
        if (!ask_text("User name", usual, s->user))
            return give_up(why);
    }
    s->values[SETUP_USER] = s->user;
    return CODE_OK;
}

static enum code read_password(struct setup *s, struct status *why)
{
    size_t n = 0;
    int c;

    while ((c = getchar()) != EOF && c != '\n' && c != 0 && n < sizeof s->password - 1)
        s->password[n++] = (char)c;
    if (c != EOF && c != '\n')
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "the password on standard input is too long, or has a NUL byte");
    if (n > 0 && s->password[n - 1] == '\r')
        n--;
    s->password[n] = 0;
    s->values[SETUP_PASSWORD] = s->password;
    return s->password[0] != 0 ? CODE_OK : missing(why, "the password on standard input");
}

static enum code gather_password(struct setup *s, struct status *why)
{
    if (s->password_from_stdin)
        return read_password(s, why);
    if (s->values[SETUP_PASSWORD_FILE] || s->values[SETUP_PASSWORD])
        return CODE_OK;
    if (!s->asks)
        return missing(why, "the password: ORSINO_PASSWORD, --password-file or --password-stdin");
    for (int i = 0; i < ASK_TIMES && s->password[0] == 0; i++)
        if (!ask_secret("Password", s->password))
            return give_up(why);
    if (s->password[0] == 0)
        return give_up(why);
    s->values[SETUP_PASSWORD] = s->password;
    return CODE_OK;
}

static enum code gather_local(struct setup *s, struct status *why)
{
    struct slice now = setup_file_value(&s->file, slice_of(SCAN_GLOBALS), "local");

    if (s->local || now.n > 0 || !s->asks)
        return CODE_OK;
    if (!ask_text("Who gets the mail for root and cron", s->address, s->local_room))
        return give_up(why);
    s->local = s->local_room;
    return CODE_OK;
}

/* Where [orsino] is the account of another address, it is not lost without a word. */
static enum code confirm_replacing(struct setup *s, struct status *why)
{
    struct slice user = setup_file_value(&s->file, slice_of(SCAN_GLOBALS), "user");
    struct slice from = setup_file_value(&s->file, slice_of(SCAN_GLOBALS), "from");
    struct slice now = from.n > 0 ? from : user, address = slice_of(s->address);

    if (!s->asks || s->account || setup_file_has_accounts(&s->file) || now.n == 0 ||
        slice_equal_nocase(user, address) || slice_equal_nocase(from, address))
        return CODE_OK;
    (void)printf("The account of %s is that of %.*s.\n", s->file.path, (int)now.n, now.p);
    return ask_yes("Replace it?", false) ? CODE_OK : give_up(why);
}

/* Where [orsino] is the account, a section beside it would take that away. */
static bool would_hide(const struct setup *s)
{
    struct slice globals = slice_of(SCAN_GLOBALS);

    return !slice_equal_nocase(slice_of(s->account), globals) &&
           !setup_file_has_accounts(&s->file) &&
           (setup_file_value(&s->file, globals, "host").n > 0 ||
            setup_file_value(&s->file, globals, "provider").n > 0);
}

static enum code choose_section(struct setup *s, struct status *why)
{
    char word[SETUP_NAME_ROOM];

    if (s->account && !scan_is_section_name(slice_of(s->account)))
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "no account can be called \"%.80s\"",
                          s->account);
    if (s->account && would_hide(s))
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "the account of this file is in [orsino]: give it a section of its own "
                          "before you add another, or use --account orsino to change it");
    if (s->account) {
        (void)snprintf(s->section, sizeof s->section, "%s", s->account);
        return CODE_OK;
    }
    if (s->provider)
        (void)snprintf(word, sizeof word, "%s", s->provider->name);
    else
        (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(domain_of(s), "."), domain_of(s));
    setup_file_section(&s->file, s->address, word, s->section);
    return CODE_OK;
}

enum code setup_gather(struct setup *s, struct status *why)
{
    if (!s->asks)
        take_environment(s);
    if (gather_address(s, why) || confirm_replacing(s, why) || gather_server(s, why) ||
        gather_region(s, why) || gather_user(s, why) || gather_password(s, why) ||
        gather_local(s, why))
        return why->code;
    s->values[SETUP_FROM] = s->values[SETUP_FROM] ? s->values[SETUP_FROM] : s->address;
    return choose_section(s, why);
}

enum code setup_write(struct setup *s, struct status *why)
{
    struct edit_change changes[SETUP_KEYS], globals[2];
    struct slice chosen = setup_file_value(&s->file, slice_of(SCAN_GLOBALS), "account");
    size_t global_count = 0;

    for (size_t i = 0; i < SETUP_KEYS; i++)
        changes[i] = (struct edit_change){ keys[i].key, s->values[i] };
    if (s->local && s->local[0] != 0)
        globals[global_count++] = (struct edit_change){ "local", s->local };
    if (setup_file_has_accounts(&s->file) && chosen.n == 0)
        globals[global_count++] = (struct edit_change){ "account", s->section };
    return setup_file_write(&s->file, s->section, changes, SETUP_KEYS, globals, global_count, why);
}
