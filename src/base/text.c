#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice slice_of(const char *string)
{
    return (struct slice){ string, string ? strlen(string) : 0 };
}

struct slice slice_part(struct slice s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (struct slice){ from > 0 ? s.p + from : s.p, to - from }; /* NULL + 0 is undefined */
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && slice_starts_nocase(a, b);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    if (s.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++)
        if (to_lower(s.p[i]) != to_lower(prefix.p[i]))
            return false;
    return true;
}

bool slice_contains_nocase(struct slice s, struct slice needle)
{
    for (; s.n >= needle.n; s = slice_part(s, 1, s.n)) {
        if (slice_starts_nocase(s, needle))
            return true;
        if (s.n == 0)
            break;
    }
    return false;
}

struct slice slice_trim(struct slice s)
{
    while (s.n > 0 && memchr(" \t\r\n", s.p[0], 4))
        s = slice_part(s, 1, s.n);
    while (s.n > 0 && memchr(" \t\r\n", s.p[s.n - 1], 4))
        s.n--;
    return s;
}

size_t slice_find(struct slice s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

    return at ? (size_t)(at - s.p) : s.n;
}

bool slice_take_until(struct slice *in, const char *set, struct slice *out)
{
    size_t length = strlen(set), i = 0;

    if (in->n == 0)
        return false;
    while (i < in->n && !memchr(set, in->p[i], length))
        i++;
    *out = slice_part(*in, 0, i);
    *in = slice_part(*in, i + 1, in->n);
    return true;
}

