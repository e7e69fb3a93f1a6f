#include "net/peer.h"

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage address = { 0 };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&address, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&address, &v6, sizeof v6);
    }
    return address;
}

static void names(void **state)
{
    static const struct {
        const char *address, *name;
        bool is_local;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1", true },
        { "127.255.3.4", "127.255.3.4", true },
        { "128.0.0.1", "128.0.0.1", false },
        { "192.0.2.7", "192.0.2.7", false },
        { "::1", "IPv6:::1", true },
        { "::2", "IPv6:::2", false },
        { "2001:db8::7f00:1", "IPv6:2001:db8::7f00:1", false },
        { "::ffff:127.0.0.1", "127.0.0.1", true },
        { "::ffff:192.0.2.7", "192.0.2.7", false },
        { "2001:db8:1111:2222:3333:4444:5555:6666", "IPv6:2001:db8:1111:2222:3333:4444:5555:6666",
          false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sockaddr_storage address = address_of(rows[i].address);
        struct peer peer;

        check(rows[i].address, peer_at(&address, &peer));
        check_text(rows[i].address, slice_of(peer.name), slice_of(rows[i].name));
        check(rows[i].address, peer.is_local == rows[i].is_local);
        check(rows[i].address, !peer.is_unix);
    }
}

static void others(void **state)
{
    struct sockaddr_storage address = { .ss_family = AF_NETLINK };
    struct peer peer;
    int pair[2], fds[2];

    (void)state;
    assert_false(peer_at(&address, &peer));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(peer_of(pair[0], &peer));
    assert_true(peer.is_unix && peer.is_local);
    assert_true(peer.has_user && peer.user == geteuid());
    assert_string_equal(peer.name, "local");
    assert_false(peer_is_in(&peer, "0.0.0.0/0, ::/0"));
    assert_int_equal(pipe(fds), 0);
    assert_false(peer_of(fds[0], &peer)); /* no socket */
    assert_false(peer_is_hidden(fds[0]));
    assert_false(peer_is_hidden(pair[0]));
    (void)close(fds[0]);
    (void)close(fds[1]);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_false(peer_of(fds[0], &peer)); /* not connected */
    assert_true(peer_is_hidden(fds[0]));
    assert_false(peer_of(-1, &peer));
    assert_false(peer_is_hidden(-1));
    (void)close(fds[0]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* A UNIX socket alone tells who it is, and only one that is connected. */
static void users(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct sockaddr_storage local = { .ss_family = AF_UNIX };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct peer peer;

    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(peer_of(client, &peer) && !peer.has_user);
    assert_true(peer_at(&local, &peer) && !peer.has_user);
    (void)close(client);
    (void)close(listener);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_false(peer_of(client, &peer));
    (void)close(client);
}

static void networks(void **state)
{
    static const struct {
        const char *list;
        bool valid;
        const char *in, *out; /* of an address that is in it, and one that is not */
    } rows[] = {
        { "", true, NULL, "192.0.2.1" },
        { "  ", true, NULL, "192.0.2.1" },
        { "10.1.2.3", true, "10.1.2.3", "10.1.2.2" },
        { "192.0.2.0/24", true, "192.0.2.255", "192.0.3.0" },
        { "192.0.2.0/24", true, "::ffff:192.0.2.9", "::ffff:192.0.3.9" },
        { "192.0.2.0/24", true, NULL, "2001:db8::c000:201" },
        { "192.0.2.99/24", true, "192.0.2.1", "192.0.1.99" },
        { "192.0.2.128/25", true, "192.0.2.128", "192.0.2.127" },
        { "192.0.2.4/30", true, "192.0.2.7", "192.0.2.8" },
        { "192.0.2.4/32", true, "192.0.2.4", "192.0.2.5" },
        { "192.0.2.4/31", true, "192.0.2.5", "192.0.2.6" },
        { "0.0.0.0/0", true, "203.0.113.9", "::1" },
        { "::/0", true, "2001:db8::1", "203.0.113.9" },
        { "128.0.0.0/1", true, "255.0.0.1", "127.0.0.1" },
        { "2001:db8::/32", true, "2001:db8:ffff::1", "2001:db9::1" },
        { "2001:db8::/33", true, "2001:db8:7fff::1", "2001:db8:8000::1" },
        { "2001:db8::1", true, "2001:db8::1", "2001:db8::2" },
        { "2001:DB8::A/128", true, "2001:db8::a", "2001:db8::b" },
        { "::ffff:192.0.2.0/120", true, "192.0.2.9", "192.0.3.9" },
        { "::ffff:192.0.2.1", true, "192.0.2.1", "192.0.2.2" },
        { "192.0.2.0/24,2001:db8::/32 , 10.1.2.3", true, "10.1.2.3", "10.1.2.4" },
        { "192.0.2.0/24, 2001:db8::/32,10.1.2.3", true, "2001:db8::5", "2001:db7::5" },
        { "192.0.2.0/33", false, NULL, "192.0.2.1" },
        { "192.0.2.0/", false, NULL, "192.0.2.1" },
        { "192.0.2.0/-1", false, NULL, "192.0.2.1" },
        { "192.0.2.0/2 4", false, NULL, "192.0.2.1" },
        { "192.0.2.0/255.255.255.0", false, NULL, "192.0.2.1" },
        { "192.0.2.0/24/8", false, NULL, "192.0.2.1" },
        { "192.0.2", false, NULL, "192.0.2.1" },
        { "192.0.2.300", false, NULL, "192.0.2.1" },
        { "2001:db8::/129", false, NULL, "2001:db8::1" },
        { "::ffff:192.0.2.0/24", false, NULL, "192.0.2.1" },
        { "2001:db8:::1", false, NULL, "2001:db8::1" },
        { "localhost", false, NULL, "127.0.0.1" },
        { "192.0.2.1,,192.0.2.2", false, "192.0.2.2", "192.0.2.3" },
        { "192.0.2.1,", false, "192.0.2.1", "192.0.2.3" },
        { ",", false, NULL, "192.0.2.1" },
        { "192.0.2.1 192.0.2.2", false, NULL, "192.0.2.1" },
        { "2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999/32", false, NULL, "2001:db8::1" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sockaddr_storage address = address_of(rows[i].out);
        struct peer peer;

        check(rows[i].list, networks_are_valid(rows[i].list) == rows[i].valid);
        check(rows[i].list, peer_at(&address, &peer) && !peer_is_in(&peer, rows[i].list));
        if (!rows[i].in)
            continue;
        address = address_of(rows[i].in);
        check(rows[i].list, peer_at(&address, &peer) && peer_is_in(&peer, rows[i].list));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(others),
        cmocka_unit_test(users),
        cmocka_unit_test(networks),
    };

    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
