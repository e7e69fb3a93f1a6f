#include "net/stream.h"

#include "net/peer.h"
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECEIVED_MAX = 8 * 1024,
    LINGER = 1000, /* milliseconds */
    LINGER_BYTES = 1024 * 1024,
};

struct stream {
    int in, out; /* the same for a socket */
    bool faces_client;
    bool is_pair;          /* somebody else's: may wait where a socket of ours would not */
    const char *peer;      /* "the server" or "the client" */
    struct status fault;   /* stays */
    struct tls *tls;       /* NULL in the clear */
    struct slice received; /* what of `buffer` was not used yet */
    bool lent;             /* decrypted bytes are with the caller, until its next call */
    char buffer[RECEIVED_MAX];
};

static enum code open_over(int in, int out, struct stream **stream, struct status *why)
{
    struct stream *s = malloc(sizeof *s);

    if (!s)
        return status_set(why, CODE_MEMORY, STAGE_CONNECT, "out of memory");
    memset(s, 0, offsetof(struct stream, buffer));
    s->in = in;
    s->out = out;
    s->peer = "the server";
    *stream = s;
    return CODE_OK;
}

enum code stream_open(int fd, struct stream **out, struct status *why)
{
    return open_over(fd, fd, out, why);
}

enum code stream_open_pair(int in, int out, struct stream **stream, struct status *why)
{
    if (open_over(in, out, stream, why))
        return why->code;
    (*stream)->is_pair = true;
    stream_face_client(*stream);
    return CODE_OK;
}

void stream_face_client(struct stream *s)
{
    s->peer = "the client";
    s->faces_client = true;
}

/* In the handshake the place is known; otherwise the session knows better where it is. */
static enum stage stage_of(const struct stream *s)
{
    return s->tls && !tls_established(s->tls) ? STAGE_TLS : STAGE_NONE;
}

static const char *place_of(const struct stream *s)
{
    return stage_of(s) == STAGE_TLS ? " in the TLS handshake" : "";
}

static void fail(struct stream *s, int error)
{
    if (error == ETIMEDOUT)
        (void)status_set(&s->fault, CODE_TIMEOUT, stage_of(s), "no answer in time%s", place_of(s));
    else
        (void)status_set_errno(&s->fault, CODE_CLOSED, stage_of(s), error, "the connection broke%s",
                               place_of(s));
}

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

/* Whether a call would not wait; an error is no reason to wait either. */
static bool is_ready(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };

    return poll(&p, 1, 0) > 0;
}

/* A pipe that is ready takes PIPE_BUF bytes, but may keep us waiting with one more. */
static ssize_t write_some(const struct stream *s, struct slice bytes)
{
    if (!s->is_pair)
        return send(s->out, bytes.p, bytes.n, MSG_NOSIGNAL);
    if (is_ready(s->out, POLLOUT))
        return write(s->out, bytes.p, bytes.n < PIPE_BUF ? bytes.n : PIPE_BUF);
    errno = EAGAIN;
    return -1;
}

static ssize_t read_some(struct stream *s)
{
    if (!s->is_pair)
        return recv(s->in, s->buffer, sizeof s->buffer, 0);
    if (is_ready(s->in, POLLIN))
        return read(s->in, s->buffer, sizeof s->buffer);
    errno = EAGAIN;
    return -1;
}

/* One write; the count of bytes that were taken. */
static size_t transmit(struct stream *s, struct slice bytes)
{
    ssize_t n;

    if (s->fault.code)
        return 0;
    do {
        n = write_some(s, bytes);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && !would_block(errno))
        fail(s, errno);
    return n < 0 ? 0 : (size_t)n;
}

static bool send_clear(struct stream *s, struct slice *out)
{
    while (out->n > 0) {
        size_t n = transmit(s, *out);

        if (n == 0)
            return false;
        *out = slice_part(*out, n, out->n);
    }
    return true;
}

static bool send_records(struct stream *s, struct slice *out)
{
    for (;;) {
        struct slice record;
        size_t n;

        tls_write(s->tls, out);
        record = tls_output(s->tls);
        if (record.n == 0)
            return out->n == 0;
        n = transmit(s, record);
        if (n == 0)
            return false;
        tls_sent(s->tls, n);
    }
}

/* Sends what the socket takes now. True when nothing is left. */
static bool send_all(struct stream *s, struct slice *out)
{
    return s->tls ? send_records(s, out) : send_clear(s, out);
}

