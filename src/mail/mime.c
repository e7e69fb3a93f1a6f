#include "mail/mime.h"

#include "mail/header.h"
#include "mail/token.h"

#include <string.h>

enum {
    WORD_MAX = 75, /* RFC 2047 section 2: an encoded word, and a line with one in it */
    LINE_MAX_WITH_WORD = 76,
    WORD_ROOM_MIN = 12, /* the least payload worth a word: four octets in the Q encoding */
    FULL_LINE = 46,     /* from this column on an encoded word goes to a line of its own */
};

/* What Q may leave alone in a phrase, the strictest place: RFC 2047 section 5 (3). */
static bool is_plain(char c)
{
    return is_digit(c) || is_alpha(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

static size_t quoted_cost(struct slice s)
{
    size_t cost = 0;

    for (size_t i = 0; i < s.n; i++)
        cost += is_plain(s.p[i]) || s.p[i] == ' ' ? 1 : 3;
    return cost;
}

/* How one text is spelled, the same in all of its words. */
struct spelling {
    bool utf8, base64;
    const char *opening;
};

static struct spelling spelling_of(struct slice text)
{
    static const char *const openings[2][2] = {
        { "=?unknown-8bit?Q?", "=?unknown-8bit?B?" },
        { "=?utf-8?Q?", "=?utf-8?B?" },
    };
    struct spelling s = { .utf8 = slice_is_utf8(text) };

    /* Text that is mostly ASCII stays legible where nobody decodes it. */
    s.base64 = quoted_cost(text) > 2 * text.n;
    s.opening = openings[s.utf8][s.base64];
    return s;
}

/* Octets of the character that text begins with; text is well-formed when it is UTF-8. */
static size_t character_length(struct slice text, bool utf8)
{
    unsigned char lead = (unsigned char)text.p[0];

    if (!utf8 || lead < 0xc0)
        return 1;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Moves as many characters into piece as the room of one word allows, one at the least. */
static size_t take_piece(struct slice *text, const struct spelling *s, size_t room,
                         char piece[WORD_MAX])
{
    size_t n = 0, cost = 0;

    while (text->n > 0) {
        size_t length = character_length(*text, s->utf8);
        struct slice character = slice_part(*text, 0, length);
        size_t more = s->base64 ? length : quoted_cost(character);

        if (text->p[0] == '\n' || text->p[0] == '\r') {
            *text = slice_part(*text, 1, text->n);
            continue;
        }
        if (is_control(text->p[0])) {
            character = slice_of(" ");
            more = 1;
        }
        if (n > 0 && cost + more > room)
            break;
        memcpy(piece + n, character.p, character.n);
        n += character.n;
        cost += more;
        *text = slice_part(*text, length, text->n);
    }
    return n;
}

static void add_quoted(struct buf *out, struct slice piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        char c = piece.p[i];

        if (c == ' ')
            buf_add_char(out, '_');
        else if (is_plain(c))
            buf_add_char(out, c);
        else
            buf_addf(out, "=%02X", (unsigned)(unsigned char)c);
    }
}

static size_t room_at(size_t column, const struct spelling *s)
{
    size_t overhead = strlen(s->opening) + 2;
    size_t width = column + WORD_MAX > LINE_MAX_WITH_WORD ? LINE_MAX_WITH_WORD - column : WORD_MAX;

    if (column >= LINE_MAX_WITH_WORD || width < overhead + WORD_ROOM_MIN)
        width = WORD_MAX;
    return s->base64 ? (width - overhead) / 4 * 3 : width - overhead;
}

void mime_add_encoded_words(struct buf *out, struct slice text, size_t column)
{
    struct spelling s = spelling_of(text);
    char piece[WORD_MAX];
    size_t n = take_piece(&text, &s, room_at(column, &s), piece);

    while (n > 0 && !out->failed) {
        buf_add_string(out, s.opening);
        if (s.base64)
            buf_add_base64(out, (struct slice){ piece, n });
        else
            add_quoted(out, (struct slice){ piece, n });
        buf_add_string(out, "?=");
        n = take_piece(&text, &s, room_at(1, &s), piece);
        if (n > 0)
            buf_add_string(out, "\n ");
    }
}

/* RFC 5322 section 3.2.3, and the white space between atoms. */
static bool is_atoms(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (c != ' ' && !is_control(c) && !token_is_atom_text(c))
            return false;
    }
    return true;
}

void mime_add_display_name(struct buf *out, struct slice name, size_t column)
{
    bool quotes;

    name = slice_trim(name);
    if (!slice_is_ascii(name)) {
        mime_add_encoded_words(out, name, column);
        return;
    }
    quotes = !is_atoms(name);
    if (quotes)
        buf_add_char(out, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"' || name.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, is_control(name.p[i]) ? ' ' : name.p[i]);
    }
    if (quotes)
        buf_add_char(out, '"');
}

/* Column of the next byte. It looks no further back than one full line, so as to stay linear. */
static size_t column_of(const struct buf *out)
{
    size_t n = 0;

    while (n < LINE_MAX_WITH_WORD && n < out->n && out->p[out->n - 1 - n] != '\n')
        n++;
    return n;
}

/* Folds at the white space that out ends with. A line of white space alone is dropped later. */
static void fold(struct buf *out)
{
    if (out->failed || out->n == 0 || !is_space(out->p[out->n - 1]))
        return;
    out->n--;
    buf_add_string(out, "\n ");
}

size_t mime_begin_word(struct buf *out)
{
    if (!out->failed && out->n > 0 && strchr(":,;", out->p[out->n - 1]) && out->p[out->n - 1] != 0)
        buf_add_char(out, ' ');
    if (column_of(out) >= FULL_LINE)
        fold(out);
    return column_of(out);
}

static bool is_gap(char c, const char *specials)
{
    return is_space(c) || c == '\n' || (c != 0 && strchr(specials, c));
}

static struct slice take_gap(struct slice *text, const char *specials)
{
    struct slice gap = { text->p, 0 };

    while (gap.n < text->n && is_gap(text->p[gap.n], specials))
        gap.n++;
    *text = slice_part(*text, gap.n, text->n);
    return gap;
}

static struct slice take_word(struct slice *text, const char *specials)
{
    struct slice word = { text->p, 0 };

    while (word.n < text->n && !is_gap(text->p[word.n], specials))
        word.n++;
    *text = slice_part(*text, word.n, text->n);
    return word;
}

/*
 * Lengthens a word beyond ASCII by those that follow it, since a reader drops the white space
 * between two encoded words: it has to be inside one.
 */
static struct slice take_run(struct slice first, struct slice *text, const char *specials)
{
    struct slice run = first, rest = *text;

    while (rest.n > 0) {
        struct slice word;

        (void)take_gap(&rest, "");
        word = take_word(&rest, specials);
        if (slice_is_ascii(word))
            break;
        run.n = (size_t)(word.p + word.n - first.p);
        *text = rest;
    }
    return run;
}

void mime_add_text(struct buf *out, struct slice text, const char *specials)
{
    if (slice_is_ascii(text)) {
        buf_add_slice(out, text);
        return;
    }
    while (text.n > 0 && !out->failed) {
        struct slice word;

        buf_add_slice(out, take_gap(&text, specials));
        word = take_word(&text, specials);
        if (!slice_is_ascii(word)) {
            word = take_run(word, &text, specials);
            mime_add_encoded_words(out, word, mime_begin_word(out));
            continue;
        }
        if (column_of(out) + word.n > LINE_MAX_WITH_WORD)
            fold(out);
        buf_add_slice(out, word);
    }
}

static void note_version(struct mime_kind *kind, struct slice value)
{
    (void)value;
    kind->has_version = true;
}

static void note_type(struct mime_kind *kind, struct slice value)
{
    static const char *const types_of_signed[] = {
        "multipart/signed",
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
    };

    if (kind->has_type)
        return;
    kind->has_type = true;
    kind->is_text = slice_starts_nocase(value, slice_of("text/"));
    kind->is_composite = slice_starts_nocase(value, slice_of("multipart/")) ||
                         slice_starts_nocase(value, slice_of("message/"));
    for (size_t i = 0; i < sizeof types_of_signed / sizeof *types_of_signed; i++)
        if (slice_starts_nocase(value, slice_of(types_of_signed[i])))
            kind->is_signed = true;
}

static void note_encoding(struct mime_kind *kind, struct slice value)
{
    static const char *const identities[] = { "7bit", "8bit", "binary" };

    if (kind->has_encoding || !slice_take_until(&value, " \t\n;(", &kind->encoding))
        return;
    kind->has_encoding = true;
    kind->identity = false;
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++)
        if (slice_equal_nocase(kind->encoding, slice_of(identities[i])))
            kind->identity = true;
}

static void note_signature(struct mime_kind *kind, struct slice value)
{
    (void)value;
    kind->is_signed = true;
}

struct mime_kind mime_kind_of(struct slice header_block)
{
    static const struct {
        const char *name;
        void (*note)(struct mime_kind *kind, struct slice value);
    } rows[] = {
        { "MIME-Version", note_version },
        { "Content-Type", note_type },
        { "Content-Transfer-Encoding", note_encoding },
        { "DKIM-Signature", note_signature },
        { "DomainKey-Signature", note_signature },
        { "ARC-Message-Signature", note_signature },
    };
    struct mime_kind kind = { .is_text = true, .identity = true };
    struct field field;

    while (header_next(&header_block, &field)) {
        struct slice value = slice_trim(field.value);

        for (size_t i = 0; value.n > 0 && i < sizeof rows / sizeof *rows; i++)
            if (slice_equal_nocase(field.name, slice_of(rows[i].name)))
                rows[i].note(&kind, value);
    }
    return kind;
}
