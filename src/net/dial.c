#include "net/dial.h"

#include "base/memory.h"
#include "net/hurry.h"
#include "net/name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    ADDRESSES_MAX = 16, /* so that the time spent has a bound */
    FIRST_FD = 3,
    PORT_ROOM = 12,
    LOOKUP_SHARE = 5, /* of the time left, for the first nameserver */
};

/* What getaddrinfo(3) says; whatever is not here means "not now". */
static const struct row {
    int error;
    enum code code;
    const char *sentence;
} rows[] = {
    { EAI_NONAME, CODE_RESOLVE, "the host name does not exist" },
#ifdef EAI_NODATA
    { EAI_NODATA, CODE_RESOLVE, "the host name has no address" },
#endif
#ifdef EAI_ADDRFAMILY
    { EAI_ADDRFAMILY, CODE_RESOLVE, "the host name has no address" },
#endif
    { EAI_AGAIN, CODE_RESOLVE_LATER, "the host name cannot be looked up now" },
    { EAI_MEMORY, CODE_MEMORY, "out of memory" },
};

/* Without one, glibc can read neither a file nor DNS, and says that there is no such name. */
static bool has_descriptor(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}

static enum code explain_lookup(int error, int saved_errno, struct status *why)
{
    if (error != EAI_MEMORY && !has_descriptor())
        return status_set_errno(why, CODE_RESOLVE_LATER, STAGE_RESOLVE, errno,
                                "the host name cannot be looked up");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == error)
            return status_set(why, rows[i].code, STAGE_RESOLVE, "%s", rows[i].sentence);
    if (error == EAI_SYSTEM)
        return status_set_errno(why, CODE_RESOLVE_LATER, STAGE_RESOLVE, saved_errno,
                                "the host name cannot be looked up");
    return status_set(why, CODE_RESOLVE_LATER, STAGE_RESOLVE,
                      "the host name cannot be looked up: %s", gai_strerror(error));
}

/*
 * glibc waits `timeout` for the first of its nameservers, of three 2/3 of it for the second and 4/3
 * for the third, but whole seconds and one at least. All that comes twice with a search list, whose
 * first domain without an answer ends it.
 */
static void hurry(struct deadline until)
{
    hurry_lookup(deadline_left(until) / 1000 / LOOKUP_SHARE);
}

/* No AI_ADDRCONFIG, which does not count the loopback interface: all addresses are simply tried. */
static enum code resolve(const char *host, unsigned port, struct addrinfo **list,
                         struct status *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct server_name name;
    char service[PORT_ROOM];
    const char *node = host;
    int error;

    if (!server_name_read(host, &name))
        return status_set(why, CODE_RESOLVE, STAGE_RESOLVE, "no host can have this name");
    if (host[0] == '[' || name.address_length > 0)
        node = name.text;
    if (name.address_length > 0)
        hints.ai_flags |= AI_NUMERICHOST;    /* starts no resolver */
    if (!memory_suffices(MEMORY_FOR_LOOKUP)) /* glibc crashes without */
        return explain_lookup(EAI_MEMORY, ENOMEM, why);
    (void)snprintf(service, sizeof service, "%u", port);
    error = getaddrinfo(node, service, &hints, list);
    return error ? explain_lookup(error, errno, why) : CODE_OK;
}

/* A caller may have closed 0, 1 or 2: what somebody prints there must not reach the server. */
static int move_up(int fd)
{
    int moved, error;

    if (fd < 0 || fd >= FIRST_FD)
        return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
    error = errno;
    (void)close(fd);
    errno = error;
    return moved;
}

