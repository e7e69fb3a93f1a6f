#include "conf/scan.h"

#include "conf/keys.h"
#include "conf/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SENTENCE_ROOM = 320,
    SHOWN = 40, /* bytes of a name in a message */
};

struct scanner {
    struct scan *scan;
    const char *path;
    struct status *why;
    struct slice section; /* p is NULL before the first one */
    size_t section_begin; /* index of its first key */
    unsigned line;
};

static enum code refuse(struct scanner *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum code refuse(struct scanner *s, const char *format, ...)
{
    char sentence[SENTENCE_ROOM];
    va_list arguments;
    enum code code;

    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    code = status_set(s->why, CODE_CONFIG, STAGE_CONFIG, "%s", sentence);
    status_at(s->why, "%.300s:%u", s->path, s->line);
    return code;
}

static int shown(struct slice s)
{
    return s.n < SHOWN ? (int)s.n : SHOWN;
}

static enum code add_entry(struct scanner *s, struct scan_entry entry)
{
    struct scan *scan = s->scan;

    if (scan->count == SCAN_ENTRY_MAX)
        return refuse(s, "more than %d sections and keys", SCAN_ENTRY_MAX);
    if (scan->count == scan->capacity) {
        size_t capacity = scan->capacity > 0 ? scan->capacity * 2 : 32;
        struct scan_entry *grown = realloc(scan->entries, capacity * sizeof *grown);

        if (!grown)
            return status_set(s->why, CODE_MEMORY, STAGE_CONFIG, "no memory for the INI");
        scan->entries = grown;
        scan->capacity = capacity;
    }
    entry.line = s->line;
    scan->entries[scan->count++] = entry;
    return CODE_OK;
}

static bool is_name_byte(char c)
{
    return is_digit(c) || is_alpha(c) || (unsigned char)c >= 0x80 || (c && strchr(".-_@+", c));
}

bool scan_is_section_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_name_byte(name.p[i]))
            return false;
    return name.n > 0 && name.n <= SCAN_NAME_MAX;
}

/* iniparser would look at the first ']' or the last one, by its version, and keep a ':'. */
static enum code check_section_name(struct scanner *s, struct slice name)
{
    if (name.n == 0)
        return refuse(s, "a section without a name");
    if (name.n > SCAN_NAME_MAX)
        return refuse(s, "a section's name has at most %d bytes", SCAN_NAME_MAX);
    if (!scan_is_section_name(name))
        return refuse(s, "[%.*s]: a section's name is of letters, digits and . - _ @ +",
                      shown(name), name.p);
    return CODE_OK;
}

static enum code scan_section(struct scanner *s, struct slice line)
{
    size_t end = slice_find(line, ']');
    struct slice name = slice_trim(slice_part(line, 1, end));
    unsigned first;

    if (end == line.n)
        return refuse(s, "a section's line ends in ]");
    if (end + 1 < line.n)
        return refuse(s, "nothing may stand after the ] of a section: give a comment its own line");
    if (check_section_name(s, name))
        return s->why->code;
    first = scan_line(s->scan, name, NULL);
    if (first > 0)
        return refuse(s, "section [%.*s] stands twice, first in line %u", shown(name), name.p,
                      first);
    if (add_entry(s, (struct scan_entry){ .section = name }))
        return s->why->code;
    s->section = name;
    s->section_begin = s->scan->count;
    return CODE_OK;
}

static enum code refuse_cut(struct scanner *s, const struct key *key, char c)
{
    return refuse(s, "%s: the value would be cut at %c: put it in double quotes", key->name, c);
}

static bool is_comment_sign(char c)
{
    return c == '#' || c == ';';
}

/*
 * A value in quotes, which iniparser takes up to the next quote of the kind. Version 4.2 reads a
 * backslash there as an escape, 4.1 as itself.
 */
static enum code scan_quoted(struct scanner *s, const struct key *key, struct slice text,
                             struct slice *value)
{
    struct slice inside = slice_part(text, 1, text.n), after;
    size_t end = slice_find(inside, text.p[0]);

    if (end == inside.n)
        return refuse(s, "%s: the quote at the start of the value is not closed", key->name);
    *value = slice_part(inside, 0, end);
    after = slice_part(inside, end + 1, inside.n);
    if (slice_find(*value, '\\') < value->n)
        return refuse(s, "%s: a backslash in quotes is not safe%s", key->name,
                      key->flags & KEY_SECRET ? ": leave the quotes out, or use password_file"
                                              : ": leave the quotes out");
    if (after.n == 0 || (is_space(after.p[0]) && is_comment_sign(slice_trim(after).p[0])))
        return CODE_OK;
    return refuse(s, "%s: what follows the closing quote would be lost%s", key->name,
                  is_comment_sign(after.p[0]) ? ": put a space before the comment" : "");
}

/*
 * A value without quotes, which iniparser cuts at the first # or ;. After white space that is a
 * comment, as everybody writes it; elsewhere, and in a secret always, it is a mistake.
 */
static enum code scan_bare(struct scanner *s, const struct key *key, struct slice text,
                           struct slice *value)
{
    size_t end = 0;

    while (end < text.n && !is_comment_sign(text.p[end]))
        end++;
    *value = slice_trim(slice_part(text, 0, end));
    if (end == text.n)
        return CODE_OK;
    if (key->flags & KEY_SECRET || end == 0 || !is_space(text.p[end - 1]))
        return refuse_cut(s, key, text.p[end]);
    return CODE_OK;
}

