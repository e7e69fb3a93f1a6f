/* Who calls us, as far as the machine knows: for a sender that nobody names. */
#ifndef ORSINO_CLI_CALLER_H
#define ORSINO_CLI_CALLER_H

#include "base/host.h"
#include "base/status.h"

#include <sys/types.h>

enum {
    CALLER_LOGIN_ROOM = 64,
};

struct caller {
    uid_t user; /* the real one of this process, unless caller_is says another */
    bool known; /* it was looked up */
    char login[CALLER_LOGIN_ROOM];
    char host[HOST_NAME_ROOM]; /* the machine's name, when it may be shown */
    struct buf full_name;
};

void caller_init(struct caller *c);
void caller_free(struct caller *c);

/*
 * Looks the user up, once. Without an entry in the user database, as in a container, the login
 * is "uid" and the number. CODE_SYSTEM when the database cannot be asked now, CODE_MEMORY.
 */
enum code caller_look_up(struct caller *c, struct status *why) __attribute__((warn_unused_result));

#endif
