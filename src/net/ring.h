/* A relay whose provider is itself: its mail would go round in a ring. */
#ifndef ORSINO_NET_RING_H
#define ORSINO_NET_RING_H

#include "net/listen.h"

/*
 * Whether one of the listeners is what is at this port of the host: an address that is listened at,
 * or a name of this machine for itself ("localhost", "127.0.0.1", "::1"). Names are not looked up.
 */
bool ring_leads_to(const struct listener *listeners, size_t count, const char *host, unsigned port);

#endif
