#include "mail/spec.h"
#include "mail/token.h"

#include <string.h>

enum {
    DOMAIN_MAX = 255, /* RFC 5321 section 4.5.3.1.2 */
};

static const char too_long[] = "it is too long";

/* A local part without its quotes. */
struct local {
    char bytes[ADDRESS_MAX];
    size_t n;
    bool quoted; /* some of it was */
};

/* No wider than what a name in the DNS, or one of an inner network, may hold. */
static bool is_domain_text(char c)
{
    return is_alpha(c) || is_digit(c) || (unsigned char)c >= 0x80 || c == '-' || c == '_';
}

static bool is_dot_atom(struct slice s)
{
    bool after_dot = true;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' ? after_dot : !token_is_atom_text(s.p[i]))
            return false;
        after_dot = s.p[i] == '.';
    }
    return !after_dot;
}

static bool put(struct address *a, char c)
{
    if (a->length == ADDRESS_MAX)
        return false;
    a->spec[a->length++] = c;
    return true;
}

/* Adds what a word stands for; false when it is too long. */
static bool decode_word(struct local *l, struct slice word, int kind)
{
    if (kind == TOKEN_QUOTED)
        word = slice_part(word, 1, word.n - 1);
    for (size_t i = 0; i < word.n; i++) {
        if (kind == TOKEN_QUOTED && (word.p[i] == '\r' || word.p[i] == '\n'))
            continue;
        if (kind == TOKEN_QUOTED && word.p[i] == '\\' && i + 1 < word.n)
            i++;
        if (l->n == sizeof l->bytes)
            return false;
        l->bytes[l->n++] = word.p[i];
    }
    l->quoted |= kind == TOKEN_QUOTED;
    return true;
}

static const char *decode_local(struct slice text, struct local *l)
{
    bool after_word = false, any = false;
    struct token t = token_read(text, 0);

    for (; t.kind != TOKEN_END; t = token_read(text, t.to)) {
        if (token_is_gap(t.kind))
            continue;
        if (t.kind != TOKEN_ATOM && t.kind != TOKEN_QUOTED && t.kind != '.')
            return "a character that must be quoted";
        if (t.kind != '.' && after_word)
            return "several words, and no address between '<' and '>'";
        after_word = t.kind != '.';
        any |= after_word;
        if (!decode_word(l, slice_part(text, t.from, t.to), t.kind))
            return too_long;
    }
    return any ? NULL : "nothing before the '@'";
}

static bool put_quoted(struct address *a, const struct local *l)
{
    bool fits = put(a, '"');

    for (size_t i = 0; i < l->n && fits; i++) {
        if (l->bytes[i] == '"' || l->bytes[i] == '\\')
            fits = put(a, '\\');
        fits = fits && put(a, l->bytes[i]);
    }
    return fits && put(a, '"');
}

/*
 * Writes a local part, with quotes only where they are needed: servers compare the text. Dots that
 * RFC 5322 does not allow are kept, since such mailboxes exist and their servers know them.
 */
static const char *put_local(struct address *a, const struct written *w)
{
    struct local l = { .n = 0 };
    const char *problem = decode_local(w->local, &l);
    struct slice decoded = { l.bytes, l.n };

    if (problem)
        return problem;
    for (size_t i = 0; i < l.n; i++)
        if (is_control(l.bytes[i]))
            return "a control character in it";
    if (l.quoted && !is_dot_atom(decoded)) {
        if (!w->has_domain)
            return "a name in quotes, and no address after it";
        return put_quoted(a, &l) ? NULL : too_long;
    }
    memcpy(a->spec, l.bytes, l.n);
    a->length = l.n;
    return NULL;
}

static const char *put_literal(struct address *a, struct slice literal)
{
    for (size_t i = 0; i < literal.n; i++) {
        if (memchr(" \t\r\n", literal.p[i], 4))
            continue;
        if (is_control(literal.p[i]))
            return "a control character in it";
        if (!put(a, literal.p[i]))
            return too_long;
    }
    return a->length - a->at > 3 ? NULL : "nothing between '[' and ']'";
}

static const char *put_label(struct address *a, struct slice label)
{
    for (size_t i = 0; i < label.n; i++) {
        if (!is_domain_text(label.p[i]))
            return "a character that no domain has";
        if (!put(a, label.p[i]))
            return too_long;
    }
    return NULL;
}

/* Writes one token of a domain; a->at is where its '@' stands. */
static const char *put_domain_token(struct address *a, struct slice token, int kind)
{
    char last = a->spec[a->length - 1];

    if (last == ']')
        return "more text after the ']'";
    if (kind == TOKEN_LITERAL)
        return last == '@' ? put_literal(a, token) : "a '[' inside a domain";
    if (kind != '.')
        return put_label(a, token);
    if (last == '@' || last == '.')
        return "an empty part in its domain";
    return put(a, '.') ? NULL : too_long;
}

/* Writes '@' and the domain, without a dot at its end: that is for the DNS, not for mail. */
const char *spec_add_domain(struct address *a, struct slice domain)
{
    struct token t = token_read(domain, 0);

    if (!put(a, '@'))
        return too_long;
    for (; t.kind != TOKEN_END; t = token_read(domain, t.to)) {
        const char *problem = NULL;

        if (!token_is_gap(t.kind))
            problem = put_domain_token(a, slice_part(domain, t.from, t.to), t.kind);
        if (problem)
            return problem;
    }
    if (a->spec[a->length - 1] == '.')
        a->spec[--a->length] = 0;
    if (a->length - a->at == 1)
        return "nothing after the '@'";
    return a->length - a->at - 1 > DOMAIN_MAX ? too_long : NULL;
}

const char *spec_write(struct address *a, const struct written *w)
{
    const char *problem = put_local(a, w);
    struct slice spec;

    a->at = a->length;
    if (!problem && w->has_domain)
        problem = spec_add_domain(a, w->domain);
    if (problem)
        return problem;
    spec = address_spec(a);
    a->utf8 = !slice_is_ascii(spec);
    return a->utf8 && !slice_is_utf8(spec) ? "it is not UTF-8" : NULL;
}
