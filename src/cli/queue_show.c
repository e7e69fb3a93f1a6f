#include "cli/queue_inside.h"

#include "cli/show.h"
#include "deliver/retry.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_ROOM = 4096,
    PIECE = 16 * 1024,
    LABEL = 10,
};

static void begin_line(struct buf *line, const char *label)
{
    show_left(line, slice_of(label), LABEL);
}

static void print_text(struct buf *line, const char *label, const char *text)
{
    if (!text || text[0] == 0)
        return;
    begin_line(line, label);
    buf_add_string(line, text);
    queue_print(line);
}

static void print_time(struct buf *line, const char *label, int64_t when)
{
    if (when == 0)
        return;
    begin_line(line, label);
    show_time(line, when, "%Y-%m-%d %H:%M:%S %z");
    queue_print(line);
}

static const char *state_of(const struct queue *q, const struct place *place,
                            const struct record *r)
{
    if (place->folder == SPOOL_FAILED)
        return "failed, and will not be tried again";
    if (spool_is_taken(q->door.spool, r->id))
        return "is being delivered now";
    if (r->state == RECORD_HELD)
        return "on hold, until it is released";
    return retry_is_due(r, time(NULL)) ? "waits for the next run" : "waits for its next try";
}

static void print_figures(struct buf *line, const struct place *place, const struct record *r)
{
    begin_line(line, "owner");
    buf_addf(line, "%llu", (unsigned long long)r->owner);
    queue_print(line);
    begin_line(line, "size");
    buf_addf(line, "%llu", (unsigned long long)r->size);
    queue_print(line);
    print_time(line, "arrived", r->arrived);
    begin_line(line, "age");
    show_span(line, r->age);
    queue_print(line);
    begin_line(line, "tries");
    buf_addf(line, "%u", r->tries);
    queue_print(line);
    print_time(line, "last try", r->last_try);
    if (place->folder == SPOOL_QUEUE)
        print_time(line, "next try", r->next_try);
}

static void print_recipient(struct buf *line, const char *address, const struct path_record *path)
{
    static const char *const states[] = {
        [PATH_PENDING] = "waits",
        [PATH_DELIVERED] = "delivered",
        [PATH_FAILED] = "failed",
    };

    begin_line(line, "to");
    buf_addf(line, "<%s> %s", address, states[path->state]);
    queue_print(line);
    print_text(line, "", path->error);
}

static void print_words(const struct queue *q, const struct place *place, const struct record *r)
{
    char room[LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    print_text(&line, "id", r->id);
    print_text(&line, "state", state_of(q, place, r));
    print_text(&line, "account", r->account);
    print_figures(&line, place, r);
    print_text(&line, "error", r->error);
    print_text(&line, "notice", r->notice);
    begin_line(&line, "from");
    buf_addf(&line, "<%s>", r->envelope.reverse_path ? r->envelope.reverse_path : "");
    queue_print(&line);
    for (size_t i = 0; i < r->envelope.forward_count && !ferror(stdout); i++)
        print_recipient(&line, r->envelope.forward_paths[i], &r->paths[i]);
}

/* Line by line, so that a message cannot talk to the terminal. */
static void make_lines_printable(char *p, size_t n)
{
    struct slice rest = { p, n };

    for (size_t start = 0; start < n;) {
        size_t length = slice_find(slice_part(rest, start, n), '\n');

        text_make_printable(p + start, length);
        start += length + 1;
    }
}

/* Into a file it goes byte by byte as it is. */
static enum code copy(int fd, struct status *why)
{
    char piece[PIECE];
    bool is_watched = isatty(STDOUT_FILENO);
    ssize_t n;

    while ((n = read(fd, piece, sizeof piece)) != 0 && !ferror(stdout)) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_set_errno(why, CODE_READ, STAGE_QUEUE, errno,
                                    "the message cannot be read");
        if (is_watched)
            make_lines_printable(piece, (size_t)n);
        (void)fwrite(piece, 1, (size_t)n, stdout);
    }
    return CODE_OK;
}

static enum code print_message(const struct queue *q, const char *id, struct status *why)
{
    int fd = spool_open_body(q->door.spool, id);

    if (fd < 0 && errno == ENOENT)
        return place_is_gone(id, why);
    if (fd < 0)
        return status_set_errno(why, CODE_READ, STAGE_QUEUE, errno, "the message cannot be opened");
    (void)copy(fd, why);
    (void)close(fd);
    return why->code;
}

static void print_record(const struct queue *q, const struct place *place, const struct record *r,
                         unsigned flags)
{
    if (flags & QUEUE_JSON) {
        queue_print_json(q, place, r);
        (void)putchar('\n');
    } else if (!(flags & QUEUE_MESSAGE)) {
        print_words(q, place, r);
        (void)putchar('\n');
    }
}

enum code queue_show(const struct queue *q, const char *id, unsigned flags, struct status *why)
{
    struct record r = { .owner = 0 };
    struct place place;
    bool is_there = false;

    if (place_find(q, id, &place, why) ||
        spool_peek(q->door.spool, place.folder, place.id, &r, &is_there, why))
        return why->code;
    if (!is_there || !queue_is_visible(&r)) {
        (void)place_is_gone(id, why);
    } else {
        if (place.folder == SPOOL_QUEUE)
            retry_reckon(&r, time(NULL));
        print_record(q, &place, &r, flags);
        if (!(flags & QUEUE_JSON))
            (void)print_message(q, place.id, why);
    }
    record_free(&r);
    return why->code;
}
