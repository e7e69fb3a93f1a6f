#include "conf/config.h"

#include "loading.h"

#include <fcntl.h>

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
        { "a bad fingerprint", "[a]\nfingerprint = 00:11\n", 0600, CODE_CONFIG, ":2",
          "fingerprint takes the SHA-256" },
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
    assert_non_null(strstr(why.what, "no configuration: orsino setup writes one"));
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
        cmocka_unit_test(environment_alone),
        cmocka_unit_test(warnings),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(the_sample),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
