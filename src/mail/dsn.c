#include "mail/dsn.h"

#include <string.h>

enum {
    NO_DIGIT = 16,
};

struct word {
    const char *name;
    unsigned value;
};

/* 0 for a word that is not there. */
static unsigned find(struct slice name, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal_nocase(name, slice_of(words[i].name)))
            return words[i].value;
    return 0;
}

unsigned dsn_parse_notify(struct slice list)
{
    static const struct word words[] = {
        { "never", DSN_NOTIFY_NEVER },
        { "success", DSN_NOTIFY_SUCCESS },
        { "failure", DSN_NOTIFY_FAILURE },
        { "delay", DSN_NOTIFY_DELAY },
    };
    unsigned all = DSN_NOTIFY_UNSET;
    bool ends_in_comma = list.n > 0 && list.p[list.n - 1] == ',';
    struct slice name;

    while (slice_take_until(&list, ",", &name)) {
        unsigned one = find(slice_trim(name), words, sizeof words / sizeof *words);

        if (one == 0)
            return DSN_NOTIFY_UNSET;
        all |= one;
    }
    if (ends_in_comma || (all & DSN_NOTIFY_NEVER && all != DSN_NOTIFY_NEVER))
        return DSN_NOTIFY_UNSET;
    return all;
}

enum dsn_return dsn_parse_return(struct slice word)
{
    static const struct word words[] = {
        { "hdrs", DSN_RETURN_HEADERS },
        { "full", DSN_RETURN_FULL },
    };

    return (enum dsn_return)find(word, words, sizeof words / sizeof *words);
}

/* The value of an upper-case hexadecimal digit. */
static unsigned hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = memchr(digits, c, NO_DIGIT);

    return at ? (unsigned)(at - digits) : NO_DIGIT;
}

/* Takes the next byte that xtext stands for off *s; false when it is no xtext. */
static bool take_byte(struct slice *s, unsigned *byte)
{
    unsigned high, low;
    size_t length = 1;

    *byte = (unsigned char)s->p[0];
    if (*byte <= ' ' || *byte > '~' || *byte == '=')
        return false;
    if (*byte == '+') {
        length = 3;
        high = s->n < length ? NO_DIGIT : hex_digit(s->p[1]);
        low = s->n < length ? NO_DIGIT : hex_digit(s->p[2]);
        if (high == NO_DIGIT || low == NO_DIGIT)
            return false;
        *byte = high << 4 | low;
    }
    *s = slice_part(*s, length, s->n);
    return true;
}

bool dsn_is_xtext(struct slice s)
{
    unsigned byte;
    bool is_any = s.n > 0;

    while (s.n > 0)
        if (!take_byte(&s, &byte))
            return false;
    return is_any;
}

bool dsn_is_envelope_id(struct slice s)
{
    unsigned byte;
    bool fits = s.n > 0 && s.n <= DSN_ENVELOPE_ID_MAX;

    while (fits && s.n > 0)
        fits = take_byte(&s, &byte) && byte >= ' ' && byte <= '~';
    return fits;
}
