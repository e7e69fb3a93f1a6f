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
          "if the server is yours, name its CA in ca_file =, or set fingerprint = as orsino probe "
          "mail.example.it shows it" },
        { "its own CA, at an unusual port", CODE_UNTRUSTED, STAGE_TLS, 0,
          "self-signed certificate of \"localhost\"", TLS_IMPLICIT, "u", 4651,
          "if the server is yours, name its CA in ca_file =, or set fingerprint = as orsino probe "
          "mail.example.it --port 4651 shows it" },
        { "a size at MAIL", CODE_SENDER, STAGE_MAIL, 552, "5.3.4 Message size exceeds fixed limit",
          TLS_IMPLICIT, "u", 465, "the server sets this limit: send less, or a link to it" },
        { "a recipient whose name has the word", CODE_RECIPIENT, STAGE_RCPT, 550,
          "5.1.1 <bob@relay.example.org>: user unknown", TLS_IMPLICIT, "u", 465, "" },
        { "a sender whose name has the word", CODE_SENDER, STAGE_MAIL, 553,
          "5.7.1 rate-limits@example.it: not owned by user", TLS_IMPLICIT, "u", 465,
          "set from = to an address that the login may send as, and from_header = force where "
          "callers name another" },
        { "a link that has the word", CODE_CONTENT, STAGE_BODY, 550,
          "5.7.1 spam, see http://x.example/limitations", TLS_IMPLICIT, "u", 465, "" },
        { "a port of its own that is closed", CODE_REFUSED, STAGE_CONNECT, 0, "connection refused",
          TLS_IMPLICIT, "u", 7009, "nothing listens there; check host = and port =" },
        { "465 that is closed", CODE_REFUSED, STAGE_CONNECT, 0, "connection refused", TLS_IMPLICIT,
          "u", 465, "nothing listens there; with tls = starttls the port is 587" },
        { "587 that is closed", CODE_REFUSED, STAGE_CONNECT, 0, "connection refused", TLS_STARTTLS,
          "u", 587, "nothing listens there; with tls = implicit the port is 465" },
        { "no way to the host", CODE_UNREACHABLE, STAGE_CONNECT, 0, "Network is unreachable",
          TLS_IMPLICIT, "u", 465, "this machine has no way there: check its network" },
        { "SSH instead of TLS", CODE_NOT_TLS, STAGE_TLS, 0, "SSH-2.0-OpenSSH_9.2", TLS_IMPLICIT,
          "u", 22, "that is no mail server to send through: check host = and port =" },
        { "IMAP instead of SMTP", CODE_PROTOCOL, STAGE_GREETING, 0, "* OK IMAP4rev1", TLS_STARTTLS,
          "u", 143, "that is no mail server to send through: check host = and port =" },
        { "an alert of TLS instead of SMTP", CODE_PROTOCOL, STAGE_GREETING, 0, "???????",
          TLS_STARTTLS, "u", 2465,
          "if this port speaks TLS at once, set tls = implicit, port = 465" },
        { "SMTP instead of TLS", CODE_NOT_TLS, STAGE_TLS, 0, "220 mail.example.it", TLS_IMPLICIT,
          "u", 465, "set tls = starttls, port = 587" },
        { "no recipient in the message", CODE_NO_RECIPIENT, STAGE_OPTIONS, 0,
          "no recipient in To, Cc or Bcc", TLS_IMPLICIT, "u", 465,
          "the message names none in its header: add one there, or as an argument" },
        { "an INI of another group than the program's", CODE_PERMISSION, STAGE_CONFIG, 0,
          "the configuration may not be read by user 33: it is for user 0 and group 0, mode 600; "
          "this program has the right of group orsino",
          TLS_IMPLICIT, "", 465, "as root give it to that group: chgrp, and chmod 640" },
        { "an INI named with -C", CODE_PERMISSION, STAGE_CONFIG, 0,
          "the configuration may not be read by user 33: it is for user 0 and group 990, mode 640; "
          "-C gives up the right of this program's group",
          TLS_IMPLICIT, "", 465, "leave out -C" },
        { "relaying without a login", CODE_RECIPIENT, STAGE_RCPT, 554, "Relay access denied",
          TLS_NONE, "", 25, "set user = and password =" },
        { "relaying denied with a login", CODE_RECIPIENT, STAGE_RCPT, 554, "Relay access denied",
          TLS_IMPLICIT, "u", 465,
          "this server takes mail for its own domains alone: set host = to the one for "
          "submission" },
        { "relaying denied at port 25, for now", CODE_RECIPIENT, STAGE_RCPT, 454,
          "4.7.1 Relay access denied", TLS_STARTTLS, "u", 25,
          "port 25 takes mail for its own domains alone: set port = 587, or port = 465 with "
          "tls = implicit" },
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
          "critical, or set fingerprint = as orsino probe mail.example.it shows it" },
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
        struct account account = { .host = "mail.example.it",
                                   .region = "",
                                   .tls = rows[i].tls,
                                   .user = rows[i].user,
                                   .port = rows[i].port,
                                   .ca_file = "" };
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

