/* Address lists, as headers and command lines have them. */
#include "mail/address.h"

#include "unit.h"

#include <string.h>

enum {
    MEMBERS_MAX = 200,
};

/* A slice of a literal, NULs with it. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct {
    const char *sentence;
    struct slice input;
    const char *want, *said; /* said: words in the refusals */
} list_rows[] = {
    /* Plain ones. */
    { "nothing", TEXT(""), "", "" },
    { "white space alone", TEXT(" \t "), "", "" },
    { "one address", TEXT("ann@x.example"), "ann@x.example", "" },
    { "white space around it", TEXT("  ann@x  "), "ann@x", "" },
    { "a tab around it", TEXT("\tann@x\t"), "ann@x", "" },
    { "two with a comma", TEXT("a@x,b@y"), "a@x|b@y", "" },
    { "two with a comma and a space", TEXT("a@x, b@y"), "a@x|b@y", "" },
    { "two with white space alone", TEXT("a@x b@y"), "a@x|b@y", "" },
    { "two with a tab alone", TEXT("a@x\tb@y"), "a@x|b@y", "" },
    { "two with a semicolon", TEXT("a@x;b@y"), "a@x|b@y", "" },
    { "empty members", TEXT(", ,a@x,,;, b@y,"), "a@x|b@y", "" },
    { "commas alone", TEXT(",,,"), "", "" },
    { "bare names", TEXT("root, joe"), "root|joe", "" },
    { "a bare name with a dot", TEXT("j.doe"), "j.doe", "" },
    { "a domain keeps its case", TEXT("Ann@X.Example"), "Ann@X.Example", "" },

    /* Local parts. */
    { "an apostrophe", TEXT("o'neil@x.y"), "o'neil@x.y", "" },
    { "a plus tag", TEXT("joe+tag@x"), "joe+tag@x", "" },
    { "a percent hack", TEXT("joe%there@x"), "joe%there@x", "" },
    { "a bang path", TEXT("there!joe@x"), "there!joe@x", "" },
    { "all marks of an atom", TEXT("!#$%&'*+-/=?^_`{|}~@x"), "!#$%&'*+-/=?^_`{|}~@x", "" },
    { "an option look-alike", TEXT("-f@x"), "-f@x", "" },
    { "two dots side by side", TEXT("a..b@docomo.ne.jp"), "a..b@docomo.ne.jp", "" },
    { "a dot at the end of the local part", TEXT("a.@x"), "a.@x", "" },
    { "a dot at its start", TEXT(".a@x"), ".a@x", "" },
    { "dots alone", TEXT("..@x, b@y"), "!|b@y", "nothing before the '@'" },
    { "a quoted local part", TEXT("\"a b\"@x"), "\"a b\"@x", "" },
    { "a quoted at sign", TEXT("\"a@b\"@x"), "\"a@b\"@x", "" },
    { "a quoted comma", TEXT("\"a,b\"@x, c@y"), "\"a,b\"@x|c@y", "" },
    { "quoted brackets", TEXT("\"a>b<\"@x"), "\"a>b<\"@x", "" },
    { "an escaped quote", TEXT("\"a\\\"b\"@x"), "\"a\\\"b\"@x", "" },
    { "an escaped backslash at the end", TEXT("\"a\\\\\"@x"), "\"a\\\\\"@x", "" },
    { "a needless escape goes", TEXT("\"a\\ b\"@x"), "\"a b\"@x", "" },
    { "needless quotes go", TEXT("\"joe\"@x"), "joe@x", "" },
    { "needless quotes and escapes go", TEXT("\"j\\o\\e\"@x"), "joe@x", "" },
    { "quotes are needed for two dots", TEXT("\"a..b\"@x"), "\"a..b\"@x", "" },
    { "an empty quoted local part", TEXT("\"\"@x"), "\"\"@x", "" },
    { "quoted words among dots", TEXT("a.\"b c\".d@x"), "\"a.b c.d\"@x", "" },
    { "needless quotes among dots", TEXT("\"a\".\"b\"@x"), "a.b@x", "" },
    { "a folded quoted local part", TEXT("\"a\r\n b\"@x"), "\"a b\"@x", "" },
    { "a tab in a quoted local part", TEXT("\"a\tb\"@x"), "!", "control character" },
    { "a bare name in needless quotes", TEXT("\"root\""), "root", "" },
    { "an encoded word is an atom", TEXT("=?us-ascii?q?joe?=@x"), "=?us-ascii?q?joe?=@x", "" },

    /* Domains. */
    { "an underscore in the domain", TEXT("a@my_host.x"), "a@my_host.x", "" },
    { "a dot at the end of the domain", TEXT("a@x.example."), "a@x.example", "" },
    { "two dots at its end", TEXT("a@x.., b@y"), "!|b@y", "an empty part" },
    { "a dot at its start", TEXT("a@.x"), "!", "an empty part" },
    { "two dots inside it", TEXT("a@x..y"), "!", "an empty part" },
    { "a dot alone", TEXT("a@."), "!", "an empty part" },
    { "no domain after the at sign", TEXT("a@, b@y"), "!|b@y", "nothing after the '@'" },
    { "no local part", TEXT("@x"), "!", "nothing before the '@'" },
    { "an at sign alone", TEXT("@"), "!", "nothing before the '@'" },
    { "two at signs", TEXT("a@b@c, d@y"), "!|d@y", "more than one '@'" },
    { "two at signs with a gap", TEXT("a@x @y, d@z"), "!|d@z", "more than one '@'" },
    { "two at signs side by side", TEXT("a@@c"), "!", "more than one '@'" },
    { "a stray sign in the domain", TEXT("a@x!y"), "!", "no domain has" },
    { "a domain in single quotes", TEXT("'a@x'"), "!", "no domain has" },
    { "a port after the domain", TEXT("a@x:25"), "!", "more text" },
    { "an IPv4 literal", TEXT("a@[192.0.2.1]"), "a@[192.0.2.1]", "" },
    { "an IPv6 literal", TEXT("a@[IPv6:2001:db8::1]"), "a@[IPv6:2001:db8::1]", "" },
    { "gaps in a literal go", TEXT("a@[ 192.0.2.1 ]"), "a@[192.0.2.1]", "" },
    { "a folded literal", TEXT("a@[192.0.\n 2.1]"), "a@[192.0.2.1]", "" },
    { "an empty literal", TEXT("a@[]"), "!", "nothing between" },
    { "a literal that is not closed", TEXT("a@[192.0.2.1, b@y"), "!|b@y", "" },
    { "text after a literal", TEXT("a@[192.0.2.1].x"), "!", "after the ']'" },
    { "a literal after text", TEXT("a@x.[192.0.2.1]"), "!", "inside a domain" },
    { "a control character in a literal", TEXT("a@[1\x01]"), "!", "control character" },

    /* Display names. */
    { "brackets", TEXT("<a@x>"), "a@x", "" },
    { "gaps in brackets", TEXT("< a@x >"), "a@x", "" },
    { "a name", TEXT("Ann <a@x>"), "a@x", "" },
    { "a name of two words", TEXT("Ann Bee <a@x>, Joe Doe <j@y>"), "a@x|j@y", "" },
    { "a name without a gap", TEXT("Ann<a@x>"), "a@x", "" },
    { "a bare name in brackets", TEXT("Anacron <root>"), "root", "" },
    { "dots in a name", TEXT("John Q. Public <j@x>"), "j@x", "" },
    { "many dots in a name", TEXT("J.R.R. Tolkien <j@x>"), "j@x", "" },
    { "a quoted name with a comma", TEXT("\"Doe, Joe\" <j@x>"), "j@x", "" },
    { "brackets in a quoted name", TEXT("\"Joe <b@y>\" <j@x>"), "j@x", "" },
    { "an escaped quote in a name", TEXT("\"Joe \\\"J\\\" Doe\" <j@x>"), "j@x", "" },
    { "an encoded word", TEXT("=?utf-8?Q?J=C3=B6rg?= <j@x>"), "j@x", "" },
    { "an encoded word with a comma", TEXT("=?utf-8?Q?a=2C?= b <j@x>, c@y"), "j@x|c@y", "" },
    { "the address as the name", TEXT("j@x.y <j@x.y>"), "j@x.y", "" },
    { "another address as the name", TEXT("a@x <b@y>"), "b@y", "" },
    { "the address in single quotes as the name", TEXT("'j@x.y' <j@x.y>"), "j@x.y", "" },
    { "words and an address as the name", TEXT("Team t@x <s@x>"), "s@x", "" },
    { "an at sign in a name", TEXT("Joe @ Work <j@x>"), "j@x", "" },
    { "an at sign in a longer name", TEXT("Joe @ My Work <j@x>"), "!", "more text" },
    { "a name that begins with an at sign", TEXT("@joe <j@x>"), "j@x", "" },
    { "square brackets in a name", TEXT("[List] Ann <a@x>"), "a@x", "" },
    { "half a square bracket in a name", TEXT("[List Ann <a@x>, b@y"), "a@x|b@y", "" },
    { "a backslash in a name", TEXT("DOM\\ann <a@x>"), "a@x", "" },
    { "an empty quoted name", TEXT("\"\" <a@x>"), "a@x", "" },
    { "brackets side by side", TEXT("<a@x> <b@y>"), "a@x|b@y", "" },
    { "brackets, then a name", TEXT("<a@x> Bob <b@y>"), "a@x|b@y", "" },
    { "brackets, then an address", TEXT("<a@x> b@y"), "a@x|b@y", "" },
    { "an address, then a name", TEXT("a@x Bob Bee <b@y>"), "a@x|b@y", "" },
    { "brackets, then a bare word", TEXT("<a@x> bob, c@z"), "!|c@z", "more text" },
    { "an address, then a bare word", TEXT("a@x bob"), "!", "more text" },
    { "brackets, and text without a gap", TEXT("<a@x>b@y"), "!", "more text" },
    { "an address, and a quote without a gap", TEXT("a@x\"b\"@y"), "!", "more text" },
    { "a name without an address", TEXT("John Smith, b@y"), "!|b@y", "several words" },
    { "a quoted name without an address", TEXT("\"John Smith\""), "!", "no address after" },
    { "a name, and no brackets", TEXT("Joe joe@x"), "!", "several words" },
    { "a name, and empty brackets", TEXT("Joe <>, b@y"), "!|b@y", "a name, and no address" },
    { "empty brackets", TEXT("a@x, <>, < >, b@y"), "a@x|b@y", "" },
    { "brackets in brackets", TEXT("<<a@x>>, b@y"), "!|b@y", "not closed" },
    { "a bracket that is not closed", TEXT("Joe <joe@x, Ann <ann@y>"), "!|ann@y",
      "\"Joe <joe@x\" cannot be used: a '<' is not closed" },
    { "a bracket not closed at the end", TEXT("<a@x"), "!", "a '<' is not closed" },
    { "a bracket that is not opened", TEXT("a@x>, b@y"), "!|b@y", "a '>' without a '<'" },
    { "two words in brackets", TEXT("<a b@x>"), "!", "several words" },
    { "two at signs in brackets", TEXT("<a@b@x>"), "!", "more than one '@'" },

    /* UTF-8. */
    { "a name in UTF-8", TEXT("J\xc3\xb6rg M\xc3\xbcller <j@x>"), "j@x", "" },
    { "a name in Latin-1", TEXT("J\xf6rg <j@x>"), "j@x", "" },
    { "an address in UTF-8", TEXT("j\xc3\xb6rg@b\xc3\xbc.example"), "j\xc3\xb6rg@b\xc3\xbc.example",
      "" },
    { "an address in Latin-1", TEXT("j\xf6rg@x, b@y"), "!|b@y",
      "\"j?rg@x\" cannot be used: it is not UTF-8" },
    { "an overlong form", TEXT("a\xc0\xaf@x"), "!", "not UTF-8" },

    /* Comments and folding. */
    { "a comment before", TEXT("(Ann) a@x"), "a@x", "" },
    { "a comment after", TEXT("a@x (Ann)"), "a@x", "" },
    { "a comment after without a gap", TEXT("a@x(Ann), b@y"), "a@x|b@y", "" },
    { "a comment with all specials", TEXT("a@x (<b@y>, \"c;:@), d@z"), "a@x|d@z", "" },
    { "comments everywhere", TEXT("(1)a(2)@(3)x(4).(5)y(6)"), "a@x.y", "" },
    { "comments in brackets", TEXT("Ann (1) <(2) a (3) @ x (4)> (5), b@y"), "a@x|b@y", "" },
    { "nested comments", TEXT("a@x (1 (2 (3)) (4)), b@y"), "a@x|b@y", "" },
    { "an escaped parenthesis", TEXT("a@x (1 \\) , c@z), b@y"), "a@x|b@y", "" },
    { "a comment alone", TEXT("(nobody), a@x"), "a@x", "" },
    { "a comment that is not closed", TEXT("a@x (Ann, b@y"), "!", "a '(' is not closed" },
    { "a comment between two", TEXT("a@x (Ann) b@y"), "a@x|b@y", "" },
    { "a parenthesis that is not opened", TEXT("a@x), b@y"), "!|b@y", "more text" },
    { "cron's sender", TEXT("root (Cron Daemon)"), "root", "" },
    { "gaps around dots", TEXT("a . b @ c . d"), "a.b@c.d", "" },
    { "a folded list", TEXT("a@x,\n b@y,\n\tc@z"), "a@x|b@y|c@z", "" },
    { "a folded list with CRLF", TEXT("a@x,\r\n b@y"), "a@x|b@y", "" },
    { "a fold in a name", TEXT("Ann\n Bee <a@x>"), "a@x", "" },
    { "a fold in brackets", TEXT("<\n a@x\n >"), "a@x", "" },
    { "a fold of several lines", TEXT("a@x,\n \n \n b@y"), "a@x|b@y", "" },
    { "a fold between two", TEXT("a@x\n b@y"), "a@x|b@y", "" },

    /* Groups. */
    { "an empty group", TEXT("undisclosed-recipients:;"), "", "" },
    { "an empty group of two words", TEXT("Undisclosed recipients: ;"), "", "" },
    { "a group", TEXT("Us: a@x, Bob <b@y>;"), "a@x|b@y", "" },
    { "a group, then more", TEXT("Us: a@x; c@z, d@z"), "a@x|c@z|d@z", "" },
    { "a group, a comma, then more", TEXT("Us: a@x;, c@z"), "a@x|c@z", "" },
    { "more, then a group", TEXT("c@z, Us: a@x;"), "c@z|a@x", "" },
    { "two groups", TEXT("Us:a@x;You:b@y;"), "a@x|b@y", "" },
    { "a group in a group", TEXT("All: Us: a@x;, b@y;"), "a@x|b@y", "" },
    { "a quoted group name", TEXT("\"Us: all\": a@x;"), "a@x", "" },
    { "a group that is not closed", TEXT("Us: a@x, b@y"), "a@x|b@y", "" },
    { "a group with comments", TEXT("Us(1):(2)a@x(3);(4)"), "a@x", "" },
    { "a group without a name", TEXT(":a@x;"), "a@x", "" },
    { "a mailto", TEXT("mailto:a@x"), "a@x", "" },

    /* Routes. */
    { "a route", TEXT("<@a:c@d>"), "c@d", "" },
    { "a route of two", TEXT("<@a,@b.example:c@d>"), "c@d", "" },
    { "a route with a name and gaps", TEXT("Joe < @a , (1) @b : c@d >, e@f"), "c@d|e@f", "" },
    { "a route through a literal", TEXT("<@[192.0.2.1]:c@d>"), "c@d", "" },
    { "a route that leads nowhere", TEXT("<@a>, e@f"), "!|e@f", "nothing before the '@'" },

    /* Attacks and accidents. */
    { "a NUL in an address", TEXT("a\0b@x, c@y"), "!|c@y",
      "\"a?b@x\" cannot be used: a NUL or a line end" },
    { "a NUL in a name", TEXT("A\0nn <a@x>"), "!", "a NUL" },
    { "a NUL in a quoted name", TEXT("\"A\0nn\" <a@x>, b@y"), "!|b@y", "a NUL" },
    { "a NUL in a comment", TEXT("a@x (A\0nn), b@y"), "!|b@y", "a NUL" },
    { "a NUL after a backslash", TEXT("\"A\\\0\" <a@x>"), "!", "a NUL" },
    { "a NUL alone", TEXT("\0"), "!", "a NUL" },
    { "a LF before a command", TEXT("a@x\nRCPT TO:<b@y>"), "!", "a line end" },
    { "a CRLF before a command", TEXT("<a@x>\r\nDATA"), "!", "a line end" },
    { "a LF in a name", TEXT("Ann\nBcc: c@z <a@x>"), "!", "a line end" },
    { "a LF in quotes", TEXT("\"a\nb\"@x"), "!", "a line end" },
    { "an escaped LF in quotes", TEXT("\"a\\\n b\"@x"), "!", "control character" },
    { "a LF in a comment", TEXT("a@x (\n)"), "!", "a line end" },
    { "a LF at the end", TEXT("a@x\n"), "!", "a line end" },
    { "a LF at the start", TEXT("\na@x"), "!", "a line end" },
    { "a bare CR", TEXT("a@x,\r b@y, c@z"), "a@x|!|c@z", "a line end" },
    { "a bare CR in an address", TEXT("a\rb@x"), "!", "a line end" },
    { "two CRs before a LF", TEXT("a@x,\r\r\n b@y"), "a@x|!", "a line end" },
    { "an empty line", TEXT("a@x,\n\n b@y"), "a@x|!", "a line end" },
    { "a control character in an address", TEXT("a\x1b@x, b@y"), "!|b@y", "must be quoted" },
    { "a control character in quotes", TEXT("\"a\x1b\"@x"), "!", "control character" },
    { "a DEL in a domain", TEXT("a@x\x7f"), "!", "more text" },
    { "a quote that is not closed", TEXT("\"Ann <a@x>, b@y"), "!", "a '\"' is not closed" },
    { "a backslash at the end of a quote", TEXT("\"Ann\\"), "!", "a '\"' is not closed" },
    { "a backslash in an address", TEXT("a\\b@x"), "!", "must be quoted" },
    { "one bad member among good ones", TEXT("a@x, b@@, c@z"), "a@x|!|c@z", "\"b@@\"" },
};

