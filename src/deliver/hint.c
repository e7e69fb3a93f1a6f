#include "deliver/hint.h"

#include "conf/provider.h"

#include <string.h>

/* What must hold of the account for a cure to fit. */
enum setting {
    ANY,
    IMPLICIT,
    STARTTLS,
    PLAIN,
    NO_USER,
    ON_465,
    ON_587,
    ON_25,
    PORT_OPEN, /* neither port nor tls is said, and two were tried */
    OWN_CA,
    NO_SMTP, /* what it said begins as no reply of SMTP does, and is text */
    HAS_ACCOUNT,
    HAS_NOTE,     /* the host is a provider's, whose row says what people fail at */
    NOW = 1 << 8, /* also for a reply that says "not now" */
};

static const char probe_it[] = "run orsino probe %s: it shows what this server speaks, and where",
                  no_smtp[] = "that is no mail server to send through: check host = and port =",
                  own_server[] = "if the server is yours, name its CA in ca_file =, or set "
                                 "fingerprint = as orsino probe %s shows it",
                  other_ca[] = "its CA is not the one in ca_file =: add it there, or set "
                               "fingerprint = as orsino probe %s shows it",
                  wrong_login[] = "check user = and password =; some providers want an app "
                                  "password",
                  app_password[] = "make an app password at the provider and set password =",
                  slow_down[] = "the provider limits how much is sent: send less at once, or ask "
                                "him for more",
                  make_smaller[] = "the server sets this limit: send less, or a link to it",
                  other_sender[] = "set from = to an address that the login may send as, and "
                                   "from_header = force where callers name another";

/*
 * THE table of cures; the first row that fits is taken, so the special ones stand first. A zero or
 * NULL fits everything. `words` are looked for in what the server said, else in our own sentence;
 * but not in addresses, host names and links there.
 */
