#include "net/stream.h"

#include "forge.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

enum {
    PATIENCE = 10000,
    MUCH = 4 * 1024 * 1024,
};

static struct forge forge;

static const struct forged root = { .name = "root", .subject = "/CN=Root" };

static int make_all(void **state)
{
    (void)state;
    forge_open(&forge);
    forge_make(&forge, &root);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    forge_close(&forge);
    return 0;
}

/* A stream, and the other end of its socket. */
static struct stream *open_pair(int *peer)
{
    struct status why = { 0 };
    struct stream *s = NULL;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(stream_open(pair[0], &s, &why), CODE_OK);
    assert_int_equal(stream_fd(s), pair[0]);
    *peer = pair[1];
    return s;
}

static void say(int peer, const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void check_heard(const char *sentence, int peer, const char *want)
{
    char text[256];
    ssize_t n = recv(peer, text, sizeof text, 0);

    check_text(sentence, (struct slice){ text, n > 0 ? (size_t)n : 0 }, slice_of(want));
}

static void in_the_clear(void **state)
{
    struct status why = { 0 };
    struct slice out = slice_of("EHLO x\r\n"), in;
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    say(peer, "220 hello\r\n");
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_OK);
    check_text("what came", in, slice_of("220 hello\r\n"));
    assert_int_equal(out.n, 0);
    check_heard("what went", peer, "EHLO x\r\n");
    out = slice_of("QUIT\r\n");
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(0), &why), CODE_OK);
    assert_int_equal(in.n, 0);
    check_heard("without waiting", peer, "QUIT\r\n");
    say(peer, "221 bye\r\n");
    out = slice_of("NOOP\r\n");
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(0), &why), CODE_OK);
    check_text("what had come, without waiting", in, slice_of("221 bye\r\n"));
    check_heard("and what went", peer, "NOOP\r\n");
    assert_string_equal(stream_tls_name(s), "none");
    stream_close(s);
    check_heard("closed", peer, "");
    (void)close(peer);
}

/* What came before the end is given first; the end is a failure, and it stays. */
static void the_end(void **state)
{
    struct slice out = { 0 }, in;
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    say(peer, "421 bye\r\n");
    (void)close(peer);
    for (int i = 0; i < 3; i++) {
        struct status why = { 0 };
        enum code code = stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why);

        assert_int_equal(code, i == 0 ? CODE_OK : CODE_CLOSED);
        assert_int_equal(why.code, code);
        if (i == 0)
            check_text("the last words", in, slice_of("421 bye\r\n"));
        else
            assert_string_equal(why.what, "the server closed the connection");
    }
    stream_close(s);
}

static void the_end_of_a_client(void **state)
{
    struct status why = { 0 };
    struct slice out = { 0 }, in;
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    stream_face_client(s);
    (void)close(peer);
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_CLOSED);
    assert_string_equal(why.what, "the client closed the connection");
    stream_close(s);
}

/* The server hung up, and what we write fails: its last words are still heard. */
static void last_words(void **state)
{
    struct status why = { 0 };
    struct slice out = slice_of("DATA\r\n"), in;
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    say(peer, "421 too many\r\n");
    (void)close(peer);
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_OK);
    check_text("the last words", in, slice_of("421 too many\r\n"));
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_CLOSED);
    stream_close(s);
}

static void silence(void **state)
{
    struct slice out = { 0 }, in;
    struct status why = { 0 };
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(1), &why), CODE_TIMEOUT);
    assert_string_equal(why.what, "no answer in time");
    say(peer, "too late");
    why = (struct status){ 0 };
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(0), &why), CODE_OK);
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(0), &why), CODE_TIMEOUT);
    stream_close(s);
    (void)close(peer);
}

/* A server that answers in the middle of a long message and reads no more is heard at once. */
static void answer_in_the_middle(void **state)
{
    struct status why = { 0 };
    char *message = calloc(1, MUCH);
    struct slice out = { message, MUCH }, in;
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    assert_non_null(message);
    say(peer, "552 too big\r\n");
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(PATIENCE), &why), CODE_OK);
    check_text("what came", in, slice_of("552 too big\r\n"));
    assert_true(out.n > 0 && out.n < MUCH);
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(1), &why), CODE_TIMEOUT);
    stream_close(s);
    (void)close(peer);
    free(message);
}

/* A stream over two pipes; the other end of what it reads, and of what it writes. */
static struct stream *open_pipes(int *to, int *from)
{
    struct status why = { 0 };
    struct stream *s = NULL;
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(stream_open_pair(in[0], out[1], &s, &why), CODE_OK);
    assert_int_equal(stream_fd(s), in[0]);
    *to = in[1];
    *from = out[0];
    return s;
}

