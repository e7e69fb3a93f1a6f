#include "cli/newaliases.h"

#include "base/host.h"
#include "cli/door.h"
#include "cli/report.h"
#include "mail/aliases.h"

#include <sysexits.h>
#include <unistd.h>

enum {
    LINE_BYTES = 2048,
};

/* Installers of packages call us before there is an INI, which has no place in its status then. */
static bool is_missing(const struct options *options, const struct status *why)
{
    return !options->config && why->code == CODE_CONFIG && why->where[0] == 0;
}

static enum code load_config(const struct options *options, struct config **config,
                             struct account *globals, struct status *why)
{
    *globals = (struct account){ .aliases = "/etc/aliases" };
    if (door_give_up_rights(options, why))
        return why->code;
    if (config_load(options->config, config, why) == CODE_OK)
        return config_globals(*config, globals, why);
    if (is_missing(options, why))
        *why = (struct status){ 0 };
    return why->code;
}

static void tell(void *context, const struct status *problem)
{
    size_t *problems = context;
    char room[LINE_BYTES];
    struct buf line;

    ++*problems;
    buf_over(&line, room, sizeof room);
    status_describe(problem, &line);
    report_line(STDERR_FILENO, &line);
}

static int look_through(const char *path, const struct aliases *aliases)
{
    char room[LINE_BYTES];
    size_t problems = 0, count = aliases_check(aliases, tell, &problems);
    struct buf line;

    buf_over(&line, room, sizeof room);
    if (aliases)
        buf_addf(&line, "%s: %zu %s", path, count, count == 1 ? "alias" : "aliases");
    else
        buf_addf(&line, "%s: no aliases", path[0] != 0 ? path : "aliases =");
    if (aliases && problems > 0)
        buf_addf(&line, ", %zu %s", problems, problems == 1 ? "problem" : "problems");
    else if (!aliases && path[0] != 0)
        buf_add_string(&line, ", there is no such file");
    report_line(STDOUT_FILENO, &line);
    return problems > 0 ? EX_DATAERR : EX_OK;
}

static int refuse(const struct options *options, const struct status *why)
{
    if (options->error_mode != 'q')
        report_failure(why, NULL, NULL, NULL, NULL);
    return status_exit(why);
}

int newaliases_with(const struct options *options)
{
    struct config *config = NULL;
    struct aliases *aliases = NULL;
    struct account globals;
    struct status why = { 0 };
    char host[HOST_NAME_ROOM];
    int result;

    host_any_name(host, sizeof host);
    if (load_config(options, &config, &globals, &why) ||
        aliases_load(globals.aliases, host, &aliases, &why))
        result = refuse(options, &why);
    else
        result = look_through(globals.aliases, aliases);
    aliases_free(aliases);
    config_free(config);
    return result;
}

int newaliases_main(int argc, char **argv)
{
    struct options options;
    struct status why = { 0 };

    if (options_parse(argc, argv, &options, &why))
        return refuse(&options, &why);
    return newaliases_with(&options);
}
