#include "cli/sender.h"

#include "unit.h"

struct row {
    const char *sentence;
    const char *given, *header_from; /* NULL: there is none */
    const char *from, *user, *domain, *login, *host;
    enum code code;
    const char *reverse_path, *made_from;
};

static void expect(const struct row *row)
{
    struct sender_facts facts = {
        .given = row->given,
        .header_from = slice_of(row->header_from),
        .from = row->from ? row->from : "",
        .user = row->user ? row->user : "",
        .domain = row->domain ? row->domain : "",
        .login = row->login ? row->login : "",
        .host = row->host ? row->host : "",
    };
    struct sender sender = { 0 };
    struct status why = { 0 };
    enum code code = sender_choose(&facts, &sender, &why);

    if (code != row->code)
        print_error("failed: %s: code %d, %s\n", row->sentence, code, why.what);
    assert_int_equal(code, row->code);
    if (code)
        return;
    check_text(row->sentence, slice_of(sender.reverse_path.spec), slice_of(row->reverse_path));
    check_text(row->sentence, slice_of(sender.from.spec), slice_of(row->made_from));
}

static void choosing(void **state)
{
    static const struct row rows[] = {
        { .sentence = "-f is the reverse-path, and makes the From",
          .given = "a@x.it",
          .header_from = "b@y.it",
          .from = "c@z.it",
          .reverse_path = "a@x.it",
          .made_from = "a@x.it" },
        { .sentence = "-f with brackets and a name",
          .given = "A <a@x.it>",
          .from = "c@z.it",
          .reverse_path = "a@x.it",
          .made_from = "a@x.it" },
        { .sentence = "-f in quotes that no shell took away",
          .given = "'root'",
          .domain = "x.it",
          .reverse_path = "root@x.it",
          .made_from = "root@x.it" },
        { .sentence = "the null path",
          .given = "",
          .from = "c@z.it",
          .reverse_path = "",
          .made_from = "c@z.it" },
        { .sentence = "the null path in brackets",
          .given = "<>",
          .from = "c@z.it",
          .reverse_path = "",
          .made_from = "c@z.it" },
        { .sentence = "the null path, and only the header knows an address",
          .given = "<>",
          .header_from = "B <b@y.it>",
          .reverse_path = "",
          .made_from = "b@y.it" },
        { .sentence = "a bare -f gets the domain",
          .given = "root",
          .from = "c@z.it",
          .domain = "x.it",
          .reverse_path = "root@x.it",
          .made_from = "root@x.it" },
        { .sentence = "a bare -f without a domain gives way to the account",
          .given = "root",
          .from = "c@z.it",
          .header_from = "b@y.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "without -f, from = comes before the header",
          .header_from = "b@y.it",
          .from = "c@z.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "without from = the header comes first",
          .header_from = " \"B, b\" <b@y.it>, d@y.it",
          .user = "u@z.it",
          .reverse_path = "b@y.it",
          .made_from = "u@z.it" },
        { .sentence = "a bare name in the header gets the domain",
          .header_from = "root (Cron Daemon)",
          .user = "u@z.it",
          .domain = "x.it",
          .reverse_path = "root@x.it",
          .made_from = "u@z.it" },
        { .sentence = "without a domain it is not believed",
          .header_from = "root (Cron Daemon)",
          .user = "u@z.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "a header that cannot be parsed is not believed",
          .header_from = "a@b@c, <<",
          .user = "u@z.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "-f at a local host gets the domain",
          .given = "root@localhost",
          .user = "u@z.it",
          .domain = "x.it",
          .reverse_path = "root@x.it",
          .made_from = "root@x.it" },
        { .sentence = "-f at a local host is all there is without a domain",
          .given = "root@localhost",
          .user = "u@z.it",
          .reverse_path = "root@localhost",
          .made_from = "root@localhost" },
        { .sentence = "a local host in the header gets the domain",
          .header_from = "Root <root@vm>",
          .user = "u@z.it",
          .domain = "x.it",
          .reverse_path = "root@x.it",
          .made_from = "u@z.it" },
        { .sentence = "from = is meant as it is written",
          .from = "root@relay",
          .domain = "x.it",
          .reverse_path = "root@relay",
          .made_from = "root@relay" },
        { .sentence = "-f with a line end behind it",
          .given = "a@x.it\n",
          .from = "c@z.it",
          .code = CODE_ADDRESS },
        { .sentence = "the user who calls, at the domain",
          .user = "apikey",
          .domain = "x.it",
          .login = "joe",
          .host = "h.y.it",
          .reverse_path = "joe@x.it",
          .made_from = "joe@x.it" },
        { .sentence = "the user who calls, at this machine",
          .login = "joe",
          .host = "h.y.it",
          .reverse_path = "joe@h.y.it",
          .made_from = "joe@h.y.it" },
        { .sentence = "a bare from = gets the domain",
          .from = "info",
          .domain = "x.it",
          .reverse_path = "info@x.it",
          .made_from = "info@x.it" },
        { .sentence = "nothing is known but what is in the header",
          .header_from = "b@y.it",
          .user = "apikey",
          .login = "joe",
          .reverse_path = "b@y.it",
          .made_from = "b@y.it" },
        { .sentence = "nothing is known but -f",
          .given = "a@x.it",
          .login = "joe",
          .reverse_path = "a@x.it",
          .made_from = "a@x.it" },
        { .sentence = "nothing is known", .login = "joe", .code = CODE_CONFIG },
        { .sentence = "nothing is known but a null path", .given = "", .code = CODE_CONFIG },
        { .sentence = "from = is no address", .from = "a@b@c", .code = CODE_CONFIG },
        { .sentence = "from = is bare", .from = "info", .login = "joe", .code = CODE_CONFIG },
        { .sentence = "-f is no address",
          .given = "a b@x.it",
          .from = "c@z.it",
          .code = CODE_ADDRESS },
        { .sentence = "-f holds a command",
          .given = "a@x.it>\r\nRCPT TO:<b@x.it",
          .from = "c@z.it",
          .code = CODE_ADDRESS },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void matching(void **state)
{
    static const struct {
        const char *sentence, *given, *header_from, *domain, *want;
    } rows[] = {
        { "-f", "<a@x.it>", "b@y.it", "", "a@x.it" },
        { "the header", NULL, "B <b@y.it>", "", "b@y.it" },
        { "the null path says nothing", "", "B <b@y.it>", "", "b@y.it" },
        { "a bare name at the domain", "root", "b@y.it", "x.it", "root@x.it" },
        { "a local host", "root@vm", "b@y.it", "x.it", "root@x.it" },
        { "nothing", NULL, NULL, "", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sender_facts facts = {
            .given = rows[i].given,
            .header_from = slice_of(rows[i].header_from),
            .from = "",
            .user = "",
            .domain = rows[i].domain,
            .login = "",
            .host = "",
        };
        struct address got;
        struct status why = { 0 };

        assert_int_equal(sender_to_match(&facts, &got, &why), CODE_OK);
        check_text(rows[i].sentence, slice_of(got.spec), slice_of(rows[i].want));
    }
}

static void needing_the_caller(void **state)
{
    static const struct {
        const char *sentence, *header_from, *from, *user, *domain;
        bool want;
    } rows[] = {
        { "a From, and an address of the account", "a@x", "c@z", "", "", false },
        { "a From, and a user that is an address", "a@x", "", "u@z", "", false },
        { "a From, and no address", "a@x", "", "apikey", "", true },
        { "no From: a name is wanted", " \n", "c@z", "", "", true },
        { "a bare From: as well", "root", "c@z", "", "", true },
        { "a From at a local host, which will be bare", "root@vm", "c@z", "", "x.it", true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sender_facts facts = {
            .header_from = slice_of(rows[i].header_from),
            .from = rows[i].from,
            .user = rows[i].user,
            .domain = rows[i].domain,
        };

        check(rows[i].sentence, sender_needs_login(&facts) == rows[i].want);
    }
}

static void full_names(void **state)
{
    static const struct {
        const char *sentence, *gecos, *login, *want;
    } rows[] = {
        { "a name", "Maria Rossi", "maria", "Maria Rossi" },
        { "with room and telephone", "Maria Rossi,12,555", "maria", "Maria Rossi" },
        { "the login name with a capital", "& Rossi", "maria", "Maria Rossi" },
        { "a login name without a letter first", "Mr &", "_x", "Mr _x" },
        { "control characters", "A\nBcc: b\x7f", "a", "A Bcc: b " },
        { "nothing but commas", ",,,", "a", "" },
        { "nothing", "", "a", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf got;

        buf_init(&got, 256);
        sender_full_name(rows[i].gecos, rows[i].login, &got);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choosing),
        cmocka_unit_test(matching),
        cmocka_unit_test(needing_the_caller),
        cmocka_unit_test(full_names),
    };

    return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
