#include "cli/door.h"

#include "base/log.h"
#include "base/rights.h"
#include "cli/process.h"
#include "mail/header.h"
#include "mail/repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *log_name(const struct options *options)
{
    return options->log_tag[0] != 0 ? options->log_tag : "orsino";
}

enum code door_give_up_rights(const struct options *options, struct status *why)
{
    if (!options->config || !rights_are_raised() || rights_drop())
        return CODE_OK;
    return status_set(why, CODE_SYSTEM, STAGE_CONFIG,
                      "the rights of another group cannot be given up, as -C needs");
}

enum code door_find_config(struct options *own, char **path, struct status *why)
{
    if (!own->config || own->config[0] == '/')
        return CODE_OK;
    if (door_give_up_rights(own, why))
        return why->code;
    *path = realpath(own->config, NULL);
    if (!*path)
        return status_set_errno(why, CODE_CONFIG, STAGE_CONFIG, errno,
                                "the configuration %.200s cannot be opened", own->config);
    own->config = *path;
    return CODE_OK;
}

static enum code load(struct door *door, struct status *why)
{
    if (door_give_up_rights(door->options, why) ||
        config_load(door->options->config, &door->config, why))
        return why->code;
    process_leave_folder();
    return config_globals(door->config, &door->globals, why);
}

/*
 * What is logged is in part a server's words. Who can have -C put into a command line, as PHP's
 * mail() was made to do (CVE-2016-10033), would have a program written where the web server runs
 * it: so a file counts in a configuration of root's, or one in its usual place.
 */
static const char *choose_log(const struct door *door)
{
    const char *log = door->globals.log;

    if (!door->globals.is_callers || log[0] != '/')
        return log;
    log_line(LOG_LEVEL_WARNING, "log = %.200s does not count in a file of -C that is not root's",
             log);
    return "syslog";
}

static void begin_log(struct door *door)
{
    struct status log_why = { 0 };

    /* A log that cannot be written must not keep a message from being sent. */
    if (log_open(log_name(door->options), choose_log(door), &log_why))
        log_line(LOG_LEVEL_WARNING, "%s: %s", log_why.where, log_why.what);
    if (config_warning(door->config))
        log_line(LOG_LEVEL_WARNING, "%s", config_warning(door->config));
}

enum code door_open(struct door *door, const struct options *options, struct status *why)
{
    *door = (struct door){ .options = options };
    caller_init(&door->caller);
    if (load(door, why))
        return why->code;
    begin_log(door);
    door->rules = (struct recipient_rules){
        .aliases = door->globals.aliases,
        .local = door->globals.local,
        .domain = door->globals.domain,
        .no_aliases = options->no_aliases,
    };
    return CODE_OK;
}

enum code door_open_spool(struct door *door, struct status *why)
{
    const struct account *g = &door->globals;

    if (door->spool || !g->queue || g->queue[0] == 0)
        return CODE_OK;
    /* What a file of -C names could be a folder that a web server runs programs from. */
    return spool_open(g->queue, !g->is_callers, &door->spool, why);
}

void door_discard(struct door *door)
{
    spool_close(door->spool);
    recipient_rules_free(&door->rules);
    caller_free(&door->caller);
    config_free(door->config);
    *door = (struct door){ .options = NULL };
}

void door_close(struct door *door)
{
    door_discard(door);
    log_close();
}

void making_begin(struct making *m, struct door *door)
{
    *m = (struct making){ .door = door, .account = door->globals };
    message_init(&m->message);
}

void making_end(struct making *m)
{
    free(m->outcome.recipients);
    envelope_free(&m->envelope);
    message_free(&m->message);
    *m = (struct making){ .door = NULL };
}

static enum code choose_account(struct making *m, struct status *why)
{
    const struct door *door = m->door;
    struct address sender;

    if (sender_to_match(&m->facts, &sender, why))
        return why->code;
    if (door->config &&
        config_account(door->config, door->options->account, sender.spec, &m->account, why))
        return why->code;
    m->has_account = true;
    m->facts.from = m->account.from;
    m->facts.user = m->account.user;
    m->facts.domain = m->account.domain;
    m->facts.from_header = m->account.from_header;
    m->facts.allow_from = m->account.allow_from;
    return CODE_OK;
}

enum code making_choose_sender(struct making *m, const char *given, struct status *why)
{
    struct caller *caller = &m->door->caller;
    struct field from;

    m->facts = (struct sender_facts){
        .given = given,
        .from = "",
        .user = "",
        .domain = m->account.domain,
        .allow_from = "",
        .login = caller->login,
        .host = caller->host,
    };
    if (header_find(buf_slice(&m->message.header), "From", &from))
        m->facts.header_from = from.value;
    if (choose_account(m, why))
        return why->code;
    if (sender_needs_login(&m->facts) && caller_look_up(caller, why))
        return why->code;
    if (sender_choose(&m->facts, &m->sender, why))
        return why->code;
    return envelope_set_sender(&m->envelope, &m->sender.reverse_path, why);
}

static const char *choose_full_name(struct making *m)
{
    const char *name = NULL;

    if (m->door->options->full_name)
        return m->door->options->full_name;
    if (m->account.full_name[0] != 0)
        return m->account.full_name;
    name = buf_string(&m->door->caller.full_name);
    return name ? name : "";
}

static bool keeps_from(const void *context, const char *spec)
{
    const struct making *m = context;

    return sender_may_stay(&m->facts, spec);
}

enum code making_repair(struct making *m, const char *received, struct status *why)
{
    bool judges = m->account.from_header == FROM_HEADER_FORCE || m->account.allow_from[0] != 0;
    struct repair_policy policy = {
        .domain = m->account.domain,
        .from = m->sender.from.spec,
        .full_name = choose_full_name(m),
        .replaces_local = m->account.from_header != FROM_HEADER_KEEP,
        .keeps_from = judges ? keeps_from : NULL,
        .context = m,
        .received = received,
        .id_domain = m->sender.from.spec + m->sender.from.at + 1,
        .now = time(NULL),
    };

    return message_repair(&m->message, &policy, why);
}

enum code making_add_rows(struct making *m, size_t count, struct status *why)
{
    size_t rows = m->outcome_rows;
    struct status *grown;

    if (count <= rows)
        return CODE_OK;
    if (count < 2 * rows) /* they come one by one: not a copy for each */
        count = 2 * rows;
    grown = reallocarray(m->outcome.recipients, count, sizeof *grown);
    if (!grown)
        return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
    memset(grown + rows, 0, (count - rows) * sizeof *grown);
    m->outcome.recipients = grown;
    m->outcome_rows = count;
    return CODE_OK;
}

struct status making_worst(const struct making *m)
{
    const struct status *worst = m->outcome.recipients;

    for (size_t i = 1; i < m->envelope.forward_count; i++)
        worst = status_worse(worst, &m->outcome.recipients[i]);
    return *worst;
}
