#include "mail/aliases.h"

#include "base/host.h"
#include "base/rights.h"
#include "base/textfile.h"
#include "mail/alias_text.h"

#include <stdlib.h>
#include <string.h>

struct aliases {
    char *path, *host;
    struct buf text;
    struct alias_lines lines;
    const struct alias_line **names; /* sorted; those with a problem come first */
    size_t broken;
};

/* One expansion of one name. */
struct walk {
    const struct aliases *aliases;
    aliases_visit visit;
    void *context;
    struct status *why;
    size_t values, files, visited;
    const struct alias_line *culprit; /* whose fault it is that it failed */
};

/* A list of values under way, and those that led to it. */
struct frame {
    const struct alias_line *alias;
    const char *path; /* of the file the list stands in */
    size_t depth;
    const struct frame *outer;
};

static int compare_names(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        unsigned char x = (unsigned char)to_lower(a.p[i]), y = (unsigned char)to_lower(b.p[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return a.n == b.n ? 0 : (a.n < b.n ? -1 : 1);
}

static int compare_lines(const void *a, const void *b)
{
    const struct alias_line *x = *(const struct alias_line *const *)a;
    const struct alias_line *y = *(const struct alias_line *const *)b;
    int order = compare_names(x->name, y->name);

    return order != 0 ? order : (x->number < y->number ? -1 : 1);
}

static bool sort(struct aliases *a)
{
    size_t count = a->lines.count;

    a->names = calloc(count + 1, sizeof *a->names);
    if (!a->names)
        return false;
    for (size_t i = 0; i < count; i++) {
        a->names[i] = &a->lines.rows[i];
        a->broken += a->lines.rows[i].problem != NULL;
    }
    qsort(a->names, count, sizeof *a->names, compare_lines);
    return true;
}

/* The first of that name, or NULL. */
static const struct alias_line *search(const struct aliases *a, struct slice name)
{
    size_t low = a->broken, high = a->lines.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_names(a->names[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < a->lines.count && compare_names(a->names[low]->name, name) == 0 ? a->names[low]
                                                                                 : NULL;
}

static enum code read_aliases(struct aliases *a, const char *path, struct status *why)
{
    struct status problem = { 0 };

    if (textfile_read(path, &a->text, &problem)) {
        if (problem.code == CODE_FILE_MISSING)
            return CODE_FILE_MISSING;
        status_at(why, "%s", path);
        return status_set(why, problem.code, STAGE_CONFIG, "the aliases cannot be read: %s",
                          problem.what);
    }
    a->path = slice_dup(slice_of(path));
    if (!a->path || !alias_lines_parse(a->text.p, a->text.n, &a->lines) || !sort(a))
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for the aliases");
    return CODE_OK;
}

enum code aliases_load(const char *path, const char *host, struct aliases **out, struct status *why)
{
    struct aliases *a = NULL;
    enum code code;

    *out = NULL;
    if (path[0] == 0)
        return CODE_OK;
    a = calloc(1, sizeof *a);
    if (!a || !(a->host = slice_dup(slice_of(host)))) {
        free(a);
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for the aliases");
    }
    buf_init(&a->text, ALIASES_FILE_MAX);
    code = read_aliases(a, path, why);
    if (code == CODE_OK) {
        *out = a;
        return CODE_OK;
    }
    aliases_free(a);
    return code == CODE_FILE_MISSING ? CODE_OK : code;
}

void aliases_free(struct aliases *a)
{
    if (!a)
        return;
    alias_lines_free(&a->lines);
    free(a->names);
    buf_free(&a->text);
    free(a->path);
    free(a->host);
    free(a);
}

static size_t count_lines(const char *from, const char *to)
{
    size_t lines = 0;

    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

/* Where a line is that has no name: what is looked for may stand there. */
static enum code refuse_broken(struct walk *w, struct slice name)
{
    const struct alias_line *line = w->aliases->names[0];

    status_at(w->why, "%s:%zu", w->aliases->path, line->number);
    return status_set(w->why, CODE_CONFIG, STAGE_CONFIG,
                      "%s; whether \"%.*s\" has an alias cannot be told", line->problem,
                      (int)slice_part(name, 0, 100).n, name.p);
}

/* Gives the alias of a name, a local part, or NULL. */
static enum code look_up(struct walk *w, struct slice name, const struct alias_line **out)
{
    char room[ADDRESS_MAX];
    struct slice plain = name;

    (void)alias_unquote(name, room, sizeof room, &plain);
    *out = search(w->aliases, plain);
    return *out || w->aliases->broken == 0 ? CODE_OK : refuse_broken(w, plain);
}

/*
 * What an included file holds is not shown: he whose list it is could have put a link to a file
 * there that he may not read, and the words of a refusal reach any client of the relay.
 */
static bool is_included(const struct walk *w, const struct frame *f)
{
    return f->path != w->aliases->path;
}

static enum code refuse_hidden(struct walk *w, const struct frame *f, enum code code)
{
    w->culprit = f->alias;
    return status_set(w->why, code, STAGE_CONFIG,
                      "the alias \"%.*s\" includes a line that cannot be used",
                      (int)slice_part(f->alias->name, 0, 60).n, f->alias->name.p);
}

static enum code refuse(struct walk *w, const struct frame *f, enum code code, const char *does,
                        struct slice what, const char *sentence)
{
    if (is_included(w, f))
        return refuse_hidden(w, f, code);
    w->culprit = f->alias;
    return status_set(w->why, code, STAGE_CONFIG, "the alias \"%.*s\" %s %.*s: %s",
                      (int)slice_part(f->alias->name, 0, 60).n, f->alias->name.p, does,
                      (int)slice_part(what, 0, 100).n, what.p, sentence);
}

/* The aliases of a ring, the one that closes it last: its first line is its place. */
static enum code refuse_ring(struct walk *w, const struct frame *f, const struct alias_line *again)
{
    char room[200];
    struct buf names;

    buf_over(&names, room, sizeof room);
    w->culprit = again;
    for (; f; f = f->outer) {
        if (f->outer && f->outer->alias == f->alias)
            continue;
        if (names.n < sizeof room / 2)
            buf_addf(&names, "%s\"%.*s\"", names.n > 0 ? ", " : "",
                     (int)slice_part(f->alias->name, 0, 60).n, f->alias->name.p);
        if (f->alias->number < w->culprit->number)
            w->culprit = f->alias;
        if (f->alias == again)
            break;
    }
    status_at(w->why, "%s:%zu", w->aliases->path, w->culprit->number);
    return status_set(w->why, CODE_CONFIG, STAGE_CONFIG,
                      "these aliases lead back to one another: %.*s", (int)names.n, names.p);
}

static enum code refuse_size(struct walk *w, const struct frame *f, const char *sentence)
{
    while (f->outer)
        f = f->outer;
    w->culprit = f->alias;
    status_at(w->why, "%s:%zu", w->aliases->path, f->alias->number);
    return status_set(w->why, CODE_CONFIG, STAGE_CONFIG, "the alias \"%.*s\" %s",
                      (int)slice_part(f->alias->name, 0, 60).n, f->alias->name.p, sentence);
}

static enum code expand_list(struct walk *w, const struct frame *f, struct slice list, size_t line);

static enum code expand_alias(struct walk *w, const struct alias_line *alias,
                              const struct frame *outer)
{
    struct frame f = { .alias = alias,
                       .path = w->aliases->path,
                       .depth = outer ? outer->depth + 1 : 1,
                       .outer = outer };

    for (const struct frame *o = outer; o; o = o->outer)
        if (o->alias == alias)
            return refuse_ring(w, outer, alias);
    if (f.depth > ALIASES_DEPTH_MAX)
        return refuse_size(w, &f, "goes too deep, from alias to alias");
    return expand_list(w, &f, alias->value, alias->number);
}

/* Values line by line; the frame of the file has the alias that includes it. */
static enum code expand_file(struct walk *w, const struct frame *f, struct slice text)
{
    struct slice line;

    for (size_t number = 1; slice_take_line(&text, &line); number++) {
        struct slice words = slice_trim(line);

        if (words.n > 0 && words.p[0] != '#' && expand_list(w, f, words, number))
            return w->why->code;
    }
    return CODE_OK;
}

static enum code read_included(struct walk *w, const struct frame *outer, const char *path)
{
    struct frame f = {
        .alias = outer->alias, .path = path, .depth = outer->depth + 1, .outer = outer
    };
    struct status problem = { 0 };
    struct buf text;
    enum code code;

    if (f.depth > ALIASES_DEPTH_MAX || ++w->files > ALIASES_INCLUDED_MAX)
        return refuse_size(w, outer, "includes too many files, or one another");
    buf_init(&text, ALIASES_FILE_MAX);
    code = textfile_read(path, &text, &problem);
    if (code == CODE_OK)
        code = expand_file(w, &f, buf_slice(&text));
    else
        code = refuse(w, outer, code == CODE_FILE_MISSING ? CODE_CONFIG : code, "includes",
                      slice_of(path), problem.what);
    buf_free(&text);
    return code;
}

static enum code include(struct walk *w, const struct frame *f, struct slice name)
{
    char *path;
    enum code code;

    if (rights_are_raised())
        return refuse(w, f, CODE_PERMISSION, "includes", name,
                      "it is not read with more rights than the caller has");
    if (name.n == 0 || name.p[0] != '/' || memchr(name.p, 0, name.n))
        return refuse(w, f, CODE_CONFIG, "includes", name, "that is no path from '/' on");
    path = slice_dup(name);
    if (!path)
        return refuse(w, f, CODE_MEMORY, "includes", name, "out of memory");
    code = read_included(w, f, path);
    free(path);
    return code;
}

static enum code visit(struct walk *w, const struct frame *f, const struct address *address)
{
    struct status problem = { 0 };

    w->visited++;
    if (!is_included(w, f))
        return w->visit(w->context, address, w->why);
    if (w->visit(w->context, address, &problem))
        return refuse_hidden(w, f, problem.code);
    return CODE_OK;
}

static enum code parse(struct walk *w, const struct frame *f, struct slice text,
                       struct address *out)
{
    struct status problem = { 0 };

    if (address_parse(text, out, &problem)) {
        if (is_included(w, f))
            return refuse_hidden(w, f, CODE_CONFIG);
        w->culprit = f->alias;
        return status_set(w->why, CODE_CONFIG, STAGE_CONFIG, "the alias \"%.*s\": %s",
                          (int)slice_part(f->alias->name, 0, 60).n, f->alias->name.p, problem.what);
    }
    return out->length > 0 ? CODE_OK : refuse(w, f, CODE_CONFIG, "names", text, "that is nobody");
}

/* A value that is no file, command or include. In quotes it may be a name that could not be part of
 * an address. */
static enum code follow(struct walk *w, const struct frame *f, const struct alias_value *v)
{
    const struct alias_line *alias = NULL;
    struct address address;

    if (v->quoted && !v->final && slice_find(v->text, '@') == v->text.n &&
        look_up(w, v->text, &alias))
        return w->why->code;
    if (alias && alias != f->alias)
        return expand_alias(w, alias, f);
    if (parse(w, f, v->text, &address))
        return w->why->code;
    if (!alias && !v->final && address_is_here(&address, w->aliases->host) &&
        look_up(w, address_local(&address), &alias))
        return w->why->code;
    return alias && alias != f->alias ? expand_alias(w, alias, f) : visit(w, f, &address);
}

static enum code expand_value(struct walk *w, const struct frame *f, const struct alias_value *v)
{
    static const char not_here[] = "nothing is delivered here; give it an address";

    switch (v->kind) {
    case ALIAS_INCLUDE:
        return include(w, f, v->text);
    case ALIAS_COMMAND:
        return refuse(w, f, CODE_CONFIG, "runs the command", v->text, not_here);
    case ALIAS_FILE:
        return refuse(w, f, CODE_CONFIG, "writes to the file", v->text, not_here);
    case ALIAS_BROKEN:
        return refuse(w, f, CODE_CONFIG, "names", v->source,
                      "a '\"' is not closed, or what it encloses is empty or too long");
    case ALIAS_MAILBOX:
        break;
    }
    return follow(w, f, v);
}

static enum code expand_list(struct walk *w, const struct frame *f, struct slice list, size_t line)
{
    struct slice rest = list;
    struct alias_value v;

    while (alias_value_next(&rest, &v)) {
        enum code code;

        if (++w->values > ALIASES_EXPANDED_MAX)
            return refuse_size(w, f, "becomes too many addresses");
        code = expand_value(w, f, &v);
        if (code) {
            status_at(w->why, "%s:%zu", f->path, line + count_lines(list.p, v.source.p));
            return code;
        }
    }
    return CODE_OK;
}

/* A message for an alias of nobody would be lost without a word. */
static enum code expand_whole(struct walk *w, const struct alias_line *alias)
{
    struct frame f = { .alias = alias };

    if (expand_alias(w, alias, NULL))
        return w->why->code;
    return w->visited > 0 ? CODE_OK : refuse_size(w, &f, "leads to nobody");
}

enum code aliases_expand(const struct aliases *a, struct slice name, aliases_visit visitor,
                         void *context, bool *found, struct status *why)
{
    struct walk w = { .aliases = a, .visit = visitor, .context = context, .why = why };
    const struct alias_line *alias = NULL;

    *found = false;
    if (!a)
        return CODE_OK;
    if (look_up(&w, name, &alias))
        return why->code;
    *found = alias != NULL;
    return alias ? expand_whole(&w, alias) : CODE_OK;
}

static enum code visit_nobody(void *context, const struct address *address, struct status *why)
{
    (void)context;
    (void)address;
    (void)why;
    return CODE_OK;
}

/* Problems of an alias that this one leads to are told where that one stands. */
static void check_line(const struct aliases *a, const struct alias_line *line, struct status *why)
{
    const struct alias_line *first = search(a, line->name);
    struct walk w = { .aliases = a, .visit = visit_nobody, .why = why };
    struct slice name = slice_part(line->name, 0, 100);

    if (line->problem)
        (void)status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s", line->problem);
    else if (slice_find(line->name, '@') < line->name.n)
        (void)status_set(why, CODE_CONFIG, STAGE_CONFIG,
                         "\"%.*s\" never counts: an alias is a name without a domain", (int)name.n,
                         name.p);
    else if (first != line)
        (void)status_set(why, CODE_CONFIG, STAGE_CONFIG,
                         "\"%.*s\" has an alias on line %zu already, and that one counts",
                         (int)name.n, name.p, first ? first->number : 0);
    else if (expand_whole(&w, line) && w.culprit != line)
        *why = (struct status){ 0 };
    if (why->code)
        status_at(why, "%s:%zu", a->path, line->number);
}

size_t aliases_check(const struct aliases *a, aliases_report report, void *context)
{
    size_t count = 0;

    for (size_t i = 0; a && i < a->lines.count; i++) {
        const struct alias_line *line = &a->lines.rows[i];
        struct status problem = { 0 };

        count += search(a, line->name) == line;
        check_line(a, line, &problem);
        if (problem.code)
            report(context, &problem);
    }
    return count;
}
