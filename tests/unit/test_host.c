#include "base/host.h"

#include "unit.h"

static void public_names(void **state)
{
    static const struct {
        const char *sentence, *name;
        bool want;
    } rows[] = {
        { "a full name", "mail.example.it", true },
        { "digits and hyphens", "web-1.example.it", true },
        { "no dot", "web", false },
        { "a container's id", "3f2a9c1b7d4e", false },
        { "localhost", "localhost", false },
        { "localhost with a domain", "localhost.localdomain", false },
        { "below localhost", "web.localhost", false },
        { "an underscore", "my_host.example.it", false },
        { "an empty label", "a..it", false },
        { "a dot at the end", "example.it.", false },
        { "a hyphen first", "-a.example.it", false },
        { "a line end", "a.example.it\r\n", false },
        { "nothing", "", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        if (host_name_is_public(rows[i].name) != rows[i].want)
            print_error("failed: %s\n", rows[i].sentence);
        assert_int_equal(host_name_is_public(rows[i].name), rows[i].want);
    }
}

static void local_names(void **state)
{
    static const struct {
        const char *sentence, *name;
        bool want;
    } rows[] = {
        { "a full name", "mail.example.it", false },
        { "a name that strangers would not take", "my_host.example.it", false },
        { "no dot", "web", true },
        { "localhost", "LocalHost", true },
        { "localhost with a domain", "localhost.LOCALDOMAIN", true },
        { "below localdomain", "vm.localdomain", true },
        { "below a domain of that name", "localdomain.example.it", false },
        { "a word that ends alike", "vm.mylocaldomain", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, host_name_is_local(slice_of(rows[i].name)) == rows[i].want);
}

static void our_names(void **state)
{
    static const struct {
        const char *sentence, *own, *domain;
        bool want;
    } rows[] = {
        { "localhost", "", "LOCALHOST", true },
        { "localhost with a domain", "vm", "localhost.localdomain", true },
        { "our name", "vm.example.it", "VM.Example.it", true },
        { "its first part", "vm.example.it", "vm", true },
        { "a name without a dot", "vm", "vm", true },
        { "the domain alone", "vm.example.it", "example.it", false },
        { "another host there", "vm.example.it", "vm2.example.it", false },
        { "our first part elsewhere", "vm.example.it", "vm.example.org", false },
        { "another name without a dot", "vm.example.it", "v", false },
        { "nothing, and no name", "", "", false },
        { "nothing, and a name that begins with a dot", ".it", "", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence,
              host_is_ours(rows[i].own, slice_of(rows[i].domain)) == rows[i].want);
}

static void own_name_is_public_or_empty(void **state)
{
    char name[HOST_NAME_ROOM] = "x";

    (void)state;
    if (host_own_name(name, sizeof name))
        assert_true(host_name_is_public(name));
    else
        assert_string_equal(name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_names),
        cmocka_unit_test(local_names),
        cmocka_unit_test(our_names),
        cmocka_unit_test(own_name_is_public_or_empty),
    };

    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
