/* The logins of the relay: a file of names and password hashes. */
#ifndef ORSINO_CLI_USERS_H
#define ORSINO_CLI_USERS_H

#include "base/status.h"

enum {
    USERS_FILE_MAX = 1024 * 1024,
};

/*
 * Whether the file has a line "name:hash" (what follows another colon is passed over, as in
 * shadow(5)) for this user, and the hash is that of the password (crypt(3)). Empty lines and those
 * that begin with '#' count for nothing. A name that is not there takes as long as one that is.
 * CODE_OK, CODE_LOGIN when either is wrong, CODE_FILE_MISSING, CODE_PERMISSION (also when others
 * can write the file), CODE_READ, CODE_MEMORY.
 */
enum code users_check(const char *path, struct slice user, struct slice password,
                      struct status *why) __attribute__((warn_unused_result));

/* Whether such a file can be read and has a user: to be told before the first of them comes. The
 * same codes, and CODE_CONFIG when there is nobody in it. */
enum code users_look(const char *path, struct status *why) __attribute__((warn_unused_result));

#endif
