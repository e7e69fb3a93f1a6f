#include "cli/probe.h"

#include "base/rights.h"
#include "cli/command_option.h"
#include "cli/probe_ports.h"
#include "cli/probe_text.h"
#include "cli/report.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "conf/config.h"
#include "conf/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ADDRESSES_ROOM = 512,
    TIMEOUT = 5000, /* milliseconds */
    PORT_MAX = 65535,
};

static const char usage[] = "usage: orsino probe [options] host | user@domain\n"
                            "  --port N[,N]   these ports, not 25, 465, 587 and 2525\n"
                            "  --timeout T    for all together, 5s by default\n"
                            "  --json         for programs\n"
                            "  -C FILE        take ca_file and hostname from this INI\n";

struct words {
    const char *target;
    const char *config;
    bool json, help;
    struct probe_list list;
    struct target read;
    unsigned first; /* a port that is known to be the one, asked with the usual ones; 0: none is */
};

static enum code refuse(struct status *why, const char *what, const char *value)
{
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s, not \"%.80s\"", what, value);
}

static enum code set_ports(struct words *w, const char *value, struct status *why)
{
    struct slice rest = slice_of(value), part;
    uint64_t port;

    while (slice_take_until(&rest, ",", &part)) {
        if (!slice_number(slice_trim(part), PORT_MAX, &port) || port == 0)
            return refuse(why, "--port takes numbers up to 65535", value);
        if (w->list.count == PROBE_PORTS_MAX)
            return refuse(why, "--port takes 16 ports at most", value);
        probe_list_add(&w->list, (unsigned)port);
    }
    return CODE_OK;
}

/* As the times of the INI are written. */
static enum code set_timeout(struct words *w, const char *value, struct status *why)
{
    struct account room = { .name = "" };
    struct status ignored = { 0 };

    if (keys_parse(keys_find(slice_of("timeout")), value, &room, &ignored))
        return refuse(why, "--timeout takes a time such as 5s", value);
    w->list.timeout = room.timeout;
    return CODE_OK;
}

enum {
    OPTION_PORT = COMMAND_LONG,
    OPTION_TIMEOUT,
    OPTION_JSON,
    OPTION_HELP,
};

static enum code take_option(struct words *w, int option, struct status *why)
{
    switch (option) {
    case 'C':
        w->config = optarg;
        return CODE_OK;
    case OPTION_PORT:
        return set_ports(w, optarg, why);
    case OPTION_TIMEOUT:
        return set_timeout(w, optarg, why);
    case OPTION_JSON:
        w->json = true;
        return CODE_OK;
    case OPTION_HELP:
        w->help = true;
        return CODE_OK;
    default:
        return why->code;
    }
}

static enum code parse(int argc, char **argv, struct words *w, struct status *why)
{
    static const struct option rows[] = {
        { "port", required_argument, NULL, OPTION_PORT },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
    };
    int option;

    *w = (struct words){ .list = { .timeout = TIMEOUT } };
    while ((option = command_option(argc, argv, "C:", rows, "orsino probe", why)) != -1)
        if (take_option(w, option, why))
            return why->code;
    if (w->help)
        return CODE_OK;
    if (argc - optind != 1)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "one host or address is to be probed; see orsino probe --help");
    w->target = argv[optind];
    return CODE_OK;
}

/* Without -C nothing is read: a probe is for those who have no INI yet. */
static enum code load(const struct words *w, struct config **config, struct account *account,
                      struct status *why)
{
    *account = (struct account){ .hostname = "", .ca_file = "", .tls_name = "" };
    if (!w->config)
        return CODE_OK;
    if (config_load(w->config, config, why))
        return why->code;
    return config_account(*config, NULL, "", account, why);
}

/* A host as people write it, or a provider's by his name. */
static enum code find_named(struct words *w, struct probe_findings *f, struct status *why)
{
    const struct provider *p = provider_find(slice_of(w->target));
    struct account unused = { .name = "" };
    struct status fault = { 0 };

    target_read(w->target, &w->read);
    f->host = w->read.host;
    if (p && provider_host(p, "", w->read.host)) {
        w->first = p->port;
        return CODE_OK;
    }
    if (w->read.is_wrong)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "port takes a number from 1 to 65535");
    if (w->read.port > 0 && w->list.count == 0)
        probe_list_add(&w->list, w->read.port);
    if (strpbrk(f->host, ":/") && keys_parse(keys_find(slice_of("host")), f->host, &unused, &fault))
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s", fault.what);
    return CODE_OK;
}

/* The host to probe: as it was named, or the best one that is known by the domain. */
static enum code find_host(struct words *w, struct discovery *d, struct probe_findings *f,
                           struct status *why)
{
    const struct deadline deadline = deadline_in(w->list.timeout);
    const char *at = strrchr(w->target, '@');

    if (!at)
        return find_named(w, f, why);
    if (at[1] == 0)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "no domain stands behind the @");
    if (discover(at + 1, deadline, d, why))
        return why->code;
    f->candidate = &d->rows[0];
    f->host = d->rows[0].host;
    w->first = d->rows[0].port;
    return CODE_OK;
}

/* A misspelt provider is looked up as a host, and is none. */
static void suggest_provider(const struct words *w, struct status *why)
{
    const char *nearest = target_meant(w->target, why);
    size_t n = strlen(why->what);

    if (nearest)
        (void)snprintf(why->what + n, sizeof why->what - n, ", did you mean %s?", nearest);
}

static void choose_ports(struct words *w)
{
    if (w->list.count > 0)
        return;
    if (w->first > 0)
        probe_list_add(&w->list, w->first);
    probe_list_complete(&w->list);
}

/* It takes seconds; the first line of what is found is longer, and is written over this. */
static void show_patience(void)
{
    if (!terminal_redraws(STDOUT_FILENO))
        return;
    (void)printf("asking ...\r");
    (void)fflush(stdout);
}

/* What was found is told on stdout; *has_looked is whether it came that far. */
static void look(struct words *w, const struct account *account, bool *has_looked,
                 struct status *why)
{
    struct port_report reports[PROBE_PORTS_MAX];
    struct discovery discovery;
    char addresses[ADDRESSES_ROOM];
    struct probe_findings findings = { .addresses = addresses, .reports = reports };
    struct probe_params params = {
        .tls_name = "",
        .ca_file = account->ca_file,
        .ehlo_name = account->hostname,
    };

    if (find_host(w, &discovery, &findings, why))
        return;
    findings.is_chosen = w->list.count > 0;
    choose_ports(w);
    params.host = findings.host;
    findings.count = w->list.count;
    show_patience();
    if (probe_ports(&params, &w->list, reports, addresses, sizeof addresses, why)) {
        suggest_provider(w, why);
        return;
    }
    if (w->json)
        probe_print_json(&findings);
    else
        probe_print(&findings, terminal_has_colour(STDOUT_FILENO));
    probe_conclude(&findings, why);
    *has_looked = true;
}

int probe_main(int argc, char **argv)
{
    struct words words;
    struct config *config = NULL;
    struct account account;
    struct status why = { 0 };
    bool has_looked = false;

    if (!rights_drop())
        (void)status_set(&why, CODE_SYSTEM, STAGE_CONFIG, "the rights of the group stay");
    else if (parse(argc, argv, &words, &why) == CODE_OK && words.help)
        (void)fputs(usage, stdout);
    else if (why.code == CODE_OK && load(&words, &config, &account, &why) == CODE_OK)
        look(&words, &account, &has_looked, &why);
    config_free(config);
    /* What was found needs no further line; what kept us from looking does. */
    return report_finish(&why, has_looked);
}
