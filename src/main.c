#include "base/rights.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/newaliases.h"
#include "cli/probe.h"
#include "cli/process.h"
#include "cli/queue.h"
#include "cli/sendmail.h"
#include "cli/serve.h"
#include "cli/setup.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct role {
    const char *name;
    int (*run)(int argc, char **argv);
};

/* By the name of a link to us. */
static const struct role programs[] = {
    { "sendmail", sendmail_main },     { "send-mail", sendmail_main }, { "mailq", mailq_main },
    { "newaliases", newaliases_main }, { "runq", runq_main },          { NULL, NULL },
};

/* By the first word behind our own name. */
static const struct role commands[] = {
    { "send", sendmail_main },         { "sendmail", sendmail_main },
    { "serve", serve_main },           { "queue", queue_main },
    { "probe", probe_main },           { "check", check_main },
    { "setup", setup_main },           { "mailq", mailq_main },
    { "newaliases", newaliases_main }, { "version", version_main },
    { "--version", version_main },     { "help", help_main },
    { "--help", help_main },           { NULL, NULL },
};

static const struct role *find(const struct role *roles, const char *name)
{
    for (; roles->name; roles++)
        if (strcmp(roles->name, name) == 0)
            return roles;
    return NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? base_name(argv[0]) : "";
    const struct role *program =
        find(programs, name[0] != 0 ? name : "sendmail"); /* no name at all */
    const char *word = argc > 1 ? argv[1] : "";
    const struct role *command = find(commands, word);

    if (!rights_begin()) {
        (void)fputs("orsino: the rights of another user or group cannot be set aside\n", stderr);
        return EX_OSERR;
    }
    process_settle();
    if (program && !(command && word[0] == '-'))
        return program->run(argc, argv);
    if (command)
        return command->run(argc - 1, argv + 1);
    if (word[0] == '-') /* many write our own path where a sendmail is asked for */
        return sendmail_main(argc, argv);
    return usage_main(argc, argv);
}
