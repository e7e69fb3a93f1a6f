#include "conf/config.h"

#include "conf/config_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_ROOM = 200,
};

static bool is_globals(struct slice section)
{
    return slice_equal_nocase(section, slice_of(SCAN_GLOBALS));
}

/* The nearest value: of the environment, of the account, of every account. */
static const char *effective_value(const struct config *c, struct slice section,
                                   const struct key *key)
{
    const char *value = environment_value(&c->environment, key);

    if (!value)
        value = config_value(c, section, slice_of(key->name));
    return value ? value : config_value(c, slice_of(SCAN_GLOBALS), slice_of(key->name));
}

/* The section's name as a string that lives as long as c. */
static const char *name_of(const struct config *c, struct slice section)
{
    for (size_t i = 0; c->ini && i < (size_t)c->ini->size; i++)
        if (c->ini->key[i] && slice_equal_nocase(slice_of(c->ini->key[i]), section))
            return c->ini->key[i];
    return is_globals(section) ? SCAN_GLOBALS : ENVIRONMENT_NAME;
}

/* False when this source has neither; from one that has one alone, the other is none. */
static bool take_password_pair(const char *password, const char *file, struct account *account)
{
    if (password && !file)
        account->password_file = "";
    if (file && !password)
        account->password = "";
    return password || file;
}

/* A password in the account counts before a password_file from [orsino], and the reverse; and
 * either from the environment before both. */
static void prefer_nearest_password(const struct config *c, struct slice section,
                                    struct account *account)
{
    const struct slice password = slice_of("password"), file = slice_of("password_file");

    if (take_password_pair(environment_value(&c->environment, keys_find(password)),
                           environment_value(&c->environment, keys_find(file)), account))
        return;
    (void)take_password_pair(config_value(c, section, password), config_value(c, section, file),
                             account);
}

/* How far away a key's value is from: the environment, the section, [orsino], none of them. */
static unsigned distance_of(const struct config *c, struct slice section, const char *name)
{
    if (environment_value(&c->environment, keys_find(slice_of(name))))
        return 0;
    if (config_value(c, section, slice_of(name)))
        return 1;
    return config_value(c, slice_of(SCAN_GLOBALS), slice_of(name)) ? 2 : 3;
}

/*
 * A provider in the account counts before a host, with its port and tls, in [orsino], and the
 * reverse; and either in the environment before both. Only from one place do they count together.
 */
static void prefer_nearest_server(const struct config *c, struct slice section,
                                  struct account *account)
{
    const unsigned provider = distance_of(c, section, "provider");

    if (account->provider[0] == 0)
        return;
    if (account->host[0] != 0 && distance_of(c, section, "host") < provider) {
        account->provider = "";
        account->region = "";
        return;
    }
    if (provider < distance_of(c, section, "host"))
        account->host = "";
    if (provider < distance_of(c, section, "port"))
        account->port = 0;
    if (provider < distance_of(c, section, "tls"))
        account->tls = TLS_UNSET;
    if (provider < distance_of(c, section, "region"))
        account->region = "";
}

static void fill_queue(const struct config *c, struct slice section, struct account *account)
{
    account->queue_is_default = !effective_value(c, section, keys_find(slice_of("queue")));
    if (account->queue_is_default)
        account->queue = c->queue;
}

/* Those keys alone that have all of `flags`; the others are zero, and strings NULL. */
static enum code fill(const struct config *c, struct slice section, unsigned flags,
                      struct account *account, struct status *why)
{
    size_t count;
    const struct key *keys = keys_all(&count);

    *account = (struct account){ .name = name_of(c, section), .is_callers = c->is_callers };
    for (size_t i = 0; i < count; i++) {
        const char *value;

        if ((keys[i].flags & flags) != flags)
            continue;
        value = effective_value(c, section, &keys[i]);
        if (!value)
            value = keys[i].fallback;
        if (!value && keys[i].type > KEY_HOST) /* no string: zero, as it is */
            continue;
        if (keys_parse(&keys[i], value ? value : "", account, why))
            return why->code;
    }
    fill_queue(c, section, account);
    return CODE_OK;
}

static bool find_section(const struct config *c, struct slice name, struct slice *section)
{
    for (size_t i = 0; i < c->scan.count; i++) {
        const struct scan_entry *entry = &c->scan.entries[i];

        if (!config_is_section_line(entry) || !slice_equal_nocase(entry->section, name))
            continue;
        *section = entry->section;
        return true;
    }
    return false;
}

/* The next account section from index *at on. */
static bool next_account(const struct config *c, size_t *at, struct slice *section)
{
    while (*at < c->scan.count) {
        const struct scan_entry *entry = &c->scan.entries[(*at)++];

        if (!config_is_section_line(entry) || is_globals(entry->section))
            continue;
        *section = entry->section;
        return true;
    }
    return false;
}

/* Whether the environment is the account: there is no file, or nothing in it. */
static bool is_environment_alone(const struct config *c)
{
    return c->scan.count == 0 && environment_suffices(&c->environment);
}

/* Whether there is one account and no other. [orsino] alone is an account itself. */
static bool only_account(const struct config *c, struct slice *section)
{
    struct slice another;
    size_t at = 0;

    if (next_account(c, &at, section))
        return !next_account(c, &at, &another);
    *section = slice_of(ENVIRONMENT_NAME);
    return is_environment_alone(c) || find_section(c, slice_of(SCAN_GLOBALS), section);
}

