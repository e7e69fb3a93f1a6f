#include "net/certificate.h"

#include "forge.h"

#define TAG_UTC         "\x17"
#define TAG_GENERALIZED "\x18"

static struct forge forge;

static const struct forged certificates[] = {
    { .name = "root",
      .subject = "/O=Let's Test/CN=Root \xc3\xa8",
      .extensions = "basicConstraints=critical,CA:TRUE\n",
      .start = "20230102030405Z",
      .end = "20510102030405Z" },
    { .name = "leaf",
      .issuer = "root",
      .subject = "/CN=mail.example.it",
      .extensions = "subjectAltName=DNS:mail.example.it,email:a@example.it,IP:192.0.2.1\n"
                    "extendedKeyUsage=clientAuth,serverAuth\n" },
    { .name = "mail",
      .issuer = "root",
      .subject = "/O=Only an organisation",
      .extensions = "extendedKeyUsage=critical,emailProtection\n" },
    { .name = "any",
      .issuer = "root",
      .subject = "/CN=x",
      .extensions = "extendedKeyUsage=anyExtendedKeyUsage\n" },
    { .name = "plain", .issuer = "root", .subject = "/CN=x" },
};

static int make_all(void **state)
{
    (void)state;
    forge_open(&forge);
    for (size_t i = 0; i < LENGTH(certificates); i++)
        forge_make(&forge, &certificates[i]);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    forge_close(&forge);
    return 0;
}