bool slice_take_line(struct slice *in, struct slice *line)
{
    size_t end = slice_find(*in, '\n');

    if (in->n == 0)
        return false;
    *line = slice_part(*in, 0, end);
    *in = slice_part(*in, end + 1, in->n);
    if (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

bool slice_take_word(struct slice *in, struct slice *word)
{
    while (in->n > 0 && is_space(in->p[0]))
        *in = slice_part(*in, 1, in->n);
    return slice_take_until(in, " \t", word);
}

bool slice_number(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)(s.p[i] - '0');

        if (!is_digit(s.p[i]) || digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool slice_is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* RFC 3629 section 4: the range of the second byte depends on the first. */
static void begin_sequence(struct utf8_check *u, unsigned char first)
{
    static const struct {
        unsigned char first, last, low, high;
        unsigned left;
    } rows[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 1 }, { 0xe0, 0xe0, 0xa0, 0xbf, 2 }, { 0xe1, 0xec, 0x80, 0xbf, 2 },
        { 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 }, { 0xf0, 0xf0, 0x90, 0xbf, 3 },
        { 0xf1, 0xf3, 0x80, 0xbf, 3 }, { 0xf4, 0xf4, 0x80, 0x8f, 3 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (first < rows[i].first || first > rows[i].last)
            continue;
        u->low = rows[i].low;
        u->high = rows[i].high;
        u->left = rows[i].left;
        return;
    }
    u->bad = true;
}

void utf8_check_piece(struct utf8_check *u, struct slice piece)
{
    for (size_t i = 0; i < piece.n && !u->bad; i++) {
        unsigned char c = (unsigned char)piece.p[i];

        if (u->left == 0) {
            if (c >= 0x80)
                begin_sequence(u, c);
            continue;
        }
        u->bad = c < u->low || c > u->high;
        u->left--;
        u->low = 0x80;
        u->high = 0xbf;
    }
}

bool slice_is_utf8(struct slice s)
{
    struct utf8_check u = { 0 };

    utf8_check_piece(&u, s);
    return !u.bad && u.left == 0;
}

/* Length of the character that s begins with; 0 when it is none that may be shown. */
static size_t shown_length(struct slice s)
{
    size_t n = 1;

    while (n < 4 && n < s.n && !slice_is_utf8(slice_part(s, 0, n)))
        n++;
    if (is_control(s.p[0]) || !slice_is_utf8(slice_part(s, 0, n)))
        return 0;
    return n == 2 && s.p[0] == '\xc2' && (unsigned char)s.p[1] < 0xa0 ? 0 : n;
}

void text_make_printable(char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = shown_length((struct slice){ p + i, n - i });

        if (length == 0)
            p[i] = '?';
        i += length > 0 ? length : 1;
    }
}

char *slice_dup(struct slice s)
{
    char *copy;

    if ((s.n > 0 && memchr(s.p, 0, s.n)) || s.n == SIZE_MAX || !(copy = malloc(s.n + 1)))
        return NULL;
    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = 0;
    return copy;
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_over(struct buf *b, char *room, size_t size)
{
    *b = (struct buf){ .p = room, .capacity = size, .max = size };
}

void buf_reserve(struct buf *b, size_t capacity)
{
    char *grown;

    if (capacity > b->max || b->failed) {
        b->failed = true;
        return;
    }
    if (capacity <= b->capacity)
        return;
    grown = realloc(b->p, capacity);
    if (!grown) {
        b->failed = true;
        return;
    }
    b->p = grown;
    b->capacity = capacity;
}

/* Makes room for n more bytes, doubling so that many small appends stay linear. */
static bool make_room(struct buf *b, size_t n)
{
    size_t wanted;

    if (b->failed || n > b->max - b->n) {
        b->failed = true;
        return false;
    }
    if (n <= b->capacity - b->n)
        return true;
    wanted = b->capacity > b->max / 2 ? b->max : b->capacity * 2;
    if (wanted < 64 && b->max >= 64)
        wanted = 64;
    if (wanted < b->n + n)
        wanted = b->n + n;
    buf_reserve(b, wanted);
    return !b->failed;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || !make_room(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_string(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !make_room(b, (size_t)length + 1)) {
        b->failed = true;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(b->p + b->n, (size_t)length + 1, format, arguments);
    va_end(arguments);
    b->n += (size_t)length;
}

struct slice buf_slice(const struct buf *b)
{
    return (struct slice){ b->p, b->n };
}

const char *buf_string(struct buf *b)
{
    if ((b->n > 0 && memchr(b->p, 0, b->n)) || !make_room(b, 1))
        return NULL;
    b->p[b->n] = 0;
    return b->p;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->n)
        n = b->n;
    if (n > 0)
        memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ .max = b->max };
}

void buf_wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->capacity);
    buf_free(b);
}

static const char base64_digits[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void buf_add_base64(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i += 3) {
        size_t have = s.n - i < 3 ? s.n - i : 3;
        unsigned bits = (unsigned)(unsigned char)s.p[i] << 16;
        char out[4];

        if (have > 1)
            bits |= (unsigned)(unsigned char)s.p[i + 1] << 8;
        if (have > 2)
            bits |= (unsigned char)s.p[i + 2];
        for (unsigned d = 0; d < 4; d++)
            out[d] = d <= have ? base64_digits[bits >> (18 - 6 * d) & 63] : '=';
        buf_add(b, out, sizeof out);
    }
}

bool buf_add_decoded_base64(struct buf *b, struct slice s)
{
    size_t start = b->n, padding = 0;

    if (s.n % 4 != 0)
        return false;
    while (padding < 2 && padding < s.n && s.p[s.n - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < s.n; i += 4) {
        size_t take = i + 4 == s.n ? 3 - padding : 3;
        unsigned bits = 0;

        for (size_t d = 0; d < 4; d++) {
            const char *digit = d <= take ? memchr(base64_digits, s.p[i + d], 64) : base64_digits;

            if (!digit) {
                b->n = start;
                return false;
            }
            bits = bits << 6 | (unsigned)(digit - base64_digits);
        }
        for (size_t o = 0; o < take; o++)
            buf_add_char(b, (char)(bits >> (16 - 8 * o) & 255));
    }
    return !b->failed;
}
