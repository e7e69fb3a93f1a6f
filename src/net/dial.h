/* Names to addresses to a connected socket. */
#ifndef ORSINO_NET_DIAL_H
#define ORSINO_NET_DIAL_H

#include "base/clock.h"
#include "base/status.h"

/*
 * Resolves host (a name, or an IPv4 or IPv6 address, brackets allowed) and connects to port: each
 * address in the order getaddrinfo(3) gives (RFC 6724), each for at most `per_address`
 * milliseconds, until one answers, and all of them not longer than `until`; NULL for no such limit.
 * Gives a non-blocking, close-on-exec socket with TCP_NODELAY, number 3 or above. CODE_RESOLVE (no
 * such name), CODE_RESOLVE_LATER (no answer from DNS), CODE_REFUSED, CODE_TIMEOUT,
 * CODE_UNREACHABLE, CODE_SYSTEM; when all addresses fail, the most telling failure is kept (refused
 * before timeout before unreachable), with the number of addresses tried. Sets why->where
 * host:port.
 *
 * A look-up takes no deadline. With `until` the variable RES_OPTIONS is set, unless it is already,
 * for glibc to give up on silent nameservers, up to three, after about half of the time left, with
 * a search list after the whole of it, and never before a second for each of them. It is read at
 * the first look-up of the process. musl heeds /etc/resolv.conf alone, and gives up after 5 seconds
 * by itself.
 */
enum code net_dial(const char *host, unsigned port, int64_t per_address,
                   const struct deadline *until, int *fd, struct status *why)
    __attribute__((warn_unused_result));

/* Who is told when the name is known, before the first address is tried. */
struct dial_watch {
    void (*resolved)(void *context);
    void *context;
};

/* net_dial, watched; NULL: by nobody. */
enum code net_dial_watched(const char *host, unsigned port, int64_t per_address,
                           const struct deadline *until, const struct dial_watch *watch, int *fd,
                           struct status *why) __attribute__((warn_unused_result));

/*
 * The same as net_dial to a UNIX stream socket at `path`, absolute, for at most `limit`
 * milliseconds: that long is waited when more want to connect than its listener takes. Sets
 * why->where to the path. CODE_REFUSED when there is no socket or nobody listens at it,
 * CODE_PERMISSION, CODE_TIMEOUT, CODE_SYSTEM; CODE_CONFIG for a path that is too long for a socket.
 */
enum code net_dial_local(const char *path, int64_t limit, int *fd, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The addresses of a host as text, with commas, as many as there is room for. CODE_RESOLVE,
 * CODE_RESOLVE_LATER, CODE_MEMORY, as net_dial.
 */
enum code net_addresses(const char *host, char *out, size_t room, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The local address of a connected socket as an SMTP address literal, "[192.0.2.1]" or
 * "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3), into `out`.
 */
enum code net_address_literal(int fd, char *out, size_t room, struct status *why)
    __attribute__((warn_unused_result));

#endif