static void what_it_says(void **state)
{
    static const struct {
        const char *sentence, *name, *issuer, *subject, *start, *end;
        bool self_issued, has_extensions, may_serve;
    } rows[] = {
        { "a root", "root", "Root \xc3\xa8, Let's Test", "Root \xc3\xa8, Let's Test",
          "20230102030405", "20510102030405", true, true, true },
        { "a leaf", "leaf", "Root \xc3\xa8, Let's Test", "mail.example.it", "20200101000000",
          "20991231235959", false, true, true },
        { "for mail", "mail", "Root \xc3\xa8, Let's Test", "Only an organisation", "20200101000000",
          "20991231235959", false, true, false },
        { "for any use", "any", "Root \xc3\xa8, Let's Test", "x", "20200101000000",
          "20991231235959", false, true, true },
        { "without extensions", "plain", "Root \xc3\xa8, Let's Test", "x", "20200101000000",
          "20991231235959", false, false, true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char der[4096], text[CERTIFICATE_NAME_ROOM], time[CERTIFICATE_TIME_ROOM];
        struct certificate c;

        check(rows[i].sentence,
              certificate_read(forge_der(&forge, rows[i].name, der, sizeof der), &c));
        certificate_name(c.issuer, text);
        check_text(rows[i].sentence, slice_of(text), slice_of(rows[i].issuer));
        certificate_name(c.subject, text);
        check_text(rows[i].sentence, slice_of(text), slice_of(rows[i].subject));
        certificate_time(c.not_before, time);
        check_text(rows[i].sentence, slice_of(time), slice_of(rows[i].start));
        certificate_time(c.not_after, time);
        check_text(rows[i].sentence, slice_of(time), slice_of(rows[i].end));
        check(rows[i].sentence, certificate_is_self_issued(&c) == rows[i].self_issued);
        check(rows[i].sentence, certificate_has_extensions(&c) == rows[i].has_extensions);
        check(rows[i].sentence, certificate_may_serve(&c) == rows[i].may_serve);
    }
}

static void alternative_names(void **state)
{
    char der[4096];
    struct certificate c;
    struct slice names, value;
    unsigned tag;

    (void)state;
    assert_true(certificate_read(forge_der(&forge, "leaf", der, sizeof der), &c));
    assert_true(certificate_extension(&c, EXTENSION_ALT_NAMES, &names));
    assert_true(certificate_next_alt_name(&names, &tag, &value));
    assert_int_equal(tag, ALT_NAME_DNS);
    check_text("a DNS name", value, slice_of("mail.example.it"));
    assert_true(certificate_next_alt_name(&names, &tag, &value));
    check_text("an address of mail", value, slice_of("a@example.it"));
    assert_true(certificate_next_alt_name(&names, &tag, &value));
    assert_int_equal(tag, ALT_NAME_IP);
    check_text("an IP address", value, (struct slice){ "\xc0\x00\x02\x01", 4 });
    assert_false(certificate_next_alt_name(&names, &tag, &value));
    assert_true(certificate_read(forge_der(&forge, "root", der, sizeof der), &c));
    assert_false(certificate_extension(&c, EXTENSION_ALT_NAMES, &names));
}

static void validity(void **state)
{
    static const struct {
        const char *sentence, *now;
        bool past, valid;
    } rows[] = {
        { "before", "20230102030404", false, false },
        { "the first second", "20230102030405", false, true },
        { "between", "20400101000000", false, true },
        { "the last second", "20510102030405", false, true },
        { "after", "20510102030406", true, false },
    };
    char der[4096];
    struct certificate c;

    (void)state;
    assert_true(certificate_read(forge_der(&forge, "root", der, sizeof der), &c));
    for (size_t i = 0; i < LENGTH(rows); i++) {
        check(rows[i].sentence, certificate_is_past(&c, rows[i].now) == rows[i].past);
        check(rows[i].sentence, certificate_is_valid(&c, rows[i].now) == rows[i].valid);
    }
}

static void times(void **state)
{
    static const struct {
        const char *sentence, *der, *want;
    } rows[] = {
        { "two digits of a year",
          TAG_UTC "\x0d"
                  "491231235959Z",
          "20491231235959" },
        { "two digits of the last century",
          TAG_UTC "\x0d"
                  "500101000000Z",
          "19500101000000" },
        { "four digits",
          TAG_GENERALIZED "\x0f"
                          "20500101000000Z",
          "20500101000000" },
        { "too short",
          TAG_UTC "\x0b"
                  "4912312359Z",
          "" },
        { "no digits",
          TAG_UTC "\x0d"
                  "49123123595xZ",
          "" },
        { "another kind",
          "\x13\x0d"
          "491231235959Z",
          "" },
        { "cut",
          TAG_UTC "\x0d"
                  "4912",
          "" },
        { "nothing", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char out[CERTIFICATE_TIME_ROOM];

        certificate_time(slice_of(rows[i].der), out);
        check_text(rows[i].sentence, slice_of(out), slice_of(rows[i].want));
    }
}

static void printed_names(void **state)
{
    static const struct {
        const char *sentence;
        struct slice der;
        const char *want;
    } rows[] = {
        { "nothing", { "\x30\x00", 2 }, "somebody unnamed" },
        { "no name at all", { "x", 1 }, "somebody unnamed" },
        { "control characters and quotes",
          { "\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08"
            "a\x1b[1m\"\n\0",
            21 },
          "a?[1m???" },
        { "bytes that are no UTF-8",
          { "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x14\x03"
            "a\xe9z",
            16 },
          "a?z" },
        { "UTF-8",
          { "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04"
            "a\xc3\xa9z",
            17 },
          "a\xc3\xa9z" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char out[CERTIFICATE_NAME_ROOM];

        certificate_name(rows[i].der, out);
        check_text(rows[i].sentence, slice_of(out), slice_of(rows[i].want));
    }
}

/* 61 times e with an accent: cut between two characters, not inside one. */
static void long_names(void **state)
{
    char der[13 + 122] = "\x30\x81\x84\x31\x81\x81\x30\x7f\x06\x03\x55\x04\x03";
    char out[CERTIFICATE_NAME_ROOM];
    struct buf all;

    (void)state;
    buf_init(&all, 256);
    buf_add(&all, der, 13);
    buf_add(&all, "\x0c\x78", 2);
    for (size_t i = 0; i < 60; i++)
        buf_add_string(&all, "\xc3\xa9");
    all.p[2] = (char)(all.n - 3);
    all.p[5] = (char)(all.n - 6);
    all.p[7] = (char)(all.n - 8);
    certificate_name(buf_slice(&all), out);
    assert_int_equal(strlen(out), 94);
    assert_true(slice_is_utf8(slice_of(out)));
    buf_free(&all);
}

/* Cut anywhere, or with any byte changed: read or refused, never beyond its end. */
static void damaged(void **state)
{
    char der[4096], time[CERTIFICATE_TIME_ROOM], name[CERTIFICATE_NAME_ROOM];
    struct slice whole = forge_der(&forge, "leaf", der, sizeof der);

    (void)state;
    for (size_t i = 0; i < 2 * whole.n; i++) {
        size_t n = i < whole.n ? i : whole.n;
        char *copy = malloc(n > 0 ? n : 1); /* of its own, so that the sanitizer sees its end */
        struct certificate c;
        struct slice inside, value;
        unsigned tag;

        assert_non_null(copy);
        memcpy(copy, whole.p, n);
        if (i >= whole.n)
            copy[i - whole.n] = (char)(copy[i - whole.n] ^ 0xa5);
        if (certificate_read((struct slice){ copy, n }, &c)) {
            certificate_time(c.not_after, time);
            certificate_name(c.subject, name);
            (void)certificate_may_serve(&c);
            if (certificate_extension(&c, EXTENSION_ALT_NAMES, &inside))
                while (certificate_next_alt_name(&inside, &tag, &value))
                    assert_true(value.n == 0 || (value.p > copy && value.p + value.n <= copy + n));
        }
        free(copy);
    }
}

/* All that is needed for choosing a CA stands in front of the key. */
static void front(void **state)
{
    char der[4096];
    struct slice whole = forge_der(&forge, "root", der, sizeof der);
    struct certificate c, again;
    size_t end;

    (void)state;
    assert_true(certificate_read(whole, &c));
    end = (size_t)(c.subject.p + c.subject.n - whole.p);
    assert_true(end < whole.n);
    assert_true(certificate_read(slice_part(whole, 0, end), &again));
    check_text("the subject", again.subject, c.subject);
    assert_false(certificate_read(slice_part(whole, 0, end - 1), &again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says),  cmocka_unit_test(alternative_names),
        cmocka_unit_test(validity),      cmocka_unit_test(times),
        cmocka_unit_test(printed_names), cmocka_unit_test(long_names),
        cmocka_unit_test(damaged),       cmocka_unit_test(front),
    };

    return cmocka_run_group_tests_name("certificate", tests, make_all, remove_all);
}
