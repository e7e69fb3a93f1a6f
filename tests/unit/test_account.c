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

static void a_long_pattern_ends(void **state)
{
    static char pattern[1000], sender[100000];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof pattern; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[sizeof pattern - 2] = 'b';
    memset(sender, 'a', sizeof sender - 1);
    assert_false(account_matches(pattern, sender));
}

/* An account as it is when nothing was said. */
static struct account nothing(void)
{
    return (
        struct account){ .name = "x", .host = "", .user = "", .password = "", .password_file = "" };
}

static void ports(void **state)
{
    static const struct {
        const char *sentence;
        enum tls_mode tls;
        unsigned port;
        enum tls_mode want_tls; /* TLS_UNSET: refused */
        unsigned want_port;
    } rows[] = {
        { "neither", TLS_UNSET, 0, TLS_IMPLICIT, 465 },
        { "implicit", TLS_IMPLICIT, 0, TLS_IMPLICIT, 465 },
        { "starttls", TLS_STARTTLS, 0, TLS_STARTTLS, 587 },
        { "none", TLS_NONE, 0, TLS_NONE, 25 },
        { "465", TLS_UNSET, 465, TLS_IMPLICIT, 465 },
        { "587", TLS_UNSET, 587, TLS_STARTTLS, 587 },
        { "25 is not without TLS", TLS_UNSET, 25, TLS_STARTTLS, 25 },
        { "another port", TLS_UNSET, 2525, TLS_UNSET, 2525 },
        { "another port with tls", TLS_IMPLICIT, 2525, TLS_IMPLICIT, 2525 },
        { "both said", TLS_NONE, 587, TLS_NONE, 587 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct account account = nothing();
        struct status why = { 0 };
        enum code code;

        account.host = "h";
        account.tls = rows[i].tls;
        account.port = rows[i].port;
        code = account_settle(&account, &why);
        check(rows[i].sentence, (code != CODE_OK) == (rows[i].want_tls == TLS_UNSET));
        check(rows[i].sentence, account.tls == rows[i].want_tls);
        check(rows[i].sentence, account.port == rows[i].want_port);
        check(rows[i].sentence, !code || strstr(why.what, "tls is missing: with port = 2525"));
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
        struct status why = { 0 };
        enum code code;

        account.host = rows[i].host;
        account.user = rows[i].user;
        account.password = rows[i].password;
        account.password_file = rows[i].password_file;
        account.auth = rows[i].auth;
        code = account_settle(&account, &why);
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
        cmocka_unit_test(patterns),       cmocka_unit_test(a_long_pattern_ends),
        cmocka_unit_test(ports),          cmocka_unit_test(what_belongs_together),
        cmocka_unit_test(password_files), cmocka_unit_test(other_passwords),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
