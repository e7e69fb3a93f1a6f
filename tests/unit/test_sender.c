#include "cli/sender.h"

#include "unit.h"

struct row {
    const char *sentence;
    const char *given, *header_from; /* NULL: there is none */
    const char *from, *user, *domain, *login, *host;
    enum from_header_mode from_header;
    const char *allow_from;
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
        .from_header = row->from_header,
        .allow_from = row->allow_from ? row->allow_from : "",
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
          .from_header = FROM_HEADER_KEEP,
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
          .from_header = FROM_HEADER_KEEP,
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
          .from_header = FROM_HEADER_KEEP,
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
          .from_header = FROM_HEADER_KEEP,
          .given = "root@localhost",
          .user = "u@z.it",
          .domain = "x.it",
          .reverse_path = "root@x.it",
          .made_from = "root@x.it" },
        { .sentence = "-f at a local host is all there is without a domain",
          .from_header = FROM_HEADER_KEEP,
          .given = "root@localhost",
          .user = "u@z.it",
          .reverse_path = "root@localhost",
          .made_from = "root@localhost" },
        { .sentence = "a local host in the header gets the domain",
          .from_header = FROM_HEADER_KEEP,
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

static void filling(void **state)
{
    static const struct row rows[] = {
        { .sentence = "cron's -f becomes the account's address",
          .given = "root",
          .header_from = "root (Cron Daemon)",
          .from = "c@z.it",
          .domain = "x.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "at a local host as well",
          .given = "root@localhost",
          .user = "u@z.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "and at one of a local domain",
          .given = "<fail2ban@vm.localdomain>",
          .user = "u@z.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "the login stands for a bare name, where it is the account's address",
          .given = "fail2ban",
          .domain = "x.it",
          .login = "root",
          .reverse_path = "root@x.it",
          .made_from = "root@x.it" },
        { .sentence = "no address of the account is known: the domain must do",
          .given = "fail2ban@vm",
          .domain = "x.it",
          .reverse_path = "fail2ban@x.it",
          .made_from = "fail2ban@x.it" },
        { .sentence = "not even a domain: it stays",
          .given = "root@localhost",
          .login = "root",
          .reverse_path = "root@localhost",
          .made_from = "root@localhost" },
        { .sentence = "a bare one cannot", .given = "root", .login = "root", .code = CODE_CONFIG },
        { .sentence = "a local host in the header",
          .header_from = "Root <root@vm>",
          .user = "u@z.it",
          .domain = "x.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "a complete -f stays",
          .given = "a@x.it",
          .header_from = "root",
          .from = "c@z.it",
          .reverse_path = "a@x.it",
          .made_from = "a@x.it" },
        { .sentence = "so does one at a literal",
          .given = "a@[192.0.2.1]",
          .from = "c@z.it",
          .reverse_path = "a@[192.0.2.1]",
          .made_from = "a@[192.0.2.1]" },
        { .sentence = "from = at a local host is meant as it is written",
          .given = "root@relay",
          .from = "root@relay",
          .domain = "x.it",
          .reverse_path = "root@relay",
          .made_from = "root@relay" },
        { .sentence = "the null path",
          .given = "",
          .header_from = "root",
          .from = "c@z.it",
          .reverse_path = "",
          .made_from = "c@z.it" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void forcing(void **state)
{
    static const struct row rows[] = {
        { .sentence = "-f is not believed",
          .given = "a@x.it",
          .header_from = "b@y.it",
          .from = "c@z.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "nor is the header",
          .header_from = "b@y.it",
          .user = "u@z.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "nor a bare name",
          .given = "root",
          .user = "u@z.it",
          .domain = "x.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "the null path stays",
          .given = "<>",
          .header_from = "b@y.it",
          .from = "c@z.it",
          .reverse_path = "",
          .made_from = "c@z.it" },
        { .sentence = "allow_from allows nothing more",
          .given = "a@x.it",
          .from = "c@z.it",
          .allow_from = "*@x.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "the caller at the domain is the account's address, too",
          .given = "a@x.it",
          .domain = "z.it",
          .login = "joe",
          .reverse_path = "joe@z.it",
          .made_from = "joe@z.it" },
        { .sentence = "no address of the account is known",
          .given = "a@x.it",
          .header_from = "b@y.it",
          .login = "joe",
          .code = CODE_CONFIG },
        { .sentence = "nor for the From of a null path",
          .given = "",
          .header_from = "b@y.it",
          .login = "joe",
          .code = CODE_CONFIG },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct row row = rows[i];

        row.from_header = FROM_HEADER_FORCE;
        expect(&row);
    }
}

static void allowing(void **state)
{
    static const struct row rows[] = {
        { .sentence = "-f that fits",
          .given = "A@X.it",
          .from = "c@z.it",
          .allow_from = "@y.it, a@x.it",
          .reverse_path = "A@X.it",
          .made_from = "A@X.it" },
        { .sentence = "-f that does not",
          .given = "boss@x.it",
          .from = "c@z.it",
          .allow_from = "@y.it, a@x.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "the account's own needs no pattern",
          .given = "c@z.it",
          .from = "c@z.it",
          .allow_from = "@y.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "the null path needs none",
          .given = "",
          .from = "c@z.it",
          .allow_from = "@y.it",
          .reverse_path = "",
          .made_from = "c@z.it" },
        { .sentence = "the header fits",
          .header_from = "B <b@y.it>",
          .user = "u@z.it",
          .allow_from = "@y.it",
          .reverse_path = "b@y.it",
          .made_from = "u@z.it" },
        { .sentence = "the header does not",
          .header_from = "B <b@w.it>",
          .user = "u@z.it",
          .allow_from = "@y.it",
          .reverse_path = "u@z.it",
          .made_from = "u@z.it" },
        { .sentence = "what the domain makes of a bare name is asked for",
          .given = "boss",
          .from = "c@z.it",
          .domain = "x.it",
          .from_header = FROM_HEADER_KEEP,
          .allow_from = "a@x.it",
          .reverse_path = "c@z.it",
          .made_from = "c@z.it" },
        { .sentence = "and may fit",
          .given = "a",
          .from = "c@z.it",
          .domain = "x.it",
          .from_header = FROM_HEADER_KEEP,
          .allow_from = "a@x.it",
          .reverse_path = "a@x.it",
          .made_from = "a@x.it" },
        { .sentence = "no address of the account is known",
          .given = "boss@x.it",
          .allow_from = "@y.it",
          .login = "joe",
          .code = CODE_CONFIG },
        { .sentence = "nor for the From of a null path",
          .given = "",
          .header_from = "boss@x.it",
          .allow_from = "@y.it",
          .login = "joe",
          .code = CODE_CONFIG },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void staying(void **state)
{
    static const struct {
        const char *sentence;
        enum from_header_mode mode;
        const char *allow_from, *from, *spec;
        bool want;
    } rows[] = {
        { "all may, if nothing is said", FROM_HEADER_FILL, "", "c@z.it", "a@x.it", true },
        { "with keep as well", FROM_HEADER_KEEP, "", "c@z.it", "a@x.it", true },
        { "force: not even what fits", FROM_HEADER_FORCE, "@x.it", "c@z.it", "a@x.it", false },
        { "force: the account's own", FROM_HEADER_FORCE, "", "c@z.it", "c@Z.it", true },
        { "force: another mailbox by its case", FROM_HEADER_FORCE, "", "c@z.it", "C@z.it", false },
        { "what fits", FROM_HEADER_FILL, "b@y.it,@x.it", "c@z.it", "a@x.it", true },
        { "what does not", FROM_HEADER_FILL, "b@y.it,@x.it", "c@z.it", "a@y.it", false },
        { "keep changes nothing there", FROM_HEADER_KEEP, "@x.it", "c@z.it", "a@y.it", false },
        { "the account's own fits nothing", FROM_HEADER_FILL, "@x.it", "c@z.it", "c@z.it", true },
        { "without one", FROM_HEADER_FORCE, "", "", "a@x.it", false },
        { "a from = that is none", FROM_HEADER_FILL, "", "a@b@c", "a@x.it", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sender_facts facts = {
            .from = rows[i].from,
            .user = "",
            .domain = "",
            .from_header = rows[i].mode,
            .allow_from = rows[i].allow_from,
            .login = "",
            .host = "",
        };

        check(rows[i].sentence, sender_may_stay(&facts, rows[i].spec) == rows[i].want);
    }
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
        enum from_header_mode mode;
    } rows[] = {
        { "a From, and an address of the account", "a@x.it", "c@z", "", "", false,
          FROM_HEADER_FILL },
        { "a From, and a user that is an address", "a@x.it", "", "u@z", "", false,
          FROM_HEADER_FILL },
        { "a From, and no address", "a@x.it", "", "apikey", "", true, FROM_HEADER_FILL },
        { "no From: a name is wanted", " \n", "c@z", "", "", true, FROM_HEADER_FILL },
        { "a bare From: as well", "root", "c@z", "", "", true, FROM_HEADER_FILL },
        { "a From at a local host, which will be bare", "root@vm", "c@z.it", "", "x.it", true,
          FROM_HEADER_KEEP },
        { "or replaced", "root@vm", "c@z.it", "", "", true, FROM_HEADER_FILL },
        { "or stays", "root@vm", "c@z.it", "", "", false, FROM_HEADER_KEEP },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sender_facts facts = {
            .header_from = slice_of(rows[i].header_from),
            .from = rows[i].from,
            .user = rows[i].user,
            .domain = rows[i].domain,
            .from_header = rows[i].mode,
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
        cmocka_unit_test(filling),
        cmocka_unit_test(forcing),
        cmocka_unit_test(allowing),
        cmocka_unit_test(staying),
        cmocka_unit_test(matching),
        cmocka_unit_test(needing_the_caller),
        cmocka_unit_test(full_names),
    };

    return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
