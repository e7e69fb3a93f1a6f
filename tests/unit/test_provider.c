#include "conf/provider.h"

#include "unit.h"

#include <string.h>

static bool is_word(const char *text, const char *others)
{
    for (const char *at = text; *at != 0; at++)
        if (!is_digit(*at) && !(*at >= 'a' && *at <= 'z') && !strchr(others, *at))
            return false;
    return text[0] != 0;
}

/* Half a line for people: printable, no space at an end, no full stop. */
static bool is_phrase(const char *text, size_t max)
{
    const struct slice s = slice_of(text);

    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]) || (unsigned char)s.p[i] >= 0x80)
            return false;
    return s.n > 0 && s.n <= max && slice_trim(s).n == s.n && s.p[s.n - 1] != '.';
}

static void every_row_is_complete(void **state)
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    (void)state;
    assert_true(count >= 31);
    for (size_t i = 0; i < count; i++) {
        const struct provider *p = &rows[i];

        assert_true(p->name && is_word(p->name, ".-"));
        check(p->name, strlen(p->name) < 20 && provider_find(slice_of(p->name)) == p);
        check(p->name, p->title && is_phrase(p->title, 40));
        check(p->name, p->user && is_phrase(p->user, 60));
        check(p->name, !p->note || is_phrase(p->note, 160));
        check(p->name, p->domains && p->mx);
        check(p->name, p->source && strncmp(p->source, "https://", 8) == 0 &&
                           !strchr(p->source, ' ') && strlen(p->source) < 160);
        check(p->name, (p->port == 465 && p->tls == TLS_IMPLICIT) ||
                           ((p->port == 587 || p->port == 1025) && p->tls == TLS_STARTTLS));
    }
}

static void every_host_is_one(void **state)
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        char host[PROVIDER_HOST_ROOM];

        check(rows[i].name, (strstr(rows[i].host, "%s") != NULL) == (rows[i].region != NULL));
        check(rows[i].name, provider_host(&rows[i], "", host));
        check(rows[i].name, is_word(host, ".-") && strchr(host, '.'));
    }
}

/* Takes the next name off a list, and the region behind it. */
static bool take_item(struct slice *list, struct slice *name, struct slice *region)
{
    if (!slice_take_until(list, ",", region))
        return false;
    *region = slice_trim(*region);
    return slice_take_until(region, "=", name);
}

/* The rows that have this name in a list. */
static size_t count_owners(struct slice name)
{
    size_t count, owners = 0;
    const struct provider *rows = provider_all(&count);

    for (size_t i = 0; i < count; i++) {
        struct slice rest = slice_of(rows[i].domains), item, region;

        while (take_item(&rest, &item, &region))
            owners += slice_equal_nocase(item, name);
    }
    return owners;
}

static void domains_are_unique(void **state)
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct slice rest = slice_of(rows[i].domains), item, region;
        char got[PROVIDER_REGION_ROOM];

        while (take_item(&rest, &item, &region)) {
            check(rows[i].name, item.n > 0 && slice_find(item, '.') < item.n);
            check(rows[i].name, slice_find(item, '*') == item.n);
            check(rows[i].name, count_owners(item) == 1);
            check(rows[i].name, provider_of_domain(item, got) == &rows[i]);
            check_text(rows[i].name, slice_of(got), region);
        }
    }
}

