#include "conf/edit.h"

#include "conf/keys.h"
#include "conf/scan.h"

#include <stdio.h>
#include <string.h>

enum {
    KEY_ROOM = 64,   /* longer than every key with " =" */
    LINE_EXTRA = 16, /* what a written line has besides key and value: quotes, " = ", line ends */
};

/* A line of the text that holds a key: name, '=', value and the rest of it. */
struct key_line {
    struct slice name;
    struct slice before;  /* from the start of the line up to the value */
    struct slice comment; /* with the white space before it, else empty */
    struct slice end;     /* "\r\n", "\n" or nothing */
};

struct editor {
    const char *section;
    const struct edit_change *changes;
    size_t count;
    struct slice line_end; /* of lines that are new */
    struct buf *out;
    size_t begin; /* of what is ours in *out */
    struct status *why;
};

static enum code refuse(struct editor *e, const char *key, const char *what)
{
    return status_set(e->why, CODE_CONFIG, STAGE_CONFIG, "%s: %s", key, what);
}

static bool is_comment_sign(char c)
{
    return c == '#' || c == ';';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* Takes a line with its end off *text. */
static bool take_line(struct slice *text, struct slice *line)
{
    size_t n = slice_find(*text, '\n');

    if (text->n == 0)
        return false;
    *line = slice_part(*text, 0, n + 1);
    *text = slice_part(*text, n + 1, text->n);
    return true;
}

/* The CR and LF at the end of a line; the last line of a text may have a CR alone. */
static struct slice end_of(struct slice line)
{
    size_t n = line.n;

    if (n > 0 && line.p[n - 1] == '\n')
        n--;
    if (n > 0 && line.p[n - 1] == '\r')
        n--;
    return slice_part(line, n, line.n);
}

static bool read_section(struct slice line, struct slice *name)
{
    struct slice trimmed = slice_trim(line);

    if (trimmed.n == 0 || trimmed.p[0] != '[')
        return false;
    *name = slice_trim(slice_part(trimmed, 1, slice_find(trimmed, ']')));
    return true;
}

/* Where the value ends in what follows the '=', as the scan has it. */
static size_t end_of_value(struct slice text, size_t start)
{
    size_t end = start;

    if (start < text.n && is_quote(text.p[start]))
        return start + 1 + slice_find(slice_part(text, start + 1, text.n), text.p[start]) + 1;
    while (end < text.n && !is_comment_sign(text.p[end]))
        end++;
    while (end > start && is_space(text.p[end - 1]))
        end--;
    return end;
}

static bool read_key(struct slice line, struct key_line *k)
{
    struct slice trimmed = slice_trim(line), text;
    size_t equals = slice_find(line, '='), start = 0, end;

    if (trimmed.n == 0 || is_comment_sign(trimmed.p[0]) || trimmed.p[0] == '[' || equals == line.n)
        return false;
    k->end = end_of(line);
    text = slice_part(line, equals + 1, line.n - k->end.n);
    while (start < text.n && is_space(text.p[start]))
        start++;
    /* The white space before a comment is the comment's. */
    if (start < text.n && is_comment_sign(text.p[start]))
        start = 0;
    end = end_of_value(text, start);
    k->name = slice_trim(slice_part(line, 0, equals));
    k->before = slice_part(line, 0, equals + 1 + start);
    k->comment = slice_part(text, end, text.n);
    if (slice_trim(k->comment).n == 0)
        k->comment.n = 0;
    return true;
}

static const struct edit_change *find_change(const struct editor *e, struct slice name)
{
    for (size_t i = 0; i < e->count; i++)
        if (slice_equal_nocase(slice_of(e->changes[i].key), name))
            return &e->changes[i];
    return NULL;
}

static bool fits_bare(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (is_comment_sign(value.p[i]))
            return false;
    return value.n == 0 || (!is_quote(value.p[0]) && !is_space(value.p[0]) &&
                            !is_space(value.p[value.n - 1]) && value.p[value.n - 1] != '\\');
}

/* The quote that the value can stand in, 0 for none. */
static char quote_for(struct slice value)
{
    if (slice_find(value, '\\') < value.n)
        return 0;
    if (slice_find(value, '"') == value.n)
        return '"';
    return slice_find(value, '\'') == value.n ? '\'' : 0;
}

static void add_value(struct buf *out, struct slice value, char quote)
{
    if (quote != 0)
        buf_add_char(out, quote);
    buf_add_slice(out, value);
    if (quote != 0)
        buf_add_char(out, quote);
}

static enum code check_length(struct editor *e, size_t begin, const char *key)
{
    if (!e->out->failed && e->out->n - begin > SCAN_LINE_MAX)
        return refuse(e, key, "too long for a line of the file");
    return CODE_OK;
}

/* "key =" gets a space before the value, "key=" none. */
static void add_before(struct buf *out, struct slice before, bool has_value)
{
    const size_t n = before.n;

    buf_add_slice(out, before);
    if (has_value && n > 1 && before.p[n - 1] == '=' && is_space(before.p[n - 2]))
        buf_add_char(out, ' ');
}

/*
 * Nothing may follow a secret that is not in quotes. So where it cannot be in quotes, the comment
 * gets a line of its own.
 */
static void move_comment(struct editor *e, struct key_line *k)
{
    buf_add_slice(e->out, slice_trim(k->comment));
    buf_add_slice(e->out, e->line_end);
    k->comment.n = 0;
}

static enum code write_line(struct editor *e, struct key_line k, const struct edit_change *change)
{
    const struct slice value = slice_of(change->value);
    const bool is_secret = keys_find(slice_of(change->key))->flags & KEY_SECRET;
    bool is_bare = fits_bare(value) && !(is_secret && k.comment.n > 0);
    size_t begin;

    if (!is_bare && quote_for(value) == 0 && fits_bare(value)) {
        is_bare = true;
        move_comment(e, &k);
    }
    if (!is_bare && quote_for(value) == 0)
        return refuse(e, change->key,
                      is_secret ? "the file cannot hold this value: use password_file"
                                : "the file cannot hold this value");
    begin = e->out->n;
    add_before(e->out, k.before, !is_bare || value.n > 0);
    add_value(e->out, value, is_bare ? 0 : quote_for(value));
    buf_add_slice(e->out, k.comment);
    if (check_length(e, begin, change->key))
        return e->why->code;
    buf_add_slice(e->out, k.end);
    return CODE_OK;
}

static enum code check_change(struct editor *e, const struct edit_change *change)
{
    const struct key *key = keys_find(slice_of(change->key));
    const char *value = change->value;
    struct account unused = { 0 };

    if (!key)
        return status_set(e->why, CODE_BUG, STAGE_CONFIG, "%s is no key", change->key);
    if (!value)
        return CODE_OK;
    if (key->flags & KEY_GLOBAL &&
        !slice_equal_nocase(slice_of(e->section), slice_of(SCAN_GLOBALS)))
        return refuse(e, key->name, "this key belongs into [" SCAN_GLOBALS "]");
    for (size_t i = 0; value[i] != 0; i++)
        if (is_control(value[i]) && value[i] != '\t')
            return refuse(e, key->name, "a control character is not possible");
    return keys_parse(key, value, &unused, e->why);
}

/* A change has been made when its key stands in the section already. */
static bool is_in_section(struct slice section_text, const char *key)
{
    struct slice line;
    struct key_line k;

    while (take_line(&section_text, &line))
        if (read_key(line, &k) && slice_equal_nocase(k.name, slice_of(key)))
            return true;
    return false;
}

static void end_last_line(struct editor *e)
{
    const size_t n = e->out->n;

    if (e->out->failed || n == e->begin || e->out->p[n - 1] == '\n')
        return;
    if (e->out->p[n - 1] == '\r')
        buf_add_char(e->out, '\n');
    else
        buf_add_slice(e->out, e->line_end);
}

static bool has_new_keys(const struct editor *e, struct slice section_text)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->changes[i].value && !is_in_section(section_text, e->changes[i].key))
            return true;
    return false;
}

