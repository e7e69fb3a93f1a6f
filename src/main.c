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

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct role {
    const char *name;
    int (*run)(int argc, char **argv);
    bool helps; /* it knows --help of its own */
};

/* By the name of a link to us. */
static const struct role programs[] = {
    { "sendmail", sendmail_main, false }, { "send-mail", sendmail_main, false },
    { "mailq", mailq_main, false },       { "newaliases", newaliases_main, false },
    { "runq", runq_main, false },         { NULL, NULL, false },
};

/* By the first word behind our own name. */
static const struct role commands[] = {
    { "send", sendmail_main, false },
    { "sendmail", sendmail_main, false },
    { "serve", serve_main, false },
    { "queue", queue_main, true },
    { "probe", probe_main, true },
    { "check", check_main, true },
    { "setup", setup_main, true },
    { "mailq", mailq_main, false },
    { "newaliases", newaliases_main, false },
    { "version", version_main, false },
    { "--version", version_main, false },
    { "help", help_main, false },
    { "--help", help_main, false },
    { NULL, NULL, false },
};

static const struct role *find(const struct role *roles, const char *name)
{
    for (; roles->name; roles++)
        if (strcmp(roles->name, name) == 0)
            return roles;
    return NULL;
}

/* No option of sendmail's begins with two dashes. */
static bool asks_for_help(const struct role *command, int argc, char **argv)
{
    return !command->helps && argc > 2 && strcmp(argv[2], "--help") == 0;
}

/* After a word that is none of ours, or after none. */
static int refuse(const char *word)
{
    const char *names[sizeof commands / sizeof *commands];

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        names[i] = commands[i].name;
    return usage_main(word, names);
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
    if (command && asks_for_help(command, argc, argv))
        return help_main(argc, argv);
    if (command)
        return command->run(argc - 1, argv + 1);
    if (word[0] == '-') /* many write our own path where a sendmail is asked for */
        return sendmail_main(argc, argv);
    return refuse(argc > 1 ? word : NULL);
}