static enum code refuse_choice(const struct config *c, const char *sentence, struct slice name,
                               struct status *why)
{
    struct slice section;
    struct buf names;
    const char *list, *none = only_account(c, &section) ? name_of(c, section) : "none";
    size_t at = 0;
    enum code code;

    buf_init(&names, NAMES_ROOM);
    while (next_account(c, &at, &section) && names.n + section.n + 3 < NAMES_ROOM)
        buf_addf(&names, "%s%.*s", names.n > 0 ? ", " : "", (int)section.n, section.p);
    list = buf_string(&names);
    code = status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s%.*s; accounts here: %s", sentence,
                      name.n < SCAN_NAME_MAX ? (int)name.n : SCAN_NAME_MAX,
                      name.n > 0 ? name.p : "", list && list[0] != 0 ? list : none);
    buf_free(&names);
    status_at(why, "%s", config_path(c));
    return code;
}

/* By name: an account section, or [orsino] or the environment where there is no other. */
static bool find_account(const struct config *c, struct slice name, struct slice *section)
{
    if (!is_globals(name) && find_section(c, name, section))
        return true;
    return only_account(c, section) && slice_equal_nocase(slice_of(name_of(c, *section)), name);
}

/* The first account that wants this sender, by its own `match`: an inherited one would fit all. */
static bool choose_by_sender(const struct config *c, const char *sender, struct slice *section)
{
    size_t at = 0;

    while (next_account(c, &at, section)) {
        const char *match = config_value(c, *section, slice_of("match"));

        if (match && account_matches(match, sender))
            return true;
    }
    return false;
}

/* By the key account, which names one. */
static enum code choose_default(const struct config *c, struct slice name, struct slice *section,
                                struct status *why)
{
    const struct key *key = keys_find(slice_of("account"));

    if (find_account(c, name, section))
        return CODE_OK;
    if (environment_value(&c->environment, key))
        status_at(why, ENVIRONMENT_PREFIX "ACCOUNT");
    else
        status_at(why, "%.300s:%u", c->file.path,
                  scan_line(&c->scan, slice_of(SCAN_GLOBALS), key->name));
    return refuse_choice(c, "no account ", name, why);
}

static enum code choose(const struct config *c, const char *name, const char *sender,
                        struct slice *section, struct status *why)
{
    const struct slice globals = slice_of(SCAN_GLOBALS);
    const char *fallback = effective_value(c, globals, keys_find(slice_of("account")));

    if (name)
        return find_account(c, slice_of(name), section)
                   ? CODE_OK
                   : refuse_choice(c, "no account ", slice_of(name), why);
    if (choose_by_sender(c, sender, section))
        return CODE_OK;
    if (fallback && fallback[0] != 0)
        return choose_default(c, slice_of(fallback), section, why);
    if (only_account(c, section))
        return CODE_OK;
    return refuse_choice(c,
                         c->scan.count > 0 ? "no account chosen: set account = in [orsino]"
                                           : "an empty file: write [orsino] and host = into it",
                         (struct slice){ 0 }, why);
}

/* The line of the key that a sentence begins with, "host takes …", or is about; 0 for none. */
static unsigned blamed_line(const struct config *c, struct slice section, const char *sentence)
{
    struct slice rest = slice_of(sentence), word = { 0 };
    const struct key *key;
    unsigned line;

    (void)slice_take_until(&rest, " :", &word);
    if (slice_equal(word, slice_of("no"))) /* such provider */
        (void)slice_take_until(&rest, " :", &word);
    key = keys_find(word);
    line = key ? scan_line(&c->scan, section, key->name) : 0;
    return key && line == 0 ? scan_line(&c->scan, slice_of(SCAN_GLOBALS), key->name) : line;
}

/* Where an account that cannot be used has its values from. */
static void place_account(const struct config *c, struct slice section, struct status *why)
{
    unsigned blamed = blamed_line(c, section, why->what);
    unsigned line = blamed > 0 ? blamed : scan_line(&c->scan, section, NULL);

    if (line == 0)
        status_at(why, "%s", ENVIRONMENT_NAME);
    else
        status_at(why, "%s%.280s:%u", c->environment.sets_any ? ENVIRONMENT_NAME " and " : "",
                  c->file.path, line);
}

/* The same ones for every call: a relay asks for an account with each message. */
static struct account_strings *keep_strings(struct config *c, const char *name, struct status *why)
{
    struct kept_strings *kept = c->kept;

    while (kept && strcmp(kept->name, name) != 0)
        kept = kept->next;
    if (kept)
        return &kept->strings;
    kept = calloc(1, sizeof *kept);
    if (!kept) {
        (void)status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for an account");
        return NULL;
    }
    kept->name = name;
    kept->next = c->kept;
    c->kept = kept;
    return &kept->strings;
}

static enum code fill_account(struct config *c, struct slice section, struct account *account,
                              struct status *why)
{
    struct account_strings *strings;

    if (fill(c, section, 0, account, why))
        return why->code;
    prefer_nearest_password(c, section, account);
    prefer_nearest_server(c, section, account);
    strings = keep_strings(c, account->name, why);
    return strings ? account_settle(account, strings, why) : why->code;
}

enum code config_account(struct config *c, const char *name, const char *sender,
                         struct account *account, struct status *why)
{
    struct slice section;

    if (choose(c, name, sender, &section, why))
        return why->code;
    if (fill_account(c, section, account, why))
        place_account(c, section, why);
    return why->code;
}

enum code config_globals(struct config *c, struct account *account, struct status *why)
{
    return fill(c, slice_of(SCAN_GLOBALS), KEY_GLOBAL, account, why);
}
