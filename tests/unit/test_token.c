#include "mail/token.h"

#include "unit.h"

static void kinds(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
        const char *want; /* the kinds, one byte each */
    } rows[] = {
        { "nothing", { "", 0 }, "" },
        { "an address", { "ann@x.y", 7 }, "a@a.a" },
        { "a name and brackets", { "Ann Bee <a@x>", 13 }, "a a <a@a>" },
        { "a group", { "Us:a,b;", 7 }, "a:a,a;" },
        { "a quote", { "\"a \\\" (\"b", 9 }, "\"a" },
        { "a comment", { "(a (b) \\) \")c", 13 }, "(a" },
        { "a literal", { "[1.2]x", 6 }, "[a" },
        { "half a literal", { "[a b", 4 }, "?a a" },
        { "folding is white space", { "a \r\n\t b", 7 }, "a a" },
        { "bytes beyond ASCII", { "\xc3\xb6\xff", 3 }, "a" },
        { "bytes that have no place", { ")]\\\x01\x7f", 5 }, "?????" },
        { "a NUL", { "a\0b", 3 }, "a!a" },
        { "a LF", { "a\nb", 3 }, "a!a" },
        { "a CR", { "a\r b", 4 }, "a!a" },
        { "a quote with a NUL", { "\"a\0\"b", 5 }, "!a" },
        { "a quote that is not closed", { "a\"b c", 5 }, "a!" },
        { "a comment that is not closed", { "a((b)c", 6 }, "a!" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice text = rows[i].input;
        struct token t = token_read(text, 0);
        struct buf got;
        size_t end = 0;

        buf_init(&got, 100);
        for (; t.kind != TOKEN_END; t = token_read(text, t.to)) {
            buf_add_char(&got, (char)t.kind);
            check(rows[i].sentence, t.from == end && t.to > t.from);
            check(rows[i].sentence, (t.problem != NULL) == (t.kind == TOKEN_BROKEN));
            end = t.to;
        }
        check(rows[i].sentence, end == text.n);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
    }
}

static void scanning(void **state)
{
    struct slice text = slice_of(" (one) a (two) , (three)");
    struct scanner s;

    (void)state;
    scanner_begin(&s, text);
    scanner_skip_gaps(&s);
    assert_int_equal(s.token.kind, TOKEN_ATOM);
    check_text("the comment before", s.comment, slice_of("one"));
    scanner_advance(&s);
    scanner_skip_gaps(&s);
    assert_int_equal(s.token.kind, ',');
    check_text("the comment after, and none further on", s.comment, slice_of("two"));
    check_text("the end is before the white space", slice_part(text, 0, s.end),
               slice_of(" (one) a (two)"));
    assert_true(token_is_separator(s.token.kind));
    assert_false(token_is_gap(s.token.kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(scanning),
    };

    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
