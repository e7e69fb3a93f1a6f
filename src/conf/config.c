#include "conf/config.h"

#include "base/memory.h"
#include "base/rights.h"
#include "conf/environment.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "conf/scan.h"

#include <errno.h>
#include <iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOKUP_ROOM = SCAN_NAME_MAX + 64, /* section:key */
    NAMES_ROOM = 200,
    INI_ROOM = 32 * 1024, /* what iniparser takes for a file without an entry */
    ENTRY_ROOM = 256,     /* and for an entry, but for its value */
    WARNING_ROOM = 1024,
};

struct config {
    struct environment environment;
    struct ini_file file;
    struct scan scan;          /* of no entry when there is no file */
    dictionary *ini;           /* NULL when there is no file */
    bool is_callers;           /* the file was named by him, and is not root's */
    char queue[INI_PATH_ROOM]; /* where no key names one */
    char warning[WARNING_ROOM];
};

/* What iniparser would print on stderr, scan.c has said better. */
static int say_nothing(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int say_nothing(const char *format, ...)
{
    (void)format;
    return 0;
}

static bool is_section_line(const struct scan_entry *entry)
{
    return entry->key.p == NULL;
}

static bool is_globals(struct slice section)
{
    return slice_equal_nocase(section, slice_of(SCAN_GLOBALS));
}

/* Writes a name the way iniparser keeps it, in lower case: "section" or "section:key". */
static void write_lookup(char out[LOOKUP_ROOM], struct slice section, struct slice key)
{
    int n = snprintf(out, LOOKUP_ROOM, "%.*s%s%.*s", (int)section.n, section.p, key.p ? ":" : "",
                     (int)key.n, key.p ? key.p : "");

    for (int i = 0; i < n && i < LOOKUP_ROOM; i++)
        out[i] = to_lower(out[i]);
}

static const char *value_of(const struct config *c, struct slice section, struct slice key)
{
    char lookup[LOOKUP_ROOM];

    if (!c->ini)
        return NULL;
    write_lookup(lookup, section, key);
    return iniparser_getstring(c->ini, lookup, NULL);
}

static enum code refuse_read(const struct config *c, struct status *why)
{
    status_at(why, "%s", c->file.path);
    return status_set(why, CODE_READ, STAGE_CONFIG, "the file changed while it was read");
}

/*
 * iniparser reads the file by its name, after the scan. Should it see anything else there than what
 * was scanned, because the file was exchanged, or for want of memory, that is found here.
 */
static enum code check_values(const struct config *c, struct status *why)
{
    struct account unused = { 0 };

    if ((size_t)c->ini->n != c->scan.count)
        return refuse_read(c, why);
    for (size_t i = 0; i < c->scan.count; i++) {
        const struct scan_entry *entry = &c->scan.entries[i];
        const char *value;

        if (is_section_line(entry))
            continue;
        value = value_of(c, entry->section, entry->key);
        if (!value || !slice_equal(slice_of(value), entry->value))
            return refuse_read(c, why);
        if (keys_parse(keys_find(entry->key), value, &unused, why)) {
            status_at(why, "%.300s:%u", c->file.path, entry->line);
            return why->code;
        }
    }
    return CODE_OK;
}

/*
 * iniparser crashes when it gets no memory: its dictionary is made of four allocations, and only
 * one is looked at. So it is not called unless there is more than it will want.
 */
static enum code make_sure_of_memory(const struct config *c, struct status *why)
{
    if (memory_suffices(INI_ROOM + c->scan.count * ENTRY_ROOM + c->file.text.n))
        return CODE_OK;
    return status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for the INI");
}

static void warn(struct config *c, const char *what)
{
    size_t used = strlen(c->warning);

    (void)snprintf(c->warning + used, sizeof c->warning - used, "%s%s", used > 0 ? "; " : "", what);
}

/* It opens the file itself, which may take our rights: what it will read there has been looked at,
 * and is the system's. */
static dictionary *parse(const struct ini_file *file)
{
    dictionary *ini;

    iniparser_set_error_callback(say_nothing);
    if (file->needs_rights)
        rights_take_up();
    ini = iniparser_load(file->path);
    if (file->needs_rights)
        rights_set_aside();
    return ini;
}

static enum code load_ini(struct config *c, struct status *why)
{
    const char *warning;

    if (scan_text(&c->scan, c->file.path, buf_slice(&c->file.text), why) ||
        ini_file_guard(&c->file, c->scan.has_secret, &warning, why))
        return why->code;
    if (warning)
        warn(c, warning);
    if (make_sure_of_memory(c, why))
        return why->code;
    c->ini = parse(&c->file);
    if (c->ini)
        return check_values(c, why);
    status_at(why, "%s", c->file.path);
    return status_set_errno(why, CODE_READ, STAGE_CONFIG, errno, "iniparser cannot open it");
}

/* Whoever names a file means it; but what lies in a usual place may be for others. */
static bool does_without_file(const struct config *c, const char *path, enum code code)
{
    return !path && !c->file.path && environment_suffices(&c->environment) &&
           (code == CODE_CONFIG || code == CODE_PERMISSION);
}

static void warn_of_file(struct config *c, const struct status *why)
{
    char sentence[WARNING_ROOM];

    (void)snprintf(sentence, sizeof sentence, "%s: %s: without it, the environment alone counts",
                   why->where, why->what);
    warn(c, sentence);
}

/* Without a configuration there is no log yet, and a slip in a variable's name may be why. */
static void add_warning(const struct config *c, struct status *why)
{
    size_t used = strlen(why->what);

    if (c->warning[0] != 0)
        (void)snprintf(why->what + used, sizeof why->what - used, "; %s", c->warning);
}

static enum code load(struct config *c, const char *path, struct status *why)
{
    struct status of_file = { 0 };
    enum code code = ini_file_read(&c->file, path, &of_file);

    /* Not before: for a file of the user's own rights are given up, and then his variables count.
     */
    if (environment_read(&c->environment, why))
        return why->code;
    if (c->environment.warning[0] != 0)
        warn(c, c->environment.warning);
    c->is_callers = path && c->file.owner != 0;
    ini_file_queue(&c->file, path != NULL, c->queue);
    if (!code)
        return load_ini(c, why);
    if (!does_without_file(c, path, code)) {
        *why = of_file;
        add_warning(c, why);
        return code;
    }
    if (code == CODE_PERMISSION)
        warn_of_file(c, &of_file);
    return CODE_OK;
}

enum code config_load(const char *path, struct config **out, struct status *why)
{
    struct config *c = calloc(1, sizeof *c);

    *out = NULL;
    if (!c)
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for the INI");
    if (load(c, path, why)) {
        config_free(c);
        return why->code;
    }
    *out = c;
    return CODE_OK;
}

static void wipe_values(dictionary *ini)
{
    for (size_t i = 0; i < (size_t)ini->size; i++)
        if (ini->val[i])
            explicit_bzero(ini->val[i], strlen(ini->val[i]));
}

void config_free(struct config *c)
{
    if (!c)
        return;
    if (c->ini) {
        wipe_values(c->ini);
        iniparser_freedict(c->ini);
    }
    scan_free(&c->scan);
    ini_file_free(&c->file);
    free(c);
}

const char *config_warning(const struct config *c)
{
    return c->warning[0] != 0 ? c->warning : NULL;
}

const char *config_path(const struct config *c)
{
    return c->file.path ? c->file.path : ENVIRONMENT_NAME;
}

/* The nearest value: of the environment, of the account, of every account. */
static const char *effective_value(const struct config *c, struct slice section,
                                   const struct key *key)
{
    const char *value = environment_value(&c->environment, key);

    if (!value)
        value = value_of(c, section, slice_of(key->name));
    return value ? value : value_of(c, slice_of(SCAN_GLOBALS), slice_of(key->name));
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
    (void)take_password_pair(value_of(c, section, password), value_of(c, section, file), account);
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

        if (!is_section_line(entry) || !slice_equal_nocase(entry->section, name))
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

        if (!is_section_line(entry) || is_globals(entry->section))
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
    const char *list, *none = is_environment_alone(c) ? ENVIRONMENT_NAME : "none";
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
        const char *match = value_of(c, *section, slice_of("match"));

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

/* Where an account that cannot be used has its values from. */
static void place_account(const struct config *c, struct slice section, struct status *why)
{
    unsigned line = scan_line(&c->scan, section, NULL);

    if (line == 0)
        status_at(why, "%s", ENVIRONMENT_NAME);
    else
        status_at(why, "%s%.280s:%u", c->environment.sets_any ? ENVIRONMENT_NAME " and " : "",
                  c->file.path, line);
}

static enum code fill_account(const struct config *c, struct slice section, struct account *account,
                              struct status *why)
{
    if (fill(c, section, 0, account, why) == CODE_OK)
        prefer_nearest_password(c, section, account);
    return why->code;
}

enum code config_account(struct config *c, const char *name, const char *sender,
                         struct account *account, struct status *why)
{
    struct slice section;

    if (choose(c, name, sender, &section, why))
        return why->code;
    if (fill_account(c, section, account, why) || account_settle(account, why))
        place_account(c, section, why);
    return why->code;
}

enum code config_globals(struct config *c, struct account *account, struct status *why)
{
    return fill(c, slice_of(SCAN_GLOBALS), KEY_GLOBAL, account, why);
}
