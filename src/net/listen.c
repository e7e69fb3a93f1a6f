#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PORT_MAX = 65535,
    PORT_SMTPS = 465,    /* RFC 8314 section 3.3 */
    FIRST_INHERITED = 3, /* SD_LISTEN_FDS_START */
    PID_MAX = 4194304,   /* Linux has no higher ones */
    UMASK_FOR_ALL = 0111,
};

/* One item of the list, but for paths: a socket for each family that is wanted. */
struct wanted {
    bool v4, v6;
    struct in_addr address_v4;
    struct in6_addr address_v6;
    unsigned port;
    bool implicit_tls;
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

static enum code refuse(enum code code, const char *where, const char *sentence, struct status *why)
{
    status_at(why, "%s", where);
    return status_set(why, code, STAGE_CONFIG, "%s", sentence);
}

static enum code refuse_item(struct slice item, const char *sentence, struct status *why)
{
    char shown[LISTENER_NAME_ROOM];

    (void)snprintf(shown, sizeof shown, "%.*s",
                   (int)(item.n < sizeof shown ? item.n : sizeof shown), item.n > 0 ? item.p : "");
    text_make_printable(shown, strlen(shown));
    return status_set(why, CODE_CONFIG, STAGE_CONFIG, "\"%s\" in listen: %s", shown, sentence);
}

static enum code explain(int error, const char *where, struct status *why)
{
    static const struct {
        int error;
        enum code code;
        const char *sentence;
    } rows[] = {
        { EADDRINUSE, CODE_REFUSED, "another program listens there already" },
        { EACCES, CODE_PERMISSION, "no right to listen there (ports below 1024 are root's)" },
        { EPERM, CODE_PERMISSION, "no right to listen there" },
        { EADDRNOTAVAIL, CODE_SYSTEM, "this machine does not have this address" },
        { ENOTSOCK, CODE_CONFIG, "what has this name is no socket, and is left alone" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == error)
            return refuse(rows[i].code, where, rows[i].sentence, why);
    status_at(why, "%s", where);
    return status_set_errno(why, CODE_SYSTEM, STAGE_CONFIG, error, "no listening there");
}

static unsigned port_of(const union address *a)
{
    return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

/* Linux has sockets without a path, whose names begin with a NUL. */
static void name_local(const union address *a, socklen_t length, struct listener *l)
{
    size_t room = sizeof a->local.sun_path, offset = offsetof(struct sockaddr_un, sun_path);
    size_t n = length > offset ? length - offset : 0;
    bool has_path = n > 0 && a->local.sun_path[0] != 0;
    const char *text = a->local.sun_path + (n > 0 && !has_path ? 1 : 0);

    n = strnlen(text, n < room ? n : room);
    (void)snprintf(l->name, sizeof l->name, "%s%.*s", has_path ? "" : "@", (int)n, text);
}

/* What the address of a listener tells about it. False for one that is neither IP nor UNIX. */
static bool describe(const union address *a, socklen_t length, struct listener *l)
{
    struct peer peer;
    const char *text = peer.name;

    if (!peer_at(&a->storage, &peer))
        return false;
    l->is_unix = peer.is_unix;
    l->is_local = peer.is_local;
    if (peer.is_unix) {
        name_local(a, length, l);
        return true;
    }
    if (strncmp(text, "IPv6:", 5) == 0)
        (void)snprintf(l->name, sizeof l->name, "[%s]:%u", text + 5, port_of(a));
    else
        (void)snprintf(l->name, sizeof l->name, "%s:%u", text, port_of(a));
    return true;
}

bool listen_describe(struct listener *l)
{
    union address a = { .storage = { 0 } };
    socklen_t length = sizeof a;

    return getsockname(l->fd, &a.any, &length) == 0 && describe(&a, length, l);
}

/* The errno, or 0 and the listener's socket. */
static int open_socket(const union address *a, socklen_t length, struct listener *l)
{
    int on = 1, error;

    l->fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return errno;
    if (a->any.sa_family != AF_UNIX)
        (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->any.sa_family == AF_INET6) /* IPv4 has a socket of its own */
        (void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(l->fd, &a->any, length) == 0 && listen(l->fd, SOMAXCONN) == 0 && listen_describe(l))
        return 0;
    error = errno;
    (void)close(l->fd);
    l->fd = -1;
    return error;
}

static union address address_v4(const struct wanted *w)
{
    return (union address){ .v4 = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)w->port),
                                    .sin_addr = w->address_v4 } };
}

static union address address_v6(const struct wanted *w)
{
    return (union address){ .v6 = { .sin6_family = AF_INET6,
                                    .sin6_port = htons((uint16_t)w->port),
                                    .sin6_addr = w->address_v6 } };
}