static void regions(void **state)
{
    static const struct {
        const char *sentence, *provider, *region, *want; /* NULL: refused */
    } rows[] = {
        { "the usual one", "ses", "", "email-smtp.us-east-1.amazonaws.com" },
        { "another", "ses", "eu-west-3", "email-smtp.eu-west-3.amazonaws.com" },
        { "at the end", "zoho", "eu", "smtp.zoho.eu" },
        { "with a dot", "zoho", "com.au", "smtp.zoho.com.au" },
        { "with two dots", "zoho", "com..au", NULL },
        { "with a dot in front", "zoho", ".au", NULL },
        { "with a dot behind", "zoho", "au.", NULL },
        { "a dot", "zoho", ".", NULL },
        { "with a slash", "ses", "a/b", NULL },
        { "with a format", "ses", "%s", NULL },
        { "with a space", "ses", "eu west", NULL },
        { "too long", "ses",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaa",
          NULL },
        { "of one that has none", "gmail", "eu", NULL },
        { "none of one that has none", "gmail", "", "smtp.gmail.com" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const struct provider *p = provider_find(slice_of(rows[i].provider));
        char host[PROVIDER_HOST_ROOM] = "";
        const bool got = provider_host(p, rows[i].region, host);

        check(rows[i].sentence, got == (rows[i].want != NULL));
        if (got)
            check_text(rows[i].sentence, slice_of(host), slice_of(rows[i].want));
    }
}

static void named(void **state)
{
    static const struct {
        const char *sentence, *text, *want; /* NULL: nobody */
    } rows[] = {
        { "a name", "aruba-pec", "aruba-pec" },
        { "in another case", "Mailbox.ORG", "mailbox.org" },
        { "no name", "", NULL },
        { "a part of a name", "gma", NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const struct provider *p = provider_find(slice_of(rows[i].text));

        check_text(rows[i].sentence, slice_of(p ? p->name : NULL), slice_of(rows[i].want));
    }
}

static const struct provider *of_host(struct slice host, char region[PROVIDER_REGION_ROOM])
{
    return provider_of_host(host, 465, region);
}

static void found(void **state)
{
    static const struct {
        const char *sentence;
        const struct provider *(*find)(struct slice, char[PROVIDER_REGION_ROOM]);
        const char *text, *want, *region; /* NULL: nobody; the usual region */
    } rows[] = {
        { "a domain", provider_of_domain, "gmail.com", "gmail", "" },
        { "the last of a list", provider_of_domain, "MAC.com", "icloud", "" },
        { "with the root's dot", provider_of_domain, "web.de.", "web.de", "" },
        { "below a domain", provider_of_domain, "x.gmail.com", NULL, NULL },
        { "no domain", provider_of_domain, "", NULL, NULL },
        { "Google's MX", provider_of_mx, "ASPMX.L.google.com", "gmail", "" },
        { "and its new one", provider_of_mx, "smtp.google.com.", "gmail", "" },
        { "Microsoft's for companies", provider_of_mx, "x-it.mail.protection.outlook.com",
          "microsoft365", "" },
        { "Microsoft's for all", provider_of_mx, "outlook-com.olc.protection.outlook.com",
          "outlook", "" },
        { "Aruba's", provider_of_mx, "mx.aruba.it", "aruba", "" },
        { "Aruba's for PEC", provider_of_mx, "mx.pec.aruba.it", "aruba-pec", "" },
        { "Fastmail's", provider_of_mx, "in1-smtp.messagingengine.com", "fastmail", "" },
        { "with a region", provider_of_mx, "mx01.ionos.de", "ionos", "de" },
        { "with one of two labels", provider_of_mx, "MX2.zoho.com.au.", "zoho-pro", "com.au" },
        { "with the usual one", provider_of_mx, "mx.zoho.com", "zoho-pro", "" },
        { "a domain of a region", provider_of_domain, "zohomail.eu", "zoho", "eu" },
        { "a host", of_host, "SMTPS.aruba.it", "aruba", "" },
        { "a host of a region", of_host, "email-smtp.eu-west-1.amazonaws.com", "ses", "eu-west-1" },
        { "of the usual region", of_host, "smtp.ionos.com", "ionos", "" },
        { "of a region of two labels", of_host, "smtp.ionos.co.uk", "ionos", "co.uk" },
        { "of no region", of_host, "email-smtp..amazonaws.com", NULL, NULL },
        { "the beginning alone", of_host, "email-smtp.amazonaws.com", NULL, NULL },
        { "a region too long", of_host,
          "email-smtp.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.amazonaws.com", NULL, NULL },
        { "an address at another's port", of_host, "127.0.0.1", NULL, NULL },
        { "no host", of_host, "", NULL, NULL },
        { "nobody's", provider_of_mx, "mx.example.org", NULL, NULL },
        { "one that looks like Google's", provider_of_mx, "l.google.com.evil.org", NULL, NULL },
        { "no MX", provider_of_mx, ".", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char region[PROVIDER_REGION_ROOM] = "";
        const struct provider *p = rows[i].find(slice_of(rows[i].text), region);

        check_text(rows[i].sentence, slice_of(p ? p->name : NULL), slice_of(rows[i].want));
        if (p)
            check_text(rows[i].sentence, slice_of(region), slice_of(rows[i].region));
    }
}

static void at_an_address(void **state)
{
    char region[PROVIDER_REGION_ROOM];

    (void)state;
    assert_ptr_equal(provider_of_host(slice_of("127.0.0.1"), 1025, region),
                     provider_find(slice_of("proton-bridge")));
}

static void nearest(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        { "gmial", "gmail" },
        { "fast-mail", "fastmail" },
        { "web-de", "web.de" },
        { "send_grid", "sendgrid" },
        { "smtp.example.org", NULL },
        { "", NULL },
        { "x", NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check_text(rows[i].name, slice_of(provider_nearest(slice_of(rows[i].name))),
                   slice_of(rows[i].want));
}

static void fixed_users(void **state)
{
    static const struct {
        const char *provider, *want;
    } rows[] = {
        { "sendgrid", "apikey" }, { "sparkpost-eu", "SMTP_Injection" },
        { "mailtrap", "api" },    { "gmail", NULL },
        { "postmark", NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[PROVIDER_HOST_ROOM];
        const char *got = provider_fixed_user(provider_find(slice_of(rows[i].provider)), room);

        check(rows[i].provider, (got == NULL) == (rows[i].want == NULL));
        check_text(rows[i].provider, slice_of(got), slice_of(rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_host_is_one),
        cmocka_unit_test(domains_are_unique),
        cmocka_unit_test(regions),
        cmocka_unit_test(named),
        cmocka_unit_test(found),
        cmocka_unit_test(at_an_address),
        cmocka_unit_test(nearest),
        cmocka_unit_test(fixed_users),
    };

    return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
