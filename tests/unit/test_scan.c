#include "conf/scan.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *sentence, *text, *want; /* "line: words", or NULL when it is accepted */
};

static void scan_row(const struct row *row)
{
    struct status why = { 0 };
    struct scan scan;
    char got[STATUS_WHERE_MAX + STATUS_WHAT_MAX + 2];
    enum code code = scan_text(&scan, "x", slice_of(row->text), &why);

    (void)snprintf(got, sizeof got, "%s: %s", why.where, why.what);
    if (row->want && !strstr(got, row->want))
        print_error("got: %s\nwant: %s\n", got, row->want);
    if (!row->want && code)
        print_error("got: %s\n", got);
    check(row->sentence, code == (row->want ? CODE_CONFIG : CODE_OK) && code == why.code);
    check(row->sentence, !row->want || strstr(got, row->want));
    scan_free(&scan);
}

static void lines(void **state)
{
    static const struct row rows[] = {
        { "an empty file", "", NULL },
        { "comments and blank lines", "# a\n ; b\n\n \t\n", NULL },
        { "no newline at the end", "[a]\nhost = b", NULL },
        { "CRLF", "[a]\r\nhost = b\r\n", NULL },
        { "white space around a line", "  [ a ]\n\thost\t=\tb\t\n", NULL },
        { "upper case", "[Orsino]\nHOST = b\n", NULL },
        { "a section with what an address has", "[me+x_y@a-b.it]\n", NULL },
        { "a global", "[orsino]\nlog = none\n", NULL },
        { "a byte order mark", "\xef\xbb\xbf[a]\n", "x:1: a byte order mark" },
        { "no sense", "[a]\nhost\n", "x:2: neither" },
        { "a colon for =", "[a]\nhost: b\n", "x:2: neither" },
        { "no key", "[a]\n= b\n", "x:2: a value without a key" },
        { "an unknown key", "[a]\nhots = b\n", "x:2: unknown key hots, did you mean host?" },
        { "an unknown key, unlike all", "[a]\nproxy_command = b\n",
          "x:2: unknown key proxy_command; orsino.ini(5)" },
        { "a key of another version", "[orsino]\nnot_yet_known = /a\n",
          "x:2: unknown key not_yet_known" },
        { "before a section", "\nhost = b\n", "x:2: host: a key before the first section" },
        { "a global in an account", "[a]\ndomain = b\n",
          "x:2: domain: this key belongs into [orsino]" },
        { "a global in a section whose name is misspelt", "[orsion]\nlocal = a@b.it\n",
          "x:2: local: this key belongs into [orsino]: is that what this section should be?" },
        { "a key twice", "[a]\nhost = b\nuser = c\nHost = d\n",
          "x:4: host: stands twice in this section, first in line 2" },
        { "a key in two sections", "[a]\nhost = b\n[c]\nhost = d\n", NULL },
        { "a section twice", "[a]\n[b]\n[A]\n", "x:3: section [A] stands twice, first in line 1" },
        { "a section without ]", "[a\n", "x:1: a section's line ends in ]" },
        { "a section with a comment", "[a] ; b\n", "x:1: nothing may stand after the ]" },
        { "a section with two ]", "[a]]\n", "x:1: nothing may stand after the ]" },
        { "a section without a name", "[a]\n[ ]\n", "x:2: a section without a name" },
        { "a section with a colon", "[a:b]\n", "x:1: [a:b]: a section's name is of letters" },
        { "a section with a space", "[a b]\n", "x:1: [a b]: a section's name is of letters" },
        { "a line that goes on", "[a]\nhost = b\\\nc\n", "x:2: a backslash at the end" },
        { "a comment that goes on", "# b \\ \nhost = c\n", "x:1: a backslash at the end" },
        { "a control character", "[a]\nhost = b\033c\n", "x:2: a control character, 0x1b" },
        { "a CR inside", "[a]\nhost = b\rc\n", "x:2: a control character, 0x0d" },
        { "a DEL", "[a]\nhost = b\x7f\n", "x:2: a control character, 0x7f" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        scan_row(&rows[i]);
}

static void cut_values(void **state)
{
    static const struct row rows[] = {
        { "a comment", "[a]\nuser = b ; c # d\n", NULL },
        { "a comment for a value", "[a]\nuser = ; c\n", NULL },
        { "# in a value", "[a]\nuser = b#c\n", "x:2: user: the value would be cut at #" },
        { "; in a value", "[a]\nuser = b;c\n", "x:2: user: the value would be cut at ;" },
        { "# at once", "[a]\nuser =#c\n", "x:2: user: the value would be cut at #" },
        { "quotes keep both", "[a]\nuser = \"b#c;d\"\n", NULL },
        { "a comment after quotes", "[a]\nuser = \"b\" ; \"c\"\n", NULL },
        { "a comment at the quotes", "[a]\nuser = \"b\";c\n",
          "x:2: user: what follows the closing quote would be lost: put a space" },
        { "text after quotes", "[a]\nuser = \"b\" c\n",
          "x:2: user: what follows the closing quote would be lost" },
        { "an open quote", "[a]\nuser = \"b\n", "x:2: user: the quote at the start" },
        { "an open single quote", "[a]\npassword = 'tis\n",
          "x:2: password: the quote at the start" },
        { "a secret with #", "[a]\npassword = b#c\n",
          "x:2: password: the value would be cut at #" },
        { "a secret with ;", "[a]\npassword = b;c\n",
          "x:2: password: the value would be cut at ;" },
        { "a secret with a comment", "[a]\npassword = b ;c\n",
          "x:2: password: the value would be cut at ;" },
        { "a secret that is a comment", "[a]\npassword = #c\n",
          "x:2: password: the value would be cut at #" },
        { "a secret in quotes", "[a]\npassword = \"p#ss;word\"   ; quotes keep # and ;\n", NULL },
        { "a backslash in quotes", "[a]\npassword = \"b\\\"c\"\n",
          "x:2: password: a backslash in quotes is not safe: leave" },
        { "a backslash without quotes", "[a]\npassword = b\\c\"d\n", NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        scan_row(&rows[i]);
}

static void values(void **state)
{
    static const struct {
        const char *sentence, *written, *want;
    } rows[] = {
        { "a word", "b", "b" },
        { "white space around", " \t b c \t", "b c" },
        { "a comment", " b ; c", "b" },
        { "quotes", "\" b \"", " b " },
        { "single quotes with double ones", " 'b\"c'", "b\"c" },
        { "empty quotes", " \"\" # c", "" },
        { "nothing", "", "" },
        { "an equals sign", " b=c", "b=c" },
        { "quotes inside", " b \"c\" d", "b \"c\" d" },
        { "bytes beyond ASCII", " \xc3\xa8", "\xc3\xa8" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char text[100];
        struct status why = { 0 };
        struct scan scan;

        (void)snprintf(text, sizeof text, "[a]\nfull_name =%s\n", rows[i].written);
        check(rows[i].sentence, scan_text(&scan, "x", slice_of(text), &why) == CODE_OK);
        assert_int_equal(scan.count, 2);
        check_text(rows[i].sentence, scan.entries[1].value, slice_of(rows[i].want));
        assert_int_equal(scan_line(&scan, slice_of("A"), "full_name"), 2);
        assert_int_equal(scan_line(&scan, slice_of("a"), NULL), 1);
        assert_int_equal(scan_line(&scan, slice_of("a"), "host"), 0);
        assert_int_equal(scan_line(&scan, slice_of("b"), NULL), 0);
        scan_free(&scan);
    }
}

static void secrets(void **state)
{
    static const struct {
        const char *sentence, *text;
        bool want;
    } rows[] = {
        { "a password", "[a]\npassword = b\n", true },
        { "an empty password", "[a]\npassword =\n", false },
        { "a password's file", "[a]\npassword_file = /b\n", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct scan scan;

        check(rows[i].sentence, scan_text(&scan, "x", slice_of(rows[i].text), &why) == CODE_OK);
        check(rows[i].sentence, scan.has_secret == rows[i].want);
        scan_free(&scan);
    }
}

/* A password is never repeated, whatever is wrong with its line. */
static void messages_are_discreet(void **state)
{
    static const char *const rows[] = {
        "[a]\npassword = hunter2#x\n",   "[a]\npassword = \"hunter2\n",
        "[a]\npassword \"hunter2\"\n",   "[a]\npassword = 'hunter2' x\n",
        "password = hunter2\n",          "[a]\npassword = hunter2\\\n",
        "[a]\npassword = hunter2\001\n", "[a]\npasswort = hunter2\n",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct scan scan;

        check(rows[i], scan_text(&scan, "x", slice_of(rows[i]), &why) == CODE_CONFIG);
        check(rows[i], !strstr(why.what, "hunter2"));
        scan_free(&scan);
    }
}

static enum code scan_bytes(const char *bytes, size_t n, struct status *why)
{
    struct scan scan;
    enum code code = scan_text(&scan, "x", (struct slice){ bytes, n }, why);

    scan_free(&scan);
    return code;
}

static void limits(void **state)
{
    static char text[SCAN_FILE_MAX + 1];
    struct status why = { 0 };

    (void)state;
    assert_int_equal(scan_bytes("[a]\nhost = b\0c\n", 15, &why), CODE_CONFIG);
    assert_string_equal(why.where, "x:2");
    assert_non_null(strstr(why.what, "NUL"));

    memset(text, '#', sizeof text);
    text[SCAN_LINE_MAX] = '\n';
    why = (struct status){ 0 };
    assert_int_equal(scan_bytes(text, SCAN_LINE_MAX + 1, &why), CODE_OK);
    text[SCAN_LINE_MAX] = '#';
    text[SCAN_LINE_MAX + 1] = '\n';
    assert_int_equal(scan_bytes(text, SCAN_LINE_MAX + 2, &why), CODE_CONFIG);
    assert_non_null(strstr(why.what, "1023 bytes"));

    memset(text, '\n', sizeof text);
    why = (struct status){ 0 };
    assert_int_equal(scan_bytes(text, SCAN_FILE_MAX, &why), CODE_OK);
    assert_int_equal(scan_bytes(text, SCAN_FILE_MAX + 1, &why), CODE_CONFIG);
}

static void too_many_entries(void **state)
{
    struct status why = { 0 };
    struct buf text;

    (void)state;
    buf_init(&text, SCAN_FILE_MAX);
    for (int i = 0; i <= SCAN_ENTRY_MAX; i++)
        buf_addf(&text, "[a%d]\n", i);
    assert_false(text.failed);
    assert_int_equal(scan_bytes(text.p, text.n, &why), CODE_CONFIG);
    assert_string_equal(why.where, "x:4097");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(cut_values),
        cmocka_unit_test(values),
        cmocka_unit_test(secrets),
        cmocka_unit_test(limits),
        cmocka_unit_test(messages_are_discreet),
        cmocka_unit_test(too_many_entries),
    };

    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
