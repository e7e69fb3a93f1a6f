#include "net/peer.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
    V4_BITS = 32,
    V6_BITS = 128,
    MAPPED_BITS = V6_BITS - V4_BITS, /* RFC 4291 section 2.5.5.2 */
    LOOPBACK_NET = 127,
};

#define NOBODY ((uid_t)-1)

struct network {
    unsigned char bytes[V6_BITS / 8];
    unsigned bits;   /* of an address of this family */
    unsigned prefix; /* of them, those that count */
};

static struct network network_v4(const void *bytes)
{
    struct network n = { .bits = V4_BITS, .prefix = V4_BITS };

    memcpy(n.bytes, bytes, V4_BITS / 8);
    return n;
}

static struct network network_v6(const struct in6_addr *address)
{
    struct network n = { .bits = V6_BITS, .prefix = V6_BITS };

    if (IN6_IS_ADDR_V4MAPPED(address))
        return network_v4(address->s6_addr + MAPPED_BITS / 8);
    memcpy(n.bytes, address->s6_addr, sizeof n.bytes);
    return n;
}

static bool network_of(const struct sockaddr_storage *address, struct network *out)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->ss_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        *out = network_v4(&v4.sin_addr);
        return true;
    }
    if (address->ss_family != AF_INET6)
        return false;
    memcpy(&v6, address, sizeof v6);
    *out = network_v6(&v6.sin6_addr);
    return true;
}

static bool is_loopback(const struct network *n)
{
    struct in6_addr address;

    if (n->bits == V4_BITS)
        return n->bytes[0] == LOOPBACK_NET;
    memcpy(&address, n->bytes, sizeof address);
    return IN6_IS_ADDR_LOOPBACK(&address);
}

static void print_name(const struct network *n, char out[PEER_NAME_ROOM])
{
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(n->bits == V4_BITS ? AF_INET : AF_INET6, n->bytes, text, sizeof text);
    (void)snprintf(out, PEER_NAME_ROOM, "%s%s", n->bits == V4_BITS ? "" : "IPv6:", text);
}

bool peer_at(const struct sockaddr_storage *address, struct peer *peer)
{
    struct network n;

    *peer = (struct peer){ .address = *address };
    peer->is_unix = address->ss_family == AF_UNIX;
    if (peer->is_unix) {
        peer->is_local = true;
        (void)snprintf(peer->name, sizeof peer->name, "local");
        return true;
    }
    if (!network_of(address, &n))
        return false;
    peer->is_local = is_loopback(&n);
    print_name(&n, peer->name);
    return true;
}

/* The kernel noted it when the other side connected or listened: it cannot be made up. */
static bool read_user(int fd, uid_t *user)
{
    struct ucred who = { .uid = NOBODY };
    socklen_t length = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || who.uid == NOBODY)
        return false;
    *user = who.uid;
    return true;
}

bool peer_of(int fd, struct peer *peer)
{
    struct sockaddr_storage address = { 0 };
    socklen_t length = sizeof address;

    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0 || !peer_at(&address, peer))
        return false;
    peer->has_user = peer->is_unix && read_user(fd, &peer->user);
    return true;
}

bool peer_is_hidden(int fd)
{
    struct sockaddr_storage own = { 0 };
    socklen_t length = sizeof own;
    struct peer peer;

    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 && own.ss_family != AF_UNIX &&
           !peer_of(fd, &peer);
}

static bool read_address(struct slice text, struct network *out)
{
    char string[INET6_ADDRSTRLEN];
    unsigned char v4[V4_BITS / 8];
    struct in6_addr v6;

    if (text.n >= sizeof string)
        return false;
    memcpy(string, text.p, text.n);
    string[text.n] = 0;
    if (inet_pton(AF_INET, string, v4) == 1)
        *out = network_v4(v4);
    else if (inet_pton(AF_INET6, string, &v6) == 1)
        *out = network_v6(&v6);
    else
        return false;
    return true;
}

/* The prefix is counted in the family that was written, which may be an IPv4 one in disguise. */
static bool read_network(struct slice text, struct network *out)
{
    size_t slash = slice_find(text, '/');
    bool written_as_v6 = slice_find(text, ':') < text.n;
    uint64_t prefix;

    if (!read_address(slice_part(text, 0, slash), out))
        return false;
    if (slash == text.n)
        return true;
    if (!slice_number(slice_part(text, slash + 1, text.n), written_as_v6 ? V6_BITS : V4_BITS,
                      &prefix))
        return false;
    if (written_as_v6 && out->bits == V4_BITS) {
        if (prefix < MAPPED_BITS)
            return false;
        prefix -= MAPPED_BITS;
    }
    out->prefix = (unsigned)prefix;
    return true;
}

/* Takes the next network off a list; false at its end. */
static bool next_network(struct slice *list, struct slice *text)
{
    if (!slice_take_until(list, ",", text))
        return false;
    *text = slice_trim(*text);
    return true;
}

bool networks_are_valid(const char *list)
{
    struct slice left = slice_trim(slice_of(list)), text;
    struct network n;

    if (left.n > 0 && left.p[left.n - 1] == ',')
        return false;
    while (next_network(&left, &text))
        if (!read_network(text, &n))
            return false;
    return true;
}

static bool contains(const struct network *n, const struct network *address)
{
    unsigned whole = n->prefix / 8, rest = n->prefix % 8;

    if (n->bits != address->bits || memcmp(n->bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (n->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool peer_is_in(const struct peer *peer, const char *list)
{
    struct slice left = slice_trim(slice_of(list)), text;
    struct network address, n;

    if (!network_of(&peer->address, &address))
        return false;
    while (next_network(&left, &text))
        if (read_network(text, &n) && contains(&n, &address))
            return true;
    return false;
}