static const struct row {
    enum code code;
    enum stage stage;
    int reply;
    const char *words;
    unsigned setting;     /* of enum setting, and NOW */
    const char *sentence; /* NULL: the provider's note; "%s" is what to probe */
} rows[] = {
    { CODE_NO_RECIPIENT, 0, 0, "in To", ANY,
      "the message names none in its header: add one there, or as an argument" },
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
    { CODE_PERMISSION, STAGE_CONFIG, 0, "-C gives up", ANY, "leave out -C" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "has the right of group", ANY,
      "as root give it to that group: chgrp, and chmod 640" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "configuration may not be read", ANY,
      "as root give it to a group of those who send mail: chgrp www-data and chmod 640, say" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "may not enter", ANY,
      "as root let the group of those who send mail in: chmod 750, or move the file" },
    { CODE_PERMISSION, STAGE_CONFIG, 0, "no right to listen", ANY,
      "start it as root or from a socket of systemd, or set listen = to a port above 1023" },
    { CODE_RESOLVE, 0, 0, NULL, HAS_ACCOUNT, "check host =" },
    { CODE_RESOLVE_LATER, 0, 0, NULL, ANY, "check the network and /etc/resolv.conf" },
    { CODE_REFUSED, STAGE_CONFIG, 0, NULL, ANY,
      "a mail server most likely: stop it, or set listen =" },
    { CODE_REFUSED, STAGE_CONNECT, 0, "at this socket", ANY, "start orsino.socket" },
    { CODE_REFUSED, 0, 0, NULL, PORT_OPEN, probe_it },
    { CODE_TIMEOUT, 0, 0, NULL, PORT_OPEN, probe_it },
    { CODE_CLOSED, STAGE_TLS, 0, NULL, PORT_OPEN, probe_it },
    { CODE_NOT_TLS, 0, 0, NULL, PORT_OPEN, probe_it },
    { CODE_NO_STARTTLS, 0, 0, NULL, PORT_OPEN, probe_it },
    { CODE_REFUSED, 0, 0, NULL, ON_465,
      "nothing listens there; with tls = starttls the port is 587" },
    { CODE_REFUSED, 0, 0, NULL, ON_587,
      "nothing listens there; with tls = implicit the port is 465" },
    { CODE_REFUSED, 0, 0, NULL, ANY, "nothing listens there; check host = and port =" },
    { CODE_TIMEOUT, STAGE_CONNECT, 0, NULL, ON_25,
      "many networks block port 25: set port = 587, or port = 465 with tls = implicit" },
    { CODE_UNREACHABLE, STAGE_CONNECT, 0, NULL, ON_25,
      "many networks block port 25: set port = 587, or port = 465 with tls = implicit" },
    { CODE_UNREACHABLE, STAGE_CONNECT, 0, NULL, ANY,
      "this machine has no way there: check its network" },
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
    { CODE_TLS_AT_ONCE, 0, 0, NULL, ON_465, "set tls = implicit" },
    { CODE_TLS_AT_ONCE, 0, 0, NULL, ANY, "set tls = implicit, or leave it out" },
    { CODE_NOT_TLS, 0, 0, NULL, NO_SMTP, no_smtp },
    { CODE_PROTOCOL, STAGE_GREETING, 0, NULL, NO_SMTP, no_smtp },
    { CODE_NOT_TLS, 0, 0, NULL, ON_465, "set tls = starttls, port = 587" },
    { CODE_NOT_TLS, 0, 0, NULL, ANY, "set tls = starttls, or port = 465" },
    { CODE_TLS_MISMATCH, 0, 0, "TLS 1.3 alone", ANY,
      "ask the provider for a server with TLS 1.2, which orsino speaks" },
    { CODE_TLS_MISMATCH, 0, 0, "at most", ANY, "whoever runs the server has to give it TLS 1.2" },
    { CODE_TLS_MISMATCH, 0, 0, "TLS suite", ANY,
      "whoever runs the server has to allow ECDHE with AES-GCM or ChaCha20" },
    { CODE_TLS_MISMATCH, 0, 0, NULL, ANY,
      "whoever runs the server has to allow TLS 1.2 and ECDHE with AES-GCM or ChaCha20" },
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
      "if the server is yours, give it a certificate whose extended key usage is not critical, or "
      "set fingerprint = as orsino probe %s shows it" },
    { CODE_UNTRUSTED, 0, 0, "fingerprint =", ANY,
      "if you know that this one is his, set fingerprint = to it" },
    { CODE_UNTRUSTED, 0, 0, "issued by", OWN_CA, other_ca },
    { CODE_UNTRUSTED, 0, 0, "self-signed", OWN_CA, other_ca },
    { CODE_UNTRUSTED, 0, 0, "issued by", ANY, own_server },
    { CODE_UNTRUSTED, 0, 0, "self-signed", ANY, own_server },
    { CODE_NO_AUTH, 0, 0, "auth = names", ANY, "set auth = auto" },
    { CODE_NO_AUTH, 0, 0, "without TLS", ANY, "set tls = implicit or tls = starttls" },
    { CODE_NO_AUTH, 0, 0, NULL, ANY, "check port =; without a login at all set auth = none" },
    { CODE_LOGIN, 0, 0, "credentials were incorrect", ANY, wrong_login },
    { CODE_LOGIN, 0, 0, "5.7.139", ANY,
      "Microsoft has this login switched off: have SMTP AUTH allowed for the mailbox" },
    { CODE_LOGIN, 0, 0, "web browser", ANY,
      "sign in once with a browser, then make an app password and set password =" },
    { CODE_LOGIN, 0, 0, "too many", ANY | NOW, slow_down },
    { CODE_LOGIN, 0, 0, "application-specific", ANY, app_password },
    { CODE_LOGIN, 0, 0, "app password", ANY, app_password },
    { CODE_LOGIN, 0, 0, "authorization code", ANY,
      "make an authorization code at the provider and set password =" },
    { CODE_LOGIN, 0, 534, NULL, ANY, app_password },
    { CODE_LOGIN, 0, 0, NULL, HAS_NOTE, NULL },
    { CODE_LOGIN, 0, 0, NULL, ANY, wrong_login },
    { CODE_SENDER, 0, 530, "STARTTLS", PLAIN, "set tls = starttls, port = 587" },
    { CODE_SENDER, 0, 530, NULL, NO_USER, "set user = and password =" },
    { CODE_SENDER, 0, 0, "not verified", ANY,
      "verify the address or its domain at the provider, or set from = to one that is" },
    { CODE_SENDER, 0, 0, "5.3.4", ANY, make_smaller },
    { CODE_SENDER, 0, 0, "message size", ANY, make_smaller },
    { CODE_SENDER, 0, 0, "quota", ANY | NOW, slow_down },
    { CODE_SENDER, 0, 0, "limit", ANY | NOW, slow_down },
    { CODE_SENDER, 0, 0, "too many", ANY | NOW, slow_down },
    { CODE_SENDER, 0, 0, NULL, ANY, other_sender },
    { CODE_CONTENT, 0, 0, "not verified", ANY,
      "verify the address or its domain at the provider, or set from = to one that is" },
    { CODE_CONTENT, 0, 0, "SendAsDenied", ANY, other_sender },
    { CODE_CONTENT, 0, 0, "5.7.60", ANY, other_sender },
    { CODE_CONTENT, 0, 0, "send as", ANY, other_sender },
    { CODE_CONTENT, 0, 0, "not owned", ANY, other_sender },
    { CODE_CONTENT, 0, 0, "same as auth", ANY, other_sender },
    { CODE_CONTENT, 0, 0, "5.3.4", ANY, make_smaller },
    { CODE_CONTENT, 0, 0, "message size", ANY, make_smaller },
    { CODE_CONTENT, 0, 0, "size limit", ANY, make_smaller },
    { CODE_CONTENT, 0, 0, "too big", ANY, make_smaller },
    { CODE_CONTENT, 0, 0, "too large", ANY, make_smaller },
    { CODE_CONTENT, 0, 0, "limit", ANY | NOW, slow_down },
    { CODE_CONTENT, 0, 0, "too many", ANY | NOW, slow_down },
    { CODE_TOO_BIG, STAGE_INPUT, 0, NULL, ANY, "raise max_message =, if it is to be sent" },
    { CODE_TOO_BIG, 0, 0, NULL, ANY, make_smaller },
    { CODE_RECIPIENT, 0, 0, "relay", NO_USER | NOW, "set user = and password =" },
    { CODE_RECIPIENT, 0, 0, "relay", ON_25 | NOW,
      "port 25 takes mail for its own domains alone: set port = 587, or port = 465 with tls = "
      "implicit" },
    { CODE_RECIPIENT, 0, 0, "relay", ANY | NOW,
      "this server takes mail for its own domains alone: set host = to the one for submission" },
    { CODE_RECIPIENT, 0, 0, "limit", ANY | NOW, slow_down },
    { CODE_RECIPIENT, 0, 0, "too many", ANY | NOW, slow_down },
    { CODE_GREETING, 0, 0, "too many", ANY | NOW, slow_down },
    { CODE_GREETING, 0, 0, "limit", ANY | NOW, slow_down },
    { CODE_RECIPIENT, 0, 530, NULL, NO_USER, "set user = and password =" },
    { CODE_NO_8BITMIME, 0, 0, NULL, ANY, "encode the message as base64 or quoted-printable" },
    { CODE_UNKNOWN_END, 0, 0, NULL, ANY, "look for it at the recipient before it is sent again" },
};

