/* The relay: a listener that speaks SMTP with programs of this machine, a process for each. */
#ifndef ORSINO_CLI_SERVE_H
#define ORSINO_CLI_SERVE_H

#include "cli/options.h"

/*
 * `orsino serve`, which stays in the foreground; and -bd, which goes into the background once it
 * listens, or -bD, which does not. SIGTERM and SIGINT end it after the messages under way, a second
 * one at once; SIGHUP reads the configuration again, but for `listen`. The exit code.
 */
int serve_main(int argc, char **argv);
int serve_with(const struct options *options);

#endif
