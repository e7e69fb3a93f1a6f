#include "mail/header.h"

/* Length of the field name that line begins with; 0 when it begins with none. */
static size_t name_length(struct slice line)
{
    size_t n = 0, colon;

    while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
        n++;
    colon = n;
    while (colon < line.n && is_space(line.p[colon]))
        colon++;
    return colon < line.n && line.p[colon] == ':' ? n : 0;
}

bool header_line_begins_field(struct slice line)
{
    return name_length(line) > 0;
}

/* Length of a field: its first line, and all continuation lines after it. */
static size_t field_length(struct slice block)
{
    size_t end = 0;

    do {
        end += slice_find(slice_part(block, end, block.n), '\n') + 1;
    } while (end < block.n && is_space(block.p[end]));
    return end < block.n ? end : block.n;
}

bool header_next(struct slice *in, struct field *out)
{
    while (in->n > 0) {
        struct slice whole = slice_part(*in, 0, field_length(*in));
        size_t n = name_length(slice_part(whole, 0, slice_find(whole, '\n')));

        *in = slice_part(*in, whole.n, in->n);
        if (n == 0)
            continue;
        out->whole = whole;
        out->name = slice_part(whole, 0, n);
        out->value = slice_part(whole, slice_find(whole, ':') + 1, whole.n);
        if (out->value.n > 0 && out->value.p[out->value.n - 1] == '\n')
            out->value.n--;
        return true;
    }
    return false;
}

bool header_find(struct slice block, const char *name, struct field *out)
{
    while (header_next(&block, out))
        if (slice_equal_nocase(out->name, slice_of(name)))
            return true;
    return false;
}
