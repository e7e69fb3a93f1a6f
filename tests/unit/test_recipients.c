#include "mail/recipients.h"

#include "mail/envelope.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char aliases_text[] = "postmaster: root\n"
                                   "root: me@x, you@y\n"
                                   "web: web, me@x\n"
                                   "team: root, anna, bob@localhost\n"
                                   "final: \\root\n"
                                   "nobody: /dev/null\n"
                                   "a: b\nb: a\n"
                                   "\"john smith\": js@x\n";

/* Makes a file with these aliases, which the test removes. */
static void write_aliases(char path[64])
{
    int fd;

    (void)snprintf(path, 64, "/tmp/orsino-test-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, aliases_text, sizeof aliases_text - 1) ==
                (ssize_t)sizeof aliases_text - 1);
    assert_int_equal(close(fd), 0);
}

/* Adds the list on the host vm.example.it, and checks what became of it, parted by '|'. */
static void check_list(const char *sentence, struct recipient_rules *rules, const char *list,
                       enum code code, const char *want)
{
    struct envelope e = { 0 };
    struct status why = { 0 };
    struct buf got;

    if (rules->host[0] == 0)
        (void)snprintf(rules->host, sizeof rules->host, "vm.example.it");
    buf_init(&got, 10000);
    check(sentence, recipients_add_list(&e, rules, slice_of(list), &why) == code);
    check(sentence, why.code == code);
    for (size_t i = 0; i < e.forward_count; i++)
        buf_addf(&got, "%s%s", i > 0 ? "|" : "", e.forward_paths[i]);
    if (code)
        buf_addf(&got, "!%s", why.what);
    check_text(sentence, slice_part(buf_slice(&got), 0, strlen(want)), slice_of(want));
    check(sentence, code || got.n == strlen(want));
    buf_free(&got);
    envelope_free(&e);
    recipient_rules_free(rules);
}

static void names(void **state)
{
    static const struct {
        const char *sentence, *list, *local, *domain;
        enum code code;
        const char *want;
    } rows[] = {
        { "an address elsewhere", "root@z", "l@x", "d.it", CODE_OK, "root@z" },
        { "an alias", "root", "l@x", "d.it", CODE_OK, "me@x|you@y" },
        { "an alias in any case", "ROOT", "", "", CODE_OK, "me@x|you@y" },
        { "one that leads to another", "postmaster, Root", "", "", CODE_OK, "me@x|you@y" },
        { "an alias at localhost", "root@localhost", "", "", CODE_OK, "me@x|you@y" },
        { "at localhost.localdomain", "root@localhost.localdomain", "", "", CODE_OK, "me@x|you@y" },
        { "at our host", "root@vm.example.it", "", "", CODE_OK, "me@x|you@y" },
        { "at our host without its domain", "root@vm", "", "", CODE_OK, "me@x|you@y" },
        { "not at another host", "root@vm2", "l@x", "d.it", CODE_OK, "root@vm2" },
        { "a quoted name here", "\"john smith\"@localhost", "", "", CODE_OK, "js@x" },
        { "no alias, local", "anna", "l@x", "d.it", CODE_OK, "l@x" },
        { "no alias, domain", "anna", "", "d.it", CODE_OK, "anna@d.it" },
        { "no alias, nothing", "anna", "", "", CODE_ADDRESS,
          "!the address \"anna\" has no domain" },
        { "those before it are in", "root, anna", "", "", CODE_ADDRESS, "me@x|you@y!the address" },
        { "no alias at localhost, local", "anna@localhost", "l@x", "d.it", CODE_OK, "l@x" },
        { "no alias at localhost, domain", "anna@localhost", "", "d.it", CODE_OK, "anna@d.it" },
        { "no alias at localhost, nothing", "anna@localhost", "", "", CODE_OK, "anna@localhost" },
        { "no alias at our short name", "anna@vm", "", "d.it", CODE_OK, "anna@d.it" },
        { "no alias at our full name, local and domain", "anna@vm.example.it", "l@x", "d.it",
          CODE_OK, "l@x" },
        { "no alias at our full name, local alone", "anna@vm.example.it", "l@x", "", CODE_OK,
          "anna@vm.example.it" },
        { "no alias at our full name, domain", "anna@vm.example.it", "", "d.it", CODE_OK,
          "anna@vm.example.it" },
        { "local without a domain", "anna", "l", "d.it", CODE_OK, "l@d.it" },
        { "local that is no address", "anna", "l@@x", "d.it", CODE_CONFIG,
          "!local = is no address: l@@x" },
        { "an alias for itself, domain", "web", "", "d.it", CODE_OK, "web@d.it|me@x" },
        { "an alias for itself, local", "web", "l@x", "d.it", CODE_OK, "l@x|me@x" },
        { "an alias for itself, nothing", "web", "", "", CODE_ADDRESS, "!the address \"web\"" },
        { "names in an alias", "team", "", "d.it", CODE_OK, "me@x|you@y|anna@d.it|bob@d.it" },
        { "a backslash", "final", "", "d.it", CODE_OK, "root@d.it" },
        { "an alias that is a file", "root, nobody", "", "d.it", CODE_CONFIG,
          "me@x|you@y!the alias \"nobody\" writes to the file /dev/null" },
        { "a ring", "a", "", "d.it", CODE_CONFIG, "!these aliases lead back" },
        { "an address that cannot be parsed", "a@@b", "l@x", "d.it", CODE_ADDRESS, "!the address" },
        { "nobody", "", "l@x", "d.it", CODE_OK, "" },
    };
    char path[64];

    (void)state;
    write_aliases(path);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct recipient_rules rules = { .aliases = path,
                                         .local = rows[i].local,
                                         .domain = rows[i].domain };

        check_list(rows[i].sentence, &rules, rows[i].list, rows[i].code, rows[i].want);
    }
    assert_int_equal(unlink(path), 0);
}

