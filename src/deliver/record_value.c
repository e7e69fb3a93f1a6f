#include "deliver/record_value.h"

#include <stdlib.h>
#include <time.h>

const char record_out_of_memory[] = "out of memory";

const char *const record_state_names[] = {
    [RECORD_QUEUED] = "queued",
    [RECORD_HELD] = "held",
    [RECORD_FAILED] = "failed",
};

const char *const record_path_state_names[] = {
    [PATH_PENDING] = "pending",
    [PATH_DELIVERED] = "delivered",
    [PATH_FAILED] = "failed",
};

const char *record_read_number(struct slice value, uint64_t max, uint64_t *out)
{
    return slice_number(value, max, out) ? NULL : "it is no number, or too large";
}

void record_write_time(struct buf *out, int64_t when)
{
    int64_t within = when < 0 ? 0 : when > RECORD_TIME_LAST ? RECORD_TIME_LAST : when;
    time_t clock = (time_t)within;
    struct tm tm = { .tm_mday = 1, .tm_year = 70 };

    (void)gmtime_r(&clock, &tm);
    buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool has_form_of_time(struct slice value)
{
    static const char form[] = "0000-00-00T00:00:00Z";

    if (value.n != sizeof form - 1)
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (form[i] == '0' ? !is_digit(value.p[i]) : value.p[i] != form[i])
            return false;
    return true;
}

static int digits_at(struct slice value, size_t from, size_t to)
{
    uint64_t number = 0;

    (void)slice_number(slice_part(value, from, to), 9999, &number);
    return (int)number;
}

const char *record_read_time(struct slice value, int64_t *out)
{
    static const char problem[] = "it is no time as in 2026-11-24T20:45:22Z";
    char room[32];
    struct buf again;
    struct tm tm = { .tm_isdst = 0 };

    if (!has_form_of_time(value))
        return problem;
    tm.tm_year = digits_at(value, 0, 4) - 1900;
    tm.tm_mon = digits_at(value, 5, 7) - 1;
    tm.tm_mday = digits_at(value, 8, 10);
    tm.tm_hour = digits_at(value, 11, 13);
    tm.tm_min = digits_at(value, 14, 16);
    tm.tm_sec = digits_at(value, 17, 19);
    *out = timegm(&tm);
    /* timegm makes one of March of the 30th of February, and of 1969 less than nothing. */
    buf_over(&again, room, sizeof room);
    record_write_time(&again, *out);
    return slice_equal(buf_slice(&again), value) ? NULL : problem;
}

static const char *replace(struct slice value, char **out)
{
    char *copy = slice_dup(value);

    if (!copy)
        return record_out_of_memory;
    free(*out);
    *out = copy;
    return NULL;
}

const char *record_read_text(struct slice value, size_t max, char **out)
{
    struct slice text = slice_part(value, 0, max);
    const char *problem = replace(text, out);

    if (!problem)
        text_make_printable(*out, text.n);
    return problem;
}

void record_write_text(struct buf *out, const char *text, size_t max)
{
    size_t from = out->n;

    buf_add_slice(out, slice_part(slice_of(text), 0, max));
    if (!out->failed)
        text_make_printable(out->p + from, out->n - from);
}

const char *record_read_word(struct slice value, size_t max, char **out)
{
    return value.n > max ? "it is too long" : replace(value, out);
}

void record_write_word(struct buf *out, const char *word)
{
    for (; word && *word != 0; word++)
        buf_add_char(out, is_control(*word) ? '?' : *word);
}

const char *record_read_notify(struct slice value, unsigned *out)
{
    *out = dsn_parse_notify(value);
    return *out != DSN_NOTIFY_UNSET ? NULL : "it is neither never nor of success,failure,delay";
}

void record_write_notify(struct buf *out, unsigned notify)
{
    static const struct {
        unsigned value;
        const char *name;
    } rows[] = {
        { DSN_NOTIFY_SUCCESS, "success" },
        { DSN_NOTIFY_FAILURE, "failure" },
        { DSN_NOTIFY_DELAY, "delay" },
    };
    const char *comma = "";

    if (notify & DSN_NOTIFY_NEVER) {
        buf_add_string(out, "never");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!(notify & rows[i].value))
            continue;
        buf_addf(out, "%s%s", comma, rows[i].name);
        comma = ",";
    }
}

const char *record_read_address(struct slice value, struct address *out)
{
    struct status ignored = { 0 };

    if (value.n > ADDRESS_MAX || address_parse(value, out, &ignored) ||
        !slice_equal(address_spec(out), value))
        return "it is no address";
    return value.n > 0 && address_is_bare(out) ? "the address has no domain" : NULL;
}

size_t record_find_word(struct slice word, const char *const *words, size_t count)
{
    size_t i = 0;

    while (i < count && !slice_equal(word, slice_of(words[i])))
        i++;
    return i;
}
