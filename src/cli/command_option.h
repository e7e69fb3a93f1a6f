/* The options behind the words of `orsino`: queue, probe, check, setup. */
#ifndef ORSINO_CLI_COMMAND_OPTION_H
#define ORSINO_CLI_COMMAND_OPTION_H

#include "base/status.h"

#include <getopt.h>

enum {
    COMMAND_LONG = 256, /* from here on the values of long options; letters stand below */
};

/*
 * The next option, as getopt_long(3) gives it, with its argument in optarg; -1 after the last, when
 * the other words begin at argv[optind]. '?' is CODE_USAGE: there is no such option, or it lacks
 * its argument. `letters` is without the ':' in front, `command` for people: "orsino probe".
 */
int command_option(int argc, char **argv, const char *letters, const struct option *rows,
                   const char *command, struct status *why);

#endif
