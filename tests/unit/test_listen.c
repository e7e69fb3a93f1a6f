#include "net/listen.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATIENCE = 10000,
    NOBODY = 65534,
    PATH_ROOM = 64,
};

static char folder[] = "/tmp/orsino-listen-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void path_of(const char *name, char out[PATH_ROOM])
{
    (void)snprintf(out, PATH_ROOM, "%s/%s", folder, name);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        (void)close(fd);
    return has;
}

/* A socket connected to a listener; -1 when it cannot be. */
static int connect_to(const struct listener *l)
{
    struct sockaddr_storage address = { 0 };
    socklen_t length = sizeof address;
    int fd;

    assert_int_equal(getsockname(l->fd, (struct sockaddr *)&address, &length), 0);
    fd = socket(address.ss_family, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, length) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void opens(void **state)
{
    static const struct {
        const char *list;
        size_t count;
        const char *first, *last; /* how the names begin */
        bool first_tls, last_tls;
        bool is_local;
        bool needs_ipv6;
    } rows[] = {
        { "0", 2, "127.0.0.1:", "[::1]:", false, false, true, true },
        { "0/tls", 2, "127.0.0.1:", "[::1]:", true, true, true, true },
        { "127.0.0.1:0", 1, "127.0.0.1:", "127.0.0.1:", false, false, true, false },
        { "127.1.2.3:0/tls", 1, "127.1.2.3:", "127.1.2.3:", true, true, true, false },
        { "[::1]:0", 1, "[::1]:", "[::1]:", false, false, true, true },
        { "[::1]:0/tls", 1, "[::1]:", "[::1]:", true, true, true, true },
        { "*:0", 2, "0.0.0.0:", "[::]:", false, false, false, true },
        { "0.0.0.0:0", 1, "0.0.0.0:", "0.0.0.0:", false, false, false, false },
        { "[::]:0", 1, "[::]:", "[::]:", false, false, false, true },
        { " 127.0.0.1:0 ,\t[::1]:0/tls", 2, "127.0.0.1:", "[::1]:", false, true, true, true },
        { "127.0.0.1:0,127.0.0.1:0,127.0.0.1:0", 3, "127.0.0.1:", "127.0.0.1:", false, false, true,
          false },
    };
    bool ipv6 = has_ipv6();

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct listener listeners[LISTENERS_MAX];
        struct status why = { 0 };
        size_t count = 99;

        if (rows[i].needs_ipv6 && !ipv6)
            continue;
        if (listen_open(rows[i].list, listeners, &count, &why))
            print_error("got: %s\n", why.what);
        check(rows[i].list, why.code == CODE_OK && count == rows[i].count);
        check(rows[i].list, starts(listeners[0].name, rows[i].first));
        check(rows[i].list, starts(listeners[count - 1].name, rows[i].last));
        check(rows[i].list, listeners[0].implicit_tls == rows[i].first_tls);
        check(rows[i].list, listeners[count - 1].implicit_tls == rows[i].last_tls);
        for (size_t k = 0; k < count; k++) {
            check(rows[i].list, strcmp(strrchr(listeners[k].name, ':'), ":0") != 0);
            check(rows[i].list, listeners[k].is_local == rows[i].is_local);
            check(rows[i].list, !listeners[k].is_unix && !listeners[k].is_made);
            check(rows[i].list, (fcntl(listeners[k].fd, F_GETFL) & O_NONBLOCK) != 0);
            check(rows[i].list, (fcntl(listeners[k].fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
        listen_close(listeners, count, true);
        check(rows[i].list, listeners[0].fd == -1);
    }
}

/* Both families of one item have the same port, and a machine may have only one of them. */
static void bare_port(void **state)
{
    struct listener listeners[LISTENERS_MAX];
    struct status why = { 0 };
    size_t count = 0;

    (void)state;
    assert_int_equal(listen_open("0", listeners, &count, &why), CODE_OK);
    assert_int_equal(count, has_ipv6() ? 2 : 1);
    if (count == 2)
        assert_string_equal(strrchr(listeners[0].name, ':'), strrchr(listeners[1].name, ':'));
    listen_close(listeners, count, true);
}

static void wrong_lists(void **state)
{
    static const char *const lists[] = {
        "",
        " ",
        ",",
        "25,",
        "x",
        "-1",
        "65536",
        "99999999999999999999",
        "25 26",
        "25/TLS",
        "25/ssl",
        "25/tls/tls",
        ":25",
        "localhost:25",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:/tls",
        "127.0.0.1:x",
        "127.0.0.1.2:25",
        "127.1:25",
        "::1:25",
        "::1",
        "[::1]",
        "[::1]25",
        "[::1",
        "[]:25",
        "[127.0.0.1]:25",
        "[::1]]:25",
        "[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]:25",
        "[*]:25",
        "**:25",
        "inbox/socket",
        "127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,"
        "127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,"
        "127.0.0.1:0,127.0.0.1:0,127.0.0.1:0",
        "/a-path/that-is-longer/than-the-hundred-and-seven/bytes-that-the-address-of-a/"
        "UNIX-socket-has-room-for/on-this-system/socket",
        "127.0.0.1:0,x\033[2J",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(lists); i++) {
        struct listener listeners[LISTENERS_MAX];
        struct status why = { 0 };
        size_t count = 99;
        int before = dup(0), after;

        (void)close(before);
        check(lists[i], listen_open(lists[i], listeners, &count, &why) == CODE_CONFIG);
        check(lists[i], count == 0 && why.stage == STAGE_CONFIG);
        check(lists[i], strstr(why.what, " in listen: ") != NULL && !strchr(why.what, '\033'));
        after = dup(0); /* no socket was left open */
        check(lists[i], before == after);
        (void)close(after);
    }
}

static void sixteen(void **state)
{
    struct listener listeners[LISTENERS_MAX];
    struct status why = { 0 };
    struct buf list;
    size_t count = 0;

    (void)state;
    buf_init(&list, 1024);
    for (int i = 0; i < LISTENERS_MAX; i++)
        buf_addf(&list, "%s127.0.0.1:0", i > 0 ? "," : "");
    assert_int_equal(listen_open(buf_string(&list), listeners, &count, &why), CODE_OK);
    assert_int_equal(count, LISTENERS_MAX);
    listen_close(listeners, count, true);
    buf_free(&list);
}

static void taken(void **state)
{
    struct listener first[LISTENERS_MAX], second[LISTENERS_MAX];
    struct status why = { 0 };
    size_t count = 0, none = 99;
    char list[LISTENER_NAME_ROOM + 16];

    (void)state;
    assert_int_equal(listen_open("127.0.0.1:0", first, &count, &why), CODE_OK);
    (void)snprintf(list, sizeof list, "127.0.0.1:0,%s", first[0].name);
    assert_int_equal(listen_open(list, second, &none, &why), CODE_REFUSED);
    assert_int_equal(none, 0);
    assert_string_equal(why.where, first[0].name);
    listen_close(first, count, true);
    why = (struct status){ 0 };
    assert_int_equal(listen_open(list, second, &none, &why), CODE_OK);
    listen_close(second, none, true);
}

static void not_allowed(void **state)
{
    pid_t child;
    int result;

    (void)state;
    if (geteuid() != 0)
        skip();
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct listener listeners[LISTENERS_MAX];
        struct status why = { 0 };
        size_t count;

        if (setuid(NOBODY) != 0)
            _exit(CODE_END);
        _exit(listen_open("127.0.0.1:1", listeners, &count, &why));
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    /* A container may let everybody take every port. */
    assert_true(WEXITSTATUS(result) == CODE_PERMISSION || WEXITSTATUS(result) == CODE_OK);
}

static void not_here(void **state)
{
    struct listener listeners[LISTENERS_MAX];
    struct status why = { 0 };
    size_t count = 99;

    (void)state;
    assert_int_equal(listen_open("203.0.113.77:0", listeners, &count, &why), CODE_SYSTEM);
    assert_int_equal(count, 0);
    assert_string_equal(why.where, "203.0.113.77:0");
    assert_non_null(strstr(why.what, "does not have this address"));
}

static void accepts(void **state)
{
    static const struct {
        const char *list, *name;
    } rows[] = { { "127.0.0.1:0", "127.0.0.1" }, { "[::1]:0", "IPv6:::1" } };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct listener listeners[LISTENERS_MAX];
        struct status why = { 0 };
        struct pollfd waiting = { .events = POLLIN };
        struct peer peer;
        size_t count;
        int client, fd, no_delay = 0;
        socklen_t length = sizeof no_delay;

        if (i == 1 && !has_ipv6())
            continue;
        assert_int_equal(listen_open(rows[i].list, listeners, &count, &why), CODE_OK);
        check(rows[i].list, listen_accept(&listeners[0], &peer) == -1 && errno == EAGAIN);
        client = connect_to(&listeners[0]);
        check(rows[i].list, client >= 0);
        waiting.fd = listeners[0].fd;
        check(rows[i].list, poll(&waiting, 1, PATIENCE) == 1);
        fd = listen_accept(&listeners[0], &peer);
        check(rows[i].list, fd >= 0 && peer.is_local && !peer.is_unix);
        check_text(rows[i].list, slice_of(peer.name), slice_of(rows[i].name));
        check(rows[i].list, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        check(rows[i].list, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
        check(rows[i].list, no_delay != 0);
        (void)close(fd);
        (void)close(client);
        listen_close(listeners, count, true);
    }
}

static void unix_socket(void **state)
{
    struct listener listeners[LISTENERS_MAX], others[LISTENERS_MAX];
    struct status why = { 0 };
    struct peer peer;
    struct stat st;
    char path[PATH_ROOM];
    size_t count, none = 99;
    mode_t old = umask(0777);
    int client, fd;

    (void)state;
    path_of("socket", path);
    assert_int_equal(listen_open(path, listeners, &count, &why), CODE_OK);
    assert_int_equal(umask(old), 0777);
    assert_int_equal(count, 1);
    assert_true(listeners[0].is_unix && listeners[0].is_made && listeners[0].is_local);
    assert_string_equal(listeners[0].name, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0666);
    client = connect_to(&listeners[0]);
    fd = listen_accept(&listeners[0], &peer);
    assert_true(client >= 0 && fd >= 0 && peer.is_unix);
    assert_int_equal(listen_open(path, others, &none, &why), CODE_REFUSED);
    assert_int_equal(none, 0);
    assert_string_equal(why.where, path);
    assert_int_equal(stat(path, &st), 0); /* that of the first is still there */
    (void)close(fd);
    (void)close(client);
    listen_close(listeners, count, false); /* what a crash leaves behind */
    assert_int_equal(stat(path, &st), 0);
    why = (struct status){ 0 };
    assert_int_equal(listen_open(path, listeners, &count, &why), CODE_OK);
    client = connect_to(&listeners[0]);
    assert_true(client >= 0);
    (void)close(client);
    listen_close(listeners, count, true);
    assert_int_equal(stat(path, &st), -1);
}

/* What is no socket is never removed, nor what only leads to one; a failure takes back the rest. */
static void in_the_way(void **state)
{
    struct listener listeners[LISTENERS_MAX];
    char path[PATH_ROOM], link[PATH_ROOM], list[3 * PATH_ROOM], missing[PATH_ROOM];
    struct stat st;
    int fd;

    (void)state;
    path_of("file", path);
    path_of("link", link);
    path_of("missing/socket", missing);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(symlink("nowhere", link), 0);
    for (int i = 0; i < 3; i++) {
        const char *const paths[] = { path, link, missing };
        struct status why = { 0 };
        size_t count = 99;
        char good[PATH_ROOM];

        path_of("good", good);
        (void)snprintf(list, sizeof list, "%s,%s", good, paths[i]);
        assert_int_equal(listen_open(list, listeners, &count, &why),
                         i < 2 ? CODE_CONFIG : CODE_SYSTEM);
        assert_int_equal(count, 0);
        assert_string_equal(why.where, paths[i]);
        assert_int_equal(stat(good, &st), -1);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(link), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens),      cmocka_unit_test(bare_port), cmocka_unit_test(wrong_lists),
        cmocka_unit_test(sixteen),    cmocka_unit_test(taken),     cmocka_unit_test(not_allowed),
        cmocka_unit_test(not_here),   cmocka_unit_test(accepts),   cmocka_unit_test(unix_socket),
        cmocka_unit_test(in_the_way),
    };

    return cmocka_run_group_tests_name("listen", tests, make_folder, remove_folder);
}
