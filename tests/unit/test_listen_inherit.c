/* Sockets that systemd hands down. */
#include "net/listen.h"

#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FIRST_INHERITED = 3,
    PATH_ROOM = 64,
};

static char path[PATH_ROOM]; /* of a UNIX socket, where there is one */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What a child finds at descriptor 3 and 4. */
enum inherited {
    TCP_SOCKET,
    UNIX_SOCKET,
    ABSTRACT_SOCKET,
    NOT_LISTENING,
    DATAGRAMS,
    A_PIPE,
    NOTHING,
};

static int make_inherited(enum inherited kind)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof local;
    int fds[2] = { -1, -1 };

    (void)snprintf(local.sun_path, sizeof local.sun_path, "%s", path);
    if (kind == ABSTRACT_SOCKET) {
        (void)snprintf(local.sun_path, sizeof local.sun_path, "-orsino-%d", (int)getpid());
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(local.sun_path));
        local.sun_path[0] = 0;
    }
    if (kind == NOTHING || (kind == A_PIPE && pipe(fds) == 0))
        return fds[0];
    fds[0] = socket(kind == UNIX_SOCKET || kind == ABSTRACT_SOCKET ? AF_UNIX : AF_INET,
                    kind == DATAGRAMS ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (kind == UNIX_SOCKET || kind == ABSTRACT_SOCKET)
        (void)bind(fds[0], (struct sockaddr *)&local, length);
    else
        (void)bind(fds[0], (struct sockaddr *)&v4, sizeof v4);
    if (kind != NOT_LISTENING && kind != DATAGRAMS)
        (void)listen(fds[0], 1);
    return fds[0];
}

static const struct {
    const char *sentence;
    const char *pid; /* "own" for that of the child */
    const char *count;
    enum inherited kinds[2];
    enum code want;
    size_t want_count;
    const char *first, *last; /* how the names begin */
} inherited_rows[] = {
    { "none", NULL, NULL, { NOTHING, NOTHING }, CODE_OK, 0, NULL, NULL },
    { "one", "own", "1", { TCP_SOCKET, NOTHING }, CODE_OK, 1, "127.0.0.1:", "127.0.0.1:" },
    { "two", "own", "2", { TCP_SOCKET, UNIX_SOCKET }, CODE_OK, 2, "127.0.0.1:", "/tmp/" },
    { "abstract", "own", "1", { ABSTRACT_SOCKET, NOTHING }, CODE_OK, 1, "@orsino", "@orsino" },
    { "zero", "own", "0", { TCP_SOCKET, NOTHING }, CODE_OK, 0, NULL, NULL },
    { "another's", "1", "1", { TCP_SOCKET, NOTHING }, CODE_OK, 0, NULL, NULL },
    { "no process", "", "1", { TCP_SOCKET, NOTHING }, CODE_OK, 0, NULL, NULL },
    { "no number", "own", "one", { TCP_SOCKET, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "no count", "own", NULL, { TCP_SOCKET, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "negative", "own", "-1", { TCP_SOCKET, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "too many", "own", "17", { TCP_SOCKET, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "not listening", "own", "1", { NOT_LISTENING, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "datagrams", "own", "1", { DATAGRAMS, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "a pipe", "own", "1", { A_PIPE, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "closed", "own", "1", { NOTHING, NOTHING }, CODE_CONFIG, 0, NULL, NULL },
    { "good and bad", "own", "2", { TCP_SOCKET, A_PIPE }, CODE_CONFIG, 0, NULL, NULL },
};

static void set_variable(const char *name, const char *value)
{
    char own[32];

    (void)snprintf(own, sizeof own, "%d", (int)getpid());
    if (value)
        (void)setenv(name, strcmp(value, "own") == 0 ? own : value, 1);
    else
        (void)unsetenv(name);
}

/* In a child, whose descriptors may be replaced. Gives 0, or which of the checks failed. */
static int inherit(size_t row)
{
    struct listener listeners[LISTENERS_MAX];
    struct status why = { 0 };
    size_t count = 99, want = inherited_rows[row].want_count;

    set_variable("LISTEN_PID", inherited_rows[row].pid);
    set_variable("LISTEN_FDS", inherited_rows[row].count);
    set_variable("LISTEN_FDNAMES", "smtp");
    for (int i = 0; i < 2; i++) {
        int fd = make_inherited(inherited_rows[row].kinds[i]);

        if (fd >= 0 && fd != FIRST_INHERITED + i && dup2(fd, FIRST_INHERITED + i) < 0)
            return 1;
        if (fd < 0)
            (void)close(FIRST_INHERITED + i);
    }
    if (listen_inherit(listeners, &count, &why) != inherited_rows[row].want || count != want)
        return 2;
    if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES"))
        return 3;
    for (size_t i = 0; i < count; i++)
        if (listeners[i].fd != FIRST_INHERITED + (int)i || listeners[i].is_made ||
            listeners[i].implicit_tls || !listeners[i].is_local ||
            !(fcntl(listeners[i].fd, F_GETFL) & O_NONBLOCK) ||
            !(fcntl(listeners[i].fd, F_GETFD) & FD_CLOEXEC))
            return 4;
    if (count > 0 && (!starts(listeners[0].name, inherited_rows[row].first) ||
                      !starts(listeners[count - 1].name, inherited_rows[row].last)))
        return 5;
    listen_close(listeners, count, true); /* the path is systemd's */
    return 0;
}

static void inherits(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/orsino-inherited-%d", (int)getpid());
    for (size_t i = 0; i < LENGTH(inherited_rows); i++) {
        bool makes_path = inherited_rows[i].kinds[1] == UNIX_SOCKET;
        pid_t child = fork();
        int result;

        assert_true(child >= 0);
        if (child == 0)
            _exit(inherit(i));
        assert_int_equal(waitpid(child, &result, 0), child);
        if (result != 0)
            print_error("check %d\n", WEXITSTATUS(result));
        check(inherited_rows[i].sentence, result == 0);
        check(inherited_rows[i].sentence, (unlink(path) == 0) == makes_path);
    }
}

/* 465 is the port of implicit TLS, whoever opened it. */
static void inherits_465(void **state)
{
    pid_t child;
    int result;

    (void)state;
    if (geteuid() != 0)
        skip();
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct listener made[LISTENERS_MAX], listeners[LISTENERS_MAX];
        struct status why = { 0 };
        size_t count;

        if (listen_open("127.0.0.77:465", made, &count, &why))
            _exit(1);
        set_variable("LISTEN_PID", "own");
        set_variable("LISTEN_FDS", "1");
        (void)dup2(made[0].fd, FIRST_INHERITED);
        if (!made[0].implicit_tls || listen_inherit(listeners, &count, &why) || count != 1)
            _exit(2);
        _exit(listeners[0].implicit_tls ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(WEXITSTATUS(result), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inherits),
        cmocka_unit_test(inherits_465),
    };

    return cmocka_run_group_tests_name("listen_inherit", tests, NULL, NULL);
}
