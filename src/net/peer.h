/* Who is at the other end of a connection, and lists of networks that he may be in. */
#ifndef ORSINO_NET_PEER_H
#define ORSINO_NET_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    PEER_NAME_ROOM = 64,
};

struct peer {
    bool is_unix;
    bool is_local; /* of this machine: a UNIX socket, or a loopback address */
    struct sockaddr_storage address;
    bool has_user; /* of a UNIX socket, from peer_of: SO_PEERCRED told who it is */
    uid_t user;
    char name[PEER_NAME_ROOM]; /* "127.0.0.1", "IPv6:::1" as in an address literal, "local" */
};

/* Who is at the other end of a connected socket; false when it is none. */
bool peer_of(int fd, struct peer *peer);

/*
 * Whether there is somebody at the other end who cannot be told: fd is a socket, no UNIX one, and
 * peer_of knows nothing of it. Its family may be another than IP; or the client reset the
 * connection right behind what it said, which can still be read.
 */
bool peer_is_hidden(int fd);

/* What an address alone tells of one; false for an address that is neither IP nor UNIX. An IPv4
 * address mapped into IPv6 counts as IPv4, here and below. */
bool peer_at(const struct sockaddr_storage *address, struct peer *peer);

/*
 * Whether a list of networks, "192.0.2.0/24, 2001:db8::/32, 10.1.2.3", is well-formed; and whether
 * the peer is in it. Bits behind the prefix are not looked at. "" is a list that nobody is in; a
 * network that is not well-formed has nobody in it; a UNIX socket's other end is in none.
 */
bool networks_are_valid(const char *list);
bool peer_is_in(const struct peer *peer, const char *list);

#endif
