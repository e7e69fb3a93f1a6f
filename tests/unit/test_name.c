#include "net/name.h"

#include "unit.h"

static const struct {
    const char *sentence, *host;
    bool want;
    const char *text;
    size_t address_length;
} rows[] = {
    { "a name", "mail.example.it", true, "mail.example.it", 0 },
    { "a dot at the end", "mail.example.it.", true, "mail.example.it", 0 },
    { "one label", "localhost", true, "localhost", 0 },
    { "IPv4", "192.0.2.1", true, "192.0.2.1", 4 },
    { "IPv6", "2001:db8::1", true, "2001:db8::1", 16 },
    { "IPv6 in brackets", "[2001:db8::1]", true, "2001:db8::1", 16 },
    { "a scope", "fe80::1%eth0", true, "fe80::1%eth0", 16 },
    { "nearly IPv4", "192.0.2.256", true, "192.0.2.256", 0 },
    { "nothing", "", false, "", 0 },
    { "empty brackets", "[]", false, "", 0 },
    { "a line end", "mail.example.it\r\n", false, "", 0 },
    { "a space", "mail example.it", false, "", 0 },
    { "255 bytes",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      true,
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      0 },
    { "256 bytes",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      false, "", 0 },
};

static void names(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct server_name name;

        check(rows[i].sentence, server_name_read(rows[i].host, &name) == rows[i].want);
        check_text(rows[i].sentence, slice_of(name.text), slice_of(rows[i].text));
        check(rows[i].sentence, name.address_length == rows[i].address_length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
