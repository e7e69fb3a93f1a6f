#include "mail/address.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

/* A slice of a literal, NULs with it. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void parsing(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
        enum code code;
        const char *want; /* the spec, or words of the refusal */
    } rows[] = {
        { "nothing is the null path", TEXT(""), CODE_OK, "" },
        { "white space is the null path", TEXT("  "), CODE_OK, "" },
        { "brackets are the null path", TEXT("<>"), CODE_OK, "" },
        { "brackets in white space are it", TEXT(" <> "), CODE_OK, "" },
        { "quoted brackets are it", TEXT("'<>'"), CODE_OK, "" },
        { "quoted nothing is it", TEXT("''"), CODE_OK, "" },
        { "a bare name", TEXT("root"), CODE_OK, "root" },
        { "an address", TEXT("a@x.example"), CODE_OK, "a@x.example" },
        { "an address in brackets", TEXT("<a@x>"), CODE_OK, "a@x" },
        { "a bare name in brackets", TEXT("<root>"), CODE_OK, "root" },
        { "a name and an address", TEXT("Ann Bee <a@x>"), CODE_OK, "a@x" },
        { "a name in a comment", TEXT("a@x (Ann)"), CODE_OK, "a@x" },
        { "a bare name in single quotes", TEXT("'root'"), CODE_OK, "root" },
        { "an address in single quotes", TEXT("'a@x'"), CODE_OK, "a@x" },
        { "one pair of them goes", TEXT("''a''"), CODE_OK, "'a'" },
        { "a quote at one end stays", TEXT("'tis@x"), CODE_OK, "'tis@x" },
        { "an apostrophe stays", TEXT("o'neil@x.y"), CODE_OK, "o'neil@x.y" },
        { "one single quote", TEXT("'"), CODE_OK, "'" },
        { "a quoted local part", TEXT("\"a b\"@x"), CODE_OK, "\"a b\"@x" },
        { "a route", TEXT("<@a:b@c>"), CODE_OK, "b@c" },
        { "two addresses", TEXT("a@x, b@y"), CODE_ADDRESS, "not one address" },
        { "two addresses without a comma", TEXT("a@x b@y"), CODE_ADDRESS, "not one address" },
        { "a comma after it", TEXT("a@x,"), CODE_ADDRESS, "not one address" },
        { "a comma before it", TEXT(",a@x"), CODE_ADDRESS, "not one address" },
        { "a group", TEXT("Us: a@x;"), CODE_ADDRESS, "not one address" },
        { "an empty group", TEXT("Us:;"), CODE_ADDRESS, "not one address" },
        { "a comment alone", TEXT("(Ann)"), CODE_ADDRESS, "not one address" },
        { "the null path, then an address", TEXT("<> a@x"), CODE_ADDRESS, "not one address" },
        { "a name without an address", TEXT("John Smith"), CODE_ADDRESS, "\"John Smith\"" },
        { "an option", TEXT("root -OQueueDirectory=/tmp"), CODE_ADDRESS, "several words" },
        { "a LF at its end", TEXT("a@x\n"), CODE_ADDRESS, "a line end" },
        { "a CR at its start", TEXT("\ra@x"), CODE_ADDRESS, "a line end" },
        { "a folded one", TEXT("Ann\n <a@x>"), CODE_ADDRESS, "a line end" },
        { "a NUL at its end", TEXT("a@x\0"), CODE_ADDRESS, "a NUL" },
        { "two at signs", TEXT("a@b@c"), CODE_ADDRESS, "more than one '@'" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct address a;
        enum code code = address_parse(rows[i].input, &a, &why);

        check(rows[i].sentence, code == rows[i].code && why.code == code);
        if (code == CODE_OK)
            check_text(rows[i].sentence, slice_of(a.spec), slice_of(rows[i].want));
        else
            check(rows[i].sentence, a.length == 0 && slice_contains_nocase(slice_of(why.what),
                                                                           slice_of(rows[i].want)));
    }
}

