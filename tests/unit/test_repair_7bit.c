#include "mail/repair.h"

#include "sink.h"

static void seven_bits(void **state)
{
    static const struct {
        const char *sentence, *input;
        enum code want;
        enum encoding encoding;
        const char *header;
    } rows[] = {
        { "7 bits need nothing", "A: 1\n\nabc\n", CODE_OK, ENCODING_AS_IS, "A: 1\n" },
        { "text is encoded",
          "MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n"
          "Content-Type: text/plain; charset=utf-8\n\n\xc3\xa9\n",
          CODE_OK, ENCODING_QUOTED_PRINTABLE,
          "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
          "Content-Transfer-Encoding: quoted-printable\n" },
        { "what is missing is added", "A: 1\n\n\xc3\xa9\n", CODE_OK, ENCODING_QUOTED_PRINTABLE,
          "A: 1\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
          "Content-Transfer-Encoding: quoted-printable\n" },
        { "an unknown charset", "A: 1\n\n\xe9\n", CODE_OK, ENCODING_QUOTED_PRINTABLE,
          "A: 1\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
          "Content-Transfer-Encoding: quoted-printable\n" },
        { "many parts",
          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\xc3\xa9\n",
          CODE_NO_8BITMIME, ENCODING_AS_IS,
          "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n" },
        { "a signed message", "DKIM-Signature: v=1\nA: 1\n\n\xc3\xa9\n", CODE_NO_8BITMIME,
          ENCODING_AS_IS, "DKIM-Signature: v=1\nA: 1\n" },
        { "a lie about base64",
          "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: "
          "base64\n\n\xc3\xa9\n",
          CODE_NO_8BITMIME, ENCODING_AS_IS,
          "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct message m;

        read_message(&m, slice_of(rows[i].input), DOTS_AUTO);
        check(rows[i].sentence, message_make_7bit(&m, &why) == rows[i].want);
        check(rows[i].sentence, m.encoding == rows[i].encoding && why.code == rows[i].want);
        check_text(rows[i].sentence, buf_slice(&m.header), slice_of(rows[i].header));
        check(rows[i].sentence, message_make_7bit(&m, &why) == rows[i].want);
        message_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(seven_bits) };

    return cmocka_run_group_tests_name("repair_7bit", tests, NULL, NULL);
}