static enum code add_new_keys(struct editor *e, struct slice section_text)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct edit_change *change = &e->changes[i];
        struct key_line k = { .end = e->line_end };
        char before[KEY_ROOM];

        if (!change->value || is_in_section(section_text, change->key))
            continue;
        (void)snprintf(before, sizeof before, "%s =", change->key);
        k.before = slice_of(before);
        end_last_line(e);
        if (write_line(e, k, change))
            return e->why->code;
    }
    return CODE_OK;
}

static enum code change_lines(struct editor *e, struct slice text)
{
    struct slice line;
    struct key_line k;

    while (take_line(&text, &line)) {
        const struct edit_change *change = read_key(line, &k) ? find_change(e, k.name) : NULL;

        if (!change)
            buf_add_slice(e->out, line);
        else if (change->value && write_line(e, k, change))
            return e->why->code;
    }
    return CODE_OK;
}

/* Where the section lies in the text: its first line, behind its last key, and its end. */
struct place {
    size_t begin, keys_end, end;
};

static bool find_section(struct slice text, const char *section, struct place *place)
{
    struct slice rest = text, line, name;
    struct key_line k;
    bool is_inside = false;

    while (take_line(&rest, &line)) {
        const size_t behind = text.n - rest.n;

        if (read_section(line, &name)) {
            if (is_inside)
                return true;
            is_inside = slice_equal_nocase(name, slice_of(section));
            if (is_inside)
                *place = (struct place){ behind - line.n, behind, behind };
        }
        if (!is_inside)
            continue;
        if (read_key(line, &k))
            place->keys_end = behind;
        place->end = behind;
    }
    return is_inside;
}