static void halves(void **state)
{
    static const struct {
        const char *sentence, *input, *local, *domain;
        bool utf8;
    } rows[] = {
        { "an address", "a.b@x.y", "a.b", "x.y", false },
        { "a bare name", "root", "root", "", false },
        { "an at sign in quotes", "\"a@b\"@x", "\"a@b\"", "x", false },
        { "a literal", "a@[IPv6:::1]", "a", "[IPv6:::1]", false },
        { "the null path", "", "", "", false },
        { "a local part beyond ASCII", "\xc3\xb6@x", "\xc3\xb6", "x", true },
        { "a domain beyond ASCII", "a@\xc3\xb6", "a", "\xc3\xb6", true },
        { "a name beyond ASCII is not in the address", "\xc3\xb6 <a@x>", "a", "x", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct address a;

        check(rows[i].sentence, address_parse(slice_of(rows[i].input), &a, &why) == CODE_OK);
        check_text(rows[i].sentence, address_local(&a), slice_of(rows[i].local));
        check_text(rows[i].sentence, address_domain(&a), slice_of(rows[i].domain));
        check(rows[i].sentence, a.utf8 == rows[i].utf8);
        check(rows[i].sentence, address_is_bare(&a) == (rows[i].domain[0] == 0));
        check(rows[i].sentence,
              address_is_here(&a, "x.y") == (rows[i].domain[0] == 0 || rows[i].domain[0] == 'x'));
    }
}

static void dropping_local_domains(void **state)
{
    static const struct {
        const char *sentence, *input, *want;
    } rows[] = {
        { "a host without a dot", "root@vm", "root" },
        { "localhost", "root@LOCALHOST", "root" },
        { "a host below localdomain", "root@vm.localdomain", "root" },
        { "a quoted local part", "\"a b\"@vm", "\"a b\"" },
        { "a local part beyond ASCII", "ren\xc3\xa9@vm", "ren\xc3\xa9" },
        { "a host beyond ASCII", "rene@\xc3\xa9", "rene" },
        { "a domain", "root@vm.example", "root@vm.example" },
        { "a literal", "root@[IPv6:::1]", "root@[IPv6:::1]" },
        { "a bare name", "root", "root" },
        { "the null path", "<>", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct address a;

        check(rows[i].sentence, address_parse(slice_of(rows[i].input), &a, &why) == CODE_OK);
        address_drop_local_domain(&a);
        check_text(rows[i].sentence, (struct slice){ a.spec, a.length }, slice_of(rows[i].want));
        check(rows[i].sentence, a.length == strlen(a.spec));
        check(rows[i].sentence, a.utf8 == !slice_is_ascii((struct slice){ a.spec, a.length }));
    }
}

static void qualifying(void **state)
{
    static const struct {
        const char *sentence, *input, *domain;
        enum code code;
        const char *want; /* the spec, or words of the refusal */
    } rows[] = {
        { "a bare name", "root", "x.example", CODE_OK, "root@x.example" },
        { "an address keeps its domain", "a@y", "x.example", CODE_OK, "a@y" },
        { "an address needs none", "a@y", "", CODE_OK, "a@y" },
        { "the null path stays", "<>", "x.example", CODE_OK, "" },
        { "a literal", "root", "[192.0.2.1]", CODE_OK, "root@[192.0.2.1]" },
        { "a domain beyond ASCII", "root", "\xc3\xb6.example", CODE_OK, "root@\xc3\xb6.example" },
        { "no domain", "root", "", CODE_ADDRESS, "\"root\" has no domain" },
        { "a domain with a gap", "root", "x y", CODE_ADDRESS, "\"x y\"" },
        { "a domain with a bracket", "root", "x>", CODE_ADDRESS, "\"x>\"" },
        { "a domain with a line end", "root", "x\r\nDATA", CODE_ADDRESS, "\"x??DATA\"" },
        { "a domain with an at sign", "root", "@x", CODE_ADDRESS, "no domain has" },
        { "a domain with an empty part", "root", "x..y", CODE_ADDRESS, "an empty part" },
        { "a domain in Latin-1", "root", "\xf6", CODE_ADDRESS, "\"?\"" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct address a;
        enum code code;

        check(rows[i].sentence, address_parse(slice_of(rows[i].input), &a, &why) == CODE_OK);
        code = address_qualify(&a, slice_of(rows[i].domain), &why);
        check(rows[i].sentence, code == rows[i].code && a.length == strlen(a.spec));
        check_text(rows[i].sentence, slice_of(a.spec),
                   slice_of(code ? rows[i].input : rows[i].want));
        check(rows[i].sentence,
              !code || slice_contains_nocase(slice_of(why.what), slice_of(rows[i].want)));
        check(rows[i].sentence, a.utf8 == !slice_is_ascii((struct slice){ a.spec, a.length }));
    }
}

static void lengths(void **state)
{
    static const struct {
        const char *sentence;
        size_t local, domain;
        bool good;
    } rows[] = {
        { "the longest of RFC 5321", 64, 255, true },
        { "a domain one too long", 10, 256, false },
        { "a local part over 64, as some senders have", 200, 100, true },
        { "all that there is room for", 300, 19, true },
        { "one more", 300, 20, false },
        { "a bare name that fills it", 320, 0, true },
        { "a bare name one too long", 321, 0, false },
        { "a very long local part", 100000, 1, false },
        { "a very long domain", 1, 100000, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        static char text[200000];
        struct status why = { 0 }, status = { 0 };
        struct address a;
        struct slice in = { text, 0 }, domain;

        memset(text, 'a', sizeof text);
        text[rows[i].local] = '@';
        in.n = rows[i].local + (rows[i].domain > 0 ? rows[i].domain + 1 : 0);
        domain = slice_part(in, rows[i].local + 1, in.n);
        check(rows[i].sentence, (address_parse(in, &a, &why) == CODE_OK) == rows[i].good);
        check(rows[i].sentence, !rows[i].good || a.length == in.n);
        if (rows[i].local > ADDRESS_MAX || domain.n == 0)
            continue;
        check(rows[i].sentence,
              address_parse(slice_part(in, 0, rows[i].local), &a, &status) == CODE_OK);
        check(rows[i].sentence, (address_qualify(&a, domain, &status) == CODE_OK) == rows[i].good);
        check(rows[i].sentence, a.length == (rows[i].good ? in.n : rows[i].local));
    }
}

/* Quotes that the canonical form needs more room for than the text had. */
static void growing_quotes(void **state)
{
    static const char input[] = "\"%s\"@x";
    char backslashes[ADDRESS_MAX + 1], text[ADDRESS_MAX + 16];
    struct status why = { 0 };
    struct address a;

    (void)state;
    memset(backslashes, '\\', sizeof backslashes);
    backslashes[316] = 0;
    (void)snprintf(text, sizeof text, input, backslashes);
    assert_int_equal(address_parse(slice_of(text), &a, &why), CODE_OK);
    assert_int_equal(a.length, ADDRESS_MAX);
    assert_true(address_is_safe(slice_of(a.spec)));
    backslashes[316] = '\\';
    backslashes[318] = 0;
    (void)snprintf(text, sizeof text, input, backslashes);
    assert_int_equal(address_parse(slice_of(text), &a, &why), CODE_ADDRESS);
}

static void long_excerpts(void **state)
{
    static const struct {
        const char *sentence, *unit;
        size_t kept;
    } rows[] = {
        { "a long text is cut", "a", 100 },
        { "never inside a character", "\xe2\x82\xac", 99 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct address a;
        struct buf text, want;

        buf_init(&text, 4096);
        buf_init(&want, 4096);
        while (text.n < 1000)
            buf_add_string(&text, rows[i].unit);
        buf_addf(&want, "the address \"%.*s...\" cannot", (int)rows[i].kept, buf_string(&text));
        check(rows[i].sentence, address_parse(buf_slice(&text), &a, &why) == CODE_ADDRESS);
        check_text(rows[i].sentence, slice_part(slice_of(why.what), 0, want.n), buf_slice(&want));
        buf_free(&text);
        buf_free(&want);
    }
}

static void equal(void **state)
{
    static const struct {
        const char *sentence, *a, *b;
        bool want;
    } rows[] = {
        { "the same", "a@x", "a@x", true },
        { "another case of the domain", "a@X.Example", "a@x.eXample", true },
        { "another case of the local part", "A@x", "a@x", false },
        { "another local part", "a@x", "b@x", false },
        { "another domain", "a@x", "a@y", false },
        { "bare names", "root", "root", true },
        { "bare names in another case", "Root", "root", false },
        { "a bare name and an address", "root", "root@x", false },
        { "an at sign in quotes parts nothing", "\"a@B\"@x", "\"a@b\"@x", false },
        { "at signs at other places", "a@bc", "ab@c", false },
        { "nothing", "", "", true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence,
              address_equal(slice_of(rows[i].a), slice_of(rows[i].b)) == rows[i].want);
}

static void safe(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
        bool want;
    } rows[] = {
        { "an address", TEXT("a@x"), true },
        { "a bare name", TEXT("root"), true },
        { "a literal", TEXT("a@[IPv6:::1]"), true },
        { "marks", TEXT("o'neil+a=b%c!d/e..f@my_host"), true },
        { "UTF-8", TEXT("\xc3\xb6@\xc3\xb6"), true },
        { "a gap in quotes", TEXT("\"a b\"@x"), true },
        { "brackets in quotes", TEXT("\"<>\"@x"), true },
        { "an escaped quote", TEXT("\"\\\"\"@x"), true },
        { "quotes alone", TEXT("\"a b\""), true },
        { "nothing", TEXT(""), false },
        { "a gap", TEXT("a b@x"), false },
        { "a gap in the domain", TEXT("a@x SIZE=1"), false },
        { "a parameter after a bracket", TEXT("a@x> SIZE=1"), false },
        { "a bracket", TEXT("a@x>"), false },
        { "an opening bracket", TEXT("<a@x"), false },
        { "a CR", TEXT("a@x\r"), false },
        { "a LF", TEXT("a@x\nDATA"), false },
        { "a NUL", TEXT("a@x\0"), false },
        { "a tab", TEXT("a\t@x"), false },
        { "an escape character", TEXT("a\x1b@x"), false },
        { "a DEL", TEXT("a\x7f@x"), false },
        { "a LF in quotes", TEXT("\"a\n\"@x"), false },
        { "an escaped LF in quotes", TEXT("\"a\\\n\"@x"), false },
        { "a NUL in quotes", TEXT("\"a\0\"@x"), false },
        { "a quote that is not closed", TEXT("\"a>@x"), false },
        { "a quote closed by an escaped one", TEXT("\"a>\\\"@x"), false },
        { "a backslash at the very end", TEXT("\"a\\"), false },
        { "text after the quotes", TEXT("\"a\"b@x"), false },
        { "a quote inside", TEXT("a\" >\"@x"), false },
        { "a backslash before the bracket", TEXT("a@x\\"), false },
        { "a comment", TEXT("a(b)@x"), false },
        { "a comma", TEXT("a@x,b@y"), false },
        { "Latin-1", TEXT("\xf6@x"), false },
        { "a cut UTF-8 sequence", TEXT("a@x\xc3"), false },
    };
    char longest[ADDRESS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, address_is_safe(rows[i].input) == rows[i].want);
    memset(longest, 'a', sizeof longest);
    assert_true(address_is_safe((struct slice){ longest, ADDRESS_MAX }));
    assert_false(address_is_safe((struct slice){ longest, ADDRESS_MAX + 1 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),
        cmocka_unit_test(halves),
        cmocka_unit_test(dropping_local_domains),
        cmocka_unit_test(qualifying),
        cmocka_unit_test(lengths),
        cmocka_unit_test(growing_quotes),
        cmocka_unit_test(long_excerpts),
        cmocka_unit_test(equal),
        cmocka_unit_test(safe),
    };

    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
