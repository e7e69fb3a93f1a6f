#include "mail/recipients.h"

#include "mail/aliases.h"
#include "mail/envelope.h"

struct adding {
    struct envelope *envelope;
    const struct recipient_rules *rules;
};

void recipient_rules_free(struct recipient_rules *rules)
{
    aliases_free(rules->loaded);
    rules->loaded = NULL;
    rules->ready = false;
}

/* A machine that is named like the mail domain has no mailboxes of that domain. */
static void find_host(struct recipient_rules *rules)
{
    struct slice host;

    host_any_name(rules->host, sizeof rules->host);
    host = slice_of(rules->host);
    if (slice_equal_nocase(host, slice_of(rules->domain)))
        rules->host[slice_find(host, '.')] = 0;
}

/* What a name without an alias gets. A public name of ours is at a provider as likely as not. */
static bool may_replace(const struct recipient_rules *rules, const struct address *a)
{
    return address_is_bare(a) || rules->domain[0] != 0 || host_name_is_local(address_domain(a));
}

static enum code add_local(struct envelope *e, const struct recipient_rules *rules,
                           struct status *why)
{
    struct status problem = { 0 };
    struct address local;

    if (address_parse(slice_of(rules->local), &local, &problem) || local.length == 0)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "local = is no address: %.100s",
                          rules->local);
    return envelope_add(e, &local, slice_of(rules->domain), why);
}

/* Adds an address for which no alias is left. */
static enum code settle(void *context, const struct address *a, struct status *why)
{
    const struct adding *adding = context;
    const struct recipient_rules *rules = adding->rules;
    struct address address = *a;

    if (address_is_here(a, rules->host) && may_replace(rules, a)) {
        if (rules->local[0] != 0)
            return add_local(adding->envelope, rules, why);
        if (rules->domain[0] != 0)
            address_drop_local_domain(&address);
    }
    return envelope_add(adding->envelope, &address, slice_of(rules->domain), why);
}

static enum code prepare(struct recipient_rules *rules, struct status *why)
{
    if (!rules->ready && !rules->no_aliases &&
        aliases_load(rules->aliases, rules->host, &rules->loaded, why))
        return why->code;
    rules->ready = true;
    return CODE_OK;
}

enum code recipients_add(struct envelope *e, struct recipient_rules *rules, const struct address *a,
                         struct status *why)
{
    struct adding adding = { .envelope = e, .rules = rules };
    bool found = false;

    if (rules->host[0] == 0)
        find_host(rules);
    if (a->length == 0 || !address_is_here(a, rules->host))
        return envelope_add(e, a, slice_of(rules->domain), why);
    if (prepare(rules, why) ||
        aliases_expand(rules->loaded, address_local(a), settle, &adding, &found, why))
        return why->code;
    return found ? CODE_OK : settle(&adding, a, why);
}

enum code recipients_add_list(struct envelope *e, struct recipient_rules *rules, struct slice list,
                              struct status *why)
{
    struct address a;

    do {
        if (address_next(&list, &a, why))
            return why->code;
        if (a.length > 0 && recipients_add(e, rules, &a, why))
            return why->code;
    } while (a.length > 0);
    return CODE_OK;
}
