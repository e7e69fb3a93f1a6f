#include "conf/provider.h"

#include "conf/nearest.h"
#include "conf/pattern.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define ADDRESS "the whole address"

/* THE table. Where a server offers it, TLS begins at once. */
static const struct provider rows[] = {
    { .name = "gmail",
      .title = "Gmail",
      .host = "smtp.gmail.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "gmail.com, googlemail.com",
      .mx = "*.l.google.com, *.googlemail.com, smtp.google.com",
      .note = "take an app password for password =: https://myaccount.google.com/apppasswords",
      .source = "https://support.google.com/a/answer/176600" },
    { .name = "outlook",
      .title = "Outlook.com",
      .host = "smtp-mail.outlook.com",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = ADDRESS,
      .domains = "outlook.com, hotmail.com, live.com, msn.com, outlook.de, outlook.es, outlook.fr, "
                 "outlook.it, hotmail.co.uk, hotmail.de, hotmail.es, hotmail.fr, hotmail.it, "
                 "live.co.uk, live.de, live.fr, live.it",
      .mx = "*.olc.protection.outlook.com",
      .note = "use another provider: Microsoft takes OAuth alone for these addresses, no password",
      .source = "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040" },
    { .name = "microsoft365",
      .title = "Microsoft 365",
      .host = "smtp.office365.com",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = ADDRESS,
      .domains = "",
      .mx = "*.mail.protection.outlook.com, *.mx.microsoft",
      .note = "have the administrator turn on SMTP AUTH for the mailbox, with basic authentication",
      .source = "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
                "authenticated-client-smtp-submission" },
    { .name = "icloud",
      .title = "iCloud Mail",
      .host = "smtp.mail.me.com",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = ADDRESS,
      .domains = "icloud.com, me.com, mac.com",
      .mx = "*.mail.icloud.com",
      .note = "take an app-specific password for password =: https://account.apple.com",
      .source = "https://support.apple.com/102525" },
    { .name = "yahoo",
      .title = "Yahoo Mail",
      .host = "smtp.mail.yahoo.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "yahoo.com, ymail.com, rocketmail.com, myyahoo.com, yahoo.ca, yahoo.co.in, "
                 "yahoo.co.uk, yahoo.com.br, yahoo.de, yahoo.es, yahoo.fr, yahoo.in, yahoo.it",
      .mx = "*.am0.yahoodns.net",
      .note = "take an app password for password =: https://login.yahoo.com/account/security",
      .source = "https://help.yahoo.com/kb/SLN4075.html" },
    { .name = "fastmail",
      .title = "Fastmail",
      .host = "smtp.fastmail.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "fastmail.com, fastmail.fm",
      .mx = "*.messagingengine.com",
      .note = "take an app password for password =: https://app.fastmail.com/settings/security",
      .source = "https://www.fastmail.help/hc/en-us/articles/1500000278342" },
    { .name = "zoho",
      .title = "Zoho Mail",
      .host = "smtp.zoho.%s",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .region = "com",
      .user = ADDRESS,
      .domains = "zoho.com, zohomail.com",
      .mx = "mx.zoho.com, mx?.zoho.com",
      .note = "set region = eu, in or jp if your mailbox is at zoho.eu, zoho.in or zoho.jp; with "
              "two-factor login take an app password for password =",
      .source = "https://www.zoho.com/mail/help/zoho-smtp.html" },
    { .name = "gmx",
      .title = "GMX",
      .host = "mail.gmx.net",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "gmx.net, gmx.de, gmx.at, gmx.ch, gmx.eu, gmx.biz, gmx.org, gmx.info",
      .mx = "mx??.gmx.net, mx??.emig.gmx.net",
      .note = "turn on POP3 and IMAP in the settings of the mailbox: sending waits for it",
      .source = "https://hilfe.gmx.net/pop-imap/imap/imap-serverdaten.html" },
    { .name = "gmx.com",
      .title = "GMX (gmx.com)",
      .host = "mail.gmx.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "gmx.com, gmx.us, gmx.co.uk",
      .mx = "",
      .note = "turn on POP3 and IMAP in the settings of the mailbox: sending waits for it",
      .source = "https://support.gmx.com/pop-imap/imap/server.html" },
    { .name = "web.de",
      .title = "WEB.DE",
      .host = "smtp.web.de",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "web.de, email.de",
      .mx = "mx-ha??.web.de, mx-ha.web.de",
      .note = "turn on POP3 and IMAP in the settings of the mailbox: sending waits for it",
      .source = "https://hilfe.web.de/pop-imap/imap/imap-serverdaten.html" },
    { .name = "mailbox.org",
      .title = "mailbox.org",
      .host = "smtp.mailbox.org",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "mailbox.org",
      .mx = "mx*.mailbox.org",
      .source = "https://kb.mailbox.org" },
    { .name = "posteo",
      .title = "Posteo",
      .host = "posteo.de",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "posteo.de, posteo.net, posteo.org, posteo.com, posteo.eu, posteo.at, posteo.be, "
                 "posteo.ch, posteo.dk, posteo.es, posteo.it, posteo.nl, posteo.no, posteo.se, "
                 "posteo.uk, posteo.us",
      .mx = "mx*.posteo.de",
      .source = "https://posteo.de/hilfe/"
                "wie-richte-ich-posteo-in-einem-mailprogramm-ein-pop3-imap-und-smtp" },
    { .name = "proton-bridge",
      .title = "Proton Bridge",
      .host = "127.0.0.1",
      .port = 1025,
      .tls = TLS_STARTTLS,
      .user = "the address, as Bridge shows",
      .domains = "proton.me, protonmail.com, protonmail.ch, pm.me",
      .mx = "mail.protonmail.ch, mailsec.protonmail.ch",
      .note = "run Bridge on this machine, take the password that it shows, and set fingerprint = "
              "to that of the certificate that it exports",
      .source = "https://proton.me/support/imap-smtp-and-pop3-setup" },
    { .name = "ovh",
      .title = "OVHcloud",
      .host = "smtp.mail.ovh.net",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "",
      .mx = "mx?.mail.ovh.net",
      .note = "set host = smtp.mail.ovh.ca for a mailbox in America, Asia or the Pacific",
      .source = "https://help.ovhcloud.com" },
    { .name = "infomaniak",
      .title = "Infomaniak",
      .host = "mail.infomaniak.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "ik.me, ikmail.com, etik.com",
      .mx = "mta-gw.infomaniak.ch",
      .note = "take the password of the mailbox or of a device, not that of the Infomaniak account",
      .source = "https://www.infomaniak.com/en/support/faq/2427" },
    { .name = "ionos",
      .title = "IONOS",
      .host = "smtp.ionos.%s",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .region = "com",
      .user = ADDRESS,
      .domains = "",
      .mx = "mx??.ionos.com",
      .note = "set region = de, es, fr or it if your contract is at ionos.de and so on; for "
              "ionos.co.uk set host = smtp.ionos.co.uk",
      .source = "https://www.ionos.com/help/email" },
    { .name = "aruba",
      .title = "Aruba",
      .host = "smtps.aruba.it",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "aruba.it",
      .mx = "mx.aruba.it",
      .source = "https://guide.hosting.aruba.it/email/configurazione-email-pc-dispositivi-mobili/"
                "configurazione-casella-dominio-pc-mac-pop.aspx" },
    { .name = "aruba-pec",
      .title = "Aruba PEC",
      .host = "smtps.pec.aruba.it",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "pec.it, arubapec.it",
      .mx = "mx.pec.aruba.it",
      .note = "with two-step login make a password for mail programs and take it for password =",
      .source = "https://guide.pec.it/posta-pec/configurare-casella-pec/bozza.aspx" },
    { .name = "libero",
      .title = "Libero Mail",
      .host = "smtp.libero.it",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "libero.it, inwind.it, iol.it, blu.it, giallo.it",
      .mx = "smtp-in.libero.it",
      .note = "with two-step login make a password for mail programs and take it for password =",
      .source = "https://aiuto.libero.it" },
    { .name = "poste",
      .title = "Poste Italiane",
      .host = "relay.poste.it",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "poste.it",
      .mx = "",
      .source = "https://www.poste.it" },
    { .name = "register.it",
      .title = "Register.it",
      .host = "authsmtp.securemail.pro",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "",
      .mx = "",
      .source = "https://www.register.it/assistenza/parametri-email/" },
    { .name = "yandex",
      .title = "Yandex Mail",
      .host = "smtp.yandex.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "yandex.com, yandex.ru, ya.ru, yandex.by, yandex.kz",
      .mx = "mx.yandex.ru, "
            "mx.yandex.net",
      .note = "allow mail programs in the settings, and take an app password for password =",
      .source = "https://yandex.com/support/yandex-360/customers/mail/en/mail-clients/others" },
    { .name = "qq",
      .title = "QQ Mail",
      .host = "smtp.qq.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "qq.com, vip.qq.com, foxmail.com",
      .mx = "mx?.qq.com",
      .note = "turn on SMTP in the settings, and take its authorization code for password =",
      .source = "https://service.mail.qq.com" },
    { .name = "163",
      .title = "163 Mail",
      .host = "smtp.163.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = ADDRESS,
      .domains = "163.com",
      .mx = "163mx*.mxmail.netease.com",
      .note = "turn on SMTP in the settings, and take its authorization code for password =",
      .source = "https://help.mail.163.com" },
    { .name = "ses",
      .title = "Amazon SES",
      .host = "email-smtp.%s.amazonaws.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .region = "us-east-1",
      .user = "the SMTP user name, not an access key of IAM",
      .domains = "",
      .mx = "",
      .note = "set region = to that of your SES, where the SMTP user and password were made",
      .source = "https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html" },
    { .name = "sendgrid",
      .title = "SendGrid",
      .host = "smtp.sendgrid.net",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = "\"apikey\"",
      .domains = "",
      .mx = "",
      .note = "take an API key for password =",
      .source = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/"
                "integrating-with-the-smtp-api" },
    { .name = "mailgun",
      .title = "Mailgun",
      .host = "smtp.mailgun.org",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = "the SMTP login of the domain",
      .domains = "",
      .mx = "",
      .note = "set provider = mailgun-eu for a domain in the EU region",
      .source = "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/" },
    { .name = "mailgun-eu",
      .title = "Mailgun EU",
      .host = "smtp.eu.mailgun.org",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = "the SMTP login of the domain",
      .domains = "",
      .mx = "",
      .note = "set provider = mailgun for a domain in the US region",
      .source = "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/" },
    { .name = "postmark",
      .title = "Postmark",
      .host = "smtp.postmarkapp.com",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = "the server API token",
      .domains = "",
      .mx = "",
      .note = "take the server API token for password =, too",
      .source = "https://postmarkapp.com/developer/user-guide/send-email-with-smtp" },
    { .name = "brevo",
      .title = "Brevo",
      .host = "smtp-relay.brevo.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = "the SMTP login that the settings show",
      .domains = "",
      .mx = "",
      .note = "take an SMTP key for password =, not an API key",
      .source = "https://developers.brevo.com/docs/smtp-integration" },
    { .name = "mailjet",
      .title = "Mailjet",
      .host = "in-v3.mailjet.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = "the API key",
      .domains = "",
      .mx = "",
      .note = "take the secret key for password =",
      .source = "https://dev.mailjet.com/smtp-relay/configuration/" },
    { .name = "sparkpost",
      .title = "SparkPost",
      .host = "smtp.sparkpostmail.com",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = "\"SMTP_Injection\"",
      .domains = "",
      .mx = "",
      .note = "take an API key that may send via SMTP for password =; set provider = sparkpost-eu "
              "for an account in the EU",
      .source = "https://developers.sparkpost.com/api/smtp/" },
    { .name = "sparkpost-eu",
      .title = "SparkPost EU",
      .host = "smtp.eu.sparkpostmail.com",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = "\"SMTP_Injection\"",
      .domains = "",
      .mx = "",
      .note = "take an API key that may send via SMTP for password =",
      .source = "https://developers.sparkpost.com/api/smtp/" },
    { .name = "scaleway",
      .title = "Scaleway",
      .host = "smtp.tem.scaleway.com",
      .port = 465,
      .tls = TLS_IMPLICIT,
      .user = "the ID of the project",
      .domains = "",
      .mx = "",
      .note = "take the secret key of an API key for password =",
      .source = "https://www.scaleway.com/en/docs/transactional-email/reference-content/"
                "smtp-configuration/" },
    { .name = "mailtrap",
      .title = "Mailtrap",
      .host = "live.smtp.mailtrap.io",
      .port = 587,
      .tls = TLS_STARTTLS,
      .user = "\"api\"",
      .domains = "",
      .mx = "",
      .note = "take an API token for password =; for a sandbox set host = sandbox.smtp.mailtrap.io "
              "and its own user =",
      .source = "https://docs.mailtrap.io/email-api-smtp/setup/smtp-integration" },
};

