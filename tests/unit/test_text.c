#include "base/text.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void numbers(void **state)
{
    static const struct {
        const char *sentence, *input;
        uint64_t max;
        bool want;
        uint64_t value;
    } rows[] = {
        { "a plain number", "42", 100, true, 42 },
        { "zero", "0", 0, true, 0 },
        { "leading zeros are digits", "007", 7, true, 7 },
        { "the maximum itself", "65535", 65535, true, 65535 },
        { "one above the maximum", "65536", 65535, false, 0 },
        { "the largest there is", "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "one above that does not wrap", "18446744073709551616", UINT64_MAX, false, 0 },
        { "twenty nines do not wrap", "99999999999999999999", UINT64_MAX, false, 0 },
        { "a sign is no digit", "-1", 100, false, 0 },
        { "white space is no digit", " 1", 100, false, 0 },
        { "nothing is no number", "", 100, false, 0 },
        { "a maximum below ten", "12", 9, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint64_t value = 0;
        bool got = slice_number(slice_of(rows[i].input), rows[i].max, &value);

        check(rows[i].sentence, got == rows[i].want && value == rows[i].value);
    }
}

static void utf8(void **state)
{
    static const struct {
        const char *sentence, *input;
        bool want;
    } rows[] = {
        { "ASCII", "hello", true },
        { "nothing", "", true },
        { "two bytes", "\xc3\xa9", true },
        { "three bytes", "\xe2\x82\xac", true },
        { "four bytes", "\xf0\x9f\x90\xbb", true },
        { "a lone continuation byte", "\x80", false },
        { "an overlong slash", "\xc0\xaf", false },
        { "an overlong NUL in three bytes", "\xe0\x80\x80", false },
        { "a surrogate", "\xed\xa0\x80", false },
        { "beyond U+10FFFF", "\xf4\x90\x80\x80", false },
        { "cut off in the middle", "\xe2\x82", false },
        { "Latin-1", "caf\xe9", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, slice_is_utf8(slice_of(rows[i].input)) == rows[i].want);
}

static void base64(void **state)
{
    static const struct {
        const char *sentence, *plain, *coded;
    } rows[] = {
        { "nothing", "", "" },
        { "one byte", "f", "Zg==" },
        { "two bytes", "fo", "Zm8=" },
        { "three bytes", "foo", "Zm9v" },
        { "six bytes", "foobar", "Zm9vYmFy" },
        { "high bytes", "\xff\xfe\xfd", "//79" },
    };
    static const char *const bad[] = { "Zg=", "Zg", "Z===", "Zm9v=", "Z!==", "Zg==Zg==", "Zm9 " };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf coded, plain;

        buf_init(&coded, 100);
        buf_init(&plain, 100);
        buf_add_base64(&coded, slice_of(rows[i].plain));
        check(rows[i].sentence, slice_equal(buf_slice(&coded), slice_of(rows[i].coded)));
        check(rows[i].sentence, buf_add_decoded_base64(&plain, slice_of(rows[i].coded)));
        check(rows[i].sentence, slice_equal(buf_slice(&plain), slice_of(rows[i].plain)));
        buf_free(&coded);
        buf_free(&plain);
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct buf plain;

        buf_init(&plain, 100);
        buf_add_char(&plain, 'x');
        check(bad[i], !buf_add_decoded_base64(&plain, slice_of(bad[i])) && plain.n == 1);
        buf_free(&plain);
    }
}

static void buffers_keep_their_maximum(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    buf_add_string(&b, "12345678");
    check("a buf may fill up", !b.failed && b.n == 8);
    check("no room is left for a NUL", buf_string(&b) == NULL);
    buf_clear(&b);
    buf_add_string(&b, "1234567");
    buf_add_string(&b, "89");
    check("what does not fit fails whole", b.failed && b.n == 7);
    buf_add_char(&b, 'x');
    check("nothing is added after a failure", b.n == 7);
    buf_clear(&b);
    buf_addf(&b, "%d-%s", 12, "ab");
    check("formatted text", !b.failed && strcmp(buf_string(&b), "12-ab") == 0);
    buf_addf(&b, "%s", "too long for it");
    check("formatted text that does not fit", b.failed);
    buf_free(&b);
    check("a freed buf keeps its maximum", b.max == 8 && b.p == NULL);
    buf_add(&b, "a\0b", 3);
    check("a NUL is data, and no C string", b.n == 3 && buf_string(&b) == NULL);
    buf_drop(&b, 2);
    check("bytes go at the front", b.n == 1 && b.p[0] == 'b');
    buf_drop(&b, 5);
    check("dropping more than there is empties it", b.n == 0);
    buf_wipe(&b);
}

static void borrowed_memory_is_never_grown(void **state)
{
    char room[8];
    struct buf b;

    (void)state;
    buf_over(&b, room, sizeof room);
    buf_add_string(&b, "12345678");
    check("it may fill up", !b.failed && b.n == 8 && b.p == room);
    buf_add_char(&b, '9');
    check("and fails then", b.failed && b.n == 8 && b.p == room);
}

static void slices_are_taken_apart(void **state)
{
    struct slice in = slice_of("one\r\ntwo\n\nlast"), part = { 0 };
    struct slice words = slice_of("  a\t bc ");

    (void)state;
    check("a CRLF line", slice_take_line(&in, &part) && slice_equal(part, slice_of("one")));
    check("an LF line", slice_take_line(&in, &part) && slice_equal(part, slice_of("two")));
    check("an empty line", slice_take_line(&in, &part) && part.n == 0);
    check("a line without its end",
          slice_take_line(&in, &part) && slice_equal(part, slice_of("last")));
    check("the end", !slice_take_line(&in, &part));
    check("a word", slice_take_word(&words, &part) && slice_equal(part, slice_of("a")));
    check("another", slice_take_word(&words, &part) && slice_equal(part, slice_of("bc")));
    check("no more words", !slice_take_word(&words, &part));
    check("trimming", slice_equal(slice_trim(slice_of(" \r\n x y\t\n")), slice_of("x y")));
    check("trimming nothing", slice_trim(slice_of("  ")).n == 0);
    check("bounds are moved", slice_part(slice_of("abc"), 2, 9).n == 1);
    check("from past the end", slice_part(slice_of("abc"), 7, 9).n == 0);
    check("case does not count", slice_equal_nocase(slice_of("StartTLS"), slice_of("STARTTLS")));
    check("but length does", !slice_equal_nocase(slice_of("SIZE"), slice_of("SIZES")));
    check("a part without case",
          slice_contains_nocase(slice_of("550 Relaying Denied"), slice_of("relay")));
    check("a part at the end", slice_contains_nocase(slice_of("abc"), slice_of("C")));
    check("the empty part", slice_contains_nocase(slice_of(""), slice_of("")));
    check("no part", !slice_contains_nocase(slice_of("ab"), slice_of("abc")));
}

static void copies(void **state)
{
    char *copy = slice_dup(slice_of("abc"));

    (void)state;
    assert_string_equal(copy, "abc");
    free(copy);
    copy = slice_dup((struct slice){ NULL, 0 });
    assert_string_equal(copy, "");
    free(copy);
    assert_null(slice_dup((struct slice){ "a\0b", 3 }));
}

static void printable(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
        const char *want;
    } rows[] = {
        { "text stays", { "a b~", 4 }, "a b~" },
        { "nothing", { "", 0 }, "" },
        { "control characters and NUL", { "a\0b\x1b[c\x7f\t\r\n", 10 }, "a?b?[c????" },
        { "UTF-8 stays",
          { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xbb", 9 },
          "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xbb" },
        { "U+009B, which begins an escape sequence",
          { "\xc2\x9b"
            "31m",
            5 },
          "??31m" },
        { "U+00A0 does not", { "\xc2\xa0", 2 }, "\xc2\xa0" },
        { "the same as a single byte",
          { "\x9b"
            "31m",
            4 },
          "?31m" },
        { "cut in the middle", { "x\xe2\x82", 3 }, "x??" },
        { "a control character inside a sequence", { "\xe2\x1b\x82\xac", 4 }, "????" },
        { "Latin-1", { "caf\xe9 x", 6 }, "caf? x" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char text[32];

        memcpy(text, rows[i].input.p, rows[i].input.n);
        text_make_printable(text, rows[i].input.n);
        check_text(rows[i].sentence, (struct slice){ text, rows[i].input.n },
                   slice_of(rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(utf8),
        cmocka_unit_test(printable),
        cmocka_unit_test(base64),
        cmocka_unit_test(buffers_keep_their_maximum),
        cmocka_unit_test(borrowed_memory_is_never_grown),
        cmocka_unit_test(slices_are_taken_apart),
        cmocka_unit_test(copies),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
