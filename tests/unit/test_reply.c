#include "unit.h"

#include "smtp/reply.h"

#include <string.h>

/* Hands the bytes over in pieces of `piece` bytes, up to the end of one reply. */
static enum code take(struct reply_parser *p, struct slice bytes, size_t piece, size_t *used,
                      struct status *why)
{
    size_t at = 0;

    while (at < bytes.n && !(at > 0 && p->complete)) {
        struct slice cut = slice_part(bytes, at, at + piece), rest = cut;
        enum code code = reply_take(p, &rest, why);

        at += cut.n - rest.n;
        if (code)
            return code;
    }
    *used = at;
    return CODE_OK;
}

static void replies_are_read(void **state)
{
    static const struct {
        const char *sentence, *input;
        int code;
        unsigned lines;
        const char *enhanced, *text;
        const char *rest; /* what must be left for the next reply */
    } rows[] = {
        { "a line", "220 mx ESMTP\r\n", 220, 1, "", "mx ESMTP", "" },
        { "a code alone (RFC 5321 section 4.2)", "250\r\n", 250, 1, "", "", "" },
        { "a code and a space", "250 \r\n", 250, 1, "", "", "" },
        { "a bare LF ends a line", "250 ok\n", 250, 1, "", "ok", "" },
        { "two lines", "250-mx\r\n250 SIZE 10\r\n", 250, 2, "", "mx\nSIZE 10", "" },
        { "a last line without text", "250-mx\r\n250\r\n", 250, 2, "", "mx\n", "" },
        { "a first line without text", "250-\r\n250 x\r\n", 250, 2, "", "\nx", "" },
        { "mixed line ends", "250-a\n250-b\r\n250 c\n", 250, 3, "", "a\nb\nc", "" },
        { "a tab in the text", "250 a\tb\r\n", 250, 1, "", "a\tb", "" },
        { "UTF-8 in the text", "550 caff\xc3\xa8\r\n", 550, 1, "", "caff\xc3\xa8", "" },
        { "an unknown code of a known class", "299 x\r\n", 299, 1, "", "x", "" },
        { "the highest code", "599 x\r\n", 599, 1, "", "x", "" },
        { "the next reply is left", "250 a\r\n250 b\r\n", 250, 1, "", "a", "250 b\r\n" },
        { "white space before the text is kept", "250  a\r\n", 250, 1, "", " a", "" },
        { "an enhanced code", "550 5.1.1 no\r\n", 550, 1, "5.1.1", "5.1.1 no", "" },
        { "an enhanced code alone", "250 2.0.0\r\n", 250, 1, "2.0.0", "2.0.0", "" },
        { "long parts", "450 4.999.123 x\r\n", 450, 1, "4.999.123", "4.999.123 x", "" },
        { "parts too long", "450 4.1234.1 x\r\n", 450, 1, "", "4.1234.1 x", "" },
        { "of another class: an address", "550 1.2.3 x\r\n", 550, 1, "", "1.2.3 x", "" },
        { "an IPv4 address of the same class", "550 5.9.2.1 listed\r\n", 550, 1, "",
          "5.9.2.1 listed", "" },
        { "two parts", "550 5.1 x\r\n", 550, 1, "", "5.1 x", "" },
        { "a class alone", "550 5\r\n", 550, 1, "", "5", "" },
        { "none for 354", "354 3.0.0 go\r\n", 354, 1, "", "3.0.0 go", "" },
        { "in the second line only", "550-x\r\n550 5.7.1 y\r\n", 550, 2, "5.7.1", "x\n5.7.1 y",
          "" },
        { "the first of two", "550-5.7.1 x\r\n550 5.7.2 y\r\n", 550, 2, "5.7.1", "5.7.1 x\n5.7.2 y",
          "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        for (size_t piece = 1; piece <= 64; piece += piece < 3 ? 1 : 61) {
            struct slice input = slice_of(rows[i].input);
            struct reply_parser p;
            struct status why = { 0 };
            size_t used = 0;

            reply_begin(&p);
            check(rows[i].sentence, take(&p, input, piece, &used, &why) == CODE_OK);
            check(rows[i].sentence, p.complete);
            check(rows[i].sentence, p.reply.code == rows[i].code);
            check(rows[i].sentence, p.reply.lines == rows[i].lines);
            check_text(rows[i].sentence, slice_of(p.reply.enhanced), slice_of(rows[i].enhanced));
            check_text(rows[i].sentence, buf_slice(&p.reply.text), slice_of(rows[i].text));
            check_text(rows[i].sentence, slice_part(input, used, input.n), slice_of(rows[i].rest));
            reply_end(&p);
        }
}

static void nonsense_is_refused(void **state)
{
    static const char syntax[] = "an answer that is not SMTP";
    static const char codes[] = "an answer whose lines have different codes";
    static const char control[] = "a control character in the answer: this is not SMTP";
    static const struct {
        const char *sentence, *input;
        size_t length; /* 0: of the C string */
        const char *what, *said;
    } rows[] = {
        { "another protocol", "HTTP/1.1 400 Bad\r\n", 0, syntax, "HTTP/1.1 400 Bad" },
        { "an empty line", "\r\n", 0, syntax, "" },
        { "two digits", "22\r\n", 0, syntax, "22" },
        { "four digits", "2200 x\r\n", 0, syntax, "2200 x" },
        { "a sign", "+20 x\r\n", 0, syntax, "+20 x" },
        { "a space before the code", " 220 x\r\n", 0, syntax, " 220 x" },
        { "a letter behind the code", "220x\r\n", 0, syntax, "220x" },
        { "a tab behind the code", "220\tx\r\n", 0, syntax, "220?x" },
        { "a class of 1", "120 x\r\n", 0, syntax, "120 x" },
        { "a class of 6", "600 x\r\n", 0, syntax, "600 x" },
        { "digits of another script", "\xef\xbc\x92\x32\x30 x\r\n", 0, syntax,
          "\xef\xbc\x92\x32\x30 x" },
        { "codes that differ", "250-a\r\n251 b\r\n", 0, codes, "251 b" },
        { "a second line that is none", "250-a\r\nb\r\n", 0, syntax, "b" },
        { "a NUL", "220 a\0b\r\n", 9, control, "220 a?" },
        { "an escape sequence", "220 \x1b[2J\r\n", 0, control, "220 ?" },
        { "a DEL", "220 \x7f\r\n", 0, control, "220 ?" },
        { "a CR inside a line", "220 a\rb\r\n", 0, control, "220 a?b" },
        { "two CR", "220 a\r\r\n", 0, control, "220 a??" },
        { "a TLS record, before any line end", "\x15\x03\x01\x02", 4, control, "?" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        for (size_t piece = 1; piece <= 64; piece += 63) {
            size_t length = rows[i].length ? rows[i].length : strlen(rows[i].input), used = 0;
            struct reply_parser p;
            struct status why = { 0 };

            reply_begin(&p);
            check(rows[i].sentence, take(&p, (struct slice){ rows[i].input, length }, piece, &used,
                                         &why) == CODE_PROTOCOL);
            check_text(rows[i].sentence, slice_of(why.what), slice_of(rows[i].what));
            check_text(rows[i].sentence, slice_of(why.said), slice_of(rows[i].said));
            reply_end(&p);
        }
}

/* Bytes of `line`, repeated up to a size, then `end`. */
static struct buf fill(const char *line, size_t times, const char *end)
{
    struct buf out;

    buf_init(&out, 4 * 1024 * 1024);
    for (size_t i = 0; i < times; i++)
        buf_add_string(&out, line);
    buf_add_string(&out, end);
    assert_false(out.failed);
    return out;
}

static void bounds_hold(void **state)
{
    static const char line[] = "a line of the answer is too long";
    static const char whole[] = "the answer is too long";
    static const struct {
        const char *sentence, *piece, *end;
        size_t times;
        const char *what; /* NULL: it is taken */
    } rows[] = {
        { "the most lines", "250-x\r\n", "250 x\r\n", REPLY_LINES_MAX - 1, NULL },
        { "one more", "250-x\r\n", "250 x\r\n", REPLY_LINES_MAX, whole },
        { "ten thousand", "250-x\r\n", "250 x\r\n", 10000, whole },
        { "a line of a megabyte", "220 aaaaaaaaaaaa", "\r\n", 65536, line },
        { "a line of a megabyte without a code", "aaaaaaaaaaaaaaaa", "\r\n", 65536, line },
        { "an endless line", "220 aaaaaaaaaaaa", "", 1024, line },
        { "many lines that are long",
          "250-"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r"
          "\n",
          "250 x\r\n", REPLY_LINES_MAX - 1, whole },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        for (size_t piece = 1; piece <= 4096; piece += 4095) {
            struct buf input = fill(rows[i].piece, rows[i].times, rows[i].end);
            struct reply_parser p;
            struct status why = { 0 };
            size_t used = 0;
            enum code code;

            reply_begin(&p);
            code = take(&p, buf_slice(&input), piece, &used, &why);
            check(rows[i].sentence, code == (rows[i].what ? CODE_PROTOCOL : CODE_OK));
            check_text(rows[i].sentence, slice_of(why.what), slice_of(rows[i].what));
            check(rows[i].sentence, rows[i].what || p.complete);
            reply_end(&p);
            buf_free(&input);
        }
}

static void the_longest_line_is_taken(void **state)
{
    struct buf input = fill("220 ", 1, "");
    struct reply_parser p;
    struct status why = { 0 };
    struct slice rest;

    (void)state;
    while (input.n < REPLY_LINE_MAX - 1)
        buf_add_char(&input, 'a');
    buf_add_string(&input, "\r\n");
    rest = buf_slice(&input);
    reply_begin(&p);
    assert_int_equal(reply_take(&p, &rest, &why), CODE_OK);
    assert_true(p.complete);
    assert_int_equal(p.reply.text.n, REPLY_LINE_MAX - 5);
    reply_end(&p);
    buf_free(&input);
}

static void a_parser_is_used_again(void **state)
{
    struct slice input = slice_of("550-5.1.1 a\r\n550 b\r\n250 ok\r\n"), first = input;
    struct reply_parser p;
    struct status why = { 0 };

    (void)state;
    reply_begin(&p);
    assert_int_equal(reply_take(&p, &first, &why), CODE_OK);
    assert_true(p.complete);
    assert_int_equal(reply_take(&p, &first, &why), CODE_OK);
    assert_true(p.complete);
    assert_int_equal(p.reply.code, 250);
    assert_string_equal(p.reply.enhanced, "");
    assert_int_equal(p.reply.lines, 1);
    check_text("the text is the second's alone", buf_slice(&p.reply.text), slice_of("ok"));
    reply_end(&p);
}

static void replies_are_told(void **state)
{
    static const struct {
        const char *sentence, *input, *said;
    } rows[] = {
        { "a line", "550 5.1.1 no such user\r\n", "550 5.1.1 no such user" },
        { "lines become one, the enhanced code once",
          "550-5.7.1 blocked,\r\n550-5.7.1 see\r\n550 5.7.1 https://x\r\n",
          "550 5.7.1 blocked, see https://x" },
        { "another enhanced code stays", "550-5.7.1 a\r\n550 5.7.2 b\r\n", "550 5.7.1 a 5.7.2 b" },
        { "empty lines leave no trace", "550-a\r\n550-\r\n550 b\r\n", "550 a b" },
        { "no text", "550\r\n", "550" },
        { "a tab is not printable", "550 a\tb\r\n", "550 a?b" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice input = slice_of(rows[i].input);
        struct reply_parser p;
        struct status why = { 0 };

        reply_begin(&p);
        check(rows[i].sentence, reply_take(&p, &input, &why) == CODE_OK && p.complete);
        reply_describe(&p.reply, &why);
        check(rows[i].sentence, why.reply == 550);
        check_text(rows[i].sentence, slice_of(why.enhanced), slice_of(p.reply.enhanced));
        check_text(rows[i].sentence, slice_of(why.said), slice_of(rows[i].said));
        reply_end(&p);
    }
}

static void a_long_reply_is_cut_when_told(void **state)
{
    struct buf input = fill("550-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 200, "550 z\r\n");
    struct slice rest = buf_slice(&input);
    struct reply_parser p;
    struct status why = { 0 };

    (void)state;
    reply_begin(&p);
    assert_int_equal(reply_take(&p, &rest, &why), CODE_OK);
    reply_describe(&p.reply, &why);
    assert_int_equal(strlen(why.said), STATUS_SAID_MAX - 1);
    reply_end(&p);
    buf_free(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(the_longest_line_is_taken),
        cmocka_unit_test(a_parser_is_used_again),
        cmocka_unit_test(replies_are_told),
        cmocka_unit_test(a_long_reply_is_cut_when_told),
    };

    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
