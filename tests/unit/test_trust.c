#include "net/trust.h"

#include "forge.h"
#include "net/explain.h"

#include <sys/stat.h>

enum {
    CHAIN_MAX = 20,
    DER_ROOM = 4096,
};

static struct forge forge;

#define CA "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
#define HOST                                                                                       \
    "subjectAltName=DNS:mail.example.it,DNS:*.wild.example.it,IP:192.0.2.1,IP:2001:db8::1\n"

static const struct forged certificates[] = {
    { .name = "root", .subject = "/O=Test/CN=Root", .extensions = CA },
    { .name = "inter", .issuer = "root", .subject = "/O=Test/CN=Intermediate", .extensions = CA },
    { .name = "leaf",
      .issuer = "inter",
      .subject = "/CN=mail.example.it",
      .extensions = HOST "extendedKeyUsage=serverAuth\n" },
    { .name = "rsa_root", .subject = "/CN=RSA root", .extensions = CA, .key = "rsa:2048" },
    { .name = "rsa_leaf",
      .issuer = "rsa_root",
      .subject = "/CN=x",
      .extensions = HOST,
      .key = "rsa:2048",
      .digest = "sha512" },
    { .name = "weak", .issuer = "root", .subject = "/CN=x", .extensions = HOST, .key = "rsa:1024" },
    { .name = "old_digest",
      .issuer = "root",
      .subject = "/CN=x",
      .extensions = HOST,
      .digest = "sha1" },
    { .name = "p384_root",
      .subject = "/CN=Root of 384 bits",
      .extensions = CA,
      .key = "P-384",
      .digest = "sha384" },
    { .name = "p384_leaf",
      .issuer = "p384_root",
      .subject = "/CN=x",
      .extensions = HOST,
      .key = "P-384",
      .digest = "sha384" },
    { .name = "past",
      .issuer = "inter",
      .subject = "/CN=mail.example.it",
      .extensions = HOST,
      .end = "20240131120000Z" },
    { .name = "future",
      .issuer = "inter",
      .subject = "/CN=mail.example.it",
      .extensions = HOST,
      .start = "20981231000000Z" },
    { .name = "past_inter",
      .issuer = "root",
      .subject = "/CN=Old intermediate",
      .extensions = CA,
      .end = "20230131120000Z" },
    { .name = "below_past", .issuer = "past_inter", .subject = "/CN=x", .extensions = HOST },
    { .name = "self",
      .subject = "/CN=mail.example.it",
      .extensions = HOST "basicConstraints=CA:FALSE\n" },
    { .name = "self_ca", .subject = "/CN=mail.example.it", .extensions = HOST CA },
    { .name = "self_past",
      .subject = "/CN=mail.example.it",
      .extensions = HOST,
      .end = "20240131120000Z" },
    { .name = "stranger", .subject = "/O=Nobody/CN=Stranger", .extensions = CA },
    { .name = "strange_leaf", .issuer = "stranger", .subject = "/CN=x", .extensions = HOST },
    { .name = "for_mail",
      .issuer = "inter",
      .subject = "/CN=x",
      .extensions = HOST "extendedKeyUsage=emailProtection,clientAuth\n" },
    { .name = "for_any",
      .issuer = "inter",
      .subject = "/CN=x",
      .extensions = HOST "extendedKeyUsage=anyExtendedKeyUsage\n" },
    { .name = "mail_inter",
      .issuer = "root",
      .subject = "/CN=CA of mail",
      .extensions = CA "extendedKeyUsage=emailProtection\n" },
    { .name = "below_mail", .issuer = "mail_inter", .subject = "/CN=x", .extensions = HOST },
    { .name = "past_root", .subject = "/CN=Old root", .extensions = CA, .end = "20240131120000Z" },
    { .name = "below_past_root", .issuer = "past_root", .subject = "/CN=x", .extensions = HOST },
    { .name = "new_root", .subject = "/CN=New root", .extensions = CA },
    { .name = "cross",
      .issuer = "past_root",
      .subject = "/CN=New root",
      .extensions = CA,
      .key = "new_root",
      .end = "20240131120000Z" },
    { .name = "below_new", .issuer = "new_root", .subject = "/CN=x", .extensions = HOST },
    { .name = "wrong_way", .issuer = "stranger", .subject = "/CN=Crossing", .extensions = CA },
    { .name = "right_way",
      .issuer = "root",
      .subject = "/CN=Crossing",
      .extensions = CA,
      .key = "wrong_way" },
    { .name = "below_crossing",
      .issuer = "wrong_way",
      .subject = "/CN=x",
      .extensions = HOST,
      .key = "leaf" },
    { .name = "impostor", .subject = "/O=Test/CN=Root", .extensions = CA },
    { .name = "below_impostor", .issuer = "impostor", .subject = "/CN=x", .extensions = HOST },
    { .name = "below_leaf", .issuer = "leaf", .subject = "/CN=x", .extensions = HOST },
    { .name = "many",
      .issuer = "inter",
      .subject = "/CN=x",
      .extensions = "subjectAltName=DNS:a.it,DNS:b.it,DNS:c.it,DNS:d.it,DNS:e.it,DNS:f.it\n" },
    /* What is no name of a server, though it looks like one: a name that goes on behind a NUL,
     * "m*.example.it", "mail.*.it", "*", and an address as text. */
    { .name = "odd",
      .issuer = "inter",
      .subject = "/CN=mail.example.it",
      .extensions = "subjectAltName=DER:3046"
                    "821c6d61696c2e6578616d706c652e6974002e6578616d706c652e6f7267"
                    "820d6d2a2e6578616d706c652e6974"
                    "82096d61696c2e2a2e6974"
                    "82012a"
                    "82093139322e302e322e31\n" },
    { .name = "common",
      .issuer = "inter",
      .subject = "/CN=mail.example.it",
      .extensions = "basicConstraints=CA:FALSE\n" },
    { .name = "v1_root", .subject = "/CN=Root of the old times" },
    { .name = "below_v1", .issuer = "v1_root", .subject = "/CN=x", .extensions = HOST },
};

