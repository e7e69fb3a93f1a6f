/* A session over a stream: dials, secures, logs in, and moves the bytes. */
#ifndef ORSINO_DELIVER_CONNECTION_H
#define ORSINO_DELIVER_CONNECTION_H

#include "conf/account.h"
#include "net/stream.h"
#include "smtp/client.h"

enum {
    CONNECTION_EHLO_ROOM = 256,
};

/*
 * Who is told how far it has come; either function may be NULL. A step that begins is told once:
 * STAGE_RESOLVE, CONNECT, TLS, GREETING, HELLO and so on, up to BODY. Steps whose answers come in
 * one piece, in a flight, are passed over but for the last. A server that is met a second time,
 * for another way to TLS, begins at STAGE_RESOLVE again.
 */
struct watcher {
    void (*stage)(void *context, enum stage stage);
    void (*connected)(void *context);            /* TCP stands */
    void (*sent)(void *context, uint64_t bytes); /* of the message under way, in all, as sent */
    void *context;
};

/* Trust and password are kept from one connection to the next. */
struct connection {
    const struct account *account; /* as configured; for what holds now see `settled` */
    struct account settled;        /* with port and tls as they were found out */
    const struct watcher *watcher; /* borrowed; NULL: nobody watches */
    enum stage told;               /* to the watcher last */
    uint64_t sent;                 /* of the message under way, while somebody watches */
    struct trust *trust;
    bool looks; /* to be set before it opens: any certificate, version and suite of TLS is taken,
                   and nobody logs in */
    struct hello_record *record; /* borrowed, what the server says of itself; NULL: nobody asks */
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

/* Adds the server to a failure, host:port or the path, unless a place is known. */
void connection_say_where(const struct account *account, struct status *st);

/* Closes it; wipes the password. */
void connection_free(struct connection *c);

/*
 * Connects and logs in, until the session wants a message; a connection that there was is closed.
 *
 * How it comes to TLS: at once, or after STARTTLS, as the account says. With TLS_AUTO a server that
 * greets within 300 ms gets STARTTLS, another one a TLS handshake; when it then greets instead, it
 * is connected to anew, for STARTTLS. With port_is_open it is TLS at once on port 465; when that
 * cannot be had STARTTLS on 587, and when neither can, the status tells of both. TLS comes always,
 * one way or the other; what was found out holds for this connection alone; and a certificate that
 * is not trusted is the end, not a reason to try another way.
 *
 * CODE_TLS_MISMATCH: another connection has found out, if it could, what the server speaks instead.
 * CODE_TLS_AT_ONCE: with TLS_STARTTLS no greeting came in 5 s, and a second connection found TLS.
 *
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
