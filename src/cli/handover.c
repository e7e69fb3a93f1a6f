#include "cli/handover.h"

#include "conf/keys.h"

#include <string.h>
#include <sys/stat.h>

bool handover_is_possible(const struct options *options, const struct status *why)
{
    struct stat st;

    return why->code == CODE_PERMISSION && why->stage == STAGE_CONFIG && !options->config &&
           strcmp(why->where, SYSTEM_CONFIG) == 0 && stat(RELAY_SOCKET, &st) == 0 &&
           S_ISSOCK(st.st_mode);
}

/* Every key as if there were an INI without a line. */
static enum code take_defaults(struct account *account, struct status *why)
{
    size_t count;
    const struct key *keys = keys_all(&count);

    *account = (struct account){ .name = "relay" };
    for (size_t i = 0; i < count; i++) {
        const char *value = keys[i].fallback;

        if (!value && keys[i].type > KEY_HOST)
            continue;
        if (keys_parse(&keys[i], value ? value : "", account, why))
            return why->code;
    }
    return CODE_OK;
}

enum code handover_open(struct door *door, struct status *why)
{
    struct account *g = &door->globals;

    if (take_defaults(g, why))
        return why->code;
    g->host = RELAY_SOCKET;
    g->tls = TLS_NONE;
    g->auth = AUTH_NONE;
    g->domain = "localhost";
    g->from_header = FROM_HEADER_KEEP;
    g->aliases = "";
    g->queue = "";
    door->rules = (struct recipient_rules){
        .aliases = g->aliases,
        .local = g->local,
        .domain = g->domain,
        .no_aliases = true,
    };
    return CODE_OK;
}
