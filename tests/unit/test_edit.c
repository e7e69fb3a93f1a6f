#include "conf/edit.h"

#include "conf/config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHANGES = 3,
    OUT_MAX = 8192,
};

static size_t count_of(const struct edit_change changes[CHANGES])
{
    size_t n = 0;

    while (n < CHANGES && changes[n].key)
        n++;
    return n;
}

static const char sample[] = "# the head\n"
                             "[orsino]\n"
                             "account = a\t; the default\n"
                             "\n"
                             "[A]\n"
                             "host   = old   # where\n"
                             "  port=587\n"
                             "password = \"p#w\" ; secret\n"
                             "#user = u\n"
                             "\n"
                             "[b]\n"
                             "host = c";

static void edits(void **state)
{
    static const struct {
        const char *sentence, *text, *section;
        struct edit_change changes[CHANGES];
        const char *want;
    } rows[] = {
        { "a file from nothing",
          "",
          "orsino",
          { { "host", "h" }, { "user", "u@h" } },
          "[orsino]\nhost = h\nuser = u@h\n" },
        { "nothing to do", "[a]\nhost = h\n", "a", { { NULL, NULL } }, "[a]\nhost = h\n" },
        { "nothing for a new section",
          "[a]\nhost = h\n",
          "b",
          { { "host", NULL } },
          "[a]\nhost = h\n" },
        { "a value in its place",
          sample,
          "a",
          { { "host", "new" } },
          "# the head\n[orsino]\naccount = a\t; the default\n\n[A]\nhost   = new   # where\n"
          "  port=587\npassword = \"p#w\" ; secret\n#user = u\n\n[b]\nhost = c" },
        { "several, and one that is new",
          sample,
          "a",
          { { "PORT", "465" }, { "password", "simple" }, { "user", "me" } },
          "# the head\n[orsino]\naccount = a\t; the default\n\n[A]\nhost   = old   # where\n"
          "  port=465\npassword = \"simple\" ; secret\nuser = me\n#user = u\n\n[b]\nhost = c" },
        { "the last line has no end",
          sample,
          "b",
          { { "host", "d" }, { "tls", "none" } },
          "# the head\n[orsino]\naccount = a\t; the default\n\n[A]\nhost   = old   # where\n"
          "  port=587\npassword = \"p#w\" ; secret\n#user = u\n\n[b]\nhost = d\ntls = none\n" },
        { "a key goes",
          "[a]\nhost = h ; c\nuser = u\n",
          "a",
          { { "host", NULL } },
          "[a]\nuser = u\n" },
        { "one that is not there goes",
          "[a]\nhost = h\n",
          "a",
          { { "user", NULL } },
          "[a]\nhost = h\n" },
        { "the only key changes places with another",
          "[a]\nhost = h\n\n# below\n",
          "a",
          { { "host", NULL }, { "provider", "gmail" } },
          "[a]\nprovider = gmail\n\n# below\n" },
        { "a section without a key",
          "[a]\n# nothing yet\n",
          "a",
          { { "host", "h" } },
          "[a]\nhost = h\n# nothing yet\n" },
        { "a section without a line end", "[a]", "a", { { "host", "h" } }, "[a]\nhost = h\n" },
        { "a new section",
          "[a]\nhost = h",
          "b",
          { { "host", "i" } },
          "[a]\nhost = h\n\n[b]\nhost = i\n" },
        { "CRLF",
          "[a]\r\nhost = h\r\n",
          "a",
          { { "host", "i" }, { "user", "u" } },
          "[a]\r\nhost = i\r\nuser = u\r\n" },
        { "CRLF in a new section",
          "[a]\r\nhost = h\r\n",
          "b",
          { { "host", "i" } },
          "[a]\r\nhost = h\r\n\r\n[b]\r\nhost = i\r\n" },
        { "a last line with CR alone",
          "[a]\r\nhost = h\r",
          "a",
          { { "user", "u" } },
          "[a]\r\nhost = h\r\nuser = u\r\n" },
        { "an empty value is filled",
          "[a]\nhost =\nuser=\npassword =   \n",
          "a",
          { { "host", "h" }, { "user", "u" }, { "password", "p" } },
          "[a]\nhost = h\nuser=u\npassword =   p\n" },
        { "an empty value with a comment",
          "[a]\nuser = ; who\n",
          "a",
          { { "user", "me" } },
          "[a]\nuser = me ; who\n" },
        { "a value is emptied",
          "[a]\nuser = u ; who\n",
          "a",
          { { "user", "" } },
          "[a]\nuser =  ; who\n" },
        { "a secret is emptied",
          "[a]\npassword = \"u\" ; who\n",
          "a",
          { { "password", "" } },
          "[a]\npassword = \"\" ; who\n" },
        { "a comment that looks like a key",
          "[a]\n; host = x\n# host = y\nhost = z\n",
          "a",
          { { "host", "h" } },
          "[a]\n; host = x\n# host = y\nhost = h\n" },
        { "signs of a comment",
          "[a]\n",
          "a",
          { { "full_name", "A; B#" } },
          "[a]\nfull_name = \"A; B#\"\n" },
        { "spaces at the ends",
          "[a]\n",
          "a",
          { { "full_name", " A " } },
          "[a]\nfull_name = \" A \"\n" },
        { "double quotes",
          "[a]\n",
          "a",
          { { "full_name", "\"A; B\"" } },
          "[a]\nfull_name = '\"A; B\"'\n" },
        { "both quotes inside",
          "[a]\n",
          "a",
          { { "full_name", "A \"'B" } },
          "[a]\nfull_name = A \"'B\n" },
        { "a backslash inside",
          "[a]\n",
          "a",
          { { "password", "a\\b" } },
          "[a]\npassword = a\\b\n" },
        { "a secret that cannot be quoted, and a comment",
          "[a]\npassword = \"x\" ; old\nuser = u\n",
          "a",
          { { "password", "a\\b" } },
          "[a]\n; old\npassword = a\\b\nuser = u\n" },
        { "the same key elsewhere",
          "[orsino]\nhost = g\n[a]\nuser = u\n[b]\nhost = i\n",
          "a",
          { { "host", "h" } },
          "[orsino]\nhost = g\n[a]\nuser = u\nhost = h\n[b]\nhost = i\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct buf out;

        buf_init(&out, OUT_MAX);
        buf_add_string(&out, "before");
        if (edit_section(slice_of(rows[i].text), rows[i].section, rows[i].changes,
                         count_of(rows[i].changes), &out, &why))
            print_error("%s: %s\n", why.where, why.what);
        check(rows[i].sentence, why.code == CODE_OK);
        buf_drop(&out, strlen("before"));
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_wipe(&out);
    }
}

static void refusals(void **state)
{
    static char long_value[1100];
    const struct {
        const char *sentence, *text, *section;
        struct edit_change change;
        enum code want;
        const char *what;
    } rows[] = {
        { "no key", "", "a", { "hots", "h" }, CODE_BUG, "hots is no key" },
        { "a wrong value", "", "a", { "port", "x" }, CODE_CONFIG, "port takes a number" },
        { "a line end", "", "a", { "user", "a\nb" }, CODE_CONFIG, "user: a control character" },
        { "a bell", "", "a", { "user", "a\ab" }, CODE_CONFIG, "user: a control character" },
        { "a global", "", "a", { "log", "none" }, CODE_CONFIG, "log: this key belongs into" },
        { "a backslash at the end",
          "",
          "a",
          { "password", "a\\" },
          CODE_CONFIG,
          "password: the file cannot hold this value: use password_file" },
        { "a backslash and a sign",
          "",
          "a",
          { "password", "a\\#" },
          CODE_CONFIG,
          "password: the file cannot hold this value: use password_file" },
        { "both quotes and a sign",
          "",
          "a",
          { "user", "'\"#" },
          CODE_CONFIG,
          "user: the file cannot hold this value" },
        { "too long", "", "a", { "user", long_value }, CODE_CONFIG, "user: too long" },
        { "no section", "", "", { "host", "h" }, CODE_CONFIG, "[]: a section's name" },
        { "no name of a section", "", "a]b", { "host", "h" }, CODE_CONFIG, "[a]b]: a section's" },
        { "a text that is wrong",
          "[a]\nhots = b\n",
          "a",
          { "host", "h" },
          CODE_CONFIG,
          "unknown key hots" },
    };

    (void)state;
    memset(long_value, 'x', 1016);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct buf out;

        buf_init(&out, OUT_MAX);
        check(rows[i].sentence, edit_section(slice_of(rows[i].text), rows[i].section,
                                             &rows[i].change, 1, &out, &why) == rows[i].want);
        check_text(rows[i].sentence, slice_part(slice_of(why.what), 0, strlen(rows[i].what)),
                   slice_of(rows[i].what));
        buf_wipe(&out);
    }
}

