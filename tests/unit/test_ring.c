#include "net/ring.h"

#include "unit.h"

#include <stdio.h>

static void leads_to(void **state)
{
    static const struct {
        const char *sentence, *name, *host;
        unsigned port;
        bool is_local, want;
    } rows[] = {
        { "the very address", "127.0.0.1:25", "127.0.0.1", 25, true, true },
        { "another port", "127.0.0.1:25", "127.0.0.1", 465, true, false },
        { "localhost", "127.0.0.1:25", "LocalHost", 25, true, true },
        { "IPv6 in brackets", "[::1]:25", "[::1]", 25, true, true },
        { "IPv6 without", "[2001:db8::1]:25", "2001:db8::1", 25, false, true },
        { "the loopback, where everywhere is", "0.0.0.0:25", "localhost", 25, false, true },
        { "the loopback, where only another is", "192.0.2.1:25", "localhost", 25, false, false },
        { "another address", "192.0.2.1:25", "192.0.2.10", 25, false, false },
        { "another host", "127.0.0.1:25", "smtp.example.org", 25, true, false },
        { "no host", "127.0.0.1:25", "", 25, true, false },
        { "a path", "/run/a:25", "/run/a", 25, true, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct listener l = { .is_local = rows[i].is_local, .is_unix = rows[i].name[0] == '/' };

        (void)snprintf(l.name, sizeof l.name, "%s", rows[i].name);
        check(rows[i].sentence, ring_leads_to(&l, 1, rows[i].host, rows[i].port) == rows[i].want);
    }
    assert_false(ring_leads_to(NULL, 0, "localhost", 25));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
