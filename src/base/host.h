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

/* The host's own name whatever it looks like; "" without one. For comparing, not for showing. */
void host_any_name(char *out, size_t room);

/*
 * Whether a domain of an address means this machine: localhost, localhost.localdomain, or its own
 * name, as host_any_name gives it, in full or up to the first dot.
 */
bool host_is_ours(const char *own, struct slice domain);

/* Whether a name is one that host_own_name would give. */
bool host_name_is_public(const char *name);

#endif
