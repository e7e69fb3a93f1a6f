/* A session over a stream: dials, secures, logs in, and moves the bytes. */
#ifndef ORSINO_DELIVER_CONNECTION_H
#define ORSINO_DELIVER_CONNECTION_H

#include "conf/account.h"
#include "net/stream.h"
#include "smtp/client.h"

enum {
    CONNECTION_EHLO_ROOM = 256,
};

/* Trust and password are kept from one connection to the next. */
struct connection {
    const struct account *account;
    struct trust *trust;
    struct buf password;
    bool has_patience;
    struct deadline patience; /* counts when has_patience, up to the last byte of a message */
    struct stream *stream;    /* NULL while nothing is connected */
    struct session *session;  /* the same */
    char ehlo_name[CONNECTION_EHLO_ROOM];
};

void connection_init(struct connection *c, const struct account *account);

/* Whether the account's host is the path of a UNIX socket. */
bool connection_is_local(const struct account *account);

/* Closes it; wipes the password. */
void connection_free(struct connection *c);

/*
 * Connects and logs in, until the session wants a message; a connection that there was is closed.
 * `reverse_path` may lend its domain to EHLO. After a failure there may be a session all the same,
 * which is over and may have a QUIT to say, and a stream: connection_close sees to both.
 */
enum code connection_open(struct connection *c, const char *reverse_path, struct status *why)
    __attribute__((warn_unused_result));

/* Moves bytes until the session wants something of its driver, or nothing. */
void connection_pump(struct connection *c);

/* The same, once and without waiting: what the server said unasked is heard. */
void connection_listen(struct connection *c);

/* What the session wants; WANTS_NOTHING when there is none. */
enum wants connection_wants(const struct connection *c);

/* Sends a QUIT without waiting for its answer: a round trip that nobody needs. */
void connection_close(struct connection *c);

#endif
