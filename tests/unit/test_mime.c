#include "unit.h"

#include "mail/mime.h"

#include <string.h>

static void encoded_words(void **state)
{
    static const struct {
        const char *sentence, *text;
        size_t column;
        const char *want;
    } rows[] = {
        { "one character", "\xc3\xa9", 9, "=?utf-8?B?w6k=?=" },
        { "a space is an underscore", "caff\xc3\xa8 ora", 9, "=?utf-8?Q?caff=C3=A8_ora?=" },
        { "what looks like an encoding is encoded", "\xc3\xa9=_?", 9, "=?utf-8?B?w6k9Xz8=?=" },
        { "specials of a phrase never stand bare", "per \"te\", a. \xc3\xa9 (x) <y>", 9,
          "=?utf-8?Q?per_=22te=22=2C_a=2E_=C3=A9_=28x=29_=3Cy=3E?=" },
        { "mostly beyond ASCII is base64", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", 9,
          "=?utf-8?B?0J/RgNC40LLQtdGC?=" },
        { "bytes that are not UTF-8 survive", "caff\xe8", 9, "=?unknown-8bit?Q?caff=E8?=" },
        { "an overlong form is not UTF-8", "aaaaa\xc0\xaf", 9, "=?unknown-8bit?Q?aaaaa=C0=AF?=" },
        { "a control character becomes a space", "a\x1b\x7f\xc3\xa9xxx", 9,
          "=?utf-8?Q?a__=C3=A9xxx?=" },
        { "line ends go", "uno\n du\xc3\xa9\r\n", 9, "=?utf-8?Q?uno_du=C3=A9?=" },
        { "the first word fills up the line that it begins in",
          "\xc3\xa9 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 30,
          "=?utf-8?Q?=C3=A9_aaaaaaaaaaaaaaaaaaaaaaaaaaa?=\n "
          "=?utf-8?Q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=" },
        { "a line that is full is no reason for tiny words",
          "\xc3\xa9 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 900,
          "=?utf-8?Q?=C3=A9_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=" },
        { "nothing gives nothing", "", 9, "" },
        { "line ends alone give nothing", "\n\n", 9, "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 10000);
        mime_add_encoded_words(&out, slice_of(rows[i].text), rows[i].column);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

/* Takes one Q or B word apart: its charset must be utf-8, its text is appended to out. */
static void check_word(const char *sentence, struct slice word, struct buf *out)
{
    struct slice inner = slice_part(word, 10, word.n - 2);
    size_t before = out->n;

    check(sentence, word.n <= 75 && word.n > 12 && word.p[word.n - 1] == '=');
    check(sentence, slice_starts_nocase(word, slice_of("=?utf-8?")));
    if (word.p[8] == 'B')
        check(sentence, buf_add_decoded_base64(out, inner));
    for (size_t i = 0; word.p[8] == 'Q' && i < inner.n; i++) {
        const char *digits = "0123456789ABCDEF";

        if (inner.p[i] == '=') {
            long high = strchr(digits, inner.p[i + 1]) - digits;
            long low = strchr(digits, inner.p[i + 2]) - digits;

            buf_add_char(out, (char)(high * 16 + low));
            i += 2;
        } else {
            buf_add_char(out, inner.p[i] == '_' ? ' ' : inner.p[i]);
        }
    }
    check(sentence, slice_is_utf8(slice_part(buf_slice(out), before, out->n)));
}

static void words_hold_whole_characters(void **state)
{
    static const struct {
        const char *sentence, *unit;
    } rows[] = {
        { "two bytes", "\xc3\xa9" },
        { "three bytes", "\xe2\x82\xac" },
        { "four bytes", "\xf0\x9f\x90\xbb" },
        { "one byte and four", "a\xf0\x9f\x90\xbb" },
        { "much ASCII and two bytes", "abcdefghijk\xc3\xa9" },
        { "much ASCII and four bytes", "abcdefghijklmno \xf0\x9f\x90\xbb" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        for (size_t column = 0; column < 100; column += 7) {
            struct buf text, out, back;
            struct slice rest, word;

            buf_init(&text, 10000);
            buf_init(&out, 100000);
            buf_init(&back, 10000);
            for (int n = 0; n < 100; n++)
                buf_add_string(&text, rows[i].unit);
            mime_add_encoded_words(&out, buf_slice(&text), column);
            rest = buf_slice(&out);
            while (slice_take_until(&rest, "\n", &word))
                check_word(rows[i].sentence, slice_trim(word), &back);
            check_text(rows[i].sentence, buf_slice(&back), buf_slice(&text));
            buf_free(&text);
            buf_free(&out);
            buf_free(&back);
        }
}

static void display_names(void **state)
{
    static const struct {
        const char *sentence, *name, *want;
    } rows[] = {
        { "words of ASCII stand as they are", "Cron Daemon", "Cron Daemon" },
        { "atoms may hold many marks", "o'neil-x_y+z", "o'neil-x_y+z" },
        { "an encoded word stays one", "=?utf-8?Q?Caf=C3=A9?=", "=?utf-8?Q?Caf=C3=A9?=" },
        { "a dot needs quotes", "John Q. Public", "\"John Q. Public\"" },
        { "a comma needs quotes", "Rossi, Anna", "\"Rossi, Anna\"" },
        { "parentheses need quotes", "(Cron Daemon)", "\"(Cron Daemon)\"" },
        { "quotes and backslashes are escaped", "a \"b\" \\", "\"a \\\"b\\\" \\\\\"" },
        { "an address in a name stays a name", "x <root@evil>", "\"x <root@evil>\"" },
        { "beyond ASCII it is encoded", "Ren\xc3\xa9", "=?utf-8?Q?Ren=C3=A9?=" },
        { "a line end injects nothing", "x\nBcc: y@z", "\"x Bcc: y@z\"" },
        { "white space around it goes", "  Anna \t", "Anna" },
        { "nothing is nothing", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;

        buf_init(&out, 1000);
        mime_add_display_name(&out, slice_of(rows[i].name), 6);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
        buf_free(&out);
    }
}

static void texts(void **state)
{
    static const struct {
        const char *sentence, *before, *text, *specials, *want;
    } rows[] = {
        { "ASCII is kept to the byte", "X:", "  a \n\t b,  c ", "", "  a \n\t b,  c " },
        { "only the words beyond ASCII change", "X:", " uno \xc3\xa8 due", "",
          " uno =?utf-8?B?w6g=?= due" },
        { "a run keeps its white space inside", "X:", " \xc3\xa8  \xc3\xa9 due", "",
          " =?utf-8?B?w6ggIMOp?= due" },
        { "a run over a fold is one line", "X:", " \xc3\xa8\n abcdef\xc3\xa9", "",
          " =?utf-8?Q?=C3=A8_abcdef=C3=A9?=" },
        { "folding elsewhere stays", "X:", " a\n b \xc3\xa8", "", " a\n b =?utf-8?B?w6g=?=" },
        { "a special ends a word", "To:", " \xc3\xa8: a", ",:;", " =?utf-8?B?w6g=?=: a" },
        { "without white space after the colon it is added", "X:", "\xc3\xa8", "",
          " =?utf-8?B?w6g=?=" },
        { "a full line is folded before the word",
          "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", " \xc3\xa8", "",
          "\n =?utf-8?B?w6g=?=" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf out;
        size_t before = strlen(rows[i].before);

        buf_init(&out, 1000);
        buf_add_string(&out, rows[i].before);
        mime_add_text(&out, slice_of(rows[i].text), rows[i].specials);
        check_text(rows[i].sentence, slice_part(buf_slice(&out), before, out.n),
                   slice_of(rows[i].want));
        buf_free(&out);
    }
}

static void kinds(void **state)
{
    enum {
        VERSION = 2,
        TYPE = 4,
        ENCODING = 8,
        TEXT = 16,
        COMPOSITE = 32,
        IDENTITY = 64,
        SIGNED = 128,
    };
    static const struct {
        const char *sentence, *block;
        unsigned want;
        const char *encoding;
    } rows[] = {
        { "nothing said is plain text", "Subject: x\n", TEXT | IDENTITY, "" },
        { "an empty block too", "", TEXT | IDENTITY, "" },
        { "all three",
          "mime-version: 1.0\ncontent-type: text/html\nCONTENT-TRANSFER-ENCODING: 8BIT\n",
          VERSION | TYPE | ENCODING | TEXT | IDENTITY, "8BIT" },
        { "quoted-printable is no identity", "Content-Transfer-Encoding: quoted-printable\n",
          ENCODING | TEXT, "quoted-printable" },
        { "binary is one", "Content-Transfer-Encoding: binary ; x\n", ENCODING | TEXT | IDENTITY,
          "binary" },
        { "an encoding nobody knows is no identity", "Content-Transfer-Encoding: 8 bit\n",
          ENCODING | TEXT, "8" },
        { "a folded type", "Content-Type:\n\tTEXT/plain;\n charset=x\n", TYPE | TEXT | IDENTITY,
          "" },
        { "an image is no text", "Content-Type: image/png\n", TYPE | IDENTITY, "" },
        { "multipart", "Content-Type: multipart/mixed; boundary=x\n", TYPE | COMPOSITE | IDENTITY,
          "" },
        { "a message in a message", "Content-Type: message/rfc822\n", TYPE | COMPOSITE | IDENTITY,
          "" },
        { "multipart/signed", "Content-Type: multipart/signed; boundary=x\n",
          TYPE | COMPOSITE | IDENTITY | SIGNED, "" },
        { "S/MIME", "Content-Type: application/pkcs7-mime; smime-type=signed-data\n",
          TYPE | IDENTITY | SIGNED, "" },
        { "DKIM", "DKIM-Signature: v=1\nSubject: x\n", TEXT | IDENTITY | SIGNED, "" },
        { "the first type counts", "Content-Type: image/png\nContent-Type: text/plain\n",
          TYPE | IDENTITY, "" },
        { "a blank type is none", "Content-Type: \nContent-Transfer-Encoding:\n", TEXT | IDENTITY,
          "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct mime_kind kind = mime_kind_of(slice_of(rows[i].block));
        unsigned got = (kind.has_version ? VERSION : 0u) | (kind.has_type ? TYPE : 0u) |
                       (kind.has_encoding ? ENCODING : 0u) | (kind.is_text ? TEXT : 0u) |
                       (kind.is_composite ? COMPOSITE : 0u) | (kind.identity ? IDENTITY : 0u) |
                       (kind.is_signed ? SIGNED : 0u);

        check(rows[i].sentence, got == rows[i].want);
        check_text(rows[i].sentence, kind.encoding, slice_of(rows[i].encoding));
    }
}

static void running_out_is_told(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 20);
    mime_add_encoded_words(&out, slice_of("caff\xc3\xa8 caff\xc3\xa8"), 9);
    check("a buf that is full says so", out.failed);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_words), cmocka_unit_test(words_hold_whole_characters),
        cmocka_unit_test(display_names), cmocka_unit_test(texts),
        cmocka_unit_test(kinds),         cmocka_unit_test(running_out_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
