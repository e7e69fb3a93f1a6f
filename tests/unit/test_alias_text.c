#include "mail/alias_text.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void lines(void **state)
{
    static const struct {
        const char *sentence, *text, *want; /* "number name=value;", or "number!problem;" */
    } rows[] = {
        { "one", "a: b\n", "1 a= b;" },
        { "the last without an end", "a:b", "1 a=b;" },
        { "a line that goes on", "a: b,\n c\nd: e\n", "1 a= b,\n c;3 d= e;" },
        { "past a comment, which becomes blank", "a: b,\n#xy\n c\n", "1 a= b,\n   \n c;" },
        { "past an empty line", "a: b,\n\n c\n", "1 a= b,\n\n c;" },
        { "blank lines at the end are no part of it", "a: b\n \n\t\n", "1 a= b;" },
        { "nothing", "", "" },
        { "comments alone", "#\n # a: b\n", "" },
        { "a name in quotes", "\"a \\\"b\\\\:\" : c\n", "1 a \"b\\:= c;" },
        { "no colon", "a b\n c\nd:e\n", "1!no ':' behind a name;3 d=e;" },
        { "a quote that is not closed", "\"a: b\n", "1!a '\"' is not closed;" },
        { "a colon in it does not count", "\"a: b\" c\n", "1!no ':' behind a name;" },
        { "a first line that goes on", "\n b\na:c\n",
          "2!a line that goes on, and none before it;3 a=c;" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char *text = strdup(rows[i].text);
        struct alias_lines l;
        struct buf got;

        assert_non_null(text);
        buf_init(&got, 1000);
        check(rows[i].sentence, alias_lines_parse(text, strlen(text), &l));
        for (size_t k = 0; k < l.count; k++) {
            buf_addf(&got, "%zu", l.rows[k].number);
            if (l.rows[k].problem)
                buf_addf(&got, "!%s;", l.rows[k].problem);
            else
                buf_addf(&got, " %.*s=%.*s;", (int)l.rows[k].name.n, l.rows[k].name.p,
                         (int)l.rows[k].value.n, l.rows[k].value.p);
        }
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
        alias_lines_free(&l);
        free(text);
    }
}

/* One letter for each kind; '!' before what is final, '"' before what was in quotes. */
static void values(void **state)
{
    static const char letters[] = {
        [ALIAS_MAILBOX] = 'm', [ALIAS_INCLUDE] = 'i', [ALIAS_COMMAND] = 'c',
        [ALIAS_FILE] = 'f',    [ALIAS_BROKEN] = 'b',
    };
    static const struct {
        const char *sentence, *list, *want;
    } rows[] = {
        { "none", "", "" },
        { "commas and blanks", " ,\n ,, \t", "" },
        { "addresses", " a@x ,b@x,\n\tc", "m[a@x]m[b@x]m[c]" },
        { "a name with a comma", "\"A, B\" <a@x>, b", "m[\"A, B\" <a@x>]m[b]" },
        { "an address in quotes", "\"a@x\"", "\"m[a@x]" },
        { "a local part in quotes", "\"a b\"@x", "m[\"a b\"@x]" },
        { "a command", "| /bin/x a", "c[/bin/x a]" },
        { "a command in quotes", "\"|/bin/x \\\"a\\\", b\", c", "\"c[/bin/x \"a\", b]m[c]" },
        { "a file", "/var/x", "f[/var/x]" },
        { "a file in quotes", "\"/var/x y\"", "\"f[/var/x y]" },
        { "an included file", ":include:/x", "i[/x]" },
        { "in any case, with a blank", ":Include: /x", "i[/x]" },
        { "in quotes", "\":include:/x y\"", "\"i[/x y]" },
        { "no path", ":include:", "i[]" },
        { "a backslash", "\\root, a", "!m[root]m[a]" },
        { "one in quotes", "\"\\root\"", "!\"m[root]" },
        { "a quote that is not closed", "a, \"b, c", "m[a]b[\"b, c]" },
        { "nothing in quotes", "\"\"", "\"b[]" },
        { "nothing behind a backslash", "\\, a", "!b[]m[a]" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice rest = slice_of(rows[i].list);
        struct alias_value v;
        struct buf got;

        buf_init(&got, 1000);
        while (alias_value_next(&rest, &v))
            buf_addf(&got, "%s%s%c[%.*s]", v.final ? "!" : "", v.quoted ? "\"" : "",
                     letters[v.kind], (int)v.text.n, v.text.p);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
    }
}

static void long_quotes(void **state)
{
    struct alias_value v;
    struct buf text;

    (void)state;
    for (size_t n = ALIAS_QUOTED_MAX; n <= ALIAS_QUOTED_MAX + 1; n++) {
        struct slice rest;

        buf_init(&text, 2000);
        buf_add_char(&text, '"');
        for (size_t i = 0; i < n; i++)
            buf_add_char(&text, 'a');
        buf_add_char(&text, '"');
        rest = buf_slice(&text);
        assert_true(alias_value_next(&rest, &v));
        assert_int_equal(v.kind, n == ALIAS_QUOTED_MAX ? ALIAS_MAILBOX : ALIAS_BROKEN);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(values),
        cmocka_unit_test(long_quotes),
    };

    return cmocka_run_group_tests_name("alias_text", tests, NULL, NULL);
}