/* By the host: an account may name that instead of its provider. */
static const char *note_of(const struct account *account)
{
    char region[PROVIDER_REGION_ROOM];
    const struct provider *p = provider_of_host(slice_of(account->host), account->port, region);

    return p ? p->note : NULL;
}

/* SSH, HTTP, IMAP and POP3 begin with a word or a sign; TLS with a byte that cannot be printed, for
 * which '?' stands. */
static bool is_no_smtp(const char *said)
{
    return said[0] != 0 && said[0] != '?' && !is_digit(said[0]);
}

static bool setting_holds(unsigned setting, const struct status *st, const struct account *account)
{
    if (setting == NO_SMTP)
        return is_no_smtp(st->said);
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
    case ON_587:
        return account->port == 587;
    case ON_25:
        return account->port == 25;
    case PORT_OPEN:
        return account->port_is_open;
    case HAS_NOTE:
        return note_of(account) != NULL;
    case OWN_CA:
        return account->ca_file[0] != 0;
    default:
        return true;
    }
}

/* An address, the name of a host, a link: "relay" and "limit" in these are no reasons. */
static bool is_name(struct slice word)
{
    for (size_t i = 0; i + 1 < word.n; i++)
        if (word.p[i] == '@' || word.p[i] == '<' || (word.p[i] == '.' && is_alpha(word.p[i + 1])))
            return true;
    return false;
}

/* What tells the reason. */
static void add_reason(const struct status *st, struct buf *out)
{
    struct slice rest = slice_of(st->said[0] != 0 ? st->said : st->what), word;

    while (slice_take_word(&rest, &word))
        if (!is_name(word))
            buf_addf(out, "%.*s ", (int)word.n, word.p);
}

static bool fits(const struct row *row, const struct status *st, struct slice reason,
                 const struct account *account)
{
    if (row->code != st->code || (row->stage && row->stage != st->stage) ||
        (row->reply && row->reply != st->reply))
        return false;
    if (row->words && !slice_contains_nocase(reason, slice_of(row->words)))
        return false;
    return setting_holds(row->setting & ~(unsigned)NOW, st, account);
}

/* What the server may take at another time is not for the INI to mend. */
static bool is_about_now(const struct status *st)
{
    return st->reply >= 400 && st->reply < 500;
}

/* The words that lead a probe to the account's server. */
static void add_target(const struct account *account, struct buf *out)
{
    static const unsigned usual[] = { 25, 465, 587, 2525 };
    bool is_usual = false;

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        is_usual = is_usual || account->port == usual[i];
    buf_add_string(out, account->host);
    if (!is_usual)
        buf_addf(out, " --port %u", account->port);
}

static void add_sentence(const char *sentence, const struct account *account, struct buf *out)
{
    const char *place = strstr(sentence, "%s");

    if (!place) {
        buf_add_string(out, sentence);
        return;
    }
    buf_addf(out, "%.*s", (int)(place - sentence), sentence);
    if (account)
        add_target(account, out);
    else
        buf_add_string(out, "of it");
    buf_add_string(out, place + 2);
}

bool hint_for(const struct status *st, const struct account *account, struct buf *out)
{
    bool about_now = is_about_now(st);
    char room[STATUS_SAID_MAX + 1];
    struct buf reason;

    buf_over(&reason, room, sizeof room);
    add_reason(st, &reason);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];

        if ((about_now && !(row->setting & NOW)) || !fits(row, st, buf_slice(&reason), account))
            continue;
        add_sentence(row->sentence ? row->sentence : note_of(account), account, out);
        return true;
    }
    return false;
}
