#include "cli/target.h"

#include "unit.h"

static void targets(void **state)
{
    static const struct {
        const char *text, *host;
        unsigned port;
        bool is_wrong;
    } rows[] = {
        { "mail.example.it", "mail.example.it", 0, false },
        { "mail.example.it:2525", "mail.example.it", 2525, false },
        { "192.0.2.1:25", "192.0.2.1", 25, false },
        { "::1", "::1", 0, false },
        { "2001:db8::1:25", "2001:db8::1:25", 0, false },
        { "[::1]", "[::1]", 0, false },
        { "[::1]:2525", "[::1]", 2525, false },
        { "[::1", "[::1", 0, false },
        { "smtps://mail.example.it", "mail.example.it", 0, false },
        { "smtps://mail.example.it:465/", "mail.example.it", 465, false },
        { "submission://[::1]:587", "[::1]", 587, false },
        { "mail.example.it:", "mail.example.it:", 0, false },
        { "mail.example.it:0", "mail.example.it", 0, true },
        { "mail.example.it:65536", "mail.example.it", 0, true },
        { "mail.example.it:99999999999999999999", "mail.example.it", 0, true },
        { "smtps://mail.example.it:465/path", "mail.example.it", 465, false },
        { "mail.example.it:smtp", "mail.example.it:smtp", 0, false },
        { ":25", ":25", 0, false },
        { "://", "", 0, false },
        { "", "", 0, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct target target;

        target_read(rows[i].text, &target);
        check_text(rows[i].text, slice_of(target.host), slice_of(rows[i].host));
        check(rows[i].text, target.port == rows[i].port && target.is_wrong == rows[i].is_wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
    };

    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
