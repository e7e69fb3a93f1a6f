#include "conf/config.h"

#include "base/memory.h"
#include "base/rights.h"
#include "conf/config_inside.h"

#include <errno.h>
#include <iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOKUP_ROOM = SCAN_NAME_MAX + 64, /* section:key */
    INI_ROOM = 32 * 1024,             /* what iniparser takes for a file without an entry */
    ENTRY_ROOM = 256,                 /* and for an entry, but for its value */
};

/* What iniparser would print on stderr, scan.c has said better. */
static int say_nothing(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int say_nothing(const char *format, ...)
{
    (void)format;
    return 0;
}

bool config_is_section_line(const struct scan_entry *entry)
{
    return entry->key.p == NULL;
}

/* Writes a name the way iniparser keeps it, in lower case: "section" or "section:key". */
static void write_lookup(char out[LOOKUP_ROOM], struct slice section, struct slice key)
{
    int n = snprintf(out, LOOKUP_ROOM, "%.*s%s%.*s", (int)section.n, section.p, key.p ? ":" : "",
                     (int)key.n, key.p ? key.p : "");

    for (int i = 0; i < n && i < LOOKUP_ROOM; i++)
        out[i] = to_lower(out[i]);
}

const char *config_value(const struct config *c, struct slice section, struct slice key)
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

        if (config_is_section_line(entry))
            continue;
        value = config_value(c, entry->section, entry->key);
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
    char sentence[CONFIG_WARNING_ROOM];

    (void)snprintf(sentence, sizeof sentence, "%s: %s: without it, the environment alone counts",
                   why->where, why->what);
    warn(c, sentence);
}

void config_add_warning(const struct config *c, struct status *why)
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
        config_add_warning(c, why); /* there is no log yet */
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
    while (c->kept) {
        struct kept_strings *kept = c->kept;

        c->kept = kept->next;
        free(kept);
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