static void without_aliases(void **state)
{
    char path[64];
    struct recipient_rules off = {
        .aliases = "", .local = "", .domain = "d.it", .no_aliases = true
    };
    struct recipient_rules none = { .aliases = "/nonexistent", .local = "", .domain = "d.it" };

    (void)state;
    write_aliases(path);
    off.aliases = path;
    check_list("-n", &off, "root, anna@localhost", CODE_OK, "root@d.it|anna@d.it");
    check_list("no file", &none, "root, anna@localhost", CODE_OK, "root@d.it|anna@d.it");
    assert_int_equal(unlink(path), 0);
}

/* A file that cannot be read must not be taken for one without aliases, at no time. */
static void a_file_that_cannot_be_read(void **state)
{
    struct recipient_rules rules = { .aliases = "/", .local = "", .domain = "d.it" };
    struct envelope e = { 0 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct status why = { 0 };

        assert_int_equal(recipients_add_list(&e, &rules, slice_of("root"), &why), CODE_CONFIG);
        assert_int_equal(e.forward_count, 0);
    }
    check_list("but for addresses elsewhere it is not read", &rules, "a@x", CODE_OK, "a@x");
    envelope_free(&e);
}

/* The host is looked up when it is not known yet. */
static void hosts_named_like_the_domain(void **state)
{
    struct envelope e = { 0 };
    struct status why = { 0 };
    char own[HOST_NAME_ROOM], list[HOST_NAME_ROOM + 10];
    struct recipient_rules rules = { .aliases = "", .local = "l@x", .domain = own };

    (void)state;
    host_any_name(own, sizeof own);
    if (!strchr(own, '.'))
        (void)snprintf(own, sizeof own, "example.it");
    (void)snprintf(list, sizeof list, "root@%s", own);
    assert_int_equal(recipients_add_list(&e, &rules, slice_of(list), &why), CODE_OK);
    assert_string_equal(e.forward_paths[0], list);
    envelope_free(&e);
}

static void null_path(void **state)
{
    struct recipient_rules rules = { .aliases = "", .local = "l@x", .domain = "d.it" };
    struct address a = { .length = 0 };
    struct status why = { 0 };
    struct envelope e = { 0 };

    (void)state;
    assert_int_equal(recipients_add(&e, &rules, &a, &why), CODE_ADDRESS);
    assert_int_equal(e.forward_count, 0);
    envelope_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(without_aliases),
        cmocka_unit_test(a_file_that_cannot_be_read),
        cmocka_unit_test(hosts_named_like_the_domain),
        cmocka_unit_test(null_path),
    };

    return cmocka_run_group_tests_name("recipients", tests, NULL, NULL);
}