/* Writes the members of a list, parted by '|'; one that is refused is a '!'. */
static void list_members(const char *sentence, struct slice list, struct buf *out, struct buf *said)
{
    struct slice rest = list;

    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        struct status why = { 0 };
        struct address a;
        size_t before = rest.n;
        enum code code = address_next(&rest, &a, &why);

        if (code == CODE_OK && a.length == 0) {
            check(sentence, rest.n == 0);
            return;
        }
        check(sentence, rest.n < before && why.code == code);
        check(sentence, code == CODE_OK || a.length == 0);
        if (out->n > 0)
            buf_add_char(out, '|');
        buf_add_string(out, code ? "!" : a.spec);
        if (code)
            buf_add_string(said, why.what);
    }
    check(sentence, false);
}

static void lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(list_rows); i++) {
        struct buf out, said;

        buf_init(&out, 4096);
        buf_init(&said, 4096);
        list_members(list_rows[i].sentence, list_rows[i].input, &out, &said);
        check_text(list_rows[i].sentence, buf_slice(&out), slice_of(list_rows[i].want));
        if (!slice_contains_nocase(buf_slice(&said), slice_of(list_rows[i].said)))
            print_error("said: %s\n", buf_string(&said));
        check(list_rows[i].sentence,
              slice_contains_nocase(buf_slice(&said), slice_of(list_rows[i].said)));
        buf_free(&out);
        buf_free(&said);
    }
}

