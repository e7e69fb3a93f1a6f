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
    if (code && strncmp(why->where, "ORSINO_", 7) != 0)
        assert_memory_equal(why->where, path, strlen(path));
    if (*out)
        assert_string_equal(config_path(*out), path);
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
        { "a global in an account", "[a]\nlisten = 25\n", 0600, CODE_CONFIG, ":2",
          "listen: this key belongs into [orsino]" },
        { "a file for all to write", "[a]\nhost = b\n", 0666, CODE_PERMISSION, "",
          "other users can write this file" },
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
    assert_int_equal(a.from_header, FROM_HEADER_FILL);
    assert_string_equal(a.aliases, "/etc/aliases");
    assert_string_equal(a.local, "");
    assert_string_equal(a.listen, "25");
    assert_int_equal(a.listen_max, 100);
    assert_int_equal(a.delivery, DELIVERY_DIRECT);
    assert_true(a.patience == 10000 && a.queue_lifetime == (int64_t)5 * 86400000);
    assert_true(a.keep_failed && !a.bounce);

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
    assert_null(a.user);
    assert_null(a.host);
    config_free(config);
    load_well("[a]\nhost = b\n", &config);
    assert_int_equal(config_globals(config, &a, &why), CODE_OK);
    assert_string_equal(a.log, "syslog");
    assert_null(a.host);
    assert_string_equal(a.queue, "");
    assert_true(a.queue_is_default && a.keep_failed && a.patience == 10000);
    config_free(config);
}

/* What the environment adds: up to three entries, which live as long as the program. */
static void set_environment(const char *const entries[3])
{
    assert_int_equal(clearenv(), 0);
    for (size_t i = 0; i < 3 && entries[i]; i++)
        assert_int_equal(putenv((char *)(uintptr_t)entries[i]), 0);
}

/* "account host port user password password_file" */
static void write_account(char out[300], const struct account *a)
{
    (void)snprintf(out, 300, "%s %s %u %s %s %s", a->name, a->host, a->port, a->user, a->password,
                   a->password_file);
}

/* Over a file: each value counts before both of its sections. */
static void environment_over_file(void **state)
{
    static const char both[] = "[orsino]\nuser = u\npassword_file = /f\n[a]\nhost = b\n"
                               "[c]\nhost = d\npassword = p\n";
    static const struct {
        const char *sentence, *text, *name;
        const char *const entries[3];
        const char *want; /* an account, or with a ':' "where:what", both from their start */
    } rows[] = {
        { "nothing of it", both, "c", { NULL }, "c d 465 u p " },
        { "over an account", both, "a", { "ORSINO_HOST=x", "ORSINO_PORT=587" }, "a x 587 u  /f" },
        { "over [orsino]", both, "a", { "ORSINO_USER=x" }, "a b 465 x  /f" },
        { "a password before a file", both, "a", { "ORSINO_PASSWORD=x" }, "a b 465 u x " },
        { "a file before a password", both, "c", { "ORSINO_PASSWORD_FILE=/x" }, "c d 465 u  /x" },
        { "an empty one takes it away",
          both,
          "c",
          { "ORSINO_USER=", "ORSINO_PASSWORD=" },
          "c d 465   " },
        { "an empty one that is no text", both, "c", { "ORSINO_PORT=" }, "c d 465 u p " },
        { "the default account", both, NULL, { "ORSINO_ACCOUNT=c" }, "c d 465 u p " },
        { "not over a name", both, "a", { "ORSINO_ACCOUNT=c" }, "a b 465 u  /f" },
        { "a default that is none",
          both,
          NULL,
          { "ORSINO_ACCOUNT=x" },
          "ORSINO_ACCOUNT:no account x; accounts here: a, c" },
        { "the sample", "[orsino]\nhost =\n", NULL, { "ORSINO_HOST=x" }, "orsino x 465   " },
        { "an empty file", "# nothing\n", NULL, { "ORSINO_HOST=x" }, "environment x 465   " },
        { "an empty file and no host", "", NULL, { "ORSINO_USER=x" }, "/tmp/:an empty file" },
        { "a name that the environment has not",
          "",
          "a",
          { "ORSINO_HOST=x" },
          "/tmp/:no account a; accounts here: environment" },
        { "a wrong value", both, "a", { "ORSINO_PORT=x" }, "ORSINO_PORT:port takes a number" },
        { "what does not go together",
          both,
          "c",
          { "ORSINO_PORT=26" },
          "environment and /tmp/:tls is missing" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct config *config;
        struct account account;
        char got[STATUS_WHAT_MAX + 300] = "";

        set_environment(rows[i].entries);
        if (load(rows[i].text, 0600, &config, &why) == CODE_OK &&
            config_account(config, rows[i].name, "", &account, &why) == CODE_OK)
            write_account(got, &account);
        else
            (void)snprintf(got, sizeof got, "%.*s:%s",
                           (int)(strcspn(why.where, "/") + (strchr(why.where, '/') ? 5 : 0)),
                           why.where, why.what);
        if (strchr(rows[i].want, ':'))
            got[strlen(rows[i].want)] = 0;
        check_text(rows[i].sentence, slice_of(got), slice_of(rows[i].want));
        config_free(config);
    }
    assert_int_equal(clearenv(), 0);
}

/* Without any file; this machine may have one where the last of them is looked for. */
static void environment_alone(void **state)
{
    static const char *const entries[] = { "ORSINO_HOST=x", "ORSINO_LOG=none",
                                           "ORSINO_LISTEN=2525" };
    struct status why = { 0 };
    struct config *config;
    struct account a;

    (void)state;
    if (access(SYSTEM_CONFIG, F_OK) == 0)
        skip();
    set_environment((const char *const[3]){ "ORSINO_USER=x" });
    assert_int_equal(config_load(NULL, &config, &why), CODE_CONFIG);
    assert_non_null(strstr(why.what, "no configuration: create " SYSTEM_CONFIG));
    why = (struct status){ 0 };
    set_environment(entries);
    assert_int_equal(config_load("/nonexistent/orsino.ini", &config, &why), CODE_CONFIG);
    why = (struct status){ 0 };
    assert_int_equal(config_load(NULL, &config, &why), CODE_OK);
    assert_null(config_warning(config));
    assert_string_equal(config_path(config), "environment");
    assert_int_equal(config_globals(config, &a, &why), CODE_OK);
    assert_string_equal(a.log, "none");
    assert_string_equal(a.listen, "2525");
    assert_int_equal(config_account(config, NULL, "a@b", &a, &why), CODE_OK);
    assert_string_equal(a.name, "environment");
    assert_string_equal(a.host, "x");
    assert_int_equal(config_account(config, "Environment", "", &a, &why), CODE_OK);
    assert_int_equal(config_account(config, "orsino", "", &a, &why), CODE_CONFIG);
    assert_string_equal(why.where, "environment");
    config_free(config);
    assert_int_equal(clearenv(), 0);
}

static void warnings(void **state)
{
    struct status why = { 0 };
    struct config *config;

    (void)state;
    set_environment((const char *const[3]){ "ORSINO_HOTS=x" });
    assert_int_equal(load("[a]\nhost = b\n", 0600, &config, &why), CODE_OK);
    assert_string_equal(config_warning(config),
                        "unknown in the environment: ORSINO_HOTS (did you mean ORSINO_HOST?)");
    config_free(config);
    assert_int_equal(clearenv(), 0);
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
        cmocka_unit_test(environment_over_file),
        cmocka_unit_test(environment_alone),
        cmocka_unit_test(warnings),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(the_sample),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
