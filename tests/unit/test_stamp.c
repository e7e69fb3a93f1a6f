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

static void ids(void **state)
{
    enum {
        IDS = 1000
    };
    struct buf all;
    struct slice id, other;

    (void)state;
    buf_init(&all, 100000);
    for (int i = 0; i < IDS; i++)
        stamp_add_id(&all);
    check("each has its length", all.n == (size_t)IDS * STAMP_ID_LENGTH);
    for (size_t i = 0; i < all.n; i++)
        check("capital letters and digits, none like another",
              all.p[i] != 0 && strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", all.p[i]));
    for (size_t i = 0; i < all.n; i += STAMP_ID_LENGTH)
        for (size_t j = i + STAMP_ID_LENGTH; j < all.n; j += STAMP_ID_LENGTH) {
            id = slice_part(buf_slice(&all), i, i + STAMP_ID_LENGTH);
            other = slice_part(buf_slice(&all), j, j + STAMP_ID_LENGTH);
            check("no two are the same", !slice_equal(id, other));
        }
    buf_free(&all);
}

static void traces(void **state)
{
    static char long_name[600];
    static const struct {
        const char *sentence, *client, *peer, *protocol, *want; /* up to the date */
    } rows[] = {
        { "a client on the loopback", "app.example.it", "127.0.0.1", "ESMTP",
          "from app.example.it ([127.0.0.1])\n\tby mail.example.it (orsino) with ESMTP id ABC" },
        { "IPv6 and a literal as name", "[IPv6:::1]", "IPv6:::1", "ESMTPSA",
          "from [IPv6:::1] ([IPv6:::1])\n\tby mail.example.it (orsino) with ESMTPSA id ABC" },
        { "a pipe", "localhost", "local", "SMTP",
          "from localhost (local)\n\tby mail.example.it (orsino) with SMTP id ABC" },
        { "nobody said a name", "", "local", "SMTP",
          "from unknown (local)\n\tby mail.example.it (orsino) with SMTP id ABC" },
        { "a name that would be more", "a (b);\r\nBcc: c\x7f\xc3\xa9%s", "local", "SMTP",
          "from a??b????Bcc:?c????s (local)\n\tby mail.example.it (orsino) with SMTP id ABC" },
        { "a name without end", long_name, "local", "SMTP", NULL },
    };

    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    check("the environment", setenv("TZ", "UTC0", 1) == 0);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct stamp_received received = {
            .client = rows[i].client,
            .peer = rows[i].peer,
            .host = "mail.example.it",
            .protocol = rows[i].protocol,
            .id = "ABC",
            .when = 1795553122,
        };
        struct buf out, want;

        buf_init(&out, 2000);
        buf_init(&want, 2000);
        stamp_add_received(&out, &received);
        if (rows[i].want)
            buf_addf(&want, "%s;\n\tTue, 24 Nov 2026 20:45:22 +0000", rows[i].want);
        else
            buf_addf(&want,
                     "from %.255s (local)\n\tby mail.example.it (orsino) with SMTP id ABC;\n"
                     "\tTue, 24 Nov 2026 20:45:22 +0000",
                     long_name);
        check_text(rows[i].sentence, buf_slice(&out), buf_slice(&want));
        buf_free(&out);
        buf_free(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(message_ids),
        cmocka_unit_test(ids),
        cmocka_unit_test(traces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
