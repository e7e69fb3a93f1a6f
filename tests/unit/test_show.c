#include "cli/show.h"

#include "unit.h"

#include <stdlib.h>
#include <time.h>

enum {
    ROOM = 256,
};

static void sizes(void **state)
{
    static const struct {
        const char *sentence;
        uint64_t bytes;
        const char *want;
    } rows[] = {
        { "nothing", 0, "0" },
        { "bytes", 1023, "1023" },
        { "from 1024 on in K", 1024, "1.0K" },
        { "tenths, rounded down", 1279, "1.2K" },
        { "no tenths from ten on", 10 * 1024 + 1023, "10K" },
        { "the most of K", 1024 * 1024 - 1, "1023K" },
        { "M", 5 * 1024 * 1024 + 700000, "5.6M" },
        { "G", UINT64_C(3) << 30, "3.0G" },
        { "the largest number", UINT64_MAX, "15E" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[ROOM];
        struct buf out;

        buf_over(&out, room, sizeof room);
        show_size(&out, rows[i].bytes);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
    }
}

static void spans(void **state)
{
    static const struct {
        const char *sentence;
        int64_t seconds;
        const char *want;
    } rows[] = {
        { "nothing", 0, "0s" },
        { "a clock that went back", -5, "0s" },
        { "seconds up to two minutes", 119, "119s" },
        { "minutes from there", 120, "2m" },
        { "rounded down", 7199, "119m" },
        { "hours from two on", 7200, "2h" },
        { "up to two days", 2 * 86400 - 1, "47h" },
        { "days", 5 * 86400 + 86399, "5d" },
        { "the longest", INT64_MAX, "106751991167300d" },
        { "the shortest", INT64_MIN, "0s" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[ROOM];
        struct buf out;

        buf_over(&out, room, sizeof room);
        show_span(&out, rows[i].seconds);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
    }
}

static void times(void **state)
{
    static const struct {
        const char *sentence;
        int64_t when;
        const char *format, *want;
    } rows[] = {
        { "as mailq has it", 1795553122, "%a %b %e %H:%M:%S", "Tue Nov 24 20:45:22" },
        { "a day of one digit", 1795900000, "%b %e", "Nov 28" },
        { "before the epoch", -1, "%Y-%m-%d", "1969-12-31" },
        { "beyond all calendars", INT64_MAX, "%Y", "?" },
    };

    (void)state;
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[ROOM];
        struct buf out;

        buf_over(&out, room, sizeof room);
        show_time(&out, rows[i].when, rows[i].format);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
    }
}

static void columns(void **state)
{
    static const struct {
        const char *sentence, *text;
        size_t columns;
        const char *left, *right;
    } rows[] = {
        { "filled up", "ab", 4, "ab  ", "  ab" },
        { "full", "abcd", 4, "abcd", "abcd" },
        { "too wide, and whole", "abcde", 4, "abcde", "abcde" },
        { "empty", "", 2, "  ", "  " },
        { "a letter of two bytes is one", "\xC3\xA8", 3, "\xC3\xA8  ", "  \xC3\xA8" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[ROOM];
        struct buf out;

        buf_over(&out, room, sizeof room);
        show_left(&out, slice_of(rows[i].text), rows[i].columns);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].left));
        buf_clear(&out);
        show_right(&out, slice_of(rows[i].text), rows[i].columns);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].right));
    }
}

static void json(void **state)
{
    static const struct {
        const char *sentence, *text, *want;
    } rows[] = {
        { "none", NULL, "null" },
        { "empty", "", "\"\"" },
        { "quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "control characters", "\n\t\x1B\x7F", "\"\\u000a\\u0009\\u001b\\u007f\"" },
        { "those beyond ASCII", "\xC2\x85\xC2\x9F", "\"\\u0085\\u009f\"" },
        { "the first letter behind them", "\xC2\xA0", "\"\xC2\xA0\"" },
        { "letters of two to four bytes", "\xC3\xA8\xE2\x82\xAC\xF0\x9F\x90\xBB",
          "\"\xC3\xA8\xE2\x82\xAC\xF0\x9F\x90\xBB\"" },
        { "a letter that is cut off", "\xE2\x82", "\"\\ufffd\\ufffd\"" },
        { "bytes that are no UTF-8", "a\xFF\x80z", "\"a\\ufffd\\ufffdz\"" },
        { "a surrogate", "\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
        { "a quote in an overlong form", "\xC0\xA2", "\"\\ufffd\\ufffd\"" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[ROOM];
        struct buf out;

        buf_over(&out, room, sizeof room);
        show_json(&out, rows[i].text);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),   cmocka_unit_test(spans), cmocka_unit_test(times),
        cmocka_unit_test(columns), cmocka_unit_test(json),
    };

    return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
