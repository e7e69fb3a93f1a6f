#include "conf/environment.h"

#include "base/rights.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PREFIX = sizeof ENVIRONMENT_PREFIX - 1,
    SHOWN = 40, /* bytes of a name in a message */
    VARIABLE_ROOM = 64,
};

/* Writes the name of the key's variable. */
static void write_variable(char out[VARIABLE_ROOM], const char *key)
{
    int n = snprintf(out, VARIABLE_ROOM, ENVIRONMENT_PREFIX "%s", key);

    for (int i = 0; i < n && i + 1 < VARIABLE_ROOM; i++)
        if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
}

/* The key whose variable has exactly this name, or NULL. */
static const struct key *find_key(struct slice variable)
{
    const struct key *key = keys_find(slice_part(variable, PREFIX, variable.n));
    char name[VARIABLE_ROOM];

    if (!key)
        return NULL;
    write_variable(name, key->name);
    return slice_equal(slice_of(name), variable) ? key : NULL;
}

/* Not an error: the name may mean something to another program. */
static void warn_unknown(struct environment *e, struct slice variable)
{
    const size_t used = strlen(e->warning);
    const char *nearest = keys_nearest(slice_part(variable, PREFIX, variable.n));
    char name[VARIABLE_ROOM] = "";
    char *end = e->warning + used;
    const int shown = variable.n < SHOWN ? (int)variable.n : SHOWN;

    if (nearest)
        write_variable(name, nearest);
    (void)snprintf(end, sizeof e->warning - used, "%s%.*s%s%s%s",
                   used > 0 ? ", " : "unknown in the environment: ", shown, variable.p,
                   nearest ? " (did you mean " : "", name, nearest ? "?)" : "");
    text_make_printable(end, strlen(end));
}

/* What a line of the INI could not hold either, and what would have no end. */
static enum code check_bytes(const struct key *key, struct slice value, struct status *why)
{
    if (value.n > ENVIRONMENT_VALUE_MAX)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s: more than %d bytes", key->name,
                          ENVIRONMENT_VALUE_MAX);
    for (size_t i = 0; i < value.n; i++)
        if (is_control(value.p[i]))
            return status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s: a control character, 0x%02x",
                              key->name, (unsigned)value.p[i]);
    return CODE_OK;
}

static enum code take(struct environment *e, struct slice variable, const char *value,
                      struct status *why)
{
    const struct key *key = find_key(variable);
    struct account unused = { 0 };
    const char **place;
    size_t count;

    if (!key) {
        warn_unknown(e, variable);
        return CODE_OK;
    }
    place = &e->values[key - keys_all(&count)];
    /* As getenv has it, the first of two counts. */
    if (*place || (value[0] == 0 && key->type > KEY_HOST))
        return CODE_OK;
    if (check_bytes(key, slice_of(value), why) || keys_parse(key, value, &unused, why)) {
        status_at(why, "%.*s", (int)variable.n, variable.p);
        return why->code;
    }
    *place = value;
    e->sets_any = true;
    return CODE_OK;
}

/* Who sets one expects that it counts. */
static void warn_unheeded(struct environment *e, struct slice variable)
{
    const struct key *key = find_key(variable);
    char name[VARIABLE_ROOM];

    if (!key || e->warning[0] != 0)
        return;
    write_variable(name, key->name);
    (void)snprintf(e->warning, sizeof e->warning,
                   "%s does not count: this program has the right of a group", name);
}

enum code environment_read(struct environment *e, struct status *why)
{
    *e = (struct environment){ 0 };
    for (char **at = environ; at && *at; at++) {
        const char *equals = strchr(*at, '=');

        if (!equals || strncmp(*at, ENVIRONMENT_PREFIX, PREFIX) != 0)
            continue;
        if (rights_are_raised())
            warn_unheeded(e, (struct slice){ *at, (size_t)(equals - *at) });
        else if (take(e, (struct slice){ *at, (size_t)(equals - *at) }, equals + 1, why))
            return why->code;
    }
    return CODE_OK;
}

const char *environment_value(const struct environment *e, const struct key *key)
{
    size_t count;

    return e->values[key - keys_all(&count)];
}

bool environment_suffices(const struct environment *e)
{
    const char *host = environment_value(e, keys_find(slice_of("host")));
    const char *provider = environment_value(e, keys_find(slice_of("provider")));

    return (host && host[0] != 0) || (provider && provider[0] != 0);
}

void environment_forget(void)
{
    char **kept = environ;

    for (char **at = environ; at && *at; at++)
        if (strncmp(*at, ENVIRONMENT_PREFIX, PREFIX) != 0)
            *kept++ = *at;
    if (kept)
        *kept = NULL;
}