/* One read, into an empty buffer. */
static void receive(struct stream *s)
{
    ssize_t n;

    do {
        n = read_some(s);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        s->received = (struct slice){ s->buffer, (size_t)n };
    else if (n == 0)
        (void)status_set(&s->fault, CODE_CLOSED, stage_of(s), "%s closed the connection%s", s->peer,
                         place_of(s));
    else if (!would_block(errno))
        fail(s, errno);
}

/* Gives TLS what was received. */
static void feed(struct stream *s, bool readable)
{
    if (s->received.n == 0 && readable && tls_wants_input(s->tls))
        receive(s);
    if (s->received.n > 0)
        tls_feed(s->tls, &s->received);
    if (!tls_is_over(s->tls))
        return;
    /* What the other side said tells more than that it hung up after saying it. */
    if (s->fault.code == CODE_CLOSED)
        s->fault = (struct status){ .code = CODE_OK };
    (void)tls_explain(s->tls, &s->fault);
}

/* True when there is something for the caller. */
static bool take_input(struct stream *s, struct slice *in, bool readable)
{
    if (s->tls) {
        if (tls_read(s->tls).n == 0)
            feed(s, readable);
        *in = tls_read(s->tls);
        s->lent = in->n > 0;
        return s->lent;
    }
    if (readable)
        receive(s);
    *in = s->received;
    s->received.n = 0;
    return in->n > 0;
}

/*
 * Whether TLS has an answer of its own to send. After the deadline that is no reason to go on: each
 * wish of the other side for a renegotiation makes one, and there may be no end of them.
 */
static bool has_output(const struct stream *s, struct deadline deadline)
{
    return s->tls && tls_output(s->tls).n > 0 && deadline_left(deadline) > 0;
}

/* Waits until there is a way on. Sets *readable; false when the deadline has passed. */
static bool wait_for_socket(struct stream *s, bool sending, struct deadline deadline,
                            bool *readable)
{
    struct pollfd p[2] = { { .fd = s->in }, { .fd = sending ? s->out : -1, .events = POLLOUT } };
    int left = deadline_left(deadline);

    if (!s->tls || tls_wants_input(s->tls))
        p[0].events = POLLIN;
    if (left == 0)
        fail(s, ETIMEDOUT);
    else if (poll(p, 2, left) < 0 && errno != EINTR)
        fail(s, errno);
    *readable = p[0].revents != 0;
    return s->fault.code == CODE_OK;
}

static enum code report(const struct stream *s, struct status *why)
{
    if (why->code == CODE_OK)
        *why = s->fault;
    return why->code;
}

static enum code shake_hands(struct stream *s, struct deadline deadline, struct status *why)
{
    bool readable = false;

    for (;;) {
        struct slice nothing = { 0 };
        bool sent = send_all(s, &nothing);

        /* After a failure to write, what the other side said before it may still be read. */
        feed(s, readable || s->fault.code);
        if (s->fault.code)
            return report(s, why);
        if (sent && has_output(s, deadline))
            continue;
        if (sent && tls_established(s->tls))
            return CODE_OK;
        if (!wait_for_socket(s, !sent, deadline, &readable))
            return report(s, why);
    }
}

enum code stream_start_tls(struct stream *s, const char *name, struct trust *trust,
                           struct deadline deadline, struct status *why)
{
    struct server_name server_name;

    if (s->fault.code)
        return report(s, why);
    if (s->is_pair)
        return status_set(why, CODE_BUG, STAGE_TLS, "TLS over two descriptors");
    if (!server_name_read(name, &server_name))
        return status_set(why, CODE_CONFIG, STAGE_TLS, "no name of a server can be \"%.100s\"",
                          name);
    if (tls_begin(&server_name, trust, &s->tls, why))
        return why->code;
    return shake_hands(s, deadline, why);
}

static bool is_on_this_machine(const struct stream *s)
{
    struct peer peer;

    return peer_of(s->in, &peer) && peer.is_local;
}

enum code stream_accept_tls(struct stream *s, const struct identity *identity,
                            struct deadline deadline, struct status *why)
{
    stream_face_client(s);
    if (s->fault.code)
        return report(s, why);
    if (s->is_pair)
        return status_set(why, CODE_BUG, STAGE_TLS, "TLS over two descriptors");
    if (tls_begin_server(identity, is_on_this_machine(s), &s->tls, why))
        return why->code;
    return shake_hands(s, deadline, why);
}

enum code stream_exchange(struct stream *s, struct slice *out, struct slice *in,
                          bool wait_for_input, struct deadline deadline, struct status *why)
{
    bool readable = !wait_for_input;

    /* Only what was given: a greeting that came right behind the handshake is there already. */
    if (s->lent)
        tls_read_done(s->tls);
    s->lent = false;
    for (;;) {
        bool sent = send_all(s, out);

        if (take_input(s, in, readable || s->fault.code))
            return CODE_OK;
        if (s->fault.code)
            return report(s, why);
        if (sent && has_output(s, deadline))
            continue;
        if (sent && !wait_for_input)
            return CODE_OK;
        if (!wait_for_socket(s, !sent, deadline, &readable))
            return report(s, why);
    }
}

bool stream_tls_is_modern(const struct stream *s)
{
    return s->tls && tls_is_modern(s->tls);
}

const char *stream_tls_name(const struct stream *s)
{
    return s->tls && tls_established(s->tls) ? tls_suite(s->tls) : "none";
}

int stream_fd(const struct stream *s)
{
    return s->in;
}

/*
 * A socket that is closed with bytes unread resets the connection, and our last words, which say
 * what was wrong with all those bytes, may be lost on the way.
 */
static void hear_out(struct stream *s)
{
    struct deadline deadline = deadline_in(LINGER);
    struct pollfd p = { .fd = s->in, .events = POLLIN };
    size_t heard = 0;
    ssize_t n = 1;

    if (shutdown(s->out, SHUT_WR) != 0)
        return;
    while (n > 0 && heard < LINGER_BYTES && poll(&p, 1, deadline_left(deadline)) > 0) {
        n = recv(s->in, s->buffer, sizeof s->buffer, 0);
        heard += n > 0 ? (size_t)n : 0;
    }
}

void stream_close(struct stream *s)
{
    struct slice nothing = { 0 };

    if (s->tls && s->fault.code == CODE_OK) {
        tls_say_goodbye(s->tls);
        (void)send_all(s, &nothing);
    }
    if (s->faces_client && !s->is_pair && s->fault.code == CODE_OK)
        hear_out(s);
    tls_end(s->tls);
    if (!s->is_pair)
        (void)close(s->in);
    explicit_bzero(s, sizeof *s);
    free(s);
}