static enum code scan_value(struct scanner *s, const struct key *key, struct slice text,
                            struct slice *value)
{
    struct slice trimmed = slice_trim(text);

    if (trimmed.n > 0 && (trimmed.p[0] == '"' || trimmed.p[0] == '\''))
        return scan_quoted(s, key, trimmed, value);
    return scan_bare(s, key, text, value);
}

static enum code refuse_unknown(struct scanner *s, struct slice name)
{
    const char *nearest = keys_nearest(name);

    if (nearest)
        return refuse(s, "unknown key %.*s, did you mean %s?", shown(name), name.p, nearest);
    return refuse(s, "unknown key %.*s; orsino.ini(5) has those of this version", shown(name),
                  name.p);
}

static unsigned line_of_twin(const struct scanner *s, struct slice name)
{
    for (size_t i = s->section_begin; i < s->scan->count; i++)
        if (slice_equal_nocase(s->scan->entries[i].key, name))
            return s->scan->entries[i].line;
    return 0;
}

/* Most often in a section whose name is misspelt. */
static enum code refuse_global(struct scanner *s, const struct key *key)
{
    struct nearest nearest;

    nearest_begin(&nearest, s->section);
    nearest_offer(&nearest, SCAN_GLOBALS);
    return refuse(s, "%s: this key belongs into [%s]%s", key->name, SCAN_GLOBALS,
                  nearest.name ? ": is that what this section should be?" : "");
}

static enum code check_key(struct scanner *s, struct slice name, const struct key *key)
{
    unsigned twin = line_of_twin(s, name);

    if (!key)
        return refuse_unknown(s, name);
    if (!s->section.p)
        return refuse(s, "%s: a key before the first section: put [%s] above it", key->name,
                      SCAN_GLOBALS);
    if (key->flags & KEY_GLOBAL && !slice_equal_nocase(s->section, slice_of(SCAN_GLOBALS)))
        return refuse_global(s, key);
    if (twin > 0)
        return refuse(s, "%s: stands twice in this section, first in line %u", key->name, twin);
    return CODE_OK;
}

static enum code scan_key(struct scanner *s, struct slice line)
{
    size_t equals = slice_find(line, '=');
    struct slice name = slice_trim(slice_part(line, 0, equals)), value;
    const struct key *key = keys_find(name);

    if (equals == line.n)
        return refuse(s, "neither a [section] nor key = value");
    if (name.n == 0)
        return refuse(s, "a value without a key");
    if (check_key(s, name, key) || scan_value(s, key, slice_part(line, equals + 1, line.n), &value))
        return s->why->code;
    if (key->flags & KEY_SECRET && value.n > 0)
        s->scan->has_secret = true;
    return add_entry(s, (struct scan_entry){ s->section, name, value, 0 });
}

/* Tab, and CR before LF, are the only control characters a line may have. */
static enum code check_bytes(struct scanner *s, struct slice line)
{
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];

        if (c == 0)
            return refuse(s, "a NUL byte; the file must be plain text, ASCII or UTF-8");
        if (is_control(c) && c != '\t' && !(c == '\r' && i + 1 == line.n))
            return refuse(s, "a control character, 0x%02x", (unsigned)c);
    }
    return CODE_OK;
}

static enum code scan_text_line(struct scanner *s, struct slice line)
{
    struct slice trimmed = slice_trim(line);

    if (line.n > SCAN_LINE_MAX)
        return refuse(s, "a line of %zu bytes, and at most %d are possible", line.n, SCAN_LINE_MAX);
    if (check_bytes(s, line))
        return s->why->code;
    if (trimmed.n == 0)
        return CODE_OK;
    /* Also in a comment, where it would hide the next line. */
    if (trimmed.p[trimmed.n - 1] == '\\')
        return refuse(s, "a backslash at the end would join this line and the next");
    if (is_comment_sign(trimmed.p[0]))
        return CODE_OK;
    return trimmed.p[0] == '[' ? scan_section(s, trimmed) : scan_key(s, trimmed);
}

enum code scan_text(struct scan *scan, const char *path, struct slice text, struct status *why)
{
    struct scanner s = { .scan = scan, .path = path, .why = why, .line = 1 };

    *scan = (struct scan){ 0 };
    if (text.n > SCAN_FILE_MAX)
        return refuse(&s, "the file is larger than %d bytes", SCAN_FILE_MAX);
    if (slice_starts_nocase(text, slice_of("\xef\xbb\xbf")))
        return refuse(&s, "a byte order mark (BOM) at the start: save the file without it");
    for (; text.n > 0; s.line++) {
        size_t end = slice_find(text, '\n');

        if (scan_text_line(&s, slice_part(text, 0, end)))
            return why->code;
        text = slice_part(text, end + 1, text.n);
    }
    return CODE_OK;
}

void scan_free(struct scan *s)
{
    free(s->entries);
    *s = (struct scan){ 0 };
}

unsigned scan_line(const struct scan *s, struct slice section, const char *key)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct scan_entry *entry = &s->entries[i];

        if (!slice_equal_nocase(entry->section, section) || (entry->key.p == NULL) != (key == NULL))
            continue;
        if (!key || slice_equal_nocase(entry->key, slice_of(key)))
            return entry->line;
    }
    return 0;
}
