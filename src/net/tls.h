/*
 * One end of a TLS connection over memory: bytes in, bytes out; it never sees a socket (stream.h
 * does). No renegotiation; which versions and suites: suite.h.
 */
#ifndef ORSINO_NET_TLS_H
#define ORSINO_NET_TLS_H

#include "net/identity.h"
#include "net/trust.h"

struct tls; /* opaque; one allocation, with all keys and buffers in it */

/* Begins a handshake with the server `name`, to be verified by `trust`, which must live until
 * tls_end. CODE_MEMORY; CODE_SYSTEM when there are no random bytes. */
enum code tls_begin(const struct server_name *name, struct trust *trust, struct tls **out,
                    struct status *why) __attribute__((warn_unused_result));

/* Begins to wait for a client, which is shown `identity`; that must live until tls_end. It may
 * speak TLS 1.0 if `old_versions` is set. The same codes. */
enum code tls_begin_server(const struct identity *identity, bool old_versions, struct tls **out,
                           struct status *why) __attribute__((warn_unused_result));

/* Wipes and frees; NULL is taken. */
void tls_end(struct tls *t);

/* Whether the handshake is through, so that bytes may be written. */
bool tls_established(const struct tls *t);

/* Takes what fits into one record (16 KB) off *out; nothing while a record waits to be sent. */
void tls_write(struct tls *t, struct slice *out);

/* What is to be sent, valid until the next call; and that n bytes of it were. */
struct slice tls_output(const struct tls *t);
void tls_sent(struct tls *t, size_t n);

/* Whether it takes received bytes now. Not while there is something to read. */
bool tls_wants_input(const struct tls *t);

/* Takes received bytes off *in, as many as it can now. */
void tls_feed(struct tls *t, struct slice *in);

/* What was decrypted; valid until tls_read_done, which makes room for more. */
struct slice tls_read(const struct tls *t);
void tls_read_done(struct tls *t);

/* Says close_notify, as far as it can now. */
void tls_say_goodbye(struct tls *t);

/*
 * Whether nothing goes on any more, and why: CODE_NOT_TLS with what came instead in why->said,
 * CODE_TLS_MISMATCH when the server has no version or suite of ours,
 * CODE_UNTRUSTED, CODE_TLS, CODE_CLOSED after the other side's close_notify.
 */
bool tls_is_over(const struct tls *t);
enum code tls_explain(const struct tls *t, struct status *why);

/* Once established: false for a version or a suite that only who looks would take. */
bool tls_is_modern(const struct tls *t);

/* "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", once established. */
const char *tls_suite(const struct tls *t);

#endif
