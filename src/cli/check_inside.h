/* The inside of `orsino check`: check.c has the command, check_way.c goes the way to the server. */
#ifndef ORSINO_CLI_CHECK_INSIDE_H
#define ORSINO_CLI_CHECK_INSIDE_H

#include "cli/door.h"
#include "cli/steps.h"

/*
 * From the look-up to QUIT, a step after the other, with the sender that `m` has chosen; tells
 * each. The first that fails is the last: its code is given, and *why.
 */
enum code check_way(struct making *m, struct steps *steps, struct status *why)
    __attribute__((warn_unused_result));

#endif
