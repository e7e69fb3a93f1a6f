#include "cli/steps.h"

#include "base/clock.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "deliver/hint.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    TEXT_ROOM = 2048,
    LINE_ROOM = 8 * TEXT_ROOM, /* each byte may be escaped in JSON */
    RESULT_COLUMNS = 7,
    NAME_COLUMNS = 14,
};

static const struct word {
    const char *text, *colour;
} words[] = {
    [STEP_OK] = { "ok", "\033[32m" },
    [STEP_WARNING] = { "warning", "\033[33m" },
    [STEP_FAILED] = { "failed", "\033[31m" },
};

void steps_begin(struct steps *s, bool json)
{
    *s = (struct steps){ .json = json };
    s->is_watched = !json && terminal_redraws(STDOUT_FILENO);
    s->colour = !json && terminal_has_colour(STDOUT_FILENO);
    steps_start(s);
    if (json)
        (void)putchar('[');
}

void steps_start(struct steps *s)
{
    s->began = clock_ms();
}

/* The line of its end is longer, and is written over it. */
void steps_expect(const struct steps *s, const char *name)
{
    if (!s->is_watched || s->is_silent)
        return;
    (void)printf("...      %s\r", name);
    (void)fflush(stdout);
}

static void print_json(const struct steps *s, const struct word *word, const char *name,
                       int64_t millis, const char *text)
{
    char room[LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    buf_addf(&line, "%s{\"step\": \"%s\", \"result\": \"%s\", \"milliseconds\": %lld, \"text\": ",
             s->count > 0 ? ", " : "", name, word->text, (long long)millis);
    show_json(&line, text);
    buf_add_char(&line, '}');
    (void)fwrite(line.p, 1, line.n, stdout);
}

static void print_line(const struct steps *s, const struct word *word, const char *name,
                       int64_t millis, char *text)
{
    char room[TEXT_ROOM + 128];
    struct buf line;

    text_make_printable(text, slice_of(text).n);
    buf_over(&line, room, sizeof room);
    if (s->colour)
        buf_add_string(&line, word->colour);
    show_left(&line, slice_of(word->text), RESULT_COLUMNS);
    if (s->colour)
        buf_add_string(&line, "\033[0m");
    buf_add_string(&line, "  ");
    show_left(&line, slice_of(name), NAME_COLUMNS);
    buf_addf(&line, "%6lld ms  %s\n", (long long)millis, text);
    (void)fwrite(line.p, 1, line.n, stdout);
    (void)fflush(stdout);
}

static void tell(struct steps *s, enum step_result result, const char *name, char *text)
{
    int64_t millis = clock_ms() - s->began;

    if (s->is_silent && result != STEP_FAILED)
        return;
    if (s->json)
        print_json(s, &words[result], name, millis, text);
    else
        print_line(s, &words[result], name, millis, text);
    s->count++;
    steps_start(s);
}

void steps_tell(struct steps *s, enum step_result result, const char *name, const char *format, ...)
{
    char text[TEXT_ROOM];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tell(s, result, name, text);
}

void steps_fail(struct steps *s, const char *name, const struct status *why,
                const struct account *account)
{
    char text[TEXT_ROOM], room[TEXT_ROOM / 2];
    struct buf line, hint;

    buf_over(&line, text, sizeof text - 1);
    buf_over(&hint, room, sizeof room);
    status_describe(why, &line);
    if (hint_for(why, account, &hint))
        buf_addf(&line, " (%.*s)", (int)hint.n, hint.p);
    text[line.n] = 0;
    tell(s, STEP_FAILED, name, text);
}

void steps_end(struct steps *s)
{
    if (s->json)
        (void)fputs("]\n", stdout);
}