static void check_written(const char *sentence, int from, const char *want)
{
    char text[256];
    ssize_t n = read(from, text, sizeof text);

    check_text(sentence, (struct slice){ text, n > 0 ? (size_t)n : 0 }, slice_of(want));
}

static void over_pipes(void **state)
{
    struct status why = { 0 };
    struct slice out = slice_of("220 hello\r\n"), in;
    int to, from, fd;
    struct stream *s = open_pipes(&to, &from);

    (void)state;
    fd = stream_fd(s);
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(0), &why), CODE_OK);
    assert_int_equal(in.n, 0); /* and nothing was waited for */
    check_written("a greeting", from, "220 hello\r\n");
    assert_int_equal(write(to, "EHLO x\r\n", 8), 8);
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_OK);
    check_text("a command", in, slice_of("EHLO x\r\n"));
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(1), &why), CODE_TIMEOUT);
    assert_string_equal(stream_tls_name(s), "none");
    (void)close(to);
    stream_close(s);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0); /* open still, and as it was */
    (void)close(fd);
    (void)close(from);
}

static void end_of_pipes(void **state)
{
    struct slice out = slice_of("221 bye\r\n"), in;
    int to, from;
    struct stream *s = open_pipes(&to, &from);

    (void)state;
    assert_int_equal(write(to, "QUIT\r\n", 6), 6);
    (void)close(to);
    for (int i = 0; i < 3; i++) {
        struct status why = { 0 };
        enum code code = stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why);

        assert_int_equal(code, i == 0 ? CODE_OK : CODE_CLOSED);
        if (i == 0)
            check_text("the last words", in, slice_of("QUIT\r\n"));
        else
            assert_string_equal(why.what, "the client closed the connection");
    }
    check_written("the answer", from, "221 bye\r\n");
    (void)close(stream_fd(s));
    stream_close(s);
    (void)close(from);
}

/* Who does not read keeps us waiting no longer than the deadline, and is heard meanwhile. */
static void full_pipe(void **state)
{
    struct status why = { 0 };
    char *message = calloc(1, MUCH);
    struct slice out = { message, MUCH }, in;
    int to, from;
    struct stream *s = open_pipes(&to, &from);

    (void)state;
    assert_non_null(message);
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(1), &why), CODE_TIMEOUT);
    assert_true(out.n > 0 && out.n < MUCH);
    stream_close(s);
    (void)close(to);
    (void)close(from);
    why = (struct status){ 0 };
    s = open_pipes(&to, &from);
    out = (struct slice){ message, MUCH };
    assert_int_equal(write(to, "NOOP\r\n", 6), 6);
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(PATIENCE), &why), CODE_OK);
    check_text("what came", in, slice_of("NOOP\r\n"));
    assert_true(out.n > 0);
    (void)close(to);
    (void)close(from);
    stream_close(s);
    free(message);
}

/* Nobody reads any more, or nothing was ever open. */
static void broken_pipes(void **state)
{
    struct status why = { 0 };
    struct slice out = slice_of("250 ok\r\n"), in;
    struct sigaction ignored = { .sa_handler = SIG_IGN }, old;
    int to, from;
    struct stream *s = open_pipes(&to, &from);

    (void)state;
    assert_int_equal(sigaction(SIGPIPE, &ignored, &old), 0);
    (void)close(from);
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_CLOSED);
    assert_non_null(strstr(why.what, "the connection broke"));
    assert_int_equal(why.os, EPIPE);
    (void)close(to);
    stream_close(s);
    why = (struct status){ 0 };
    to = dup(0);
    (void)close(to);
    assert_int_equal(stream_open_pair(to, to, &s, &why), CODE_OK);
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_CLOSED);
    assert_int_equal(why.os, EBADF);
    stream_close(s);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void no_tls_over_pipes(void **state)
{
    struct trust *trust = forge_trust(&forge, "root");
    struct status why = { 0 };
    int to, from;
    struct stream *s = open_pipes(&to, &from);

    (void)state;
    assert_int_equal(stream_start_tls(s, "a.example", trust, deadline_in(0), &why), CODE_BUG);
    why = (struct status){ 0 };
    assert_int_equal(stream_accept_tls(s, NULL, deadline_in(0), &why), CODE_BUG);
    (void)close(to);
    (void)close(from);
    stream_close(s);
    trust_free(trust);
}

