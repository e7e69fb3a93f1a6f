#include "deliver/hint.h"

#include "unit.h"

#include <stdio.h>

static void cures(void **state)
{
    static const struct {
        const char *sentence;
        enum code code;
        enum stage stage;
        int reply;
        const char *said;
        enum tls_mode tls;
        const char *user;
        unsigned port;
        const char *want; /* "" for none */
    } rows[] = {
        { "a plain greeting on the TLS port", CODE_NOT_TLS, STAGE_TLS, 0, "220 mx", TLS_IMPLICIT,
          "u", 465, "set tls = starttls, port = 587" },
        { "silence where TLS is expected at once", CODE_TIMEOUT, STAGE_GREETING, 0, "",
          TLS_STARTTLS, "u", 465,
          "a port that expects TLS at once is silent here: set tls = implicit, port = 465" },
        { "no STARTTLS on 465", CODE_NO_STARTTLS, STAGE_STARTTLS, 0, "", TLS_STARTTLS, "u", 465,
          "port 465 is for tls = implicit" },
        { "no STARTTLS elsewhere", CODE_NO_STARTTLS, STAGE_STARTTLS, 0, "", TLS_STARTTLS, "u", 587,
          "set tls = implicit, port = 465" },
        { "an app password is wanted", CODE_LOGIN, STAGE_LOGIN, 534,
          "5.7.9 Application-specific password required", TLS_IMPLICIT, "u", 465,
          "make an app password at the provider and set password =" },
        { "a wrong password", CODE_LOGIN, STAGE_LOGIN, 535, "5.7.8 bad", TLS_IMPLICIT, "u", 465,
          "check user = and password =; some providers want an app password" },
        { "a word that only holds those letters", CODE_LOGIN, STAGE_LOGIN, 535, "what happened?",
          TLS_IMPLICIT, "u", 465,
          "check user = and password =; some providers want an app password" },
        { "TLS is wanted before MAIL", CODE_SENDER, STAGE_MAIL, 530,
          "5.7.0 Must issue a STARTTLS command first", TLS_NONE, "", 25,
          "set tls = starttls, port = 587" },
        { "a login is wanted before MAIL", CODE_SENDER, STAGE_MAIL, 530,
          "5.7.0 Authentication required", TLS_NONE, "", 25, "set user = and password =" },
        { "a server that hangs up at once", CODE_CLOSED, STAGE_GREETING, 0, "", TLS_NONE, "", 465,
          "a port that expects TLS at once may hang up here: set tls = implicit, port = 465" },
        { "a login that auth = excludes", CODE_NO_AUTH, STAGE_LOGIN, 0,
          "the server does not offer the login that auth = names, only: LOGIN", TLS_IMPLICIT, "u",
          465, "set auth = auto" },
        { "a host whose name says name", CODE_UNTRUSTED, STAGE_TLS, 0,
          "the certificate of \"name.example\" expired on 2020-01-01", TLS_IMPLICIT, "u", 465,
          "the server needs a new certificate, unless this machine's clock is wrong" },
        { "a wrong name", CODE_UNTRUSTED, STAGE_TLS, 0,
          "wrong name: its certificate is for a, not for b", TLS_IMPLICIT, "u", 465,
          "set host = or tls_name = to a name in the certificate" },
        { "a certificate of the future", CODE_UNTRUSTED, STAGE_TLS, 0,
          "the certificate of \"a\" is not valid before 2099-01-01, and today is 2025-01-01",
          TLS_IMPLICIT, "u", 465,
          "the server uses it too early, unless this machine's clock is wrong" },
        { "a weak key is nothing that the INI can mend", CODE_UNTRUSTED, STAGE_TLS, 0,
          "a key in its certificates is too short (RSA below 2048 bits)", TLS_IMPLICIT, "u", 465,
          "" },
        { "an unknown CA", CODE_UNTRUSTED, STAGE_TLS, 0,
          "issued by \"X\", which is not among the CAs of /etc/ssl", TLS_IMPLICIT, "u", 465,
          "if the server is yours, name its CA in ca_file =" },
        { "relaying without a login", CODE_RECIPIENT, STAGE_RCPT, 554, "Relay access denied",
          TLS_NONE, "", 25, "set user = and password =" },
        { "relaying denied with a login has no cure here", CODE_RECIPIENT, STAGE_RCPT, 554,
          "Relay access denied", TLS_IMPLICIT, "u", 465, "" },
        { "an INI for another group", CODE_PERMISSION, STAGE_CONFIG, 0,
          "the configuration may not be read by user 33: it is for user 0 and group 0, mode 600",
          TLS_IMPLICIT, "", 465,
          "as root give it to a group of those who send mail: chgrp www-data and chmod 640, say" },
        { "an INI that its owner closed", CODE_PERMISSION, STAGE_CONFIG, 0,
          "the configuration may not be read by its own user 1000", TLS_IMPLICIT, "", 465,
          "chmod 600" },
        { "an INI that too many can write", CODE_PERMISSION, STAGE_CONFIG, 0,
          "other users can write this file, and lead mail and login elsewhere: chmod go-w",
          TLS_IMPLICIT, "", 465, "" },
        { "a variable of Kubernetes", CODE_CONFIG, STAGE_CONFIG, 0,
          "port takes a number from 1 to 65535, not \"tcp://10.0.0.1:25\"", TLS_IMPLICIT, "", 465,
          "Kubernetes sets this for a service named orsino: give it another name, or set "
          "enableServiceLinks: false" },
        { "a port of root's", CODE_PERMISSION, STAGE_CONFIG, 0,
          "no right to listen there (ports below 1024 are root's)", TLS_IMPLICIT, "", 465,
          "start it as root or from a socket of systemd, or set listen = to a port above 1023" },
        { "a port that is taken", CODE_REFUSED, STAGE_CONFIG, 0,
          "another program listens there already", TLS_IMPLICIT, "", 465,
          "a mail server most likely: stop it, or set listen =" },
        { "no CAs on this machine", CODE_NO_CA, STAGE_TLS, 0, "", TLS_IMPLICIT, "u", 465,
          "install the package ca-certificates, or set ca_file =" },
        { "an extension that BearSSL does not know", CODE_UNTRUSTED, STAGE_TLS, 0,
          "its certificates have a critical extension not known here", TLS_IMPLICIT, "u", 465,
          "if the server is yours, give it a certificate whose extended key usage is not "
          "critical" },
        { "a sender that is not of the login", CODE_SENDER, STAGE_MAIL, 553, "5.7.1 not owned",
          TLS_IMPLICIT, "u", 465,
          "set from = to an address that the login may send as, and from_header = force where "
          "callers name another" },
        { "a sender that is refused for now", CODE_SENDER, STAGE_MAIL, 451, "4.3.0 come later",
          TLS_IMPLICIT, "u", 465, "" },
        { "a login that fails for now", CODE_LOGIN, STAGE_LOGIN, 454, "4.7.0 temporary failure",
          TLS_IMPLICIT, "u", 465, "" },
        { "a refused message", CODE_CONTENT, STAGE_BODY, 554, "spam", TLS_IMPLICIT, "u", 465, "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status st = { .code = rows[i].code, .stage = rows[i].stage, .reply = rows[i].reply };
        struct account account = {
            .tls = rows[i].tls, .user = rows[i].user, .port = rows[i].port, .ca_file = ""
        };
        struct buf out;
        bool got;

        buf_init(&out, 500);
        status_said(&st, slice_of(rows[i].said));
        got = hint_for(&st, &account, &out);
        if (!slice_equal(buf_slice(&out), slice_of(rows[i].want)))
            print_error("%s: got \"%.*s\"\n", rows[i].sentence, (int)out.n, out.n ? out.p : "");
        assert_true(slice_equal(buf_slice(&out), slice_of(rows[i].want)));
        assert_int_equal(got, rows[i].want[0] != 0);
        buf_free(&out);
    }
}

static void a_file_of_cas(void **state)
{
    struct status st = { .code = CODE_NO_CA, .stage = STAGE_TLS };
    struct account account = { .tls = TLS_IMPLICIT, .user = "u", .ca_file = "/etc/nothing.pem" };
    struct buf out;

    (void)state;
    buf_init(&out, 500);
    assert_true(hint_for(&st, &account, &out));
    assert_true(slice_equal(buf_slice(&out), slice_of("correct ca_file =, or leave it out")));
    buf_free(&out);
}

static void without_an_account(void **state)
{
    struct status st = { .code = CODE_NO_RECIPIENT };
    struct buf out;

    (void)state;
    buf_init(&out, 500);
    assert_true(hint_for(&st, NULL, &out));
    buf_clear(&out);
    st.code = CODE_NOT_TLS; /* its cure depends on the account */
    assert_false(hint_for(&st, NULL, &out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cures),
        cmocka_unit_test(a_file_of_cas),
        cmocka_unit_test(without_an_account),
    };

    return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
