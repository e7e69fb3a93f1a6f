#include "net/dial.h"

#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATIENCE = 5000,
    FOR_EVER = 3600 * 1000,
};

/* A socket that listens at a free port of the loopback interface; -1 without that family. */
static int listen_at(int family, unsigned *port)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, address, length) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, address, &length), 0);
    *port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

static void connects(void **state)
{
    static const struct {
        const char *sentence, *host;
        int family;
        const char *literal;
    } rows[] = {
        { "an IPv4 address", "127.0.0.1", AF_INET, "[127.0.0.1]" },
        { "an IPv4 address in brackets", "[127.0.0.1]", AF_INET, "[127.0.0.1]" },
        { "an IPv6 address", "::1", AF_INET6, "[IPv6:::1]" },
        { "an IPv6 address in brackets", "[::1]", AF_INET6, "[IPv6:::1]" },
        { "an IPv4 address as IPv6", "::ffff:127.0.0.1", AF_INET, "[127.0.0.1]" },
        { "a name", "localhost", AF_INET, "[127.0.0.1]" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        unsigned port = 0;
        int listener = listen_at(rows[i].family, &port), fd = -1, no_delay = 0;
        socklen_t length = sizeof no_delay;
        char literal[64];

        if (listener < 0) /* a machine without IPv6 */
            continue;
        check(rows[i].sentence, net_dial(rows[i].host, port, PATIENCE, NULL, &fd, &why) == CODE_OK);
        check(rows[i].sentence, fd >= 3);
        check(rows[i].sentence, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        check(rows[i].sentence, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
        check(rows[i].sentence, no_delay != 0);
        check(rows[i].sentence, net_address_literal(fd, literal, sizeof literal, &why) == CODE_OK);
        check_text(rows[i].sentence, slice_of(literal), slice_of(rows[i].literal));
        (void)close(fd);
        (void)close(listener);
    }
}

static void refused(void **state)
{
    struct status why = { 0 };
    char where[32];
    unsigned port = 0;
    int listener = listen_at(AF_INET, &port), fd = -1;

    (void)state;
    assert_true(listener >= 0);
    (void)close(listener);
    assert_int_equal(net_dial("127.0.0.1", port, PATIENCE, NULL, &fd, &why), CODE_REFUSED);
    assert_int_equal(why.stage, STAGE_CONNECT);
    assert_int_equal(fd, -1);
    assert_string_equal(why.what, "connection refused");
    (void)snprintf(where, sizeof where, "127.0.0.1:%u", port);
    assert_string_equal(why.where, where);
}

static void unusable_hosts(void **state)
{
    static const struct {
        const char *sentence, *host;
        enum code want, or_else;
        const char *where;
    } rows[] = {
        { "nothing", "", CODE_RESOLVE, CODE_RESOLVE, ":25" },
        { "a line end", "mail\r\n", CODE_RESOLVE, CODE_RESOLVE, "mail\r\n:25" },
        /* Without DNS nobody can know that it does not exist (RFC 6761 section 6.4). */
        { "a name that does not exist", "no-such-host.invalid", CODE_RESOLVE, CODE_RESOLVE_LATER,
          "no-such-host.invalid:25" },
        { "a multicast address", "[ff02::1]", CODE_UNREACHABLE, CODE_SYSTEM, "[ff02::1]:25" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        int fd = -1;
        enum code code = net_dial(rows[i].host, 25, PATIENCE, NULL, &fd, &why);

        check(rows[i].sentence, code == rows[i].want || code == rows[i].or_else);
        check_text(rows[i].sentence, slice_of(why.where), slice_of(rows[i].where));
        check(rows[i].sentence, fd == -1 && why.what[0] != 0);
    }
}

/* A full backlog does not answer. */
static void silent(void **state)
{
    static const struct deadline past = { 0 };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct status why = { 0 }, why_past = { 0 };
    unsigned port = 0;
    int listener = listen_at(AF_INET, &port), fd = -1, fillers[8];
    enum code code, code_past;

    (void)state;
    assert_int_equal(listen(listener, 0), 0);
    v4.sin_port = htons((uint16_t)port);
    for (size_t i = 0; i < LENGTH(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&v4, sizeof v4);
    }
    code = net_dial("127.0.0.1", port, 20, NULL, &fd, &why);
    code_past = net_dial("127.0.0.1", port, FOR_EVER, &past, &fd, &why_past);
    for (size_t i = 0; i < LENGTH(fillers); i++)
        (void)close(fillers[i]);
    (void)close(listener);
    assert_int_equal(code, CODE_TIMEOUT);
    assert_string_equal(why.what, "no answer in time");
    assert_int_equal(code_past, CODE_TIMEOUT);
    assert_string_equal(why_past.what, "no answer in time");
}

/* It is read by glibc, and may have been set by whoever knows better. */
static void lookups_are_hurried(void **state)
{
    static const struct {
        const char *sentence, *before;
        int64_t left; /* -1 without a limit */
        const char *after;
    } rows[] = {
        { "no limit: left alone", NULL, -1, NULL },
        { "no limit: left as it was", "rotate", -1, "rotate" },
        { "ten seconds", NULL, 10999, "timeout:2 attempts:1" },
        { "a minute", NULL, 60999, "timeout:5 attempts:1" },
        { "hardly any time", NULL, 0, "timeout:1 attempts:1" },
        { "set already", "timeout:3", 10999, "timeout:3" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct deadline until = deadline_in(rows[i].left);
        struct status why = { 0 };
        const char *after;
        int fd = -1;

        assert_int_equal(unsetenv("RES_OPTIONS"), 0);
        if (rows[i].before)
            assert_int_equal(setenv("RES_OPTIONS", rows[i].before, 1), 0);
        check(rows[i].sentence, net_dial("[ff02::1]", 25, PATIENCE,
                                         rows[i].left < 0 ? NULL : &until, &fd, &why) != CODE_OK);
        after = getenv("RES_OPTIONS");
        check(rows[i].sentence, (after != NULL) == (rows[i].after != NULL));
        check_text(rows[i].sentence, slice_of(after), slice_of(rows[i].after));
    }
    assert_int_equal(unsetenv("RES_OPTIONS"), 0);
}

/* What stands at the path of a UNIX socket. */
enum local {
    MISSING,
    ABANDONED, /* a socket that nobody listens at */
    LISTENING,
    FULL,
};

static int make_local(enum local what, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener;

    if (what == MISSING)
        return -1;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    if (what != ABANDONED)
        assert_int_equal(listen(listener, what == FULL ? 0 : 4), 0);
    return listener;
}

/* Until no more find a place. */
static void crowd(const char *path, int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (net_dial_local(path, 1, &fds[i], &(struct status){ 0 }))
            return;
    fail();
}

static void local(void **state)
{
    static const struct {
        const char *sentence;
        enum local what;
        enum code want;
        const char *words;
    } rows[] = {
        { "somebody listens", LISTENING, CODE_OK, "" },
        { "no such path", MISSING, CODE_REFUSED, "nobody listens at this socket" },
        { "nobody listens", ABANDONED, CODE_REFUSED, "nobody listens at this socket" },
        { "too many wait", FULL, CODE_TIMEOUT, "no answer in time" },
    };
    char folder[] = "/tmp/dial-XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        int listener = make_local(rows[i].what, path), fd = -1, others[8] = { 0 };
        struct status why = { 0 };

        if (rows[i].what == FULL)
            crowd(path, others, LENGTH(others));
        check(rows[i].sentence, net_dial_local(path, 20, &fd, &why) == rows[i].want);
        check(rows[i].sentence, slice_starts_nocase(slice_of(why.what), slice_of(rows[i].words)));
        check_text(rows[i].sentence, slice_of(why.where), slice_of(path));
        check(rows[i].sentence, rows[i].want == CODE_OK ? fd >= 3 : fd == -1);
        if (fd >= 0) {
            check(rows[i].sentence, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
            check(rows[i].sentence, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
        for (size_t n = 0; n < LENGTH(others); n++)
            if (others[n] > 0)
                (void)close(others[n]);
        if (fd >= 0)
            (void)close(fd);
        if (listener >= 0)
            (void)close(listener);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void a_path_that_is_too_long(void **state)
{
    struct status why = { 0 };
    char path[200];
    int fd = -1;

    (void)state;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    assert_int_equal(net_dial_local(path, 20, &fd, &why), CODE_CONFIG);
    assert_int_equal(fd, -1);
}

/* A caller like cron may have closed its standard input. */
static void closed_standard_input(void **state)
{
    struct status why = { 0 };
    unsigned port = 0;
    int listener = listen_at(AF_INET, &port), saved = fcntl(0, F_DUPFD_CLOEXEC, 10), fd = -1;
    enum code code;
    bool free_again;

    (void)state;
    assert_true(listener > 2);
    (void)close(0);
    code = net_dial("127.0.0.1", port, PATIENCE, NULL, &fd, &why);
    free_again = fcntl(0, F_GETFD) < 0;
    if (saved >= 0)
        (void)dup2(saved, 0);
    (void)close(saved);
    assert_int_equal(code, CODE_OK);
    assert_true(fd >= 3 && free_again);
    (void)close(fd);
    (void)close(listener);
}

static void no_literal(void **state)
{
    struct status why = { 0 };
    char literal[64];
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(net_address_literal(pair[0], literal, sizeof literal, &why), CODE_SYSTEM);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),
        cmocka_unit_test(refused),
        cmocka_unit_test(unusable_hosts),
        cmocka_unit_test(silent),
        cmocka_unit_test(lookups_are_hurried),
        cmocka_unit_test(local),
        cmocka_unit_test(a_path_that_is_too_long),
        cmocka_unit_test(closed_standard_input),
        cmocka_unit_test(no_literal),
    };

    return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
