/* A server as people write it. */
#ifndef ORSINO_CLI_TARGET_H
#define ORSINO_CLI_TARGET_H

#include "base/status.h"

enum {
    TARGET_ROOM = 1024,
};

struct target {
    char host[TARGET_ROOM]; /* what is longer is cut, and no host */
    unsigned port;          /* 0: none named */
    bool is_wrong;          /* a number stands there that no port has */
};

/*
 * Takes host, host:2525, [::1]:2525 and smtps://host:465/ apart. An IPv6 address without brackets
 * is a host as a whole. Whether there can be such a host is not looked at.
 */
void target_read(const char *text, struct target *out);

/* The provider that a word without a dot may be misspelt for, when it was looked up as a host and
 * found to be none; else NULL. */
const char *target_meant(const char *text, const struct status *why);

#endif