/* A machine without one of the two families. */
static bool is_missing(int error)
{
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* The lists under way. */
struct opening {
    struct listener *listeners;
    size_t count;
};

/* Opens one socket more. Gives the errno, which may be forgiven. */
static int add(struct opening *o, const union address *a, socklen_t length, bool implicit_tls,
               struct listener **out)
{
    int error;

    *out = &o->listeners[o->count];
    **out = (struct listener){ .fd = -1, .implicit_tls = implicit_tls };
    (void)describe(a, length, *out);
    error = open_socket(a, length, *out);
    if (error == 0)
        o->count++;
    return error;
}

static enum code open_v4(struct opening *o, struct wanted *w, bool *found, struct status *why)
{
    union address a = address_v4(w);
    struct listener *l;
    int error = add(o, &a, sizeof a.v4, w->implicit_tls, &l);

    *found = error == 0;
    if (error && !(w->v6 && is_missing(error)))
        return explain(error, l->name, why);
    return CODE_OK;
}

/* The port of a pair that may be chosen freely is the one that IPv4 got. */
static void share_port(const struct opening *o, struct wanted *w)
{
    union address a = { .storage = { 0 } };
    socklen_t length = sizeof a;

    if (w->port == 0 && getsockname(o->listeners[o->count - 1].fd, &a.any, &length) == 0)
        w->port = port_of(&a);
}

static enum code open_v6(struct opening *o, const struct wanted *w, bool is_free, bool may_miss,
                         struct status *why)
{
    union address a = address_v6(w);
    struct listener *l;
    int error = add(o, &a, sizeof a.v6, w->implicit_tls, &l);

    if (error == EADDRINUSE && is_free) {
        a.v6.sin6_port = 0;
        error = add(o, &a, sizeof a.v6, w->implicit_tls, &l);
    }
    if (error && !(may_miss && is_missing(error)))
        return explain(error, l->name, why);
    return CODE_OK;
}

static enum code open_wanted(struct opening *o, struct wanted *w, struct status *why)
{
    bool found = false, is_free = w->port == 0;

    if (w->v4 && open_v4(o, w, &found, why))
        return why->code;
    if (!w->v6)
        return CODE_OK;
    if (found)
        share_port(o, w);
    return open_v6(o, w, is_free, found, why);
}

/* The errno that keeps us from the path, or 0 when nothing is there any more. */
static int clear_path(const union address *a, socklen_t length)
{
    struct stat st;
    int fd, error;

    if (lstat(a->local.sun_path, &st) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(st.st_mode))
        return ENOTSOCK;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    error = connect(fd, &a->any, length) == 0 ? 0 : errno;
    (void)close(fd);
    if (error == ECONNREFUSED)
        return unlink(a->local.sun_path) == 0 || errno == ENOENT ? 0 : errno;
    if (error == 0 || error == EAGAIN || error == EPROTOTYPE)
        return EADDRINUSE;
    return error == ENOENT ? 0 : error;
}

static enum code open_path(struct opening *o, struct slice path, struct status *why)
{
    union address a = { .local = { .sun_family = AF_UNIX } };
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    struct listener *l;
    mode_t old;
    int error;

    if (path.n >= sizeof a.local.sun_path)
        return refuse_item(path, "too long for the path of a socket", why);
    memcpy(a.local.sun_path, path.p, path.n);
    error = clear_path(&a, length);
    if (error)
        return explain(error, a.local.sun_path, why);
    old = umask(UMASK_FOR_ALL); /* anybody may connect, as anybody may call sendmail */
    error = add(o, &a, length, false, &l);
    (void)umask(old);
    if (error)
        return explain(error, a.local.sun_path, why);
    l->is_made = true;
    return CODE_OK;
}

static bool copy_address(struct slice text, int family, void *out)
{
    char string[INET6_ADDRSTRLEN];

    if (text.n >= sizeof string)
        return false;
    memcpy(string, text.p, text.n);
    string[text.n] = 0;
    return inet_pton(family, string, out) == 1;
}

/* What stands before the port, with its colon; empty for the port alone. */
static bool read_host(struct slice host, struct wanted *w)
{
    bool is_alone = host.n == 0, brackets, any;

    host = slice_part(host, 0, is_alone ? 0 : host.n - 1);
    brackets = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    any = slice_equal(host, slice_of("*"));
    w->v4 = !brackets;
    w->v6 = brackets || is_alone || any;
    w->address_v4.s_addr = htonl(is_alone ? INADDR_LOOPBACK : INADDR_ANY);
    w->address_v6 = is_alone ? in6addr_loopback : in6addr_any;
    if (brackets)
        return copy_address(slice_part(host, 1, host.n - 1), AF_INET6, &w->address_v6);
    return is_alone || any || copy_address(host, AF_INET, &w->address_v4);
}

/* "port", "address:port", "[address]:port", "*:port", each perhaps with "/tls". */
static bool read_item(struct slice item, struct wanted *w)
{
    static const char tls[] = "/tls";
    size_t ending = sizeof tls - 1;
    struct slice host = { 0 };
    uint64_t port;

    *w = (struct wanted){ 0 };
    if (item.n > ending && slice_equal(slice_part(item, item.n - ending, item.n), slice_of(tls))) {
        w->implicit_tls = true;
        item = slice_part(item, 0, item.n - ending);
    }
    for (size_t i = item.n; i > 0 && host.n == 0; i--)
        if (item.p[i - 1] == ':') {
            host = slice_part(item, 0, i); /* with the colon, so that it is not empty */
            item = slice_part(item, i, item.n);
        }
    if (!slice_number(item, PORT_MAX, &port))
        return false;
    w->port = (unsigned)port;
    w->implicit_tls = w->implicit_tls || port == PORT_SMTPS;
    return read_host(host, w);
}

static enum code open_item(struct opening *o, struct slice item, struct status *why)
{
    bool is_path = item.n > 0 && item.p[0] == '/';
    struct wanted w = { .v4 = is_path }; /* a path takes one place as well */

    if (!is_path && !read_item(item, &w))
        return refuse_item(item,
                           "no place to listen at; it can be a port, address:port, "
                           "[address]:port, *:port, or the path of a socket",
                           why);
    if (o->count + w.v4 + w.v6 > LISTENERS_MAX)
        return refuse_item(item, "too many addresses to listen at", why);
    return is_path ? open_path(o, item, why) : open_wanted(o, &w, why);
}

enum code listen_open(const char *list, struct listener *listeners, size_t *count,
                      struct status *why)
{
    struct slice left = slice_trim(slice_of(list)), item;
    struct opening o = { .listeners = listeners };

    *count = 0;
    if (left.n == 0 || left.p[left.n - 1] == ',' || !slice_take_until(&left, ",", &item))
        return refuse_item(left, "no place to listen at", why);
    do {
        if (open_item(&o, slice_trim(item), why)) {
            listen_close(listeners, o.count, true);
            o.count = 0;
        }
    } while (why->code == CODE_OK && slice_take_until(&left, ",", &item));
    *count = o.count;
    return why->code;
}

static bool option_is(int fd, int option, int want)
{
    int value = 0;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 && value == want;
}

/* A socket may also be shared with programs that see this flag; there is no way around. */
static bool set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static enum code take_over(int fd, struct listener *l, struct status *why)
{
    union address a = { .storage = { 0 } };
    socklen_t length = sizeof a;

    *l = (struct listener){ .fd = fd };
    if (!option_is(fd, SO_TYPE, SOCK_STREAM) || !option_is(fd, SO_ACCEPTCONN, 1) ||
        getsockname(fd, &a.any, &length) != 0 || !describe(&a, length, l) || !set_flags(fd))
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "descriptor %d of LISTEN_FDS is no stream socket that listens", fd);
    l->implicit_tls = !l->is_unix && port_of(&a) == PORT_SMTPS;
    return CODE_OK;
}