static void parts(void **state)
{
    static const struct {
        const char *sentence, *input, *spec, *source, *name, *comment;
    } rows[] = {
        { "an address alone", " a@x , b@y", "a@x", "a@x", "", "" },
        { "a name", " Ann Bee <a@x> , b@y", "a@x", "Ann Bee <a@x>", "Ann Bee", "" },
        { "a quoted name keeps its quotes", "\"Bee, Ann\" <a@x>", "a@x", "\"Bee, Ann\" <a@x>",
          "\"Bee, Ann\"", "" },
        { "an encoded word is kept", "=?utf-8?q?A?= <a@x>", "a@x", "=?utf-8?q?A?= <a@x>",
          "=?utf-8?q?A?=", "" },
        { "an address as the name", "a@x <a@x>", "a@x", "a@x <a@x>", "a@x", "" },
        { "dots in a name", "J. Q. Public <a@x>", "a@x", "J. Q. Public <a@x>", "J. Q. Public", "" },
        { "a folded name", "Ann\n Bee <a@x>", "a@x", "Ann\n Bee <a@x>", "Ann\n Bee", "" },
        { "a comment as the name", "root (Cron Daemon)", "root", "root (Cron Daemon)", "",
          "Cron Daemon" },
        { "a comment in front", "(Ann) a@x , b@y", "a@x", "(Ann) a@x", "", "Ann" },
        { "the last of two comments", "(1) a@x (2) , b@y", "a@x", "(1) a@x (2)", "", "2" },
        { "a comment in a comment", "a@x (1 (2) 3)", "a@x", "a@x (1 (2) 3)", "", "1 (2) 3" },
        { "an empty comment", "a@x ()", "a@x", "a@x ()", "", "" },
        { "a name with a comment", "Ann (at home) <a@x>", "a@x", "Ann (at home) <a@x>", "Ann",
          "at home" },
        { "a comment of the member before", "(1), a@x", "a@x", "a@x", "", "" },
        { "the group's name is none of its members'", "Us: Ann <a@x>;", "a@x", "Ann <a@x>", "Ann",
          "" },
        { "a comment belongs to what it follows", "a@x (1) b@y (2)", "a@x", "a@x (1)", "", "1" },
        { "a comment of the next name is its own", "<a@x> Bob (2) <b@y>", "a@x", "<a@x>", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice in = slice_of(rows[i].input);
        struct status why = { 0 };
        struct address a;

        check(rows[i].sentence, address_next(&in, &a, &why) == CODE_OK);
        check_text(rows[i].sentence, slice_of(a.spec), slice_of(rows[i].spec));
        check_text(rows[i].sentence, a.source, slice_of(rows[i].source));
        check_text(rows[i].sentence, a.name, slice_of(rows[i].name));
        check_text(rows[i].sentence, a.comment, slice_of(rows[i].comment));
    }
}

/* Texts that make a careless parser look at the same bytes again and again. */
static void costly_lists(void **state)
{
    static const char *const units[] = { "[",      "(",  "\"",   "<",    "a ",   "a@x ",
                                         "a:",     ",",  "a@x,", "(a) ", "<@a,", "a@x<",
                                         "\"a\" ", "<>", "@",    "\\" };

    (void)state;
    for (size_t i = 0; i < LENGTH(units); i++) {
        struct buf text;
        struct slice rest;
        size_t calls = 0;

        buf_init(&text, 400000);
        while (text.n < 300000)
            buf_add_string(&text, units[i]);
        rest = buf_slice(&text);
        while (rest.n > 0) {
            struct status why = { 0 };
            struct address a;
            size_t before = rest.n;

            check(units[i], address_next(&rest, &a, &why) == why.code);
            check(units[i], rest.n < before);
            calls++;
        }
        check(units[i], calls <= text.n);
        buf_free(&text);
    }
}

/* A caller that goes on after a refusal keeps the first cause. */
static void first_cause(void **state)
{
    struct slice in = slice_of("b@@, c@@");
    struct status why = { 0 };
    struct address a;

    (void)state;
    assert_int_equal(address_next(&in, &a, &why), CODE_ADDRESS);
    assert_int_equal(address_next(&in, &a, &why), CODE_ADDRESS);
    assert_non_null(strstr(why.what, "\"b@@\""));
    assert_int_equal(why.stage, STAGE_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(parts),
        cmocka_unit_test(costly_lists),
        cmocka_unit_test(first_cause),
    };

    return cmocka_run_group_tests_name("address lists", tests, NULL, NULL);
}