static const char *const bundled[] = { "rsa_root", "past_root", "p384_root",
                                       "root",     "new_root",  "v1_root" };

static int make_all(void **state)
{
    (void)state;
    forge_open(&forge);
    for (size_t i = 0; i < LENGTH(certificates); i++)
        forge_make(&forge, &certificates[i]);
    forge_write(&forge, "bundle.pem", "# some words before the first\n");
    for (size_t i = 0; i < LENGTH(bundled); i++)
        forge_append(&forge, bundled[i], "bundle.pem");
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    forge_close(&forge);
    return 0;
}

/* Hands one certificate over as BearSSL does: in pieces. */
static void show_certificate(const br_x509_class **engine, struct slice der)
{
    size_t half = der.n / 2;
    const unsigned char *p = (const unsigned char *)der.p;

    (*engine)->start_cert(engine, (uint32_t)der.n);
    if (half > 0)
        (*engine)->append(engine, p, half);
    if (der.n > half)
        (*engine)->append(engine, p + half, der.n - half);
    (*engine)->end_cert(engine);
}

static unsigned show_chain(struct trust *trust, const char *host, const char *const *chain)
{
    struct server_name name;
    char der[DER_ROOM];
    const br_x509_class **engine;

    assert_true(server_name_read(host, &name));
    engine = trust_engine(trust, &name);
    (*engine)->start_chain(engine, "not.looked.at");
    for (size_t i = 0; i < CHAIN_MAX && chain[i]; i++)
        show_certificate(engine, forge_der(&forge, chain[i], der, sizeof der));
    return (*engine)->end_chain(engine);
}

