#include "mail/alias_text.h"

#include "mail/token.h"

#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY_FIRST = 32,
};

/* Length of the quoted string that s begins with; 0 when it is not closed. */
static size_t quoted_length(struct slice s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return 0;
}

bool alias_unquote(struct slice s, char *room, size_t size, struct slice *out)
{
    size_t n = 0;

    if (s.n < 2 || s.p[0] != '"' || quoted_length(s) != s.n)
        return false;
    for (size_t i = 1; i + 1 < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        if (n == size)
            return false;
        room[n++] = s.p[i];
    }
    *out = (struct slice){ room, n };
    return true;
}

static const char *check_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (is_space(name.p[i]))
            return "a name with a space in it must stand in double quotes";
    return name.n > 0 ? NULL : "no name before the ':'";
}

/* Finds name and value of a line. NULL, or what is wrong with it. */
static const char *part_line(char *text, size_t n, struct alias_line *out)
{
    struct slice line = { text, n };
    size_t quoted = n > 0 && text[0] == '"' ? quoted_length(line) : 0;
    size_t colon = quoted + slice_find(slice_part(line, quoted, n), ':');
    struct slice name = slice_trim(slice_part(line, 0, colon));

    if (n > 0 && memchr(text, 0, n))
        return "a NUL in it";
    if (n > 0 && text[0] == '"' && quoted == 0)
        return "a '\"' is not closed";
    if (colon == n)
        return "no ':' behind a name";
    if (quoted == 0) {
        out->name = name;
    } else if (!alias_unquote(name, text, n, &out->name)) {
        return "more text between the name in quotes and the ':'";
    }
    out->value = slice_part(line, colon + 1, n);
    return quoted == 0 ? check_plain_name(name)
                       : (out->name.n > 0 ? NULL : "no name before the ':'");
}

static struct alias_line *add_row(struct alias_lines *l)
{
    size_t capacity = l->capacity > 0 ? l->capacity * 2 : CAPACITY_FIRST;
    struct alias_line *grown;

    if (l->count == l->capacity) {
        if (capacity > SIZE_MAX / sizeof *grown ||
            !(grown = realloc(l->rows, capacity * sizeof *grown)))
            return NULL;
        l->rows = grown;
        l->capacity = capacity;
    }
    return &l->rows[l->count++];
}

static bool begin_line(struct alias_lines *l, char *text, size_t n, size_t number)
{
    struct alias_line *row = add_row(l);

    if (!row)
        return false;
    *row = (struct alias_line){ .number = number };
    row->problem =
        is_space(text[0]) ? "a line that goes on, and none before it" : part_line(text, n, row);
    if (row->problem)
        row->name = row->value = (struct slice){ 0 };
    return true;
}

/* A line that goes on is at the end of the value before it, and what is between them is blank. */
static void go_on(struct alias_line *row, struct slice line)
{
    if (row->value.p)
        row->value.n = (size_t)(line.p + line.n - row->value.p);
}

bool alias_lines_parse(char *text, size_t n, struct alias_lines *out)
{
    struct slice rest = { text, n }, line;

    *out = (struct alias_lines){ 0 };
    for (size_t number = 1; slice_take_line(&rest, &line); number++) {
        struct slice words = slice_trim(line);
        char *p = text + (line.p - text);

        if (words.n > 0 && words.p[0] == '#')
            memset(p, ' ', line.n);
        else if (words.n > 0 && is_space(line.p[0]) && out->count > 0)
            go_on(&out->rows[out->count - 1], line);
        else if (words.n > 0 && !begin_line(out, p, line.n, number))
            return false;
    }
    return true;
}

void alias_lines_free(struct alias_lines *l)
{
    free(l->rows);
    *l = (struct alias_lines){ 0 };
}

/* Takes what stands before the next comma that is neither quoted nor in a comment. */
static struct slice take_member(struct slice *in)
{
    struct token t = token_read(*in, 0);
    struct slice member;

    while (t.kind != TOKEN_END && t.kind != ',')
        t = token_read(*in, t.to);
    member = slice_trim(slice_part(*in, 0, t.from));
    *in = slice_part(*in, t.to, in->n);
    return member;
}

static void take_quotes_off(struct alias_value *v)
{
    if (v->text.p[0] != '"' || (quoted_length(v->text) != v->text.n && quoted_length(v->text) > 0))
        return;
    v->quoted = alias_unquote(v->text, v->room, sizeof v->room, &v->text);
    /* "\root" is written for \root; the quotes must not eat the backslash that counts. */
    v->final =
        v->quoted && v->source.p[1] == '\\' && v->source.p[2] != '\\' && v->source.p[2] != '"';
    if (!v->quoted)
        v->kind = ALIAS_BROKEN;
}

static void classify(struct alias_value *v)
{
    static const struct {
        const char *prefix;
        enum alias_kind kind;
        size_t dropped; /* of the prefix */
    } rows[] = {
        { "|", ALIAS_COMMAND, 1 },
        { "/", ALIAS_FILE, 0 },
        { ":include:", ALIAS_INCLUDE, 9 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!slice_starts_nocase(v->text, slice_of(rows[i].prefix)))
            continue;
        v->kind = rows[i].kind;
        v->text = slice_trim(slice_part(v->text, rows[i].dropped, v->text.n));
        return;
    }
    if (!v->quoted && v->text.p[0] == '\\') {
        v->final = true;
        v->text = slice_part(v->text, 1, v->text.n);
    }
    if (v->text.n == 0)
        v->kind = ALIAS_BROKEN;
}

bool alias_value_next(struct slice *in, struct alias_value *out)
{
    struct slice member = { 0 };

    while (in->n > 0 && member.n == 0)
        member = take_member(in);
    out->kind = ALIAS_MAILBOX;
    out->final = out->quoted = false;
    out->source = out->text = member;
    if (member.n == 0)
        return false;
    take_quotes_off(out);
    if (out->kind == ALIAS_MAILBOX && out->text.n > 0)
        classify(out);
    else
        out->kind = ALIAS_BROKEN;
    return true;
}
