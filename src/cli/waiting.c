#include "cli/waiting.h"

#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    WHERE_ROOM = 280,
    LINE_ROOM = 512,
    DIGITS = 20,
    FIRST = 1000, /* milliseconds, until there is something to wait for */
    AGAIN = 250,
    MEGABYTE = 1024 * 1024,
};

/*
 * What the handler of the alarm shows; it does not stand still while poll(2) waits, and nothing
 * else could draw then. It allocates nothing and calls write(2) alone.
 */
static struct {
    char where[WHERE_ROOM];
    volatile sig_atomic_t stage;
    volatile uint64_t sent;
    uint64_t size;
    volatile sig_atomic_t shown; /* columns that the line takes now */
    struct sigaction before;
    bool runs;
} now;

static void add_number(struct buf *out, uint64_t number)
{
    char digits[DIGITS];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0 && n < sizeof digits);
    while (n > 0)
        buf_add_char(out, digits[--n]);
}

/* "12.4", rounded down. */
static void add_megabytes(struct buf *out, uint64_t bytes)
{
    add_number(out, bytes / MEGABYTE);
    buf_add_char(out, '.');
    add_number(out, bytes % MEGABYTE * 10 / MEGABYTE);
}

void waiting_draw(struct buf *out, enum stage stage, const char *where, uint64_t sent,
                  uint64_t size)
{
    if (stage == STAGE_BODY && sent < size && size >= MEGABYTE) {
        buf_add_string(out, "sending ");
        add_megabytes(out, sent);
        buf_add_string(out, " of ");
        add_megabytes(out, size);
        buf_add_string(out, " MB");
        return;
    }
    buf_add_string(out, stage == STAGE_BODY      ? "sent, waiting for the answer of "
                        : stage <= STAGE_RESOLVE ? "looking up "
                        : stage == STAGE_CONNECT ? "connecting to "
                                                 : "talking to ");
    buf_add_string(out, where);
}

static void redraw(struct slice line)
{
    char room[2 * LINE_ROOM];
    struct buf text;
    size_t shown = (size_t)now.shown;

    buf_over(&text, room, sizeof room);
    buf_add_char(&text, '\r');
    buf_add_slice(&text, line);
    for (size_t i = line.n; i < shown; i++)
        buf_add_char(&text, ' ');
    if (line.n < shown)
        buf_add_char(&text, '\r');
    if (write(STDERR_FILENO, text.p, text.n) >= 0)
        now.shown = (sig_atomic_t)line.n;
}

static void note_alarm(int number)
{
    int error = errno;
    char room[LINE_ROOM];
    struct buf line;

    (void)number;
    buf_over(&line, room, sizeof room);
    waiting_draw(&line, (enum stage)now.stage, now.where, now.sent, now.size);
    redraw(buf_slice(&line));
    errno = error;
}

static void note_stage(void *context, enum stage stage)
{
    (void)context;
    now.stage = (sig_atomic_t)stage;
}

static void note_sent(void *context, uint64_t bytes)
{
    (void)context;
    now.sent = bytes;
}

static void set_timer(int first, int again)
{
    struct itimerval timer = {
        .it_value = { first / 1000, first % 1000 * 1000 },
        .it_interval = { again / 1000, again % 1000 * 1000 },
    };

    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

const struct watcher *waiting_begin(const struct account *account, uint64_t size)
{
    static const struct watcher watcher = { .stage = note_stage, .sent = note_sent };
    struct sigaction action = { .sa_handler = note_alarm, .sa_flags = SA_RESTART };

    now.runs = terminal_redraws(STDERR_FILENO);
    if (!now.runs)
        return NULL;
    now.stage = STAGE_NONE;
    now.sent = 0;
    now.size = size;
    now.shown = 0;
    (void)snprintf(now.where, sizeof now.where, connection_is_local(account) ? "%s" : "%s:%u",
                   account->host, account->port);
    text_make_printable(now.where, slice_of(now.where).n);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, &now.before);
    set_timer(FIRST, AGAIN);
    return &watcher;
}

void waiting_end(void)
{
    if (!now.runs)
        return;
    set_timer(0, 0);
    (void)sigaction(SIGALRM, &now.before, NULL);
    if (now.shown > 0)
        redraw((struct slice){ NULL, 0 });
    now.runs = false;
}