static enum code edit_place(struct editor *e, struct slice text, const struct place *place)
{
    struct slice keys = slice_part(text, place->begin, place->keys_end);

    buf_add_slice(e->out, slice_part(text, 0, place->begin));
    if (change_lines(e, keys) || add_new_keys(e, keys))
        return e->why->code;
    buf_add_slice(e->out, slice_part(text, place->keys_end, text.n));
    return CODE_OK;
}

static enum code add_section(struct editor *e, struct slice text)
{
    const struct slice nothing = { 0 };

    buf_add_slice(e->out, text);
    if (!has_new_keys(e, nothing))
        return CODE_OK;
    end_last_line(e);
    if (text.n > 0)
        buf_add_slice(e->out, e->line_end);
    buf_add_char(e->out, '[');
    buf_add_string(e->out, e->section);
    buf_add_char(e->out, ']');
    buf_add_slice(e->out, e->line_end);
    return add_new_keys(e, nothing);
}

/* Room for all of it at once, since a secret among it must not be left behind by a move. */
static void reserve(struct editor *e, struct slice text)
{
    size_t wanted = e->out->n + text.n + strlen(e->section) + LINE_EXTRA;

    for (size_t i = 0; i < e->count; i++)
        if (e->changes[i].value)
            wanted += strlen(e->changes[i].key) + strlen(e->changes[i].value) + LINE_EXTRA;
    buf_reserve(e->out, wanted < e->out->max ? wanted : e->out->max);
}

/* The whole is what config_load will take: also in its size, and in the number of its keys. */
static enum code check_result(const struct editor *e)
{
    struct slice result = slice_part(buf_slice(e->out), e->begin, e->out->n);
    struct scan scan;
    enum code code;

    if (e->out->failed)
        return status_set(e->why, CODE_MEMORY, STAGE_CONFIG, "no memory for the INI");
    code = scan_text(&scan, "the INI as it would be", result, e->why);
    scan_free(&scan);
    return code;
}

enum code edit_section(struct slice text, const char *section, const struct edit_change *changes,
                       size_t count, struct buf *out, struct status *why)
{
    struct editor e = { section, changes, count, { "\n", 1 }, out, out->n, why };
    struct slice first, rest = text;
    struct place place = { 0 };

    if (!scan_is_section_name(slice_of(section)))
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "[%.100s]: a section's name is of letters, digits and . - _ @ +",
                          section);
    for (size_t i = 0; i < count; i++)
        if (check_change(&e, &changes[i]))
            return why->code;
    if (take_line(&rest, &first) && first.p[first.n - 1] == '\n')
        e.line_end = end_of(first);
    reserve(&e, text);
    if (find_section(text, section, &place) ? edit_place(&e, text, &place) : add_section(&e, text))
        return why->code;
    return check_result(&e);
}
