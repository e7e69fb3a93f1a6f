#include "conf/config.h"

#include "loading.h"

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
        { "an unusual port", "\n[a]\nhost = b\nport = 26\n", NULL, "", "a" },
        { "no such provider", "\n[a]\nprovider = gmial\n", NULL, "",
          "3:no provider gmial, did you mean gmail?" },
        { "no such provider, of all accounts", "[orsino]\nprovider = gmial\n[a]\nuser = u\n", NULL,
          "", "2:no provider gmial, did you mean gmail?" },
        { "no such account beside the globals", "[orsino]\nhost = h\n", "a", "",
          ":no account a; accounts here: orsino" },
        { "a provider without a password", "[a]\nprovider = sendgrid\n", NULL, "",
          "1:password is missing" },
        { "two passwords", "[a]\nhost = b\nuser = c\npassword = d\npassword_file = /e\n", NULL, "",
          "4:password and password_file" },
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

/* Which of the sections counts, when one names a provider and the other a host. */
static void nearest_servers(void **state)
{
    static const struct {
        const char *sentence, *text, *want; /* "host port tls user" */
    } rows[] = {
        { "a provider for all", "[orsino]\nprovider = icloud\n[a]\nfrom = x@y\n",
          "smtp.mail.me.com 587 2 " },
        { "an own provider before a host for all",
          "[orsino]\nhost = h\nport = 26\ntls = none\nregion = x\n[a]\nprovider = gmail\n",
          "smtp.gmail.com 465 1 " },
        { "an own host before a provider for all",
          "[orsino]\nprovider = ses\nregion = eu-west-1\n[a]\nhost = h\nport = 26\n", "h 26 3 " },
        { "both in one place", "[orsino]\nport = 26\n[a]\nprovider = icloud\nhost = h\n",
          "h 587 2 " },
        { "an own port beside a provider for all",
          "[orsino]\nprovider = postmark\n[a]\nport = 2525\n", "smtp.postmarkapp.com 2525 2 " },
        { "an own region", "[orsino]\nprovider = ses\n[a]\nregion = eu-west-1\n",
          "email-smtp.eu-west-1.amazonaws.com 465 1 " },
        { "an empty host beside it", "[a]\nhost =\nprovider = gmail\n", "smtp.gmail.com 465 1 " },
        { "a user that is always the same", "[a]\nprovider = sendgrid\npassword = p\n",
          "smtp.sendgrid.net 465 1 apikey" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct config *config;
        struct account first, second;
        char got[300];

        load_well(rows[i].text, &config);
        check(rows[i].sentence, config_account(config, "a", "", &first, &why) == CODE_OK);
        check(rows[i].sentence, config_account(config, "A", "", &second, &why) == CODE_OK);
        (void)snprintf(got, sizeof got, "%s %u %u %s", first.host, first.port, (unsigned)first.tls,
                       first.user);
        check_text(rows[i].sentence, slice_of(got), slice_of(rows[i].want));
        check(rows[i].sentence, first.host == second.host && first.user == second.user);
        config_free(config);
    }
}

/* Two accounts at once, each with its own. */
static void strings_of_several_accounts(void **state)
{
    struct status why = { 0 };
    struct config *config;
    struct account a, b;

    (void)state;
    load_well("[a]\nprovider = ses\nregion = eu-west-1\n"
              "fingerprint = 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
              "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\n[b]\nprovider = gmail\n",
              &config);
    assert_int_equal(config_account(config, "a", "", &a, &why), CODE_OK);
    assert_int_equal(config_account(config, "b", "", &b, &why), CODE_OK);
    assert_string_equal(a.host, "email-smtp.eu-west-1.amazonaws.com");
    assert_string_equal(b.host, "smtp.gmail.com");
    assert_string_equal(a.fingerprint,
                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    assert_string_equal(b.fingerprint, "");
    config_free(config);
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
          { "ORSINO_PASSWORD=x", "ORSINO_PASSWORD_FILE=/x" },
          "environment and /tmp/:password and password_file" },
        { "a provider over a host with its port",
          "[orsino]\nhost = b\nport = 26\ntls = none\n",
          NULL,
          { "ORSINO_PROVIDER=icloud" },
          "orsino smtp.mail.me.com 587   " },
        { "a provider over the sample",
          "[orsino]\nhost =\n",
          NULL,
          { "ORSINO_PROVIDER=ses", "ORSINO_REGION=eu-west-1" },
          "orsino email-smtp.eu-west-1.amazonaws.com 465   " },
        { "a host over a provider",
          "[orsino]\nprovider = ses\nregion = eu-west-1\n",
          NULL,
          { "ORSINO_HOST=x" },
          "orsino x 465   " },
        { "both",
          "[orsino]\n",
          NULL,
          { "ORSINO_HOST=x", "ORSINO_PROVIDER=icloud" },
          "orsino x 587   " },
        { "a provider is taken away",
          "[orsino]\nprovider = icloud\n",
          NULL,
          { "ORSINO_PROVIDER=" },
          "environment and /tmp/:host is missing in [orsino]" },
        { "a provider alone",
          "",
          NULL,
          { "ORSINO_PROVIDER=gmail" },
          "environment smtp.gmail.com 465   " },
        { "a wrong fingerprint",
          both,
          "c",
          { "ORSINO_FINGERPRINT=ab" },
          "ORSINO_FINGERPRINT:fingerprint takes the SHA-256" },
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults),
        cmocka_unit_test(choices),
        cmocka_unit_test(nearest_servers),
        cmocka_unit_test(strings_of_several_accounts),
        cmocka_unit_test(globals),
        cmocka_unit_test(environment_over_file),
    };

    return cmocka_run_group_tests_name("config_account", tests, NULL, NULL);
}
