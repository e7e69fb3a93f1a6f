/*
 * For a caller who may not read the configuration, not even through the group of this program: the
 * message goes to the relay of this machine, which may. It is told who the caller is by the kernel.
 */
#ifndef ORSINO_CLI_HANDOVER_H
#define ORSINO_CLI_HANDOVER_H

#include "cli/door.h"

/* A build may move it; tests do. */
#ifndef RELAY_SOCKET
#define RELAY_SOCKET "/run/orsino/submit.sock"
#endif

/* Whether that is the way out of a failure of door_open: the usual configuration may not be read,
 * and there is such a socket. */
bool handover_is_possible(const struct options *options, const struct status *why);

/*
 * Fills the globals of a door that could not be opened, so that all it takes goes to the relay:
 * bare and local names stay names of this machine, which the relay knows the aliases of. CODE_BUG.
 */
enum code handover_open(struct door *door, struct status *why) __attribute__((warn_unused_result));

#endif
