#include "deliver/hint.h"

#include <string.h>

/* What must hold of the account for a cure to fit. */
enum setting {
    ANY,
    IMPLICIT,
    STARTTLS,
    PLAIN,
    NO_USER,
    ON_465,
    OWN_CA,
};

/*
 * THE table of cures; the first row that fits is taken, so the special ones stand first. A zero or
 * NULL fits everything. `words` are looked for in what the server said and in our own sentence.
 */
static const struct row {
    enum code code;
    enum stage stage;
    int reply;
    const char *words;
    enum setting setting;
    const char *sentence;
} rows[] = {
    { CODE_NO_RECIPIENT, 0, 0, NULL, ANY, "name one as an argument, or use -t" },
    { CODE_ADDRESS, 0, 0, "has no domain", ANY,
      "set local = to who gets such mail, or domain =, in the INI" },
    { CODE_CONFIG, STAGE_CONFIG, 0, "\"tcp://", ANY,
      "Kubernetes sets this for a service named orsino: give it another name, or set "
      "enableServiceLinks: false" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "by its own user", ANY, "chmod 600" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "set-group-ID bit", ANY,
      "start orsino.socket, the relay that takes such messages, or let the program have its "
      "right" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "configuration may not be read", ANY,
      "as root give it to a group of those who send mail: chgrp www-data and chmod 640, say" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "may not enter", ANY,
      "as root let the group of those who send mail in: chmod 750, or move the file" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "no right to listen", ANY,
      "start it as root or from a socket of systemd, or set listen = to a port above 1023" },
    { CODE_RESOLVE, 0, 0, NULL, ANY, "check host =" },
    { CODE_RESOLVE_LATER, 0, 0, NULL, ANY, "check the network and /etc/resolv.conf" },
    { CODE_REFUSED, STAGE_CONFIG, 0, NULL, ANY,
      "a mail server most likely: stop it, or set listen =" },
    { CODE_REFUSED, STAGE_CONNECT, 0, "at this socket", ANY, "start orsino.socket" },
    { CODE_REFUSED, 0, 0, NULL, IMPLICIT,
      "nothing listens there; with tls = starttls the port is 587" },
    { CODE_REFUSED, 0, 0, NULL, STARTTLS,
      "nothing listens there; with tls = implicit the port is 465" },
    { CODE_REFUSED, 0, 0, NULL, ANY, "nothing listens there; check host = and port =" },
    { CODE_TIMEOUT, STAGE_CONNECT, 0, NULL, ANY,
      "a network on the way may block this port; try port = 465 or 587" },
    { CODE_TIMEOUT, STAGE_GREETING, 0, NULL, STARTTLS,
      "a port that expects TLS at once is silent here: set tls = implicit, port = 465" },
    { CODE_TIMEOUT, STAGE_GREETING, 0, NULL, PLAIN,
      "a port that expects TLS at once is silent here: set tls = implicit, port = 465" },
    { CODE_CLOSED, STAGE_GREETING, 0, NULL, STARTTLS,
      "a port that expects TLS at once may hang up here: set tls = implicit, port = 465" },
    { CODE_CLOSED, STAGE_GREETING, 0, NULL, PLAIN,
      "a port that expects TLS at once may hang up here: set tls = implicit, port = 465" },
    { CODE_NOT_TLS, 0, 0, NULL, IMPLICIT, "set tls = starttls, port = 587" },
    { CODE_TIMEOUT, STAGE_TLS, 0, NULL, IMPLICIT,
      "a port without TLS is silent here: set tls = starttls, port = 587" },
    { CODE_NO_STARTTLS, 0, 0, NULL, ON_465, "port 465 is for tls = implicit" },
    { CODE_NO_STARTTLS, 0, 0, NULL, ANY, "set tls = implicit, port = 465" },
    { CODE_PROTOCOL, STAGE_GREETING, 0, NULL, STARTTLS,
      "if this port speaks TLS at once, set tls = implicit, port = 465" },
    { CODE_PROTOCOL, STAGE_GREETING, 0, NULL, PLAIN,
      "if this port speaks TLS at once, set tls = implicit, port = 465" },
    { CODE_NO_CA, 0, 0, NULL, OWN_CA, "correct ca_file =, or leave it out" },
    { CODE_NO_CA, 0, 0, NULL, ANY, "install the package ca-certificates, or set ca_file =" },
    { CODE_UNTRUSTED, 0, 0, "wrong name", ANY,
      "set host = or tls_name = to a name in the certificate" },
    { CODE_UNTRUSTED, 0, 0, "clock", ANY, "set this machine's clock" },
    { CODE_UNTRUSTED, 0, 0, "expired", ANY,
      "the server needs a new certificate, unless this machine's clock is wrong" },
    { CODE_UNTRUSTED, 0, 0, "not valid before", ANY,
      "the server uses it too early, unless this machine's clock is wrong" },
    { CODE_UNTRUSTED, 0, 0, "out of date", ANY, "update the package ca-certificates" },
    { CODE_UNTRUSTED, 0, 0, "critical extension", ANY,
      "if the server is yours, give it a certificate whose extended key usage is not critical" },
    { CODE_UNTRUSTED, 0, 0, "issued by", ANY, "if the server is yours, name its CA in ca_file =" },
    { CODE_UNTRUSTED, 0, 0, "self-signed", ANY,
      "if the server is yours, name its CA in ca_file =" },
    { CODE_NO_AUTH, 0, 0, "auth = names", ANY, "set auth = auto" },
    { CODE_NO_AUTH, 0, 0, "without TLS", ANY, "set tls = implicit or tls = starttls" },
    { CODE_NO_AUTH, 0, 0, NULL, ANY, "check port =; without a login at all set auth = none" },
    { CODE_LOGIN, 0, 0, "application-specific", ANY,
      "make an app password at the provider and set password =" },
    { CODE_LOGIN, 0, 0, "app password", ANY,
      "make an app password at the provider and set password =" },
    { CODE_LOGIN, 0, 0, NULL, ANY,
      "check user = and password =; some providers want an app password" },
    { CODE_SENDER, 0, 530, "STARTTLS", PLAIN, "set tls = starttls, port = 587" },
    { CODE_SENDER, 0, 530, NULL, NO_USER, "set user = and password =" },
    { CODE_SENDER, 0, 0, NULL, ANY,
      "set from = to an address that the login may send as, and from_header = force where callers "
      "name another" },
    { CODE_RECIPIENT, 0, 0, "relay", NO_USER, "set user = and password =" },
    { CODE_RECIPIENT, 0, 530, NULL, NO_USER, "set user = and password =" },
    { CODE_NO_8BITMIME, 0, 0, NULL, ANY, "encode the message as base64 or quoted-printable" },
    { CODE_UNKNOWN_END, 0, 0, NULL, ANY, "look for it at the recipient before it is sent again" },
};