const struct provider *provider_all(size_t *count)
{
    *count = COUNT(rows);
    return rows;
}

const struct provider *provider_find(struct slice name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (slice_equal_nocase(slice_of(rows[i].name), name))
            return &rows[i];
    return NULL;
}

const char *provider_nearest(struct slice name)
{
    struct nearest nearest;

    nearest_begin(&nearest, name);
    for (size_t i = 0; i < COUNT(rows); i++)
        nearest_offer(&nearest, rows[i].name);
    return nearest.name;
}

/* A name as DNS gives it may end in the dot of the root. */
static struct slice without_root(struct slice name)
{
    return name.n > 0 && name.p[name.n - 1] == '.' ? slice_part(name, 0, name.n - 1) : name;
}

static bool is_in_list(const char *list, struct slice name)
{
    struct slice rest = slice_of(list), item;

    while (slice_take_until(&rest, ",", &item))
        if (slice_equal_nocase(slice_trim(item), name))
            return true;
    return false;
}

const struct provider *provider_of_domain(struct slice domain)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (is_in_list(rows[i].domains, without_root(domain)))
            return &rows[i];
    return NULL;
}

const struct provider *provider_of_mx(struct slice name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (pattern_any_fits(slice_of(rows[i].mx), without_root(name)))
            return &rows[i];
    return NULL;
}

const char *provider_fixed_user(const struct provider *p, char room[PROVIDER_HOST_ROOM])
{
    struct slice user = slice_of(p->user);

    if (user.p[0] != '"')
        return NULL;
    (void)snprintf(room, PROVIDER_HOST_ROOM, "%.*s", (int)(user.n - 2), user.p + 1);
    return room;
}

static bool is_region(struct slice region)
{
    for (size_t i = 0; i < region.n; i++)
        if (!is_alpha(region.p[i]) && !is_digit(region.p[i]) && region.p[i] != '-')
            return false;
    return region.n > 0;
}

bool provider_host(const struct provider *p, const char *region, char out[PROVIDER_HOST_ROOM])
{
    const char *place = strstr(p->host, "%s");
    int n;

    if (!place) {
        (void)snprintf(out, PROVIDER_HOST_ROOM, "%s", p->host);
        return region[0] == 0;
    }
    if (region[0] == 0)
        region = p->region;
    if (!is_region(slice_of(region)))
        return false;
    n = snprintf(out, PROVIDER_HOST_ROOM, "%.*s%s%s", (int)(place - p->host), p->host, region,
                 place + 2);
    return n > 0 && n < PROVIDER_HOST_ROOM;
}
