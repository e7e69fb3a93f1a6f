#include "cli/show.h"

#include <time.h>

enum {
    KILO = 1024,
    MINUTE = 60,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
    TIME_ROOM = 64,
};

void show_size(struct buf *out, uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    const char *unit = units;
    uint64_t tenths;

    if (bytes < KILO) {
        buf_addf(out, "%u", (unsigned)bytes);
        return;
    }
    for (; bytes / KILO >= KILO; unit++)
        bytes /= KILO;
    tenths = bytes * 10 / KILO;
    if (tenths < 100)
        buf_addf(out, "%u.%u%c", (unsigned)(tenths / 10), (unsigned)(tenths % 10), *unit);
    else
        buf_addf(out, "%u%c", (unsigned)(tenths / 10), *unit);
}

/* Each unit from where two of it are full, so that the figure still says something. */
void show_span(struct buf *out, int64_t seconds)
{
    static const struct {
        int64_t from, unit;
        char letter;
    } units[] = {
        { INT64_C(2) * DAY, DAY, 'd' },
        { INT64_C(2) * HOUR, HOUR, 'h' },
        { INT64_C(2) * MINUTE, MINUTE, 'm' },
        { INT64_MIN, 1, 's' },
    };
    size_t i = 0;

    if (seconds < 0)
        seconds = 0;
    while (seconds < units[i].from)
        i++;
    buf_addf(out, "%lld%c", (long long)(seconds / units[i].unit), units[i].letter);
}

void show_time(struct buf *out, int64_t when, const char *format)
{
    char room[TIME_ROOM];
    time_t moment = (time_t)when;
    struct tm local;
    size_t n = 0;

    if (localtime_r(&moment, &local))
        n = strftime(room, sizeof room, format, &local);
    if (n > 0)
        buf_add(out, room, n);
    else
        buf_add_char(out, '?');
}

static size_t width_of(struct slice text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.n; i++)
        width += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return width;
}

static void add_spaces(struct buf *out, struct slice text, size_t columns)
{
    for (size_t width = width_of(text); width < columns; width++)
        buf_add_char(out, ' ');
}

void show_left(struct buf *out, struct slice text, size_t columns)
{
    buf_add_slice(out, text);
    add_spaces(out, text, columns);
}

void show_right(struct buf *out, struct slice text, size_t columns)
{
    add_spaces(out, text, columns);
    buf_add_slice(out, text);
}

/* How many bytes the character at the front has; 0 when it is none. */
static size_t character_length(struct slice s)
{
    unsigned char first = (unsigned char)s.p[0];
    size_t n = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    return n <= s.n && slice_is_utf8(slice_part(s, 0, n)) ? n : 0;
}

static void add_character(struct buf *out, struct slice c)
{
    unsigned char first = (unsigned char)c.p[0], last = (unsigned char)c.p[c.n - 1];

    if (c.n == 1 && (first < ' ' || first == 0x7F))
        buf_addf(out, "\\u%04x", (unsigned)first);
    else if (c.n == 2 && first == 0xC2 && last < 0xA0)
        buf_addf(out, "\\u%04x", (unsigned)last);
    else if (c.n == 1 && (first == '"' || first == '\\'))
        buf_addf(out, "\\%c", first);
    else
        buf_add_slice(out, c);
}

void show_json(struct buf *out, const char *text)
{
    struct slice rest = slice_of(text);

    if (!text) {
        buf_add_string(out, "null");
        return;
    }
    buf_add_char(out, '"');
    while (rest.n > 0) {
        size_t n = character_length(rest);

        if (n > 0)
            add_character(out, slice_part(rest, 0, n));
        else
            buf_add_string(out, "\\ufffd");
        rest = slice_part(rest, n > 0 ? n : 1, rest.n);
    }
    buf_add_char(out, '"');
}