size_t listen_count_inherited(void)
{
    uint64_t pid, count;

    if (!slice_number(slice_of(getenv("LISTEN_PID")), PID_MAX, &pid) || pid != (uint64_t)getpid())
        return 0;
    if (!slice_number(slice_of(getenv("LISTEN_FDS")), LISTENERS_MAX, &count))
        return SIZE_MAX;
    return (size_t)count;
}

enum code listen_inherit(struct listener *listeners, size_t *count, struct status *why)
{
    size_t promised = listen_count_inherited(), n = 0;

    *count = 0;
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    if (promised > LISTENERS_MAX)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "LISTEN_FDS is no number, or more than %d", (int)LISTENERS_MAX);
    for (; n < promised && why->code == CODE_OK; n++)
        (void)take_over(FIRST_INHERITED + (int)n, &listeners[n], why);
    if (why->code)
        listen_close(listeners, n, false);
    else
        *count = n;
    return why->code;
}

void listen_close(struct listener *listeners, size_t count, bool remove)
{
    for (size_t i = 0; i < count; i++) {
        if (remove && listeners[i].is_made)
            (void)unlink(listeners[i].name);
        if (listeners[i].fd >= 0)
            (void)close(listeners[i].fd);
        listeners[i].fd = -1;
    }
}

int listen_accept(const struct listener *l, struct peer *peer)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;

    if (fd < 0)
        return -1;
    if (!peer_of(fd, peer)) { /* gone again */
        (void)close(fd);
        errno = ECONNABORTED;
        return -1;
    }
    if (!peer->is_unix)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}
