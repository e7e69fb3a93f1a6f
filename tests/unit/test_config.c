#include "conf/config.h"

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loads the text from a file, which is gone afterwards. */
static enum code load(const char *text, mode_t mode, struct config **out, struct status *why)
{
    char path[] = "/tmp/orsino-test-XXXXXX";
    int fd = mkstemp(path);
    enum code code;

    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    code = config_load(path, out, why);
    if (code)
        assert_memory_equal(why->where, path, strlen(path));
    (void)unlink(path);
    return code;
}

static void load_well(const char *text, struct config **out)
{
    struct status why = { 0 };

    if (load(text, 0600, out, &why))
        print_error("%s: %s\n", why.where, why.what);
    assert_non_null(*out);
    assert_null(config_warning(*out));
}

static void refused_files(void **state)
{
    static const struct {
        const char *sentence, *text;
        mode_t mode;
        enum code want;
        const char *where, *what; /* the end and the start */
    } rows[] = {
        { "a bad number", "[a]\nhost = b\nport = smtps\n", 0600, CODE_CONFIG, ":3",
          "port takes a number" },
        { "a bad boolean", "[a]\npipelining = perhaps\n", 0600, CODE_CONFIG, ":2",
          "pipelining takes yes or no" },
        { "a bad time", "[a]\n\ntimeout = soon\n", 0600, CODE_CONFIG, ":3",
          "timeout takes a time" },
        { "a bad size", "[orsino]\nmax_message = big\n", 0600, CODE_CONFIG, ":2",
          "max_message takes a size" },
        { "a bad choice", "[a]\ntls = ssl\n", 0600, CODE_CONFIG, ":2", "tls takes implicit" },
        { "a relative path", "[a]\npassword_file = p\n", 0600, CODE_CONFIG, ":2",
          "password_file takes an absolute path" },
        { "a mistake that the scan sees", "[a]\nhots = b\n", 0600, CODE_CONFIG, ":2",
          "unknown key hots" },
        { "a password for all to read", "[a]\npassword = p\n", 0644, CODE_PERMISSION, "",
          "other users can read the password" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct config *config;
        const char *where = rows[i].where;

        check(rows[i].sentence, load(rows[i].text, rows[i].mode, &config, &why) == rows[i].want);
        check(rows[i].sentence, !config && strstr(why.what, rows[i].what) == why.what);
        check(rows[i].sentence,
              strlen(why.where) > strlen(where) &&
                  strcmp(why.where + strlen(why.where) - strlen(where), where) == 0);
    }
}

static void a_missing_file(void **state)
{
    struct status why = { 0 };
    struct config *config;

    (void)state;
    assert_int_equal(config_load("/nonexistent/orsino.ini", &config, &why), CODE_CONFIG);
    assert_null(config);
    assert_string_equal(why.where, "/nonexistent/orsino.ini");
}

static void a_file_without_password_may_be_read(void **state)
{
    struct status why = { 0 };
    struct config *config;

    (void)state;
    assert_int_equal(load("[a]\nhost = b\npassword_file = /c\n", 0644, &config, &why), CODE_OK);
    config_free(config);
}

static const char several[] = "[orsino]\n"
                              "account = Second\n"
                              "user = everybody\n"
                              "password = \"p#ss;word\"\n"
                              "log = none\n"
                              "timeout = 1m\n"
                              "match = *\n"
                              "\n"
                              "[first]\n"
                              "host = one.example.it\n"
                              "match = @one.example.it, root\n"
                              "timeout = 10s\n"
                              "dsn_notify = failure, delay\n"
                              "\n"
                              "[SECOND]\n"
                              "host = two.example.it ; a comment\n"
                              "port = 587\n"
                              "user = \"info@two\"\n"
                              "full_name = 'Me; \"myself\"'\n"
                              "\n"
                              "[third]\n"
                              "host = three.example.it\n"
                              "match = *@*.example.it\n"
                              "user =\n"
                              "auth = none\n"
                              "password_file = /run/secrets/p\n";

static void values_and_defaults(void **state)
{
    struct status why = { 0 };
    struct config *config;
    struct account a;

    (void)state;
    load_well(several, &config);
    assert_int_equal(config_account(config, "FIRST", "", &a, &why), CODE_OK);
    assert_string_equal(a.name, "first");
    assert_string_equal(a.host, "one.example.it");
    assert_int_equal(a.port, 465);
    assert_int_equal(a.tls, TLS_IMPLICIT);
    assert_string_equal(a.user, "everybody");
    assert_string_equal(a.password, "p#ss;word");
    assert_string_equal(a.log, "none");
    assert_string_equal(a.domain, "");
    assert_true(a.timeout == 10000 && a.connect_timeout == 30000);
    assert_true(a.pipelining);
    assert_int_equal(a.dsn_notify, 4 | 8);
    assert_int_equal(a.dsn_return, 0);
    assert_true(a.max_message == 1 << 30);
    assert_int_equal(a.dot_terminates, DOT_TERMINATES_AUTO);

    assert_int_equal(config_account(config, "second", "", &a, &why), CODE_OK);
    assert_string_equal(a.host, "two.example.it");
    assert_int_equal(a.tls, TLS_STARTTLS);
    assert_string_equal(a.user, "info@two");
    assert_string_equal(a.full_name, "Me; \"myself\"");
    assert_true(a.timeout == 60000);

    assert_int_equal(config_account(config, "third", "", &a, &why), CODE_OK);
    assert_string_equal(a.user, "");
    assert_string_equal(a.password, ""); /* its own password_file counts before that of [orsino] */
    assert_string_equal(a.password_file, "/run/secrets/p");
    config_free(config);
}

static void choices(void **state)
{
    static const struct {
        const char *sentence, *text, *name, *sender;
        const char *want; /* the account, or with a ':' in it "line:sentence" */
    } rows[] = {
        { "by name", several, "first", "x@y", "first" },
        { "by name before match", several, "second", "a@one.example.it", "second" },
        { "by match", several, NULL, "a@one.example.it", "first" },
        { "the first match", several, NULL, "a@ONE.example.it", "first" },
        { "another match", several, NULL, "a@x.example.it", "third" },
        { "the default", several, NULL, "a@b", "second" },
        { "no sender", several, NULL, "", "second" },
        { "no such name", several, "fourth", "",
          ":no account fourth; accounts here: first, SECOND, third" },
        { "[orsino] is none of several", several, "orsino", "", ":no account orsino" },
        { "the only one", "[orsino]\n[a]\nhost = b\n", NULL, "x@y", "a" },
        { "[orsino] alone", "[orsino]\nhost = b\n", NULL, "x@y", "orsino" },
        { "[orsino] alone, by name", "[orsino]\nhost = b\n", "Orsino", "", "orsino" },
        { "several without default", "[a]\nhost = b\n[c]\nhost = d\n", NULL, "x@y",
          ":no account chosen: set account = in [orsino]; accounts here: a, c" },
        { "a default that is none", "[orsino]\naccount = c\n[a]\nhost = b\n", NULL, "x@y",
          "2:no account c; accounts here: a" },
        { "an empty file", "# nothing\n", NULL, "", ":an empty file" },
        { "no host", "[orsino]\nuser = u\n[a]\npassword = p\n", NULL, "",
          "3:host is missing in [a]" },
        { "no host at all", "[orsino]\nlog = none\n", NULL, "", "1:host is missing in [orsino]" },
        { "no password", "[a]\nhost = b\nuser = c\n", NULL, "", "1:password is missing" },
        { "an unusual port", "\n[a]\nhost = b\nport = 26\n", NULL, "", "2:tls is missing" },
        { "two passwords", "[a]\nhost = b\nuser = c\npassword = d\npassword_file = /e\n", NULL, "",
          "1:password and password_file" },
        { "an empty value takes a default away",
          "[orsino]\nuser = u\npassword = p\n[a]\nhost = b\nuser =\npassword = \"\"\n", NULL, "",
          "a" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct config *config;
        struct account account;
        char got[STATUS_WHAT_MAX + 20];
        const char *line;

        load_well(rows[i].text, &config);
        if (config_account(config, rows[i].name, rows[i].sender, &account, &why) == CODE_OK) {
            check_text(rows[i].sentence, slice_of(account.name), slice_of(rows[i].want));
        } else {
            line = strchr(why.where, ':');
            (void)snprintf(got, sizeof got, "%s:%s", line ? line + 1 : "", why.what);
            if (strncmp(got, rows[i].want, strlen(rows[i].want)) != 0)
                print_error("got: %s\n", got);
            check(rows[i].sentence, why.code == CODE_CONFIG);
            check(rows[i].sentence, strncmp(got, rows[i].want, strlen(rows[i].want)) == 0);
        }
        config_free(config);
    }
}

static void globals(void **state)
{
    struct status why = { 0 };
    struct config *config;
    struct account a;

    (void)state;
    load_well(several, &config);
    assert_int_equal(config_globals(config, &a, &why), CODE_OK);
    assert_string_equal(a.log, "none");
    assert_string_equal(a.user, "everybody");
    assert_string_equal(a.host, "");
    config_free(config);
    load_well("[a]\nhost = b\n", &config);
    assert_int_equal(config_globals(config, &a, &why), CODE_OK);
    assert_string_equal(a.log, "syslog");
    assert_string_equal(a.host, "");
    config_free(config);
}

/* The longest line that the scan lets through is read whole. */
static void the_longest_line(void **state)
{
    char text[1100];
    struct status why = { 0 };
    struct config *config;
    struct account a;
    size_t n = (size_t)snprintf(text, sizeof text, "[a]\nhost = b\nuser = c\npassword = ");

    (void)state;
    memset(text + n, 'x', 1011);
    (void)snprintf(text + n + 1011, sizeof text - n - 1011, "\nauth = login\n");
    load_well(text, &config);
    assert_int_equal(config_account(config, NULL, "", &a, &why), CODE_OK);
    assert_int_equal(strlen(a.password), 1011);
    assert_int_equal(a.auth, AUTH_LOGIN);
    config_free(config);
    (void)snprintf(text + n + 1011, sizeof text - n - 1011, "x\n");
    assert_int_equal(load(text, 0600, &config, &why), CODE_CONFIG);
}

/* The sample as it is, and with the three lines filled in. */
static void the_sample(void **state)
{
    static const char *const lines[] = { "host =\n", "user =\n", "password =\n" };
    char sample[8192], filled[8192] = "";
    struct status why = { 0 };
    struct config *config;
    struct account a;
    FILE *file = fopen("etc/orsino.ini", "r");
    size_t n;

    (void)state;
    assert_non_null(file);
    n = fread(sample, 1, sizeof sample - 1, file);
    assert_int_equal(fclose(file), 0);
    sample[n] = 0;
    load_well(sample, &config);
    assert_int_equal(config_account(config, NULL, "", &a, &why), CODE_CONFIG);
    assert_non_null(strstr(why.what, "host is missing in [orsino]"));
    config_free(config);

    n = 0;
    for (size_t i = 0; i < LENGTH(lines); i++) {
        const char *at = strstr(sample + n, lines[i]);

        assert_true(at && (at == sample || at[-1] == '\n'));
        (void)snprintf(filled + strlen(filled), sizeof filled - strlen(filled), "%.*s%.*s x%zu\n",
                       (int)(at - sample - (ptrdiff_t)n), sample + n, (int)strlen(lines[i]) - 1,
                       lines[i], i);
        n = (size_t)(at - sample) + strlen(lines[i]);
    }
    (void)snprintf(filled + strlen(filled), sizeof filled - strlen(filled), "%s", sample + n);
    why = (struct status){ 0 };
    load_well(filled, &config);
    assert_int_equal(config_account(config, NULL, "", &a, &why), CODE_OK);
    assert_string_equal(a.host, "x0");
    assert_string_equal(a.password, "x2");
    assert_int_equal(a.port, 465);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_files),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(a_file_without_password_may_be_read),
        cmocka_unit_test(values_and_defaults),
        cmocka_unit_test(choices),
        cmocka_unit_test(globals),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(the_sample),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