static int open_socket(int family)
{
    int fd = move_up(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int on = 1;

    /* A flight of commands is one write: nothing is gained by holding it back. */
    if (fd >= 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* The errno of a connection that is being made, 0 when it stands. */
static int wait_for_connection(int fd, struct deadline deadline)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int error = 0, n;
    socklen_t length = sizeof error;

    do {
        n = poll(&p, 1, deadline_left(deadline));
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return ETIMEDOUT;
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error;
}

/* One address: the errno, or 0 and the socket. */
static int try_address(const struct addrinfo *address, struct deadline deadline, int *out)
{
    int fd = open_socket(address->ai_family), error = 0;

    if (fd < 0)
        return errno;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        error = errno;
    if (error == EINPROGRESS || error == EINTR)
        error = wait_for_connection(fd, deadline);
    if (error)
        (void)close(fd);
    else
        *out = fd;
    return error;
}

/* What an errno means, the less telling first: the more telling of two is kept. */
static const struct cause {
    enum code code;
    const char *sentence;
    int errors[8];
} causes[] = {
    { CODE_SYSTEM, "no connection can be made", { 0 } }, /* whatever is in no other row */
    { CODE_UNREACHABLE,
      "the host cannot be reached",
      { ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, ENETDOWN, EHOSTDOWN, EACCES,
        EPERM } },
    { CODE_TIMEOUT, "no answer in time", { ETIMEDOUT } },
    { CODE_REFUSED, "connection refused", { ECONNREFUSED, ECONNRESET } },
};

static size_t cause_of(int error)
{
    for (size_t c = 0; c < sizeof causes / sizeof *causes; c++)
        for (size_t i = 0; i < sizeof causes[c].errors / sizeof *causes[c].errors; i++)
            if (causes[c].errors[i] == error && error != 0)
                return c;
    return 0;
}

static enum code explain_connect(int error, size_t tried, struct status *why)
{
    const struct cause *cause = &causes[cause_of(error)];
    char count[48] = "";

    if (tried > 1)
        (void)snprintf(count, sizeof count, " (%zu addresses tried)", tried);
    if (cause->code == CODE_TIMEOUT || cause->code == CODE_REFUSED) {
        why->os = why->code ? why->os : error;
        return status_set(why, cause->code, STAGE_CONNECT, "%s%s", cause->sentence, count);
    }
    return status_set_errno(why, cause->code, STAGE_CONNECT, error, "%s%s", cause->sentence, count);
}

static struct deadline limit_address(int64_t per_address, const struct deadline *until)
{
    struct deadline own = deadline_in(per_address);

    return until && until->at < own.at ? *until : own;
}

static enum code connect_any(const struct addrinfo *list, int64_t per_address,
                             const struct deadline *until, int *fd, struct status *why)
{
    int worst = 0;
    size_t tried = 0;

    for (const struct addrinfo *a = list; a && tried < ADDRESSES_MAX; a = a->ai_next) {
        int error = try_address(a, limit_address(per_address, until), fd);

        if (error == 0)
            return CODE_OK;
        tried++;
        if (worst == 0 || cause_of(error) > cause_of(worst))
            worst = error;
        if (until && deadline_left(*until) == 0)
            break;
    }
    return explain_connect(worst, tried, why);
}

enum code net_dial(const char *host, unsigned port, int64_t per_address,
                   const struct deadline *until, int *fd, struct status *why)
{
    return net_dial_watched(host, port, per_address, until, NULL, fd, why);
}

enum code net_dial_watched(const char *host, unsigned port, int64_t per_address,
                           const struct deadline *until, const struct dial_watch *watch, int *fd,
                           struct status *why)
{
    struct addrinfo *list = NULL;
    enum code code;

    status_at(why, strchr(host, ':') && host[0] != '[' ? "[%s]:%u" : "%s:%u", host, port);
    if (until)
        hurry(*until);
    if (resolve(host, port, &list, why))
        return why->code;
    if (watch)
        watch->resolved(watch->context);
    code = connect_any(list, per_address, until, fd, why);
    freeaddrinfo(list);
    return code;
}

enum code net_addresses(const char *host, char *out, size_t room, struct status *why)
{
    struct addrinfo *list = NULL;
    struct buf text;

    out[0] = 0;
    status_at(why, "%.200s", host);
    hurry_lookup(HURRY_SECONDS);
    if (resolve(host, 0, &list, why))
        return why->code;
    buf_over(&text, out, room - 1);
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        char one[INET6_ADDRSTRLEN];

        if (getnameinfo(a->ai_addr, a->ai_addrlen, one, sizeof one, NULL, 0, NI_NUMERICHOST) == 0 &&
            text.n + strlen(one) + 2 <= text.max)
            buf_addf(&text, "%s%s", text.n > 0 ? ", " : "", one);
    }
    out[text.n] = 0;
    freeaddrinfo(list);
    return CODE_OK;
}

/*
 * Nobody can poll for a place in the queue of a UNIX socket that is full: connect(2) itself must
 * wait. EAGAIN says that it did so in vain.
 */
static int wait_for_place(int fd, const struct sockaddr_un *address, int64_t limit)
{
    struct deadline deadline = deadline_in(limit);
    int error, left;

    do {
        struct timeval wait = { .tv_usec = 1000 }; /* zero would mean for ever */

        left = deadline_left(deadline);
        if (left > 0)
            wait = (struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0)
            return errno;
        error = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    } while (error == EINTR && left > 0);
    if (error == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        error = errno;
    return error;
}

static enum code explain_local(int error, struct status *why)
{
    if (error == EAGAIN || error == EINTR)
        return status_set(why, CODE_TIMEOUT, STAGE_CONNECT, "no answer in time");
    if (error == ENOENT || error == ECONNREFUSED)
        return status_set_errno(why, CODE_REFUSED, STAGE_CONNECT, error,
                                "nobody listens at this socket");
    return status_set_errno(why, error == EACCES ? CODE_PERMISSION : CODE_SYSTEM, STAGE_CONNECT,
                            error, "no connection can be made");
}

enum code net_dial_local(const char *path, int64_t limit, int *fd, struct status *why)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int made, error;

    status_at(why, "%s", path);
    if (strlen(path) >= sizeof address.sun_path)
        return status_set(why, CODE_CONFIG, STAGE_CONNECT, "the path is too long for a socket");
    memcpy(address.sun_path, path, strlen(path));
    made = move_up(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (made < 0)
        return explain_local(errno, why);
    error = wait_for_place(made, &address, limit);
    if (error) {
        (void)close(made);
        return explain_local(error, why);
    }
    *fd = made;
    return CODE_OK;
}

/* RFC 4291 section 2.5.5.2: an IPv4 address in the clothes of IPv6. */
static bool print_v6(const struct in6_addr *address, char *out, size_t room)
{
    char text[INET6_ADDRSTRLEN];
    bool mapped = IN6_IS_ADDR_V4MAPPED(address);
    const char *shown = mapped ? inet_ntop(AF_INET, &address->s6_addr[12], text, sizeof text)
                               : inet_ntop(AF_INET6, address, text, sizeof text);
    int n = shown ? snprintf(out, room, mapped ? "[%s]" : "[IPv6:%s]", shown) : -1;

    return n > 0 && (size_t)n < room;
}

static bool print_v4(const struct in_addr *address, char *out, size_t room)
{
    char text[INET_ADDRSTRLEN];
    int n = inet_ntop(AF_INET, address, text, sizeof text) ? snprintf(out, room, "[%s]", text) : -1;

    return n > 0 && (size_t)n < room;
}

enum code net_address_literal(int fd, char *out, size_t room, struct status *why)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } local = { .storage = { 0 } };
    socklen_t length = sizeof local;

    if (getsockname(fd, &local.any, &length) != 0)
        return status_set_errno(why, CODE_SYSTEM, STAGE_CONNECT, errno,
                                "this side's address is not known");
    if (local.any.sa_family == AF_INET && print_v4(&local.v4.sin_addr, out, room))
        return CODE_OK;
    if (local.any.sa_family == AF_INET6 && print_v6(&local.v6.sin6_addr, out, room))
        return CODE_OK;
    return status_set(why, CODE_SYSTEM, STAGE_CONNECT, "this side's address is not known");
}
