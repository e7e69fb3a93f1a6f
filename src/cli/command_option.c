#include "cli/command_option.h"

#include <stdio.h>

enum {
    LETTERS_ROOM = 32,
};

int command_option(int argc, char **argv, const char *letters, const struct option *rows,
                   const char *command, struct status *why)
{
    char quiet[LETTERS_ROOM]; /* with the ':' that tells what is missing from what is unknown */
    int option;

    (void)snprintf(quiet, sizeof quiet, ":%s", letters);
    opterr = 0;
    option = getopt_long(argc, argv, quiet, rows, NULL);
    if (option == ':')
        (void)status_set(why, CODE_USAGE, STAGE_OPTIONS, "%.80s needs an argument",
                         argv[optind - 1]);
    else if (option == '?' && optopt > 0 && optopt < COMMAND_LONG)
        (void)status_set(why, CODE_USAGE, STAGE_OPTIONS, "no option -%c; see %s --help", optopt,
                         command);
    else if (option == '?')
        (void)status_set(why, CODE_USAGE, STAGE_OPTIONS, "no option %.80s; see %s --help",
                         argv[optind - 1], command);
    return option == ':' ? '?' : option;
}
