/*
 * The environment as a source of values: ORSINO_HOST for the key host, and so on for every key, in
 * capitals. It counts before the INI, and does for a container what the INI does elsewhere.
 *
 * Nothing is taken when we run with more rights than the caller: he could send the password, which
 * he may not read, to a server of his own.
 */
#ifndef ORSINO_CONF_ENVIRONMENT_H
#define ORSINO_CONF_ENVIRONMENT_H

#include "conf/keys.h"

#define ENVIRONMENT_PREFIX "ORSINO_"
#define ENVIRONMENT_NAME   "environment" /* of the account without an INI; for messages, too */

enum {
    ENVIRONMENT_VALUE_MAX = 4096,
    ENVIRONMENT_WARNING_ROOM = 240,
};

struct environment {
    const char *values[KEYS_MAX]; /* by the row of the key, NULL where nothing sets it */
    bool sets_any;
    char warning[ENVIRONMENT_WARNING_ROOM]; /* names that do not count, "" without any */
};

/*
 * Reads and checks the variables. Strings are borrowed from the environment, a password too: they
 * live as long as the program, which must not change its environment. CODE_CONFIG for a value that
 * its key does not take, names the variable and shows no secret.
 */
enum code environment_read(struct environment *e, struct status *why)
    __attribute__((warn_unused_result));

/* NULL when no variable sets it. An empty one sets a string to "", and nothing else. */
const char *environment_value(const struct environment *e, const struct key *key);

/* Takes all of them out of the environment: for who has put them into an INI, and looks at that. */
void environment_forget(void);

/* Whether it alone makes an account: it names a host or a provider. */
bool environment_suffices(const struct environment *e);

#endif