/* What providers say, as their own pages and people's reports have it. */
static void of_providers(void **state)
{
    static const char password[] = "make an app password at the provider and set password =",
                      sender[] = "set from = to an address that the login may send as, and "
                                 "from_header = force where callers name another",
                      slower[] = "the provider limits how much is sent: send less at once, or ask "
                                 "him for more",
                      smaller[] = "the server sets this limit: send less, or a link to it",
                      verify[] = "verify the address or its domain at the provider, or set from = "
                                 "to one that is";
    static const struct {
        const char *host;
        enum code code;
        enum stage stage;
        int reply;
        const char *said, *want;
    } rows[] = {
        { "127.0.0.1", CODE_LOGIN, STAGE_LOGIN, 535, "5.7.8 no",
          "check user = and password =; some providers want an app password" },
        { "smtp.gmail.com", CODE_LOGIN, STAGE_LOGIN, 534,
          "5.7.9 Application-specific password required.", password },
        { "smtp.gmail.com", CODE_LOGIN, STAGE_LOGIN, 534,
          "5.7.14 Please log in via your web browser and then try again.",
          "sign in once with a browser, then make an app password and set password =" },
        { "smtp.gmail.com", CODE_LOGIN, STAGE_LOGIN, 535,
          "5.7.8 Username and Password not accepted.",
          "take an app password for password =: https://myaccount.google.com/apppasswords" },
        { "smtp.gmail.com", CODE_LOGIN, STAGE_LOGIN, 454,
          "4.7.0 Too many login attempts, please try again later.", slower },
        { "smtp.gmail.com", CODE_SENDER, STAGE_MAIL, 550,
          "5.4.5 Daily user sending limit exceeded.", slower },
        { "smtp.office365.com", CODE_LOGIN, STAGE_LOGIN, 535,
          "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled",
          "Microsoft has this login switched off: have SMTP AUTH allowed for the mailbox" },
        { "smtp.office365.com", CODE_LOGIN, STAGE_LOGIN, 535,
          "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
          "check user = and password =; some providers want an app password" },
        { "smtp.gmail.com", CODE_CONTENT, STAGE_BODY, 552,
          "5.3.4 Your message exceeded Google's message size limits.", smaller },
        { "smtp.office365.com", CODE_CONTENT, STAGE_BODY, 554,
          "5.2.252 SendAsDenied; info@example.it not allowed to send as x@example.it", sender },
        { "smtp.office365.com", CODE_CONTENT, STAGE_BODY, 550,
          "5.7.60 SMTP; Client does not have permissions to send as this sender", sender },
        { "smtp.office365.com", CODE_CONTENT, STAGE_BODY, 432,
          "4.3.2 Concurrent connections limit exceeded", slower },
        { "smtp.mail.yahoo.com", CODE_LOGIN, STAGE_LOGIN, 535, "5.7.0 (#AUTH005) incorrect",
          "take an app password for password =: https://login.yahoo.com/account/security" },
        { "smtp.mail.me.com", CODE_LOGIN, STAGE_LOGIN, 535, "5.7.8 authentication failed",
          "take an app-specific password for password =: https://account.apple.com" },
        { "smtp.zoho.com", CODE_SENDER, STAGE_MAIL, 553, "Sender is not allowed to relay emails",
          sender },
        { "smtp.qq.com", CODE_SENDER, STAGE_MAIL, 501,
          "Mail from address must be same as authorization user.", sender },
        { "email-smtp.eu-west-1.amazonaws.com", CODE_CONTENT, STAGE_BODY, 554,
          "Message rejected: Email address is not verified.", verify },
        { "email-smtp.us-east-1.amazonaws.com", CODE_LOGIN, STAGE_LOGIN, 535,
          "Authentication Credentials Invalid",
          "set region = to that of your SES, where the SMTP user and password were made" },
        { "mx.example.it", CODE_TOO_BIG, STAGE_MAIL, 0, "", smaller },
        { "mx.example.it", CODE_CONTENT, STAGE_BODY, 552, "5.3.4 Message too big", smaller },
        { "mx.example.it", CODE_TOO_BIG, STAGE_INPUT, 0, "",
          "raise max_message =, if it is to be sent" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status st = { .code = rows[i].code, .stage = rows[i].stage, .reply = rows[i].reply };
        struct account account = { .host = rows[i].host,
                                   .region = "",
                                   .tls = TLS_IMPLICIT,
                                   .user = "u",
                                   .port = 465,
                                   .ca_file = "" };
        struct buf out;

        buf_init(&out, 500);
        status_said(&st, slice_of(rows[i].said));
        (void)hint_for(&st, &account, &out);
        check_text(rows[i].said, buf_slice(&out), slice_of(rows[i].want));
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
    st = (struct status){ .code = CODE_TIMEOUT, .stage = STAGE_GREETING }; /* by the account */
    assert_false(hint_for(&st, NULL, &out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cures),
        cmocka_unit_test(of_providers),
        cmocka_unit_test(a_file_of_cas),
        cmocka_unit_test(without_an_account),
    };

    return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
