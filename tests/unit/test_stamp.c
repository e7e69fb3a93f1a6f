#include "unit.h"

#include "mail/stamp.h"

#include <stdlib.h>
#include <string.h>

static void dates(void **state)
{
    static const struct {
        const char *sentence, *zone;
        time_t when;
        const char *want;
    } rows[] = {
        { "the beginning of time", "UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
        { "a leap day", "UTC0", 1709164800, "Thu, 29 Feb 2024 00:00:00 +0000" },
        { "beyond 32 bits", "UTC0", 4102444799, "Thu, 31 Dec 2099 23:59:59 +0000" },
        { "east", "XST-5:30", 1795553122, "Wed, 25 Nov 2026 02:15:22 +0530" },
        { "west", "XST3:30", 1795553122, "Tue, 24 Nov 2026 17:15:22 -0330" },
        { "less than an hour west", "XST0:30", 1795553122, "Tue, 24 Nov 2026 20:15:22 -0030" },
        { "summer time", "CET-1CEST,M3.5.0,M10.5.0/3", 1782892800,
          "Wed, 1 Jul 2026 10:00:00 +0200" },
        { "winter time", "CET-1CEST,M3.5.0,M10.5.0/3", 1795553122,
          "Tue, 24 Nov 2026 21:45:22 +0100" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 100);
        check(rows[i].sentence, setenv("TZ", rows[i].zone, 1) == 0);
        stamp_add_date(&out, rows[i].when);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

static void message_ids(void **state)
{
    enum {
        IDS = 1000
    };
    struct buf all;
    struct slice rest, id;

    (void)state;
    buf_init(&all, 100000);
    for (int i = 0; i < IDS; i++) {
        stamp_add_message_id(&all, 1795553122, slice_of("example.it"));
        buf_add_char(&all, '\n');
    }
    rest = buf_slice(&all);
    while (slice_take_line(&rest, &id)) {
        struct slice others = rest, other;

        check("time, 32 digits, domain", id.n == strlen("<1795553122.@example.it>") + 32);
        check("it begins with the time", slice_starts_nocase(id, slice_of("<1795553122.")));
        check("it ends with the domain",
              slice_equal(slice_part(id, 44, id.n), slice_of("@example.it>")));
        while (slice_take_line(&others, &other))
            check("no two are the same", !slice_equal(id, other));
    }
    buf_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(message_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
