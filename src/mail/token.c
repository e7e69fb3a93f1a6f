#include "mail/token.h"

#include <string.h>

/* RFC 5322 section 3.2.3, and any byte beyond ASCII: RFC 6532 section 3.2. */
bool token_is_atom_text(char c)
{
    static const char marks[] = "!#$%&'*+-/=?^_`{|}~";

    return is_alpha(c) || is_digit(c) || (unsigned char)c >= 0x80 ||
           memchr(marks, c, sizeof marks - 1);
}

/* Whether the byte may stand in a header at all: a line end must be part of folding. */
static bool may_stand(struct slice text, size_t i)
{
    if (text.p[i] == '\r')
        return i + 1 < text.n && text.p[i + 1] == '\n';
    if (text.p[i] == '\n')
        return i + 1 < text.n && is_space(text.p[i + 1]);
    return text.p[i] != 0;
}

static struct token token_of(int kind, size_t from, size_t to)
{
    return (struct token){ .kind = kind, .from = from, .to = to };
}

static struct token broken(size_t from, size_t to, const char *problem)
{
    return (struct token){ .kind = TOKEN_BROKEN, .from = from, .to = to, .problem = problem };
}

static struct token foreign(size_t from, size_t to)
{
    return broken(from, to, "a NUL or a line end in it");
}

static struct token read_space(struct slice text, size_t from)
{
    bool sound = true;
    size_t to = from;

    while (to < text.n && memchr(" \t\r\n", text.p[to], 4))
        sound &= may_stand(text, to++);
    return sound ? token_of(TOKEN_SPACE, from, to) : foreign(from, to);
}

/* Reads a quoted string, or a comment with those inside it. */
static struct token read_enclosed(struct slice text, size_t from, char open, char close)
{
    bool sound = true;
    size_t depth = 1, to = from + 1;

    for (; to < text.n && depth > 0; to++) {
        sound &= may_stand(text, to);
        if (text.p[to] == close)
            depth--;
        else if (text.p[to] == open)
            depth++;
        else if (text.p[to] == '\\' && to + 1 < text.n)
            sound &= may_stand(text, ++to);
    }
    if (depth > 0)
        return broken(from, text.n,
                      open == TOKEN_QUOTED ? "a '\"' is not closed" : "a '(' is not closed");
    return sound ? token_of(open, from, to) : foreign(from, to);
}

/*
 * Reads a domain literal. One that is not closed at once is no literal but somebody's "[tag" in a
 * name; to search the whole list for its end would make a list of '[' quadratic.
 */
static struct token read_literal(struct slice text, size_t from)
{
    static const char ends[] = "[]\\<>@,;\"()";
    size_t to = from + 1;

    while (to < text.n && (unsigned char)text.p[to] < 0x80 && may_stand(text, to) &&
           !memchr(ends, text.p[to], sizeof ends - 1))
        to++;
    if (to < text.n && text.p[to] == ']')
        return token_of(TOKEN_LITERAL, from, to + 1);
    return token_of(TOKEN_OTHER, from, from + 1);
}

struct token token_read(struct slice text, size_t from)
{
    static const char specials[] = "<>,;:@.";
    size_t to = from;

    if (from >= text.n)
        return token_of(TOKEN_END, text.n, text.n);
    if (memchr(" \t\r\n", text.p[from], 4))
        return read_space(text, from);
    if (text.p[from] == '(')
        return read_enclosed(text, from, '(', ')');
    if (text.p[from] == '"')
        return read_enclosed(text, from, '"', '"');
    if (text.p[from] == '[')
        return read_literal(text, from);
    if (text.p[from] == 0)
        return foreign(from, from + 1);
    if (memchr(specials, text.p[from], sizeof specials - 1))
        return token_of(text.p[from], from, from + 1);
    while (to < text.n && token_is_atom_text(text.p[to]))
        to++;
    return to > from ? token_of(TOKEN_ATOM, from, to) : token_of(TOKEN_OTHER, from, from + 1);
}

void scanner_advance(struct scanner *s)
{
    if (s->token.kind == TOKEN_COMMENT)
        s->comment = slice_part(s->text, s->token.from + 1, s->token.to - 1);
    if (s->token.kind != TOKEN_SPACE)
        s->end = s->token.to;
    s->token = token_read(s->text, s->token.to);
}

bool token_is_gap(int kind)
{
    return kind == TOKEN_SPACE || kind == TOKEN_COMMENT;
}

bool token_is_separator(int kind)
{
    return kind == ',' || kind == ';' || kind == TOKEN_END;
}

void scanner_begin(struct scanner *s, struct slice text)
{
    *s = (struct scanner){ .text = text, .token = token_read(text, 0) };
}

void scanner_skip_gaps(struct scanner *s)
{
    while (token_is_gap(s->token.kind))
        scanner_advance(s);
}