static bool setting_holds(enum setting setting, const struct account *account)
{
    if (setting == ANY || !account)
        return setting == ANY;
    switch (setting) {
    case IMPLICIT:
        return account->tls == TLS_IMPLICIT;
    case STARTTLS:
        return account->tls == TLS_STARTTLS;
    case PLAIN:
        return account->tls == TLS_NONE;
    case NO_USER:
        return account->user[0] == 0;
    case ON_465:
        return account->port == 465;
    case OWN_CA:
        return account->ca_file[0] != 0;
    case ANY:
        break;
    }
    return true;
}

static bool fits(const struct row *row, const struct status *st, const struct account *account)
{
    if (row->code != st->code || (row->stage && row->stage != st->stage) ||
        (row->reply && row->reply != st->reply))
        return false;
    if (row->words && !slice_contains_nocase(slice_of(st->said), slice_of(row->words)) &&
        !slice_contains_nocase(slice_of(st->what), slice_of(row->words)))
        return false;
    return setting_holds(row->setting, account);
}

/* What the server may take at another time is not for the INI to mend. */
static bool is_about_now(const struct status *st)
{
    return st->reply >= 400 && st->reply < 500;
}

bool hint_for(const struct status *st, const struct account *account, struct buf *out)
{
    if (is_about_now(st))
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!fits(&rows[i], st, account))
            continue;
        buf_add_string(out, rows[i].sentence);
        return true;
    }
    return false;
}
