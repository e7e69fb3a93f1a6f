#include "mail/fold.h"

#include "mail/message.h"

void fold_clean(struct buf *field)
{
    for (size_t i = 0; i < field->n; i++) {
        char c = field->p[i];

        if (is_control(c) && c != '\t' && c != '\n')
            field->p[i] = ' ';
    }
}

static struct slice skip_space(struct slice s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = slice_part(s, 1, s.n);
    return s;
}

static struct slice drop_space_at_end(struct slice s)
{
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Where a value begins: a line with the name alone, and all the rest below, gains nothing. */
static size_t start_of_value(struct slice line)
{
    size_t colon = slice_find(line, ':');

    return line.n - skip_space(slice_part(line, colon + 1, line.n)).n;
}

/* Where to cut when no white space helps: never inside a UTF-8 character. */
static size_t hard_break(struct slice line, size_t limit)
{
    size_t end = limit;

    while (end > limit - 3 && ((unsigned char)line.p[end] & 0xc0) == 0x80)
        end--;
    return end;
}

/* The length of the first piece of a line that is longer than limit. */
static size_t find_break(struct slice line, size_t from, size_t limit, bool is_list)
{
    size_t comma = 0, space = 0;

    for (size_t i = limit; i > from; i--) {
        bool behind_comma = line.p[i - 1] == ',';

        if (is_space(line.p[i]) && is_list && behind_comma)
            return i;
        if (is_space(line.p[i]) && space == 0)
            space = i;
        if (is_list && behind_comma && comma == 0)
            comma = i;
    }
    if (space > 0)
        return space;
    return comma > 0 ? comma : hard_break(line, limit);
}

static void add_long_line(struct buf *out, struct slice line, size_t from, bool is_list)
{
    size_t limit = MESSAGE_LINE_MAX;

    if (is_space(line.p[0])) {
        buf_add_char(out, ' ');
        line = skip_space(line);
        limit--;
    }
    while (line.n > limit && !out->failed) {
        size_t end = find_break(line, from, limit, is_list);

        buf_add_slice(out, slice_part(line, 0, end));
        buf_add_string(out, "\n ");
        line = skip_space(slice_part(line, end, line.n));
        limit = MESSAGE_LINE_MAX - 1;
        from = 0;
    }
    buf_add_slice(out, line);
    buf_add_char(out, '\n');
}

void fold_add(struct buf *out, struct slice field, bool is_list)
{
    struct slice line;
    bool is_first = true;

    while (slice_take_until(&field, "\n", &line)) {
        struct slice content = drop_space_at_end(line);

        if (line.n <= MESSAGE_LINE_MAX && (is_first || content.n > 0)) {
            buf_add_slice(out, line);
            buf_add_char(out, '\n');
        } else if (content.n > 0) {
            add_long_line(out, content, is_first ? start_of_value(content) : 0, is_list);
        }
        is_first = false;
    }
}
