#include "unit.h"

#include "mail/rewrite.h"

#include <string.h>

static bool keeps_at_y(const void *context, const char *spec)
{
    (void)context;
    return strstr(spec, "@y.it") != NULL;
}

/* Without `from` a list of recipients. */
static const struct rewrite plain = { .full_name = { "", 0 } };
static const struct rewrite recipient = { .domain = { "d.it", 4 } };
static const struct rewrite keep = { .domain = { "d.it", 4 }, .from = { "me@d.it", 7 } };
static const struct rewrite no_domain = { .from = { "me@d.it", 7 } };
static const struct rewrite fill = {
    .domain = { "d.it", 4 },
    .from = { "me@d.it", 7 },
    .full_name = { "Anna Rossi", 10 },
    .replaces_local = true,
};
static const struct rewrite relay = {
    .domain = { "d.it", 4 },
    .from = { "me@relay", 8 },
    .replaces_local = true,
};
static const struct rewrite few = { .from = { "me@d.it", 7 }, .keeps = keeps_at_y };

enum {
    REPLACED = 1,
    SOLE = 2,
    LOSES = 4,
};

static void lists(void **state)
{
    static const struct {
        const char *sentence;
        const struct rewrite *how;
        const char *list, *want; /* NULL: as it is */
        unsigned judged;
    } rows[] = {
        { "nothing is known", &plain, " root , a@vm,x (y)", NULL, 0 },
        { "recipients", &recipient, " root , a@vm,x (y)", " root@d.it , a@vm, y <x@d.it>", 0 },
        { "a name that grows too long stays bare", &recipient,
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
          NULL, 0 },
        { "text that cannot be parsed", &recipient, " a@b@c, root", " a@b@c, root@d.it", 0 },
        { "a sender gets the domain", &keep, " root, a@vm", " root@d.it, a@d.it", 0 },
        { "and may be the account's by that", &keep, " me@localhost", " me@d.it", SOLE },
        { "it is, twice", &keep, " me, Me <me@D.it>", " me@d.it, Me <me@D.it>", SOLE },
        { "with something else", &keep, " me, a@b@c", " me@d.it, a@b@c", 0 },
        { "without a domain a local host stays", &no_domain, "a@vm", NULL, 0 },
        { "but nothing bare", &no_domain, "a@vm, b", " a@vm, b <me@d.it>", REPLACED },
        { "an empty list", &fill, " ", NULL, 0 },
        { "an empty group", &fill, " x:;", NULL, 0 },
        { "the full name", &fill, "root", " Anna Rossi <me@d.it>", REPLACED | SOLE },
        { "the full name of the account's own", &fill, "me", "Anna Rossi <me@d.it>", SOLE },
        { "the first of many gives the name", &fill, " (c) r@vm,\n \"A\" <b>, x@y.it, c",
          " c <me@d.it>, x@y.it", REPLACED },
        { "a name and a comment", &fill, " A <b> (c)", " A <me@d.it> (c)", REPLACED | SOLE },
        { "a comment beyond ASCII", &fill, " A <b> (\xc3\xa9)", " A <me@d.it> (=?utf-8?B?w6k=?=)",
          REPLACED | SOLE },
        { "an account at a local host", &relay, " me@relay", NULL, SOLE },
        { "and others at one", &relay, " a@relay, me@vm", " a <me@relay>", REPLACED | SOLE },
        { "nothing can be parsed", &fill, " a@b@c", " me@d.it", REPLACED | SOLE },
        { "something can", &fill, " a@b@c, x@y.it", NULL, 0 },
        { "those that are kept", &few, "x@y.it , b@y.it", NULL, 0 },
        { "and those that are not", &few, "x@y.it , b@z.it", " x@y.it, b <me@d.it>",
          REPLACED | LOSES },
        { "local ones lose no answers", &few, "b@vm, c@[::1]", " b <me@d.it>", REPLACED | SOLE },
        { "text beside what is kept", &few, "x@y.it, c d", " x@y.it", REPLACED },
        { "a route is no address", &few, "<@z.it:a@y.it>", NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice list = slice_of(rows[i].list);
        struct rewritten what = rewrite_judge(list, rows[i].how);
        struct buf out;

        buf_init(&out, 10000);
        rewrite_addresses(&out, list, rows[i].how);
        check_text(rows[i].sentence, buf_slice(&out), rows[i].want ? slice_of(rows[i].want) : list);
        check(rows[i].sentence, what.is_replaced == ((rows[i].judged & REPLACED) != 0));
        check(rows[i].sentence, what.is_sole == ((rows[i].judged & SOLE) != 0));
        check(rows[i].sentence, what.loses_replies == ((rows[i].judged & LOSES) != 0));
        buf_free(&out);
    }
}

static void replies(void **state)
{
    static const struct {
        const char *sentence, *list, *want;
    } rows[] = {
        { "as they are written", "A <a@x.it> , b@y.it (B)", " A <a@x.it>, b@y.it (B)" },
        { "none that are local", "root, a@vm, b@localhost, c@x.localdomain, d@[::1], e@x.it",
          " e@x.it" },
        { "none at all", "root, a@b@c", "" },
        { "members of a group", "S: a@x.it, root;", " a@x.it" },
        { "names beyond ASCII", "\xc3\xa9 <a@x.it>", " =?utf-8?B?w6k=?= <a@x.it>" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 10000);
        rewrite_replies(&out, slice_of(rows[i].list));
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

static void offers(void **state)
{
    static const struct {
        const char *sentence, *list;
        bool want;
    } rows[] = {
        { "nothing", "", false },
        { "white space", " \n\t", false },
        { "brackets", " <>, <>", false },
        { "an empty group", "undisclosed:;", false },
        { "an address", "<>, a@x.it", true },
        { "a bare name", "root", true },
        { "text", "a@b@c", true },
        { "a name", "\"Mailer\" <>", true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, rewrite_has_address(slice_of(rows[i].list)) == rows[i].want);
}

static void parameters(void **state)
{
    static const struct {
        const char *sentence, *value, *want;
    } rows[] = {
        { "to the byte", " text/plain;\n charset=\"utf-8\" ; x",
          " text/plain;\n charset=\"utf-8\" ; x" },
        { "in quotes", "a; b=\"\xc3\xa9\"; c=d", "a; b=\"=?utf-8?B?w6k=?=\"; c=d" },
        { "without quotes", "a; b=\xc3\xa9", "a; b=\"=?utf-8?B?w6k=?=\"" },
        { "a quote that is not closed", "a; b=\"\xc3\xa9 c", "a; b=\"=?utf-8?Q?=C3=A9_c?=\"" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 10000);
        rewrite_parameters(&out, slice_of(rows[i].value));
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(replies),
        cmocka_unit_test(offers),
        cmocka_unit_test(parameters),
    };

    return cmocka_run_group_tests_name("rewrite", tests, NULL, NULL);
}
