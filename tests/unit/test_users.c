#include "cli/users.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD "p#ss;w\xc3\xb6rd" /* what all hashes below are of */

static const char users[] =
    "# the relay's users\n"
    "\n"
    "sha512:$6$saltsalt$HQNUc5A3RGpOIkN4buABf0IHG85DacE5xTlc3s1HbL1Vl/VdBQ2fVWXmMnI3Gr7IyoaEe7vVd1u"
    "I48zXEOmVa.\n"
    "sha256:$5$saltsalt$PzQDHLwnWCM5VJP7CtdX1f91Y68.OTiWhau1uYtzzS2:19000:0:99999:7:::\n"
    "bcrypt:$2b$05$abcdefghijklmnopqrstuuZNJOSW8ApoFCxl1D6PWH4PzPV9JiBVy\r\n"
    "yescrypt:$y$j9T$abcdefghijklmnopqrstu.$8Rw.V3I9T6WBTH49e6NkfkwPcHRkdpEQGkd1v44TqFA\n"
    "locked:!$6$saltsalt$HQNUc5A3RGpOIkN4buABf0IHG85DacE5xTlc3s1HbL1Vl/VdBQ2fVWXmMnI3Gr7IyoaEe7vVd1"
    "uI48zXEOmVa.\n"
    "star:*\n"
    "empty:\n"
    "bare\n"
    "clear:" PASSWORD "\n"
    "sha512:$1$salt$yJlZHP0qjnbK9sPDle8sr/\n"
    "last:$1$salt$yJlZHP0qjnbK9sPDle8sr/";

static enum code ask(const char *text, mode_t mode, struct slice user, struct slice password)
{
    char path[] = "/tmp/orsino-test-XXXXXX";
    int fd = mkstemp(path);
    size_t n = strlen(text);
    struct status why = { 0 };
    enum code code;

    assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
    code = users_check(path, user, password, &why);
    assert_int_equal(code, why.code);
    if (code != CODE_OK && code != CODE_LOGIN)
        assert_string_equal(why.where, path);
    (void)close(fd);
    (void)unlink(path);
    return code;
}

static void logins(void **state)
{
    static const struct {
        const char *sentence, *user, *password;
        enum code want;
    } rows[] = {
        { "SHA-512", "sha512", PASSWORD, CODE_OK },
        { "SHA-256, with what a shadow file has behind it", "sha256", PASSWORD, CODE_OK },
        { "bcrypt, and a line that ends in CR LF", "bcrypt", PASSWORD, CODE_OK },
        { "yescrypt", "yescrypt", PASSWORD, CODE_OK },
        { "MD5, on a last line without an end", "last", PASSWORD, CODE_OK },
        { "a wrong password", "sha512", "p#ss;word", CODE_LOGIN },
        { "no password", "sha512", "", CODE_LOGIN },
        { "the hash as a password", "last", "$1$salt$yJlZHP0qjnbK9sPDle8sr/", CODE_LOGIN },
        { "a name that is not there, with the first one's password", "nobody", PASSWORD,
          CODE_LOGIN },
        { "no name", "", PASSWORD, CODE_LOGIN },
        { "another case", "SHA512", PASSWORD, CODE_LOGIN },
        { "a comment is no user", "# the relay's users", PASSWORD, CODE_LOGIN },
        { "a locked one", "locked", PASSWORD, CODE_LOGIN },
        { "one with a star", "star", "*", CODE_LOGIN },
        { "one without a hash", "empty", "", CODE_LOGIN },
        { "one without a colon", "bare", "", CODE_LOGIN },
        { "a password in the clear is no hash", "clear", PASSWORD, CODE_LOGIN },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence,
              ask(users, 0600, slice_of(rows[i].user), slice_of(rows[i].password)) == rows[i].want);
}

static void odd_bytes(void **state)
{
    static const char password[] = PASSWORD "\0x";
    char endless[4096];

    (void)state;
    memset(endless, 'x', sizeof endless);
    check("a password with a NUL is not the one before it",
          ask(users, 0600, slice_of("sha512"), (struct slice){ password, sizeof password - 1 }) ==
              CODE_LOGIN);
    check("an endless password", ask(users, 0600, slice_of("sha512"),
                                     (struct slice){ endless, sizeof endless }) == CODE_LOGIN);
}

static void files(void **state)
{
    struct slice user = slice_of("sha512"), password = slice_of(PASSWORD);
    struct status why = { 0 };

    (void)state;
    check("readable by a group", ask(users, 0640, user, password) == CODE_OK);
    check("writable by all", ask(users, 0606, user, password) == CODE_PERMISSION);
    check("empty", ask("", 0600, user, password) == CODE_LOGIN);
    check("not there", users_check("/nonexistent", user, password, &why) == CODE_FILE_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logins),
        cmocka_unit_test(odd_bytes),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
