/* Sockets that wait for clients. */
#ifndef ORSINO_NET_LISTEN_H
#define ORSINO_NET_LISTEN_H

#include "base/status.h"
#include "net/peer.h"

enum {
    LISTENERS_MAX = 16,
    LISTENER_NAME_ROOM = 128,
};

struct listener {
    int fd; /* non-blocking, close-on-exec */
    bool implicit_tls;
    bool is_unix;
    bool is_made;                  /* a UNIX socket whose path listen_open made */
    bool is_local;                 /* loopback or a UNIX socket: nobody else can reach it */
    char name[LISTENER_NAME_ROOM]; /* "127.0.0.1:25", "[::1]:25", or the path; "@…" without one */
};

/*
 * Opens what the list of `listen` names, parted by commas: a port alone (127.0.0.1 and ::1; one of
 * them may be missing on this machine), "address:port", "[address]:port", "*:port" (every address,
 * IPv4 and IPv6), a path (a UNIX socket, mode 0666, put in the place of one that nobody listens
 * at). "/tls" at the end of a port, or port 465, means implicit TLS. Port 0 is a free one, the same
 * for both addresses of one item if it can be. Names are not looked up. `listeners` has room for
 * LISTENERS_MAX. CODE_CONFIG for a wrong list, CODE_PERMISSION for a port that we may not take,
 * CODE_REFUSED when it is taken, CODE_SYSTEM; all are closed again then.
 */
enum code listen_open(const char *list, struct listener *listeners, size_t *count,
                      struct status *why) __attribute__((warn_unused_result));

/*
 * How many sockets systemd hands down to this process (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS),
 * from descriptor 3 on. More than LISTENERS_MAX: they are too many, or LISTEN_FDS is no number.
 */
size_t listen_count_inherited(void);

/*
 * Takes these sockets over, and takes the variables away. *count is 0 when there are none. A socket
 * at port 465 has implicit TLS. CODE_CONFIG for one that is no listening stream socket.
 */
enum code listen_inherit(struct listener *listeners, size_t *count, struct status *why)
    __attribute__((warn_unused_result));

/* Closes them, and removes the UNIX sockets that listen_open made when `remove` is set: not in a
 * child. */
void listen_close(struct listener *listeners, size_t count, bool remove);

/* Fills in what the socket l->fd says of its own address; false for one that is neither IP nor
 * UNIX. */
bool listen_describe(struct listener *l);

/* Accepts one; -1 when there is none now, errno says why. Non-blocking, close-on-exec. */
int listen_accept(const struct listener *l, struct peer *peer);

#endif
