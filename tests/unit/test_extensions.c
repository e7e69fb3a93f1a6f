#include "unit.h"

#include "smtp/extensions.h"
#include "smtp/sasl.h"

static void keywords_are_read(void **state)
{
    enum {
        NONE = 0,
        BOTH = SASL_PLAIN | SASL_LOGIN,
    };
    static const struct {
        const char *sentence, *text;
        unsigned offered;
        uint64_t limit;
        unsigned mechanisms;
        const char *words;
    } rows[] = {
        { "no text", "", NONE, 0, NONE, "" },
        { "the server's name alone", "mx.example.org", NONE, 0, NONE, "" },
        { "the name is no keyword", "PIPELINING", NONE, 0, NONE, "" },
        { "all of them",
          "mx\nSTARTTLS\nPIPELINING\nSIZE 100\n8BITMIME\nSMTPUTF8\nDSN\nAUTH PLAIN LOGIN",
          EXTENSION_STARTTLS | EXTENSION_PIPELINING | EXTENSION_SIZE | EXTENSION_8BITMIME |
              EXTENSION_SMTPUTF8 | EXTENSION_DSN | EXTENSION_AUTH,
          100, BOTH, "PLAIN LOGIN" },
        { "in any case", "mx\nStartTLS\npipelining", EXTENSION_STARTTLS | EXTENSION_PIPELINING, 0,
          NONE, "" },
        { "white space around", "mx\n \tDSN \t\n", EXTENSION_DSN, 0, NONE, "" },
        { "what is not known is passed over", "mx\nXFOO a b\nCHUNKING\nDSN", EXTENSION_DSN, 0, NONE,
          "" },
        { "a longer word is another", "mx\nDSNX\nXDSN\nSTARTTLSX", NONE, 0, NONE, "" },
        { "empty lines", "mx\n\n\nDSN\n", EXTENSION_DSN, 0, NONE, "" },
        { "SIZE without a limit", "mx\nSIZE", EXTENSION_SIZE, 0, NONE, "" },
        { "SIZE 0 is no limit (RFC 1870)", "mx\nSIZE 0", EXTENSION_SIZE, 0, NONE, "" },
        { "SIZE with the largest number", "mx\nSIZE 18446744073709551615", EXTENSION_SIZE,
          UINT64_MAX, NONE, "" },
        { "SIZE with a number too large", "mx\nSIZE 18446744073709551616", EXTENSION_SIZE, 0, NONE,
          "" },
        { "SIZE with no number", "mx\nSIZE many", EXTENSION_SIZE, 0, NONE, "" },
        { "SIZE with a negative number", "mx\nSIZE -1", EXTENSION_SIZE, 0, NONE, "" },
        { "SIZE with more behind", "mx\nSIZE 10 20", EXTENSION_SIZE, 10, NONE, "" },
        { "much white space", "mx\nSIZE \t  10", EXTENSION_SIZE, 10, NONE, "" },
        { "AUTH in lower case", "mx\nauth plain", EXTENSION_AUTH, 0, SASL_PLAIN, "plain" },
        { "AUTH with mechanisms we do not know", "mx\nAUTH GSSAPI NTLM", EXTENSION_AUTH, 0, NONE,
          "GSSAPI NTLM" },
        { "AUTH with none", "mx\nAUTH", EXTENSION_AUTH, 0, NONE, "" },
        { "the old form", "mx\nAUTH=PLAIN LOGIN", EXTENSION_AUTH, 0, BOTH, "PLAIN LOGIN" },
        { "the old form beside the new", "mx\nAUTH PLAIN LOGIN\nAUTH=PLAIN LOGIN", EXTENSION_AUTH,
          0, BOTH, "PLAIN LOGIN" },
        { "two lines add up", "mx\nAUTH PLAIN\nAUTH LOGIN", EXTENSION_AUTH, 0, BOTH,
          "PLAIN LOGIN" },
        { "a part of a mechanism's name is none", "mx\nAUTH PLAI PLAINX", EXTENSION_AUTH, 0, NONE,
          "PLAI PLAINX" },
        { "words beyond what is kept for people still count",
          "mx\nAUTH AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "
          "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB "
          "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC LOGIN",
          EXTENSION_AUTH, 0, SASL_LOGIN,
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "
          "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct extensions e = { .offered = ~0u, .size_limit = 7, .mechanisms = ~0u };

        extensions_parse(slice_of(rows[i].text), &e);
        check(rows[i].sentence, e.offered == rows[i].offered);
        check(rows[i].sentence, e.size_limit == rows[i].limit);
        check(rows[i].sentence, e.mechanisms == rows[i].mechanisms);
        check_text(rows[i].sentence, slice_of(e.auth_words), slice_of(rows[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(keywords_are_read) };

    return cmocka_run_group_tests_name("extensions", tests, NULL, NULL);
}
