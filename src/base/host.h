/* The name that this machine calls itself, without asking any network. */
#ifndef ORSINO_BASE_HOST_H
#define ORSINO_BASE_HOST_H

#include "base/text.h"

enum {
    HOST_NAME_ROOM = 256, /* RFC 1035 section 2.3.4, with a NUL */
};

/*
 * Whether a name means something near its own host alone: without a dot, or at its end localhost or
 * localdomain.
 */
bool host_name_is_local(struct slice name);

/*
 * The host's own name when it may be shown to strangers: letters, digits, hyphens and at least one
 * dot, and not local. False, and "" in out, when it has no such name: a container's id is none.
 * Never a DNS look-up: without a network that would stall each message.
 */
bool host_own_name(char *out, size_t room);

/* Whether a name is one that host_own_name would give. */
bool host_name_is_public(const char *name);

#endif
