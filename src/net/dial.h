/* Names to addresses to a connected socket. */
#ifndef ORSINO_NET_DIAL_H
#define ORSINO_NET_DIAL_H

#include "base/clock.h"
#include "base/status.h"

/*
 * Resolves host (a name, or an IPv4 or IPv6 address, brackets allowed) and connects to port: each
 * address in the order getaddrinfo(3) gives (RFC 6724), each for at most `per_address`
 * milliseconds, until one answers. Gives a non-blocking, close-on-exec socket with TCP_NODELAY,
 * number 3 or above. CODE_RESOLVE (no such name), CODE_RESOLVE_LATER (no answer from DNS),
 * CODE_REFUSED, CODE_TIMEOUT, CODE_UNREACHABLE, CODE_SYSTEM; when all addresses fail, the most
 * telling failure is kept (refused before timeout before unreachable), with the number of addresses
 * tried. Sets why->where host:port.
 */
enum code net_dial(const char *host, unsigned port, int64_t per_address, int *fd,
                   struct status *why) __attribute__((warn_unused_result));

/*
 * The local address of a connected socket as an SMTP address literal, "[192.0.2.1]" or
 * "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3), into `out`.
 */
enum code net_address_literal(int fd, char *out, size_t room, struct status *why)
    __attribute__((warn_unused_result));

#endif
