#include "cli/progress.h"

#include "base/log.h"
#include "cli/terminal.h"

enum {
    BAR = 30,
    LINE_ROOM = 160,
    PAUSE = 100, /* milliseconds between two drawings */
};

void progress_begin(struct progress *p, int fd)
{
    *p = (struct progress){ .fd = terminal_redraws(fd) ? fd : -1 };
}

void progress_draw(struct buf *out, size_t done, size_t total, size_t failed)
{
    size_t full = total > 0 && done <= total ? done * BAR / total : BAR;

    buf_add_char(out, '[');
    for (size_t i = 0; i < BAR; i++)
        buf_add_char(out, i < full ? '#' : ' ');
    buf_addf(out, "] %zu/%zu", done, total);
    if (failed > 0)
        buf_addf(out, "  %zu not sent", failed);
}

/* Carriage returns alone: they work on every terminal. */
static void replace(struct progress *p, struct slice bar)
{
    char room[2 * LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    buf_add_char(&line, '\r');
    buf_add_slice(&line, bar);
    for (size_t i = bar.n; i < p->shown; i++)
        buf_add_char(&line, ' ');
    if (bar.n < p->shown)
        buf_add_char(&line, '\r');
    log_write(p->fd, buf_slice(&line));
    p->shown = bar.n;
}

void progress_step(struct progress *p, size_t done, size_t total, size_t failed)
{
    char room[LINE_ROOM];
    struct buf bar;

    if (p->fd < 0 || total < 2 || (deadline_left(p->next) > 0 && done < total))
        return;
    buf_over(&bar, room, sizeof room);
    progress_draw(&bar, done, total, failed);
    replace(p, buf_slice(&bar));
    p->next = deadline_in(PAUSE);
}

void progress_clear(struct progress *p)
{
    if (p->fd >= 0 && p->shown > 0)
        replace(p, (struct slice){ NULL, 0 });
}
