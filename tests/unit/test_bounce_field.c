#include "deliver/bounce_field.h"

#include "unit.h"

struct row {
    const char *sentence;
    struct slice text;
    const char *want;
};

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void words_become_one_field(void **state)
{
    static const struct row rows[] = {
        { "a reply", TEXT("550 5.1.1 no such user"), "Name: smtp; 550 5.1.1 no such user\n" },
        { "white space in a run is one space", TEXT("550  a \t b "), "Name: smtp; 550 a b\n" },
        { "a line end cannot begin a field", TEXT("550 a\r\nAction: delivered"),
          "Name: smtp; 550 a??Action: delivered\n" },
        { "a NUL and an escape are shown", TEXT("a\0b \033[2J"), "Name: smtp; a?b ?[2J\n" },
        { "a long text is folded",
          TEXT("550 5.7.1 this text goes on and on for more than a line has room for, so it must "
               "be folded"),
          "Name: smtp; 550 5.7.1 this text goes on and on for more than a line has room\n"
          " for, so it must be folded\n" },
        { "words beyond ASCII are encoded", TEXT("550 perch\303\251 no"),
          "Name: smtp; 550 =?utf-8?Q?perch=C3=A9?= no\n" },
        { "bytes that are no UTF-8 are shown", TEXT("550 \351\377"), "Name: smtp; 550 ??\n" },
        { "nothing", TEXT(""), "Name: smtp;\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 4096);
        bounce_field(&out, "Name", "smtp", rows[i].text);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

/* Whether each line but the first begins with a space, holds ASCII alone, and is short enough. */
static bool is_one_field(struct slice text)
{
    struct slice line;
    bool first = true;

    while (slice_take_until(&text, "\n", &line)) {
        if (line.n > 998 || !slice_is_ascii(line) || (!first && (line.n < 2 || line.p[0] != ' ')))
            return false;
        first = false;
    }
    return true;
}

static void no_word_is_too_long(void **state)
{
    static const struct {
        const char *sentence;
        const char *unit;
        size_t times;
    } rows[] = {
        { "one word of 2,000 bytes", "a", 2000 },
        { "one word of 2,000 bytes beyond ASCII", "\303\251", 1000 },
        { "each second word is to be encoded", "\303\251 a ", 400 },
        { "more than there is room for", "word ", 4000 },
        { "line ends alone", "\n", 500 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf text, out;

        buf_init(&text, 65536);
        buf_init(&out, 65536);
        for (size_t n = 0; n < rows[i].times; n++)
            buf_add_string(&text, rows[i].unit);
        bounce_field(&out, "Name", NULL, buf_slice(&text));
        check(rows[i].sentence, !out.failed && is_one_field(buf_slice(&out)));
        buf_free(&text);
        buf_free(&out);
    }
}

static void addresses_are_spelled_in_ascii(void **state)
{
    static const struct row rows[] = {
        { "a usual one", TEXT("a@example.net"), "Final-Recipient: rfc822;a@example.net\n" },
        { "quotes and spaces stay", TEXT("\"a  b\"@example.net"),
          "Final-Recipient: rfc822;\"a  b\"@example.net\n" },
        { "UTF-8 of two, three and four bytes", TEXT("\303\251\344\275\240\360\237\220\273@x.net"),
          "Final-Recipient: utf-8;\\x{E9}\\x{4F60}\\x{1F43B}@x.net\n" },
        { "what means something in that spelling", TEXT("\303\251+=\\ @x"),
          "Final-Recipient: utf-8;\\x{E9}\\x{2B}\\x{3D}\\x{5C}\\x{20}@x\n" },
        { "a broken one", TEXT("a\377\n@x"), "Final-Recipient: rfc822;a??@x\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 4096);
        bounce_field_address(&out, "Final-Recipient", rows[i].text);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

static void xtext_is_decoded(void **state)
{
    static const struct row rows[] = {
        { "an address", TEXT("rfc822;a+2Bb@example.net"), "X: rfc822;a+b@example.net\n" },
        { "a line end does not come out", TEXT("rfc822;a+0D+0AX:+20b"), "X: rfc822;a??X: b\n" },
        { "bytes beyond ASCII", TEXT("rfc822;+C3+A9"), "X: rfc822;??\n" },
        { "a plus without digits", TEXT("a+b+2"), "X: a+b+2\n" },
        { "small letters are no digits of it", TEXT("a+2b"), "X: a+2b\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 4096);
        bounce_field_xtext(&out, "X", rows[i].text);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

static void text_is_quoted(void **state)
{
    static const struct row rows[] = {
        { "plain lines", TEXT("a b\n\nc\n"), "a b\n\nc\n" },
        { "an equals sign and a byte beyond ASCII", TEXT("=\303\251\n"), "=3D=C3=A9\n" },
        { "white space at the end of a line", TEXT("a \nb\t\n"), "a=20\nb=09\n" },
        { "white space at the end of all", TEXT("a "), "a=20" },
        { "a line of 75",
          TEXT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
               "ggggggggggAAAAA\n"),
          "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggAAAAA\n" },
        { "a line of 76",
          TEXT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
               "ggggggggggAAAAAB\n"),
          "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggAAAAA=\nB\n" },
        { "a line that would end in the middle of a byte's three",
          TEXT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggAAA=\n"),
          "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggAAA=\n=3D\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 4096);
        bounce_quote(&out, rows[i].text);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_one_field),
        cmocka_unit_test(no_word_is_too_long),
        cmocka_unit_test(addresses_are_spelled_in_ascii),
        cmocka_unit_test(xtext_is_decoded),
        cmocka_unit_test(text_is_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
