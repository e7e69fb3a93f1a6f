/* A message read from bytes that come in pieces, and collected from the wire in pieces. */
#ifndef ORSINO_TESTS_SINK_H
#define ORSINO_TESTS_SINK_H

#include "mail/wire.h"

#include "unit.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Writes bytes to fd, each write at most `piece` bytes. Stops when nobody reads any more. */
static inline void write_pieces(int fd, struct slice bytes, size_t piece)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n < piece ? bytes.n : piece, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        bytes = slice_part(bytes, (size_t)n, bytes.n);
    }
}

/*
 * Reads a message of which each read(2) gives `piece` bytes: a socket that keeps packets apart
 * does that.
 */
static inline enum code read_pieces(struct message *m, struct slice bytes, size_t piece,
                                    const struct message_limits *limits, struct status *why)
{
    enum code code;
    int fds[2];
    pid_t writer;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        (void)close(fds[0]);
        write_pieces(fds[1], bytes, piece);
        _exit(0);
    }
    (void)close(fds[1]);
    code = message_read(m, fds[0], limits, why);
    (void)close(fds[0]);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    return code;
}

/* Reads a message whose bytes come at once, and must be good. */
static inline void read_message(struct message *m, struct slice bytes, enum dots dots)
{
    struct message_limits limits = { .max_size = UINT64_MAX, .dots = dots };
    struct status why = { 0 };

    message_init(m);
    assert_int_equal(read_pieces(m, bytes, 32 * 1024, &limits, &why), CODE_OK);
}

/* All that the wire gives, `room` bytes at a time. The caller frees out. */
static inline void collect_wire(const struct message *m, enum wire_form form, size_t room,
                                struct buf *out)
{
    struct status why = { 0 };
    struct wire w;
    char piece[4096];
    size_t got;

    assert_true(room <= sizeof piece);
    buf_init(out, 512 * 1024 * 1024);
    wire_begin(&w, m, form);
    do {
        assert_int_equal(wire_next(&w, piece, room, &got, &why), CODE_OK);
        assert_true(got <= room);
        buf_add(out, piece, got);
    } while (got > 0);
    assert_false(out->failed);
}

/* All that is in a store. The caller frees out. */
static inline void collect_store(const struct store *s, struct buf *out)
{
    struct status why = { 0 };
    char piece[4096];
    uint64_t offset = 0;
    size_t got;

    buf_init(out, 512 * 1024 * 1024);
    do {
        assert_int_equal(store_read(s, offset, piece, sizeof piece, &got, &why), CODE_OK);
        buf_add(out, piece, got);
        offset += got;
    } while (got > 0);
    assert_false(out->failed);
}

#endif
