/* `orsino check`: the whole way of an account, without sending; see orsino(8). The exit code. */
#ifndef ORSINO_CLI_CHECK_H
#define ORSINO_CLI_CHECK_H

#include "base/status.h"

int check_main(int argc, char **argv);

/* The same for an account of a file, as -C names it, NULL for the usual ones; *code is what failed.
 * And a test message alone. */
int check_with(const char *config, const char *account, enum code *code);
int check_by_message(const char *config, const char *account, const char *address);

#endif