static const struct {
    const char *sentence;
    struct slice first;
    bool closes;
    int patience;
    enum code want;
    const char *words, *said;
} bad_handshakes[] = {
    { "SMTP in the clear",
      { "220 mx ESMTP\r\n220 more\r\n", 24 },
      false,
      PATIENCE,
      CODE_NOT_TLS,
      "no TLS on this port",
      "220 mx ESMTP" },
    { "SMTP in the clear, then closed",
      { "554 go away\r\n", 13 },
      true,
      PATIENCE,
      CODE_NOT_TLS,
      "no TLS on this port",
      "554 go away" },
    { "bytes without a line end",
      { "\x01\x02zzz", 5 },
      false,
      PATIENCE,
      CODE_NOT_TLS,
      "no TLS on this port",
      "??zzz" },
    { "one byte", { "2", 1 }, false, PATIENCE, CODE_NOT_TLS, "no TLS", "2" },
    { "a record of SSL 2",
      { "\x16\x02\x00\x00\x01x", 6 },
      false,
      PATIENCE,
      CODE_NOT_TLS,
      "no TLS",
      "?????x" },
    { "an alert",
      { "\x15\x03\x03\x00\x02\x02\x28", 7 },
      false,
      PATIENCE,
      CODE_TLS_MISMATCH,
      "the server says: handshake failure",
      "" },
    { "an alert, then closed",
      { "\x15\x03\x01\x00\x02\x02\x46", 7 },
      true,
      PATIENCE,
      CODE_TLS_MISMATCH,
      "protocol version",
      "" },
    { "an unknown alert",
      { "\x15\x03\x03\x00\x02\x02\xc8", 7 },
      false,
      PATIENCE,
      CODE_TLS,
      "alert 200",
      "" },
    { "application data",
      { "\x17\x03\x03\x00\x02hi", 7 },
      false,
      PATIENCE,
      CODE_TLS,
      "does not belong",
      "" },
    { "a handshake of rubbish",
      { "\x16\x03\x03\x00\x04\xff\xff\xff\xff", 9 },
      false,
      PATIENCE,
      CODE_TLS,
      "",
      "" },
    { "closed", { "", 0 }, true, PATIENCE, CODE_CLOSED, "in the TLS handshake", "" },
    { "cut in a record",
      { "\x16\x03\x03\x00", 4 },
      true,
      PATIENCE,
      CODE_CLOSED,
      "in the TLS handshake",
      "" },
    { "silence", { "", 0 }, false, 1, CODE_TIMEOUT, "in the TLS handshake", "" },
    { "silence in a record",
      { "\x16\x03\x03\x00", 4 },
      false,
      1,
      CODE_TIMEOUT,
      "in the TLS handshake",
      "" },
};

/* What a port may say that does not speak TLS as we want it. */
static void handshakes_that_fail(void **state)
{
    struct trust *trust = forge_trust(&forge, "root");

    (void)state;
    for (size_t i = 0; i < LENGTH(bad_handshakes); i++) {
        struct status why = { 0 };
        int peer;
        struct stream *s = open_pair(&peer);
        enum code code;

        assert_int_equal(send(peer, bad_handshakes[i].first.p, bad_handshakes[i].first.n, 0),
                         bad_handshakes[i].first.n);
        if (bad_handshakes[i].closes)
            assert_int_equal(shutdown(peer, SHUT_WR), 0);
        code = stream_start_tls(s, "mail.example.it", trust,
                                deadline_in(bad_handshakes[i].patience), &why);
        if (code != bad_handshakes[i].want)
            print_error("got: %d, %s\n", (int)code, why.what);
        check(bad_handshakes[i].sentence, code == bad_handshakes[i].want && why.stage == STAGE_TLS);
        check(bad_handshakes[i].sentence, strstr(why.what, bad_handshakes[i].words) != NULL);
        check_text(bad_handshakes[i].sentence, slice_of(why.said),
                   slice_of(bad_handshakes[i].said));
        check(bad_handshakes[i].sentence, strcmp(stream_tls_name(s), "none") == 0);
        stream_close(s);
        (void)close(peer);
    }
    trust_free(trust);
}

static void no_name(void **state)
{
    struct trust *trust = forge_trust(&forge, "root");
    struct status why = { 0 };
    int peer;
    struct stream *s = open_pair(&peer);

    (void)state;
    assert_int_equal(stream_start_tls(s, "a b", trust, deadline_in(PATIENCE), &why), CODE_CONFIG);
    stream_close(s);
    (void)close(peer);
    trust_free(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_clear),
        cmocka_unit_test(the_end),
        cmocka_unit_test(the_end_of_a_client),
        cmocka_unit_test(last_words),
        cmocka_unit_test(silence),
        cmocka_unit_test(answer_in_the_middle),
        cmocka_unit_test(over_pipes),
        cmocka_unit_test(end_of_pipes),
        cmocka_unit_test(full_pipe),
        cmocka_unit_test(broken_pipes),
        cmocka_unit_test(no_tls_over_pipes),
        cmocka_unit_test(handshakes_that_fail),
        cmocka_unit_test(no_name),
    };

    return cmocka_run_group_tests_name("stream", tests, make_all, remove_all);
}
