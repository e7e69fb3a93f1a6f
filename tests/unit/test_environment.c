#include "conf/environment.h"

#include "raised.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES = 4,
};

/* Puts these in the place of the whole environment, up to a NULL; they must live on. */
static void set_environment(const char *const entries[ENTRIES])
{
    assert_int_equal(clearenv(), 0);
    for (size_t i = 0; i < ENTRIES && entries[i]; i++)
        assert_int_equal(putenv((char *)(uintptr_t)entries[i]), 0);
}

static void values(void **state)
{
    static const struct {
        const char *sentence;
        const char *const entries[ENTRIES];
        const char *key, *want; /* NULL: not set */
        bool suffices;
    } rows[] = {
        { "nothing", { NULL }, "host", NULL, false },
        { "a host", { "ORSINO_HOST=smtp.example.it" }, "host", "smtp.example.it", true },
        { "an empty host", { "ORSINO_HOST=" }, "host", "", false },
        { "a provider", { "ORSINO_PROVIDER=gmail" }, "provider", "gmail", true },
        { "an empty provider", { "ORSINO_PROVIDER=" }, "provider", "", false },
        { "a region alone", { "ORSINO_REGION=eu-west-1" }, "region", "eu-west-1", false },
        { "a fingerprint that is set to nothing",
          { "ORSINO_FINGERPRINT=" },
          "fingerprint",
          "",
          false },
        { "auto", { "ORSINO_TLS=auto" }, "tls", "auto", false },
        { "no host", { "ORSINO_PORT=25" }, "port", "25", false },
        { "several words", { "ORSINO_PASSWORD_FILE=/run/s" }, "password_file", "/run/s", false },
        { "an empty text", { "ORSINO_USER=" }, "user", "", false },
        { "an empty path", { "ORSINO_ALIASES=" }, "aliases", "", false },
        { "an empty number", { "ORSINO_PORT=" }, "port", NULL, false },
        { "an empty choice", { "ORSINO_TLS=" }, "tls", NULL, false },
        { "an empty yes or no", { "ORSINO_PIPELINING=" }, "pipelining", NULL, false },
        { "signs of the INI", { "ORSINO_PASSWORD=\"p#s;=\\" }, "password", "\"p#s;=\\", false },
        { "spaces", { "ORSINO_FULL_NAME= a b " }, "full_name", " a b ", false },
        { "UTF-8", { "ORSINO_FULL_NAME=J\xc3\xbcrg" }, "full_name", "J\xc3\xbcrg", false },
        { "a global", { "ORSINO_ACCOUNT=a" }, "account", "a", false },
        { "another program's", { "HOST=a", "ORSINO=b", "ORSINOHOST=c" }, "host", NULL, false },
        { "one behind others", { "A=b", "ORSINO_HOST=c" }, "host", "c", true },
        { "no small letters", { "ORSINO_host=a", "orsino_host=b" }, "host", NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct environment e;
        const char *got;

        set_environment(rows[i].entries);
        check(rows[i].sentence, environment_read(&e, &why) == CODE_OK);
        got = environment_value(&e, keys_find(slice_of(rows[i].key)));
        check(rows[i].sentence, (got == NULL) == (rows[i].want == NULL));
        check_text(rows[i].sentence, slice_of(got), slice_of(rows[i].want));
        check(rows[i].sentence, environment_suffices(&e) == rows[i].suffices);
        check(rows[i].sentence, e.sets_any == (rows[i].want != NULL));
    }
}

static void refused_values(void **state)
{
    static const struct {
        const char *sentence;
        const char *const entries[ENTRIES];
        const char *where, *what;
    } rows[] = {
        { "a bad number",
          { "ORSINO_PORT=abc" },
          "ORSINO_PORT",
          "port takes a number from 1 to 65535, not \"abc\"" },
        { "a number with space",
          { "ORSINO_PORT= 465" },
          "ORSINO_PORT",
          "port takes a number from 1 to 65535, not \" 465\"" },
        { "a bad choice",
          { "ORSINO_TLS=ssl" },
          "ORSINO_TLS",
          "tls takes implicit, starttls, auto or none, not \"ssl\"" },
        { "a relative path",
          { "ORSINO_PASSWORD_FILE=p" },
          "ORSINO_PASSWORD_FILE",
          "password_file takes an absolute path, not \"p\"" },
        { "a bad one behind a good one",
          { "ORSINO_HOST=a", "ORSINO_TIMEOUT=0" },
          "ORSINO_TIMEOUT",
          "timeout takes a time from 1s to 1d, such as 30s or 5m, not \"0\"" },
        { "a line end in a password",
          { "ORSINO_PASSWORD=secret\n" },
          "ORSINO_PASSWORD",
          "password: a control character, 0x0a" },
        { "a line end in an address",
          { "ORSINO_FROM=a@b\r\nRCPT" },
          "ORSINO_FROM",
          "from: a control character, 0x0d" },
        { "a terminal's orders",
          { "ORSINO_PORT=\x1b[2J" },
          "ORSINO_PORT",
          "port: a control character, 0x1b" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct environment e;

        set_environment(rows[i].entries);
        check(rows[i].sentence, environment_read(&e, &why) == CODE_CONFIG);
        check_text(rows[i].sentence, slice_of(why.where), slice_of(rows[i].where));
        check_text(rows[i].sentence, slice_of(why.what), slice_of(rows[i].what));
    }
}

static void lengths(void **state)
{
    static char entry[sizeof "ORSINO_USER=" + ENVIRONMENT_VALUE_MAX + 1];
    struct status why = { 0 };
    struct environment e;

    (void)state;
    memset(entry, 'x', sizeof entry - 1);
    memcpy(entry, "ORSINO_USER=", strlen("ORSINO_USER="));
    set_environment((const char *const[ENTRIES]){ entry });
    assert_int_equal(environment_read(&e, &why), CODE_CONFIG);
    assert_non_null(strstr(why.what, "more than 4096 bytes"));
    entry[sizeof entry - 2] = 0;
    why = (struct status){ 0 };
    assert_int_equal(environment_read(&e, &why), CODE_OK);
}

static void unknown_names(void **state)
{
    static const struct {
        const char *sentence;
        const char *const entries[ENTRIES];
        const char *want;
    } rows[] = {
        { "none", { "ORSINO_HOST=a", "ORSINO=b", "MAIL=c" }, "" },
        { "one that is near",
          { "ORSINO_PROT=25" },
          "unknown in the environment: ORSINO_PROT (did you mean ORSINO_PORT?)" },
        { "one that is far, and another",
          { "ORSINO_SERVICE_LINKS=a", "ORSINO_host=b" },
          "unknown in the environment: ORSINO_SERVICE_LINKS, ORSINO_host (did you mean "
          "ORSINO_HOST?)" },
        { "no name", { "ORSINO_=a" }, "unknown in the environment: ORSINO_" },
        { "no printable one", { "ORSINO_A\nB\x1b=c" }, "unknown in the environment: ORSINO_A?B?" },
        { "a long one",
          { "ORSINO_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=a" },
          "unknown in the environment: ORSINO_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct environment e;

        set_environment(rows[i].entries);
        check(rows[i].sentence, environment_read(&e, &why) == CODE_OK);
        check_text(rows[i].sentence, slice_of(e.warning), slice_of(rows[i].want));
    }
}

/* More of them than the warning has room for. */
static void many_unknown_names(void **state)
{
    char names[100][24];
    struct status why = { 0 };
    struct environment e;

    (void)state;
    assert_int_equal(clearenv(), 0);
    for (size_t i = 0; i < LENGTH(names); i++) {
        (void)snprintf(names[i], sizeof names[i], "ORSINO_HOTS%zu=x", i);
        assert_int_equal(putenv(names[i]), 0);
    }
    assert_int_equal(environment_read(&e, &why), CODE_OK);
    assert_int_equal(strlen(e.warning), ENVIRONMENT_WARNING_ROOM - 1);
    assert_int_equal(clearenv(), 0);
}

static void every_key_has_a_variable(void **state)
{
    size_t count;
    const struct key *keys = keys_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct status why = { 0 };
        struct environment e;
        char entry[120];
        const char *value = keys[i].fallback;
        int n = snprintf(entry, sizeof entry, "ORSINO_%s", keys[i].name);

        for (int j = 0; j < n; j++)
            entry[j] = (char)(entry[j] >= 'a' ? entry[j] - 'a' + 'A' : entry[j]);
        if (!value && keys[i].choices)
            value = keys[i].choices->word;
        if (!value)
            value = keys[i].type == KEY_NUMBER ? "7" : keys[i].type == KEY_ADDRESS ? "a@b" : "/x";
        if (keys[i].type == KEY_HOST)
            value = "a.example";
        if (keys[i].type == KEY_FINGERPRINT)
            value = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        (void)snprintf(entry + n, sizeof entry - (size_t)n, "=%s", value);
        set_environment((const char *const[ENTRIES]){ entry });
        check(keys[i].name, environment_read(&e, &why) == CODE_OK);
        check_text(keys[i].name, slice_of(environment_value(&e, &keys[i])), slice_of(value));
        check(keys[i].name, e.warning[0] == 0);
        assert_int_equal(clearenv(), 0);
    }
}

static bool is_not_believed(const void *unused)
{
    struct status why = { 0 };
    struct environment e;

    (void)unused;
    if (!become_caller(true) || environment_read(&e, &why) || environment_suffices(&e) ||
        e.sets_any || !strstr(e.warning, "ORSINO_HOST does not count"))
        return false;
    return rights_drop() && environment_read(&e, &why) == CODE_CONFIG;
}

static void raised_rights(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    set_environment((const char *const[ENTRIES]){ "ORSINO_HOST=a", "ORSINO_PORT=b", "ORSINO_X=" });
    assert_true(in_a_child("not until they are given up", is_not_believed, NULL));
}

static void no_environment(void **state)
{
    struct status why = { 0 };
    struct environment e;

    (void)state;
    assert_int_equal(clearenv(), 0);
    assert_int_equal(environment_read(&e, &why), CODE_OK);
    assert_false(environment_suffices(&e) || e.sets_any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(refused_values),
        cmocka_unit_test(lengths),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(many_unknown_names),
        cmocka_unit_test(every_key_has_a_variable),
        cmocka_unit_test(raised_rights),
        cmocka_unit_test(no_environment),
    };

    return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
