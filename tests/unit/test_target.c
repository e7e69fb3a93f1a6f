#include "cli/target.h"

#include "unit.h"

static void targets(void **state)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } rows[] = {
        { "mail.example.it", "mail.example.it", 0 },
        { "mail.example.it:2525", "mail.example.it", 2525 },
        { "192.0.2.1:25", "192.0.2.1", 25 },
        { "::1", "::1", 0 },
        { "2001:db8::1:25", "2001:db8::1:25", 0 },
        { "[::1]", "[::1]", 0 },
        { "[::1]:2525", "[::1]", 2525 },
        { "[::1", "[::1", 0 },
        { "smtps://mail.example.it", "mail.example.it", 0 },
        { "smtps://mail.example.it:465/", "mail.example.it", 465 },
        { "submission://[::1]:587", "[::1]", 587 },
        { "mail.example.it:", "mail.example.it:", 0 },
        { "mail.example.it:0", "mail.example.it:0", 0 },
        { "mail.example.it:65536", "mail.example.it:65536", 0 },
        { "mail.example.it:smtp", "mail.example.it:smtp", 0 },
        { ":25", ":25", 0 },
        { "://", "", 0 },
        { "", "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct target target;

        target_read(rows[i].text, &target);
        check_text(rows[i].text, slice_of(target.host), slice_of(rows[i].host));
        check(rows[i].text, target.port == rows[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
    };

    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
