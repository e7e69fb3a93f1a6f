/* The inside of a connection, shared by connection.c (the session over it) and connection_tls.c
 * (how it comes to a server, and to TLS there). */
#ifndef ORSINO_DELIVER_CONNECTION_INSIDE_H
#define ORSINO_DELIVER_CONNECTION_INSIDE_H

#include "deliver/connection.h"

/* So long, but not longer than patience lasts. */
struct deadline connection_limit(const struct connection *c, int64_t milliseconds);

/* Says so if it was patience that came to an end; `place` goes behind the sentence. */
void connection_blame_patience(const struct connection *c, const char *place, struct status *why);

/* Tells the watcher, if there is one, of a step; not twice of the same. */
void connection_tell(struct connection *c, enum stage stage);

/*
 * A stream to the server, with TLS over it unless STARTTLS is to follow, or none; c->settled says
 * which. After a success *first is CODE_OK, or why it is not the way that was tried first.
 */
enum code connection_reach(struct connection *c, struct status *first, struct status *why)
    __attribute__((warn_unused_result));

/* The handshake on the stream that there is. */
enum code connection_start_tls(struct connection *c, struct status *why)
    __attribute__((warn_unused_result));

/* Waits so long, within patience, for bytes from the server or its end. */
bool connection_hears(const struct connection *c, int64_t milliseconds);

/* Whether the server answers a TLS handshake on a second connection, by which the first one, where
 * it was silent, is not disturbed. */
bool connection_expects_tls(struct connection *c);

/* After CODE_TLS_MISMATCH: finds out by another connection, to which nothing secret is said, what
 * the server speaks, and says so in the sentence. */
void connection_diagnose(const struct connection *c, const char *reverse_path, struct status *why);

/* Makes of two failures, at the first port and at the other, one that tells of both; it has the
 * code of the more telling one, but of one that may go away by itself before that. */
void connection_join(const struct status *first, struct status *why);

#endif
