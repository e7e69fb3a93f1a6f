#include "unit.h"

#include "smtp/sasl.h"

#include <string.h>

#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

enum {
    BOTH = SASL_PLAIN | SASL_LOGIN,
};

static void a_mechanism_is_chosen(void **state)
{
    static const struct {
        const char *sentence;
        unsigned offered, allowed;
        struct slice user, password;
        const char *words;
        enum code code;
        const char *want; /* its name, or the sentence of the failure */
    } rows[] = {
        { "PLAIN before LOGIN", BOTH, BOTH, BYTES("u"), BYTES("p"), "x", CODE_OK, "PLAIN" },
        { "LOGIN when it is all", SASL_LOGIN, BOTH, BYTES("u"), BYTES("p"), "x", CODE_OK, "LOGIN" },
        { "LOGIN when auth = names it", BOTH, SASL_LOGIN, BYTES("u"), BYTES("p"), "x", CODE_OK,
          "LOGIN" },
        { "no login offered", 0, BOTH, BYTES("u"), BYTES("p"), "", CODE_NO_AUTH,
          "the server offers no login" },
        { "none that we know", 0, BOTH, BYTES("u"), BYTES("p"), "GSSAPI NTLM", CODE_NO_AUTH,
          "the server offers only logins that we do not know: GSSAPI NTLM" },
        { "not the one that auth = names", SASL_PLAIN, SASL_LOGIN, BYTES("u"), BYTES("p"), "PLAIN",
          CODE_NO_AUTH, "the server does not offer the login that auth = names, only: PLAIN" },
        { "a NUL in the password", BOTH, BOTH, BYTES("u"), BYTES("p\0q"), "x", CODE_CONFIG,
          "the user or the password holds a NUL" },
        { "a NUL in the user", SASL_LOGIN, BOTH, BYTES("\0"), BYTES("p"), "x", CODE_CONFIG,
          "the user or the password holds a NUL" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sasl s = { 0 };
        struct status why = { 0 };
        enum code code = sasl_begin(&s, rows[i].offered, rows[i].allowed, rows[i].user,
                                    rows[i].password, rows[i].words, &why);

        check(rows[i].sentence, code == rows[i].code && why.code == code);
        check_text(rows[i].sentence, slice_of(code ? why.what : s.name), slice_of(rows[i].want));
        check(rows[i].sentence, !code || why.stage == STAGE_LOGIN);
    }
}

static void responses_follow_challenges(void **state)
{
    static const struct {
        const char *sentence;
        unsigned mechanism;
        bool initial;         /* whether it is asked for first */
        struct slice want[3]; /* initial response if asked for, then one a challenge */
        size_t count;
    } rows[] = {
        { "PLAIN after an empty challenge",
          SASL_PLAIN,
          false,
          { BYTES("\0u ser\0p\xc3\xa4ss") },
          1 },
        { "PLAIN asked for although it was said",
          SASL_PLAIN,
          true,
          { BYTES("\0u ser\0p\xc3\xa4ss"), BYTES("\0u ser\0p\xc3\xa4ss") },
          2 },
        { "LOGIN", SASL_LOGIN, false, { BYTES("u ser"), BYTES("p\xc3\xa4ss") }, 2 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct sasl s = { 0 };
        struct status why = { 0 };
        struct buf response;
        size_t n = 0;

        buf_init(&response, SASL_LINE_MAX);
        assert_int_equal(sasl_begin(&s, rows[i].mechanism, BOTH, slice_of("u ser"),
                                    slice_of("p\xc3\xa4ss"), "x", &why),
                         CODE_OK);
        if (rows[i].initial) {
            check(rows[i].sentence, sasl_initial(&s, &response));
            check_text(rows[i].sentence, buf_slice(&response), rows[i].want[n++]);
        }
        for (; n < rows[i].count; n++) {
            buf_clear(&response);
            check(rows[i].sentence, sasl_step(&s, slice_of("any"), &response, &why) == CODE_OK);
            check_text(rows[i].sentence, buf_slice(&response), rows[i].want[n]);
        }
        buf_clear(&response);
        check(rows[i].sentence, sasl_step(&s, slice_of(""), &response, &why) == CODE_PROTOCOL);
        check_text(rows[i].sentence, buf_slice(&response), slice_of(""));
        buf_wipe(&response);
    }
}

static void login_has_no_initial_response(void **state)
{
    struct sasl s = { 0 };
    struct status why = { 0 };
    struct buf response;

    (void)state;
    buf_init(&response, SASL_LINE_MAX);
    assert_int_equal(sasl_begin(&s, SASL_LOGIN, BOTH, slice_of("u"), slice_of("p"), "LOGIN", &why),
                     CODE_OK);
    assert_false(sasl_initial(&s, &response));
    assert_int_equal(response.n, 0);
}

static void a_response_too_long_is_told(void **state)
{
    struct sasl s = { 0 };
    struct status why = { 0 };
    struct buf response;

    (void)state;
    buf_init(&response, 4);
    assert_int_equal(
        sasl_begin(&s, SASL_PLAIN, BOTH, slice_of("user"), slice_of("p"), "PLAIN", &why), CODE_OK);
    assert_int_equal(sasl_step(&s, slice_of(""), &response, &why), CODE_MEMORY);
    buf_wipe(&response);
}

static void names_are_known(void **state)
{
    static const struct {
        const char *sentence, *name;
        unsigned want;
    } rows[] = {
        { "PLAIN", "PLAIN", SASL_PLAIN },
        { "in any case", "login", SASL_LOGIN },
        { "a longer one", "PLAIN-CLIENTTOKEN", 0 },
        { "none", "", 0 },
        { "another", "CRAM-MD5", 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, sasl_mechanism_of(slice_of(rows[i].name)) == rows[i].want);
}

static void a_secret_is_found_again(void **state)
{
    static const struct {
        const char *sentence, *password, *text;
        bool want;
    } rows[] = {
        { "nothing of it", "secret", "5.7.8 bad credentials", false },
        { "the password", "secret", "5.7.8 \"secret\" is wrong", true },
        { "in another case", "secret", "BAD PASSWORD SECRET", true },
        { "the line of PLAIN", "secret", "what is AUTH PLAIN AHVzZXJAeC5vcmcAc2VjcmV0", true },
        { "a piece of it", "secret", "what is AUTH PLAIN AHVzZXJAeC5v...", true },
        { "the line of LOGIN", "secret", "what is c2VjcmV0", true },
        { "of a long password", "secret secret", "what is c2VjcmV0IHNlY3JldA==", true },
        { "of a short one", "1234", "what is MTIzNA==", true },
        { "another user's line", "secret", "AHVzZXIyQHgub3JnAHNlY3JlCg==", false },
        { "the user, who is no secret", "secret", "no user@x.org, dXNlckB4Lm9yZw==", false },
        { "too short to tell", "the", "the mailbox", false },
        { "no password", "", "5.7.8 bad credentials", false },
        { "no text", "secret", "", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].sentence, sasl_is_repeated(slice_of("user@x.org"), slice_of(rows[i].password),
                                                 slice_of(rows[i].text)) == rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mechanism_is_chosen),
        cmocka_unit_test(responses_follow_challenges),
        cmocka_unit_test(login_has_no_initial_response),
        cmocka_unit_test(a_response_too_long_is_told),
        cmocka_unit_test(names_are_known),
        cmocka_unit_test(a_secret_is_found_again),
    };

    return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
