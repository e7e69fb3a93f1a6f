/*
 * Bytes both ways over a connected socket, in the clear or through TLS (BearSSL), with deadlines.
 *
 * One call does both directions, so that neither side can wait for the other for ever: a server
 * that answers in the middle of a long message is heard at once.
 */
#ifndef ORSINO_NET_STREAM_H
#define ORSINO_NET_STREAM_H

#include "base/clock.h"
#include "net/identity.h"
#include "net/trust.h"

struct stream;

/* Takes over the socket (non-blocking, connected), which stream_close closes. CODE_MEMORY. */
enum code stream_open(int fd, struct stream **out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The same over two descriptors of any kind, as stdin and stdout are: they are not made
 * non-blocking, since others share them, and stay open after stream_close. Reading and writing are
 * only tried when poll(2) says that they will not wait, so that deadlines hold. SIGPIPE must be
 * ignored. No TLS over them: CODE_BUG.
 */
enum code stream_open_pair(int in, int out, struct stream **stream, struct status *why)
    __attribute__((warn_unused_result));

/* For a socket that was accepted: failures speak of "the client" from now on, not of the server. */
void stream_face_client(struct stream *s);

/*
 * Says goodbye as far as that needs no waiting (close_notify, for which one write is tried), closes
 * the socket, wipes all keys and buffers, frees. A client is heard out for up to a second.
 */
void stream_close(struct stream *s);

/*
 * The TLS handshake as a client: TLS 1.2, ECDHE with ChaCha20-Poly1305 or AES-GCM only,
 * renegotiation off, SNI `name` unless that is an IP address; chain and name verified by `trust`,
 * which must live until stream_close. CODE_NOT_TLS when what comes is no TLS record (what came is
 * in why->said), CODE_UNTRUSTED, CODE_TLS (with BearSSL's or the server's alert in words),
 * CODE_TIMEOUT, CODE_CLOSED.
 */
enum code stream_start_tls(struct stream *s, const char *name, struct trust *trust,
                           struct deadline deadline, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The same as a server that shows `identity`, which must live until stream_close: also the older
 * ECDHE suites with AES-CBC, for clients of the kind that need a relay. A client on this machine
 * may speak TLS 1.0: Mono's SmtpClient speaks nothing newer, and nobody listens on the way; one
 * from a network must speak TLS 1.2. What was received before is not believed: the caller must have
 * used it up. CODE_NOT_TLS, CODE_TLS, CODE_TIMEOUT, CODE_CLOSED.
 */
enum code stream_accept_tls(struct stream *s, const struct identity *identity,
                            struct deadline deadline, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Moves bytes until there is something for the caller to do: sends from *out, which is advanced by
 * what was taken, and receives. Returns when *in has bytes, or when *out is empty and
 * wait_for_input is false. *in is valid until the next call and must be used up before it. What one
 * call takes from *out leaves in one write, through TLS in one for each 16 KB, a record.
 * CODE_TIMEOUT, CODE_CLOSED (end of file or reset; bytes that came before it are given first),
 * CODE_TLS. A failure stays.
 */
enum code stream_exchange(struct stream *s, struct slice *out, struct slice *in,
                          bool wait_for_input, struct deadline deadline, struct status *why)
    __attribute__((warn_unused_result));

/* Version and suite in use, "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", or "none". */
const char *stream_tls_name(const struct stream *s);

/* Whether they are such as are used here; others are there only with a trust that looks. */
bool stream_tls_is_modern(const struct stream *s);

/* For net_address_literal and peer_of; that which is read from, of a pair. */
int stream_fd(const struct stream *s);

#endif