/* The words are in the sentence, and those that the hints look for are there only on purpose. */
static void check_words(const char *sentence, const struct trust *trust, unsigned error,
                        const char *words)
{
    static const char *const hinted[] = { "name", "clock", "expired" };
    struct status why = { 0 };

    assert_int_equal(trust_explain(trust, (int)error, &why), CODE_UNTRUSTED);
    assert_int_equal(why.stage, STAGE_TLS);
    if (!strstr(why.what, words))
        print_error("got: %s\n", why.what);
    check(sentence, strstr(why.what, words) != NULL);
    for (size_t i = 0; i < LENGTH(hinted); i++)
        if (!strstr(words, hinted[i]))
            check(sentence, strstr(why.what, hinted[i]) == NULL);
}

static const struct {
    const char *sentence, *ca, *host;
    const char *chain[CHAIN_MAX];
    unsigned want;
    const char *words;
} chain_rows[] = {
    { "a usual chain", "bundle", "mail.example.it", { "leaf", "inter" }, 0, "" },
    { "letters in another case", "bundle", "MAIL.Example.IT", { "leaf", "inter" }, 0, "" },
    { "a dot at the end of the host", "bundle", "mail.example.it.", { "leaf", "inter" }, 0, "" },
    { "a wildcard", "bundle", "a.wild.example.it", { "leaf", "inter" }, 0, "" },
    { "a wildcard is one label",
      "bundle",
      "a.b.wild.example.it",
      { "leaf", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name" },
    { "RSA and SHA-512", "bundle", "mail.example.it", { "rsa_leaf" }, 0, "" },
    { "P-384 and SHA-384", "bundle", "mail.example.it", { "p384_leaf" }, 0, "" },
    { "the root sent too", "bundle", "mail.example.it", { "leaf", "inter", "root" }, 0, "" },
    { "out of order", "bundle", "mail.example.it", { "leaf", "root", "inter" }, 0, "" },
    { "strangers among them",
      "bundle",
      "mail.example.it",
      { "leaf", "stranger", "inter", "rsa_root", "strange_leaf" },
      0,
      "" },
    { "the leaf twice", "bundle", "mail.example.it", { "leaf", "leaf", "inter" }, 0, "" },
    { "a wrong certificate of the same issuer",
      "bundle",
      "mail.example.it",
      { "leaf", "impostor", "inter" },
      0,
      "" },
    { "an expired cross-signed root",
      "bundle",
      "mail.example.it",
      { "below_new", "cross", "past_root" },
      0,
      "" },
    { "two ways, of which one leads to a known root",
      "bundle",
      "mail.example.it",
      { "below_crossing", "wrong_way", "right_way", "stranger" },
      0,
      "" },
    { "a root of version 1", "bundle", "mail.example.it", { "below_v1" }, 0, "" },
    { "a common name, without alternatives",
      "bundle",
      "mail.example.it",
      { "common", "inter" },
      0,
      "" },
    { "an IPv4 address", "bundle", "192.0.2.1", { "leaf", "inter" }, 0, "" },
    { "an IPv6 address", "bundle", "[2001:DB8:0::1]", { "leaf", "inter" }, 0, "" },
    { "another IPv4 address",
      "bundle",
      "192.0.2.2",
      { "leaf", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name: its certificate is for mail.example.it, *.wild.example.it, 192.0.2.1, "
      "2001:db8::1, not for 192.0.2.2" },
    { "another IPv6 address",
      "bundle",
      "2001:db8::2",
      { "leaf", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name" },
    { "an address, without alternatives",
      "bundle",
      "192.0.2.1",
      { "common", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name" },
    { "another name",
      "bundle",
      "smtp.example.it",
      { "leaf", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name: its certificate is for mail.example.it, *.wild.example.it" },
    { "many names",
      "bundle",
      "smtp.example.it",
      { "many", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name: its certificate is for a.it, b.it, c.it, d.it and 2 more, not for" },
    { "names that are none, and the common name does not count beside them",
      "bundle",
      "mail.example.it",
      { "odd", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name: its certificate is for mail.example.it?.example.org, m*.example.it" },
    { "an address as text",
      "bundle",
      "192.0.2.1",
      { "odd", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name" },
    { "a star alone", "bundle", "mail", { "odd", "inter" }, BR_ERR_X509_BAD_SERVER_NAME, "name" },
    { "a wrong common name",
      "bundle",
      "smtp.example.it",
      { "common", "inter" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name: its certificate is for mail.example.it, not" },
    { "no intermediate",
      "bundle",
      "mail.example.it",
      { "leaf" },
      BR_ERR_X509_NOT_TRUSTED,
      "issued by \"Intermediate, Test\", which is not among the CAs of " },
    { "an unknown root, sent",
      "bundle",
      "mail.example.it",
      { "strange_leaf", "stranger" },
      BR_ERR_X509_NOT_TRUSTED,
      "issued by \"Stranger, Nobody\", which is not among" },
    { "an unknown root, not sent",
      "bundle",
      "mail.example.it",
      { "strange_leaf" },
      BR_ERR_X509_NOT_TRUSTED,
      "issued by \"Stranger, Nobody\", which is not among" },
    { "a CA that did not sign it",
      "bundle",
      "mail.example.it",
      { "below_impostor" },
      BR_ERR_X509_NOT_TRUSTED,
      "did not sign it" },
    { "the same with that impostor",
      "bundle",
      "mail.example.it",
      { "below_impostor", "impostor" },
      BR_ERR_X509_NOT_TRUSTED,
      "did not sign it" },
    { "a wrong signature inside",
      "bundle",
      "mail.example.it",
      { "below_impostor", "root" },
      BR_ERR_X509_BAD_SIGNATURE,
      "a signature" },
    { "self-signed",
      "bundle",
      "mail.example.it",
      { "self" },
      BR_ERR_X509_NOT_TRUSTED,
      "self-signed certificate of \"mail.example.it\"" },
    { "self-signed, in the file", "self", "mail.example.it", { "self" }, 0, "" },
    { "self-signed, in the file, an address", "self", "192.0.2.1", { "self" }, 0, "" },
    { "self-signed, in the file, wrong name",
      "self",
      "smtp.example.it",
      { "self" },
      BR_ERR_X509_BAD_SERVER_NAME,
      "wrong name" },
    { "self-signed as a CA, in the file", "self_ca", "mail.example.it", { "self_ca" }, 0, "" },
    { "self-signed, expired, in the file",
      "self_past",
      "mail.example.it",
      { "self_past" },
      BR_ERR_X509_EXPIRED,
      "expired on 2024-01-31" },
    { "self-signed, another key",
      "self",
      "mail.example.it",
      { "self_ca" },
      BR_ERR_X509_NOT_TRUSTED,
      "self-signed" },
    { "the leaf alone in the file", "leaf", "mail.example.it", { "leaf", "inter" }, 0, "" },
    { "an intermediate in the file", "inter", "mail.example.it", { "leaf" }, 0, "" },
    { "a leaf in the file is no CA",
      "leaf",
      "mail.example.it",
      { "below_leaf", "leaf" },
      BR_ERR_X509_NOT_CA,
      "no CA" },
    { "a leaf that issued another",
      "bundle",
      "mail.example.it",
      { "below_leaf", "leaf", "inter" },
      BR_ERR_X509_NOT_CA,
      "no CA" },
    { "expired",
      "bundle",
      "mail.example.it",
      { "past", "inter" },
      BR_ERR_X509_EXPIRED,
      "the certificate of \"mail.example.it\" expired on 2024-01-31" },
    { "not yet valid",
      "bundle",
      "mail.example.it",
      { "future", "inter" },
      BR_ERR_X509_EXPIRED,
      "is not valid before 2098-12-31, and today is 2" },
    { "an expired intermediate",
      "bundle",
      "mail.example.it",
      { "below_past", "past_inter" },
      BR_ERR_X509_EXPIRED,
      "the certificate of \"Old intermediate\" expired on 2023-01-31" },
    { "an expired root in the file",
      "bundle",
      "mail.example.it",
      { "below_past_root" },
      BR_ERR_X509_NOT_TRUSTED,
      "issued by the CA \"Old root\" in " },
    { "for mail only",
      "bundle",
      "mail.example.it",
      { "for_mail", "inter" },
      BR_ERR_X509_FORBIDDEN_KEY_USAGE,
      "may not be used by servers" },
    { "for any use", "bundle", "mail.example.it", { "for_any", "inter" }, 0, "" },
    { "a CA for mail only",
      "bundle",
      "mail.example.it",
      { "below_mail", "mail_inter" },
      BR_ERR_X509_FORBIDDEN_KEY_USAGE,
      "may not be used by servers" },
    { "a short RSA key",
      "bundle",
      "mail.example.it",
      { "weak" },
      BR_ERR_X509_WEAK_PUBLIC_KEY,
      "too short" },
    { "SHA-1",
      "bundle",
      "mail.example.it",
      { "old_digest" },
      BR_ERR_X509_UNSUPPORTED,
      "algorithm" },
    { "nothing", "bundle", "mail.example.it", { NULL }, BR_ERR_X509_EMPTY_CHAIN, "no certificate" },
    { "sixteen",
      "bundle",
      "mail.example.it",
      { "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf",
        "leaf", "leaf", "leaf", "leaf", "inter" },
      0,
      "" },
    { "too many",
      "bundle",
      "mail.example.it",
      { "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf", "leaf",
        "leaf", "leaf", "leaf", "leaf", "leaf", "inter" },
      BR_ERR_X509_LIMIT_EXCEEDED,
      "too many" },
};

static void chains(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(chain_rows); i++) {
        struct trust *trust = forge_trust(&forge, chain_rows[i].ca);
        unsigned got = show_chain(trust, chain_rows[i].host, chain_rows[i].chain);
        const br_x509_class **engine;
        struct server_name name;

        if (got != chain_rows[i].want)
            print_error("got: %u, want: %u\n", got, chain_rows[i].want);
        check(chain_rows[i].sentence, got == chain_rows[i].want);
        if (got)
            check_words(chain_rows[i].sentence, trust, got, chain_rows[i].words);
        assert_true(server_name_read(chain_rows[i].host, &name));
        engine = trust_engine(trust, &name);
        check(chain_rows[i].sentence, got || (*engine)->get_pkey(engine, NULL) != NULL);
        trust_free(trust);
    }
}

/* One engine, one chain after the other: nothing of the first is left in the second. */
static void again(void **state)
{
    static const char *const good[CHAIN_MAX] = { "leaf", "inter" };
    static const char *const bad[CHAIN_MAX] = { "leaf" };
    struct trust *trust = forge_trust(&forge, "bundle");

    (void)state;
    assert_int_equal(show_chain(trust, "mail.example.it", good), 0);
    assert_int_equal(show_chain(trust, "mail.example.it", bad), BR_ERR_X509_NOT_TRUSTED);
    assert_int_equal(show_chain(trust, "smtp.example.it", good), BR_ERR_X509_BAD_SERVER_NAME);
    assert_int_equal(show_chain(trust, "mail.example.it", good), 0);
    trust_free(trust);
}

/* Whatever byte of a leaf is changed, it is not believed. */
static void tampered(void **state)
{
    char leaf[DER_ROOM], inter[DER_ROOM];
    struct slice first, second;
    struct trust *trust = forge_trust(&forge, "bundle");
    struct server_name name;
    const br_x509_class **engine;

    (void)state;
    assert_true(server_name_read("mail.example.it", &name));
    engine = trust_engine(trust, &name);
    first = forge_der(&forge, "leaf", leaf, sizeof leaf);
    second = forge_der(&forge, "inter", inter, sizeof inter);
    for (size_t i = 0; i < first.n; i += 3) {
        struct status why = { 0 };
        unsigned error;

        leaf[i] = (char)(leaf[i] ^ 0x10);
        (*engine)->start_chain(engine, NULL);
        show_certificate(engine, first);
        show_certificate(engine, second);
        error = (*engine)->end_chain(engine);
        leaf[i] = (char)(leaf[i] ^ 0x10);
        assert_int_not_equal(error, 0);
        assert_int_equal(trust_explain(trust, (int)error, &why), CODE_UNTRUSTED);
    }
    trust_free(trust);
}

static void a_huge_certificate(void **state)
{
    static const unsigned char piece[1024] = { 0x30, 0x83, 0x7f, 0xff, 0xff };
    struct trust *trust = forge_trust(&forge, "bundle");
    struct server_name name;
    const br_x509_class **engine;

    (void)state;
    assert_true(server_name_read("mail.example.it", &name));
    engine = trust_engine(trust, &name);
    (*engine)->start_chain(engine, NULL);
    (*engine)->start_cert(engine, 0x7fffff);
    for (size_t i = 0; i < 100; i++)
        (*engine)->append(engine, piece, sizeof piece);
    (*engine)->end_cert(engine);
    assert_int_equal((*engine)->end_chain(engine), BR_ERR_X509_LIMIT_EXCEEDED);
    trust_free(trust);
}

/* A board without a battery: its clock is told apart from a certificate of the future. */
static void a_clock_that_was_never_set(void **state)
{
    static const struct {
        const char *sentence, *now, *words;
    } rows[] = {
        { "1970", "19700101000003",
          "valid before 2020-01-01, but this machine's clock reads 1970" },
        { "a little early", "20191231235959", "this machine's clock reads 2019-12-31" },
        { "in time, which is no reason to refuse", "20250101000000", "is not valid before" },
    };
    struct chain chain = { .count = 0 };
    struct server_name name;
    char der[DER_ROOM];
    struct slice leaf = forge_der(&forge, "leaf", der, sizeof der);

    (void)state;
    assert_true(server_name_read("mail.example.it", &name));
    chain_begin(&chain);
    chain_start_certificate(&chain, leaf.n);
    chain_append(&chain, leaf.p, leaf.n);
    chain_read(&chain);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct refusal refusal = { BR_ERR_X509_EXPIRED, &chain, &name, "", rows[i].now, "", false };
        struct status why = { 0 };

        chain_find_path(&chain, rows[i].now);
        chain.links[0].used = false;
        check(rows[i].sentence, explain_refusal(&refusal, &why) == CODE_UNTRUSTED);
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
    }
    chain_free(&chain);
}

static void files(void **state)
{
    static const struct {
        const char *sentence, *name;
        enum code want;
        const char *words;
    } rows[] = {
        { "a bundle", "bundle.pem", CODE_OK, "" },
        { "no such file", "missing.pem", CODE_NO_CA, "No such file" },
        { "a file without certificates", "root.key", CODE_NO_CA, "no PEM CERTIFICATE" },
        { "an empty file", "index.attr.old", CODE_NO_CA, "no PEM CERTIFICATE" },
        { "a folder", ".", CODE_NO_CA, "folder" },
    };

    (void)state;
    forge_write(&forge, "index.attr.old", "");
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char path[FORGE_PATH_ROOM];
        struct status why = { 0 };
        struct trust *trust = NULL;

        forge_path(&forge, rows[i].name, "", path);
        check(rows[i].sentence, trust_load(path, &trust, &why) == rows[i].want);
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
        check(rows[i].sentence, !rows[i].want || strcmp(why.where, path) == 0);
        trust_free(trust);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains),   cmocka_unit_test(again),
        cmocka_unit_test(tampered), cmocka_unit_test(a_huge_certificate),
        cmocka_unit_test(files),    cmocka_unit_test(a_clock_that_was_never_set),
    };

    return cmocka_run_group_tests_name("trust", tests, make_all, remove_all);
}