static void too_little_memory(void **state)
{
    const struct edit_change change = { "host", "h" };
    struct status why = { 0 };
    struct buf out;

    (void)state;
    buf_init(&out, 8);
    assert_int_equal(edit_section(slice_of("[a]\n"), "a", &change, 1, &out, &why), CODE_MEMORY);
    buf_wipe(&out);
}

/* Through a file and config_load. */
static void load_back(const char *sentence, struct slice text, const char *user,
                      const char *password)
{
    char path[] = "/tmp/orsino-test-XXXXXX";
    int fd = mkstemp(path);
    struct status why = { 0 };
    struct config *config;
    struct account account = { 0 };

    assert_true(fd >= 0);
    assert_true(write(fd, text.p, text.n) == (ssize_t)text.n);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(close(fd), 0);
    if (config_load(path, &config, &why) || config_account(config, "a", "", &account, &why))
        print_error("%s: %s\n%.*s\n", why.where, why.what, (int)text.n, text.p);
    (void)unlink(path);
    check(sentence, why.code == CODE_OK);
    check_text(sentence, slice_of(account.user), slice_of(user));
    check_text(sentence, slice_of(account.password), slice_of(password));
    config_free(config);
}

static void values_come_back(void **state)
{
    static const char *const values[] = {
        "simple",     "p#ss;word",
        " spaces ",   "\t",
        "a\tb",       "\"quoted\"",
        "'quoted'",   "it's",
        "say \"no\"", "'\"",
        "x'\"",       "=",
        "= a",        "[section]",
        "a\\b",       "\\a",
        "\\\"a",      "#",
        ";",          "a #b",
        "\"",         "'",
        "\"\" x",     "a=b",
        "100%s%n",    "\xc3\xa9t\xc3\xa9",
        "\xff\xfe",   "$(reboot)",
        "x\"#\"",     "x'#'",
    };
    static const char *const texts[] = {
        "",
        "[a]\nhost = h\nuser = old ; c\npassword = old\n",
        "[a]\r\nhost=h\r\nuser=\"old\"\t# c\r\npassword='old' ; c\r\n",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(values) * LENGTH(texts); i++) {
        const char *value = values[i % LENGTH(values)];
        const struct edit_change changes[] = {
            { "host", "h" },
            { "user", value },
            { "password", value },
        };
        struct status why = { 0 };
        struct buf out;

        buf_init(&out, OUT_MAX);
        if (edit_section(slice_of(texts[i / LENGTH(values)]), "a", changes, 3, &out, &why) ==
            CODE_OK)
            load_back(value, buf_slice(&out), value, value);
        else
            check(value, why.code == CODE_CONFIG && strcmp(value, "'\"") == 0 &&
                             strstr(why.what, "user: the file cannot hold this value"));
        buf_wipe(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits),
        cmocka_unit_test(refusals),
        cmocka_unit_test(too_little_memory),
        cmocka_unit_test(values_come_back),
    };

    return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
