#include "conf/config.h"

#include "base/memory.h"
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
};

struct config {
    struct ini_file file;
    struct scan scan;
    dictionary *ini;
    const char *warning;
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

static enum code load(struct config *c, const char *path, struct status *why)
{
    if (ini_file_read(&c->file, path, why) ||
        scan_text(&c->scan, c->file.path, buf_slice(&c->file.text), why))
        return why->code;
    if (c->scan.has_secret && ini_file_guard(&c->file, &c->warning, why))
        return why->code;
    if (make_sure_of_memory(c, why))
        return why->code;
    iniparser_set_error_callback(say_nothing);
    c->ini = iniparser_load(c->file.path);
    if (c->ini)
        return check_values(c, why);
    status_at(why, "%s", c->file.path);
    return status_set_errno(why, CODE_READ, STAGE_CONFIG, errno, "iniparser cannot open it");
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
    return c->warning;
}

/* The account's value, else the default for every account. */
static const char *effective_value(const struct config *c, struct slice section,
                                   const struct key *key)
{
    const char *value = value_of(c, section, slice_of(key->name));

    return value ? value : value_of(c, slice_of(SCAN_GLOBALS), slice_of(key->name));
}

/* The section's name as a string that lives as long as c. */
static const char *name_of(const struct config *c, struct slice section)
{
    for (size_t i = 0; i < (size_t)c->ini->size; i++)
        if (c->ini->key[i] && slice_equal_nocase(slice_of(c->ini->key[i]), section))
            return c->ini->key[i];
    return SCAN_GLOBALS;
}

/* A password in the account counts before a password_file from [orsino], and the reverse. */
static void prefer_own_password(const struct config *c, struct slice section,
                                struct account *account)
{
    const char *password = value_of(c, section, slice_of("password"));
    const char *file = value_of(c, section, slice_of("password_file"));

    if (password && !file)
        account->password_file = "";
    if (file && !password)
        account->password = "";
}

static enum code fill(const struct config *c, struct slice section, struct account *account,
                      struct status *why)
{
    size_t count;
    const struct key *keys = keys_all(&count);

    *account = (struct account){ .name = name_of(c, section) };
    for (size_t i = 0; i < count; i++) {
        const char *value = effective_value(c, section, &keys[i]);

        if (!value)
            value = keys[i].fallback;
        if (!value && keys[i].type > KEY_HOST) /* no string: zero, as it is */
            continue;
        if (keys_parse(&keys[i], value ? value : "", account, why))
            return why->code;
    }
    prefer_own_password(c, section, account);
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

/* Whether there is one account and no other. [orsino] alone is an account itself. */
static bool only_account(const struct config *c, struct slice *section)
{
    struct slice another;
    size_t at = 0;

    if (next_account(c, &at, section))
        return !next_account(c, &at, &another);
    return find_section(c, slice_of(SCAN_GLOBALS), section);
}

static enum code refuse_choice(const struct config *c, const char *sentence, struct slice name,
                               unsigned line, struct status *why)
{
    struct slice section;
    struct buf names;
    const char *list;
    size_t at = 0;
    enum code code;

    buf_init(&names, NAMES_ROOM);
    while (next_account(c, &at, &section) && names.n + section.n + 3 < NAMES_ROOM)
        buf_addf(&names, "%s%.*s", names.n > 0 ? ", " : "", (int)section.n, section.p);
    list = buf_string(&names);
    code = status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s%.*s; accounts here: %s", sentence,
                      name.n < SCAN_NAME_MAX ? (int)name.n : SCAN_NAME_MAX,
                      name.n > 0 ? name.p : "", list && list[0] != 0 ? list : "none");
    buf_free(&names);
    if (line > 0)
        status_at(why, "%.300s:%u", c->file.path, line);
    status_at(why, "%s", c->file.path);
    return code;
}

/* By name: an account section, or [orsino] where there is no other. */
static enum code choose_named(const struct config *c, struct slice name, unsigned line,
                              struct slice *section, struct status *why)
{
    bool found = find_section(c, name, section);

    if (found && !is_globals(name))
        return CODE_OK;
    if (found && only_account(c, section) && is_globals(*section))
        return CODE_OK;
    return refuse_choice(c, "no account ", name, line, why);
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

static enum code choose(const struct config *c, const char *name, const char *sender,
                        struct slice *section, struct status *why)
{
    struct slice globals = slice_of(SCAN_GLOBALS);
    const char *fallback = value_of(c, globals, slice_of("account"));

    if (name)
        return choose_named(c, slice_of(name), 0, section, why);
    if (choose_by_sender(c, sender, section))
        return CODE_OK;
    if (fallback && fallback[0] != 0)
        return choose_named(c, slice_of(fallback), scan_line(&c->scan, globals, "account"), section,
                            why);
    if (only_account(c, section))
        return CODE_OK;
    return refuse_choice(c,
                         c->scan.count > 0 ? "no account chosen: set account = in [orsino]"
                                           : "an empty file: write [orsino] and host = into it",
                         (struct slice){ 0 }, 0, why);
}

enum code config_account(struct config *c, const char *name, const char *sender,
                         struct account *account, struct status *why)
{
    struct slice section;

    if (choose(c, name, sender, &section, why))
        return why->code;
    if (fill(c, section, account, why) || account_settle(account, why))
        status_at(why, "%.300s:%u", c->file.path, scan_line(&c->scan, section, NULL));
    return why->code;
}

enum code config_globals(struct config *c, struct account *account, struct status *why)
{
    return fill(c, slice_of(SCAN_GLOBALS), account, why);
}
