#include "deliver/bounce_field.h"

#include "mail/mime.h"
#include "mail/stamp.h"

#include <string.h>

enum {
    TEXT_MAX = 2048,             /* of one field: more than a record's texts have */
    SPELLED_MAX = 16 * TEXT_MAX, /* each short word beyond ASCII may become an encoded one */
    LINE_WANTED = 76,
    WORD_MAX = 900, /* what is longer is cut, to stay below 998 */
    ADDRESS_SHOWN = 900,
    QUOTED_LINE_MAX = 75, /* RFC 2045 section 6.7: 76 with the "=" of a soft break */
};

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

/* Appends a word where it fits, and gives the column behind it. */
static size_t add_word(struct buf *out, struct slice word, size_t column)
{
    while (word.n > 0) {
        struct slice piece = slice_part(word, 0, WORD_MAX);
        bool fits = column + 1 + piece.n <= LINE_WANTED;

        buf_add_string(out, fits ? " " : "\n ");
        buf_add_slice(out, piece);
        column = (fits ? column : 0) + 1 + piece.n;
        word = slice_part(word, piece.n, word.n);
    }
    return column;
}

/* A tab is white space, and no control character here. */
static void clean(struct buf *text)
{
    for (size_t i = 0; i < text->n; i++)
        if (text->p[i] == '\t')
            text->p[i] = ' ';
    if (text->n > 0)
        text_make_printable(text->p, text->n);
}

static void add_words(struct buf *out, struct slice text, size_t column)
{
    struct slice word;

    while (slice_take_until(&text, " \n", &word))
        column = add_word(out, word, column);
}

void bounce_field(struct buf *out, const char *name, const char *type, struct slice text)
{
    struct buf shown, spelled;
    size_t start = out->n;

    buf_init(&shown, TEXT_MAX);
    buf_init(&spelled, SPELLED_MAX);
    buf_add_slice(&shown, slice_part(text, 0, TEXT_MAX));
    clean(&shown);
    mime_add_text(&spelled, buf_slice(&shown), "");
    buf_addf(out, type ? "%s: %s;" : "%s:", name, type);
    add_words(out, buf_slice(&spelled), out->n - start);
    buf_add_char(out, '\n');
    out->failed = out->failed || shown.failed || spelled.failed;
    buf_free(&shown);
    buf_free(&spelled);
}

void bounce_field_date(struct buf *out, const char *name, time_t when)
{
    buf_addf(out, "%s: ", name);
    stamp_add_date(out, when);
    buf_add_char(out, '\n');
}

/* The code point of the character that s begins with; s is well-formed. */
static unsigned long take_character(struct slice *s)
{
    unsigned char lead = (unsigned char)s->p[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, i;
    unsigned long point = length == 1 ? lead : lead & (0xffu >> (length + 1));

    for (i = 1; i < length && i < s->n; i++)
        point = point << 6 | ((unsigned char)s->p[i] & 0x3f);
    *s = slice_part(*s, i, s->n);
    return point;
}

static void add_utf8_address(struct buf *out, struct slice address)
{
    while (address.n > 0) {
        unsigned long point = take_character(&address);

        if (point > ' ' && point < 0x7f && !strchr("+=\\", (int)point))
            buf_add_char(out, (char)point);
        else
            buf_addf(out, "\\x{%02lX}", point);
    }
}

static void add_printable(struct buf *out, struct slice s)
{
    s = slice_part(s, 0, ADDRESS_SHOWN);
    for (size_t i = 0; i < s.n; i++)
        buf_add_char(out, is_printable(s.p[i]) ? s.p[i] : '?');
}

void bounce_field_address(struct buf *out, const char *name, struct slice address)
{
    bool is_utf8 = !slice_is_ascii(address) && slice_is_utf8(address);

    buf_addf(out, "%s: %s;", name, is_utf8 ? "utf-8" : "rfc822");
    /* Spelled out, a character may take the room of three. */
    if (is_utf8)
        add_utf8_address(out, slice_part(address, 0, ADDRESS_SHOWN / 3));
    else
        add_printable(out, address);
    buf_add_char(out, '\n');
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = memchr(digits, c, sizeof digits - 1);

    return at ? (int)(at - digits) : -1;
}

/* Takes the byte that xtext begins with; what is no xtext stands for itself. */
static char take_byte(struct slice *xtext)
{
    char c = xtext->p[0];
    int high = -1, low = -1;

    if (c == '+' && xtext->n >= 3) {
        high = hex_digit(xtext->p[1]);
        low = hex_digit(xtext->p[2]);
    }
    if (high < 0 || low < 0) {
        *xtext = slice_part(*xtext, 1, xtext->n);
        return c;
    }
    *xtext = slice_part(*xtext, 3, xtext->n);
    return (char)(high << 4 | low);
}

void bounce_field_xtext(struct buf *out, const char *name, struct slice xtext)
{
    xtext = slice_part(xtext, 0, ADDRESS_SHOWN);
    buf_addf(out, "%s: ", name);
    while (xtext.n > 0) {
        char c = take_byte(&xtext);

        buf_add_char(out, is_printable(c) ? c : '?');
    }
    buf_add_char(out, '\n');
}

static bool stands_for_itself(struct slice rest)
{
    if (is_space(rest.p[0]))
        return rest.n > 1 && rest.p[1] != '\n';
    return rest.p[0] > ' ' && rest.p[0] <= '~' && rest.p[0] != '=';
}

void bounce_quote(struct buf *out, struct slice text)
{
    size_t column = 0;

    for (; text.n > 0; text = slice_part(text, 1, text.n)) {
        bool literal = stands_for_itself(text);
        size_t width = literal ? 1 : 3;

        if (text.p[0] == '\n') {
            buf_add_char(out, '\n');
            column = 0;
            continue;
        }
        if (column + width > QUOTED_LINE_MAX) {
            buf_add_string(out, "=\n");
            column = 0;
        }
        if (literal)
            buf_add_char(out, text.p[0]);
        else
            buf_addf(out, "=%02X", (unsigned)(unsigned char)text.p[0]);
        column += width;
    }
}
