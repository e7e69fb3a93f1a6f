#include "conf/account.h"

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void patterns(void **state)
{
    static const struct {
        const char *sentence, *match, *sender;
        bool want;
    } rows[] = {
        { "an address", "me@example.it", "me@example.it", true },
        { "in another case", "Me@Example.IT", "me@example.it", true },
        { "another address", "me@example.it", "you@example.it", false },
        { "longer than the pattern", "me@example.it", "me@example.it.evil", false },
        { "shorter than the pattern", "me@example.it", "me@example", false },
        { "a domain", "@example.it", "me@example.it", true },
        { "below the domain", "@example.it", "me@sub.example.it", false },
        { "another domain", "@example.it", "me@badexample.it", false },
        { "the last @ counts", "@example.it", "\"a@b\"@example.it", true },
        { "a domain's star", "@*.example.it", "me@sub.example.it", true },
        { "a list", "a@b , @example.it", "me@example.it", true },
        { "a list with holes", ",, ,me@example.it", "me@example.it", true },
        { "a list without it", "a@b, c@d", "me@example.it", false },
        { "a star", "www-*@example.it", "www-data@example.it", true },
        { "a star for nothing", "www*@example.it", "www@example.it", true },
        { "two stars", "*w*@example.it", "www@example.it", true },
        { "a star that comes back", "*ab", "aab", true },
        { "a question mark", "m?@example.it", "me@example.it", true },
        { "a question mark needs one", "m?@example.it", "m@example.it", false },
        { "a star takes all", "*", "me@example.it", true },
        { "a bare name", "root", "root", true },
        { "a domain and a bare name", "@example.it", "root", false },
        { "no sender", "*", "", false },
        { "no pattern", "", "me@example.it", false },
        { "only commas", ", ,", "me@example.it", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, account_matches(rows[i].match, rows[i].sender) == rows[i].want);
}

/* An account as it is when nothing was said. */
static struct account nothing(void)
{
    return (struct account){
        .name = "x",
        .provider = "",
        .region = "",
        .host = "",
        .fingerprint = "",
        .user = "",
        .password = "",
        .password_file = "",
    };
}

static void ports(void **state)
{
    static const struct {
        const char *sentence;
        enum tls_mode tls;
        unsigned port;
        enum tls_mode want_tls;
        unsigned want_port;
        bool want_open;
    } rows[] = {
        { "neither", TLS_UNSET, 0, TLS_IMPLICIT, 465, true },
        { "auto", TLS_AUTO, 0, TLS_IMPLICIT, 465, true },
        { "implicit", TLS_IMPLICIT, 0, TLS_IMPLICIT, 465, false },
        { "starttls", TLS_STARTTLS, 0, TLS_STARTTLS, 587, false },
        { "none", TLS_NONE, 0, TLS_NONE, 25, false },
        { "465", TLS_UNSET, 465, TLS_IMPLICIT, 465, false },
        { "587", TLS_UNSET, 587, TLS_STARTTLS, 587, false },
        { "25 is not without TLS", TLS_UNSET, 25, TLS_STARTTLS, 25, false },
        { "auto and 465", TLS_AUTO, 465, TLS_IMPLICIT, 465, false },
        { "auto and 587", TLS_AUTO, 587, TLS_STARTTLS, 587, false },
        { "auto and 25", TLS_AUTO, 25, TLS_STARTTLS, 25, false },
        { "another port", TLS_UNSET, 2525, TLS_AUTO, 2525, false },
        { "auto and another port", TLS_AUTO, 2525, TLS_AUTO, 2525, false },
        { "another port with tls", TLS_IMPLICIT, 2525, TLS_IMPLICIT, 2525, false },
        { "both said", TLS_NONE, 587, TLS_NONE, 587, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = nothing();
        struct account_strings strings;
        struct status why = { 0 };

        account.host = "h";
        account.tls = rows[i].tls;
        account.port = rows[i].port;
        check(rows[i].sentence, account_settle(&account, &strings, &why) == CODE_OK);
        check(rows[i].sentence, account.tls == rows[i].want_tls);
        check(rows[i].sentence, account.port == rows[i].want_port);
        check(rows[i].sentence, account.port_is_open == rows[i].want_open);
    }
}

/* What is said beside a provider, and what the account then is. */
static void providers(void **state)
{
    static const struct {
        const char *sentence, *provider, *region, *host;
        unsigned port;
        enum tls_mode tls;
        const char *user;
        enum auth_mode auth;
        const char *want; /* "host port tls user", or the error's start */
    } rows[] = {
        { "all of it", "gmail", "", "", 0, TLS_UNSET, "u", AUTH_AUTO, "smtp.gmail.com 465 1 u" },
        { "in another case", "GMail", "", "", 0, TLS_UNSET, "", AUTH_AUTO,
          "smtp.gmail.com 465 1 " },
        { "with STARTTLS", "icloud", "", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "smtp.mail.me.com 587 2 u" },
        { "tls = auto", "icloud", "", "", 0, TLS_AUTO, "u", AUTH_AUTO, "smtp.mail.me.com 587 2 u" },
        { "another tls", "gmail", "", "", 0, TLS_STARTTLS, "u", AUTH_AUTO,
          "smtp.gmail.com 587 2 u" },
        { "another usual port", "gmail", "", "", 587, TLS_UNSET, "u", AUTH_AUTO,
          "smtp.gmail.com 587 2 u" },
        { "an unusual port", "postmark", "", "", 2525, TLS_UNSET, "u", AUTH_AUTO,
          "smtp.postmarkapp.com 2525 2 u" },
        { "both", "gmail", "", "", 2525, TLS_IMPLICIT, "u", AUTH_AUTO, "smtp.gmail.com 2525 1 u" },
        { "another host", "proton-bridge", "", "bridge.lan", 0, TLS_UNSET, "u", AUTH_AUTO,
          "bridge.lan 1025 2 u" },
        { "the usual region", "ses", "", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "email-smtp.us-east-1.amazonaws.com 465 1 u" },
        { "another region", "ses", "eu-south-1", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "email-smtp.eu-south-1.amazonaws.com 465 1 u" },
        { "a user that is always the same", "sendgrid", "", "", 0, TLS_UNSET, "", AUTH_AUTO,
          "smtp.sendgrid.net 465 1 apikey" },
        { "but said", "sendgrid", "", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "smtp.sendgrid.net 465 1 u" },
        { "no login", "sendgrid", "", "", 0, TLS_UNSET, "", AUTH_NONE, "smtp.sendgrid.net 465 1 " },
        { "a misspelt one", "gmial", "", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "no provider gmial, did you mean gmail?" },
        { "an unknown one", "example.org", "", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "no provider example.org: orsino.ini(5) lists them; else set host =" },
        { "a region that is none", "ses", "eu.evil/", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "region takes letters, digits, - and dots, as in us-east-1, not \"eu.evil/\"" },
        { "a region too many", "gmail", "eu", "", 0, TLS_UNSET, "u", AUTH_AUTO,
          "region: gmail has none" },
        { "a region alone", "", "eu", "h", 0, TLS_UNSET, "u", AUTH_AUTO,
          "region: only a provider = has regions" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = nothing();
        struct account_strings strings;
        struct status why = { 0 };
        char got[STATUS_WHAT_MAX];

        account.provider = rows[i].provider;
        account.region = rows[i].region;
        account.host = rows[i].host;
        account.port = rows[i].port;
        account.tls = rows[i].tls;
        account.user = rows[i].user;
        account.auth = rows[i].auth;
        account.password = rows[i].auth == AUTH_AUTO ? "p" : "";
        if (rows[i].user[0] == 0 && strcmp(rows[i].provider, "sendgrid") != 0)
            account.password = "";
        if (account_settle(&account, &strings, &why))
            (void)snprintf(got, sizeof got, "%s", why.what);
        else
            (void)snprintf(got, sizeof got, "%s %u %u %s", account.host, account.port,
                           (unsigned)account.tls, account.user);
        check_text(rows[i].sentence, slice_of(got), slice_of(rows[i].want));
        check(rows[i].sentence, !account.port_is_open);
    }
}

#define DIGITS "0123456789abcdef00112233445566778899aabbccddeeff0011223344556677"

static void fingerprints(void **state)
{
    static const struct {
        const char *sentence, *text;
        enum tls_mode tls;
        const char *want; /* the error's start, too */
    } rows[] = {
        { "none", "", TLS_UNSET, "" },
        { "digits", DIGITS, TLS_UNSET, DIGITS },
        { "capitals and colons",
          "01:23:45:67:89:AB:CD:EF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:"
          "55:66:77",
          TLS_STARTTLS, DIGITS },
        { "spaces", "01 23456789abcdef 00112233445566778899aabbccddeeff 0011223344556677",
          TLS_UNSET, DIGITS },
        { "one too many", DIGITS "0", TLS_UNSET, "fingerprint takes the SHA-256" },
        { "one too few", DIGITS + 1, TLS_UNSET, "fingerprint takes the SHA-256" },
        { "another sign", "g123456789abcdef00112233445566778899aabbccddeeff0011223344556677",
          TLS_UNSET, "fingerprint takes the SHA-256" },
        { "without TLS", DIGITS, TLS_NONE, "fingerprint: with tls = none there is no" },
        { "none without TLS", "", TLS_NONE, "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = nothing();
        struct account_strings strings;
        struct status why = { 0 };
        struct slice got;

        account.host = "h";
        account.tls = rows[i].tls;
        account.fingerprint = rows[i].text;
        got = slice_of(account_settle(&account, &strings, &why) ? why.what : account.fingerprint);
        check_text(rows[i].sentence, slice_part(got, 0, why.code ? strlen(rows[i].want) : got.n),
                   slice_of(rows[i].want));
    }
}

static void what_belongs_together(void **state)
{
    static const struct {
        const char *sentence, *host, *user, *password, *password_file;
        enum auth_mode auth;
        const char *want; /* NULL: accepted */
    } rows[] = {
        { "no login", "h", "", "", "", AUTH_AUTO, NULL },
        { "a login", "h", "u", "p", "", AUTH_AUTO, NULL },
        { "a login with a file", "h", "u", "", "/p", AUTH_PLAIN, NULL },
        { "no host", "", "u", "p", "", AUTH_AUTO, "host is missing in [x]" },
        { "a user alone", "h", "u", "", "", AUTH_AUTO, "password is missing" },
        { "a password alone", "h", "", "p", "", AUTH_AUTO, "user is missing" },
        { "a password file alone", "h", "", "", "/p", AUTH_AUTO, "user is missing" },
        { "a mechanism alone", "h", "", "", "", AUTH_LOGIN, "user is missing" },
        { "two passwords", "h", "u", "p", "/p", AUTH_AUTO, "only one" },
        { "no login said", "h", "u", "", "", AUTH_NONE, NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = nothing();
        struct account_strings strings;
        struct status why = { 0 };
        enum code code;

        account.host = rows[i].host;
        account.user = rows[i].user;
        account.password = rows[i].password;
        account.password_file = rows[i].password_file;
        account.auth = rows[i].auth;
        code = account_settle(&account, &strings, &why);
        check(rows[i].sentence, code == (rows[i].want ? CODE_CONFIG : CODE_OK));
        check(rows[i].sentence, !rows[i].want || strstr(why.what, rows[i].want));
    }
}

/* A file with these bytes and this mode; the caller unlinks it. */
static void make_file(char path[64], struct slice bytes, mode_t mode)
{
    int fd;

    (void)snprintf(path, 64, "/tmp/orsino-test-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static enum code read_password(const char *path, const char *password, struct buf *secret,
                               struct status *why)
{
    struct account account = nothing();

    account.password = password;
    account.password_file = path;
    buf_init(secret, 4096);
    return account_password(&account, secret, why);
}

static void password_files(void **state)
{
    static char longest[4096], too_long[4097];
    const struct {
        const char *sentence;
        struct slice bytes;
        mode_t mode;
        enum code want;
        struct slice password;
    } rows[] = {
        { "a line", { "secret\n", 7 }, 0600, CODE_OK, { "secret", 6 } },
        { "CRLF", { "secret\r\n", 8 }, 0600, CODE_OK, { "secret", 6 } },
        { "no line end", { "secret", 6 }, 0600, CODE_OK, { "secret", 6 } },
        { "white space stays", { " se cret \n", 10 }, 0600, CODE_OK, { " se cret ", 9 } },
        { "# and ; stay", { "#a;b\n", 5 }, 0600, CODE_OK, { "#a;b", 4 } },
        { "the first line", { "a\nb\n", 4 }, 0600, CODE_OK, { "a", 1 } },
        { "only one CR goes", { "a\r\r\n", 4 }, 0600, CODE_OK, { "a\r", 2 } },
        { "readable by all", { "a\n", 2 }, 0444, CODE_OK, { "a", 1 } },
        { "the longest", { longest, sizeof longest }, 0600, CODE_OK, { longest, 4096 } },
        { "too long", { too_long, sizeof too_long }, 0600, CODE_CONFIG, { 0 } },
        { "writable by the group", { "a\n", 2 }, 0620, CODE_PERMISSION, { 0 } },
        { "writable by all", { "a\n", 2 }, 0602, CODE_PERMISSION, { 0 } },
        { "empty", { "", 0 }, 0600, CODE_CONFIG, { 0 } },
        { "an empty line", { "\na\n", 3 }, 0600, CODE_CONFIG, { 0 } },
        { "a NUL", { "a\0b\n", 4 }, 0600, CODE_CONFIG, { 0 } },
    };

    (void)state;
    memset(longest, 'x', sizeof longest);
    memset(too_long, 'x', sizeof too_long);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct buf secret;
        char path[64];

        make_file(path, rows[i].bytes, rows[i].mode);
        check(rows[i].sentence, read_password(path, "", &secret, &why) == rows[i].want);
        check_text(rows[i].sentence, buf_slice(&secret), rows[i].password);
        check(rows[i].sentence, !rows[i].want || strcmp(why.where, path) == 0);
        buf_wipe(&secret);
        (void)unlink(path);
    }
}

static void other_passwords(void **state)
{
    struct status why = { 0 };
    struct buf secret;
    char path[64];

    (void)state;
    assert_int_equal(read_password("", "p w", &secret, &why), CODE_OK);
    check_text("from the INI", buf_slice(&secret), slice_of("p w"));
    buf_wipe(&secret);
    assert_int_equal(read_password("/nonexistent/p", "", &secret, &why), CODE_FILE_MISSING);
    why = (struct status){ 0 };
    assert_int_equal(read_password("/tmp", "", &secret, &why), CODE_CONFIG);
    if (geteuid() != 0)
        return;
    why = (struct status){ 0 };
    make_file(path, slice_of("a\n"), 0600);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_int_equal(read_password(path, "", &secret, &why), CODE_PERMISSION);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(ports),
        cmocka_unit_test(providers),
        cmocka_unit_test(fingerprints),
        cmocka_unit_test(what_belongs_together),
        cmocka_unit_test(password_files),
        cmocka_unit_test(other_passwords),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
