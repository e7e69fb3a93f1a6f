#include "mail/header.h"

#include "unit.h"

static void lines(void **state)
{
    static const struct {
        const char *sentence, *line;
        bool want;
    } rows[] = {
        { "a field", "Subject: hello", true },
        { "no space after the colon", "Subject:hello", true },
        { "an empty value", "Subject:", true },
        { "white space before the colon", "Subject \t: hello", true },
        { "punctuation in a name", "X-!#$%&'*+/=?^_`{|}~.1: y", true },
        { "a name of one letter", "a:", true },
        { "a time is no worse than a field", "12:30", true },
        { "no colon", "Subject hello", false },
        { "two words before the colon", "Dear all: hello", false },
        { "no name", ": hello", false },
        { "a continuation", " Subject: hello", false },
        { "an mbox line", "From me@example.it Mon Jan  1 00:00:00 2024", false },
        { "a control character", "Sub\x01ject: x", false },
        { "a DEL", "Sub\x7fject: x", false },
        { "8-bit in a name", "Obj\xc3\xa9t: x", false },
        { "nothing", "", false },
        { "a lone dot", ".", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, header_line_begins_field(slice_of(rows[i].line)) == rows[i].want);
    check("a NUL in a name", !header_line_begins_field((struct slice){ "a\0b: x", 6 }));
}

static void fields(void **state)
{
    static const struct {
        const char *sentence, *block;
        const char *want; /* name|value; for each field */
    } rows[] = {
        { "no block", "", "" },
        { "one field", "To: a\n", "To| a;" },
        { "two fields", "To: a\nCc:b\n", "To| a;Cc|b;" },
        { "a folded one", "To: a,\n b,\n\tc\nCc: d\n", "To| a,\n b,\n\tc;Cc| d;" },
        { "an empty one", "To:\nCc: d\n", "To|;Cc| d;" },
        { "white space before the colon", "To \t : a\n", "To| a;" },
        { "folded at once", "To:\n a\n", "To|\n a;" },
        { "an empty continuation", "To: a\n \nCc: b\n", "To| a\n ;Cc| b;" },
        { "colons in the value", "X: a:b: c\n", "X| a:b: c;" },
        { "no LF at the end", "To: a", "To| a;" },
        { "nothing but a name and no LF", "To:", "To|;" },
        { "lines that are no fields are skipped", "oops\nTo: a\nagain\n more\nCc: b\n",
          "To| a;Cc| b;" },
        { "a continuation without a field", " x: y\nTo: a\n", "To| a;" },
        { "the colon of a continuation does not count", "oops\n x: y\n", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice in = slice_of(rows[i].block);
        struct field field;
        struct buf got;

        buf_init(&got, 1000);
        while (header_next(&in, &field)) {
            buf_add_slice(&got, field.name);
            buf_add_char(&got, '|');
            buf_add_slice(&got, field.value);
            buf_add_char(&got, ';');
        }
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
    }
}

static void the_whole_of_each(void **state)
{
    static const char block[] = "A: 1\nB : 2\n 3\nC:\n";
    struct slice in = slice_of(block);
    struct field field;
    struct buf got;

    (void)state;
    buf_init(&got, 1000);
    while (header_next(&in, &field))
        buf_add_slice(&got, field.whole);
    check_text("together they are the block", buf_slice(&got), slice_of(block));
    buf_free(&got);
}

static void finding(void **state)
{
    struct slice block = slice_of("To: first\nX-To: no\nTO: second\nCc : c\n");
    struct field field;

    (void)state;
    check("the first one is found", header_find(block, "to", &field));
    check_text("the first one", field.value, slice_of(" first"));
    check("whatever its case", header_find(block, "CC", &field));
    check_text("its name has no space", field.name, slice_of("Cc"));
    check("no part of a name", !header_find(block, "T", &field));
    check("no other", !header_find(block, "Bcc", &field));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(fields),
        cmocka_unit_test(the_whole_of_each),
        cmocka_unit_test(finding),
    };

    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
