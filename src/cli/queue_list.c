#include "cli/queue_inside.h"

#include "cli/show.h"
#include "deliver/retry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LINE_ROOM = 4096, /* two addresses, an account, and RECORD_ERROR_MAX */
    CELL_ROOM = 32,
    MAILQ_ADDRESS = 43, /* columns, as Postfix has them: programs read this */
    MAILQ_REASON_END = 78,
};

struct list {
    const struct queue *queue;
    struct buf *line;
    int64_t now;
    size_t count;
    uint64_t size;
};

struct form {
    const char *nothing; /* said when there is nothing; NULL: begin and end as ever */
    void (*begin)(struct list *l);
    void (*row)(struct list *l, const struct place *place, const struct record *r);
    void (*end)(struct list *l);
};

static bool is_taken(const struct list *l, const struct place *place)
{
    return place->folder == SPOOL_QUEUE && spool_is_taken(l->queue->door.spool, place->id);
}

/* Those that a list of the waiting is about; once nobody waits, those that failed. */
static enum path_state state_of_interest(const struct record *r)
{
    return record_count(r, PATH_PENDING) > 0 ? PATH_PENDING : PATH_FAILED;
}

static const char *error_of(const struct record *r, size_t path)
{
    return r->paths[path].error ? r->paths[path].error : r->error;
}

static void begin_mailq(struct list *l)
{
    buf_add_string(l->line, "-Queue ID-    --Size-- ---Arrival Time---- -Sender/Recipient-------");
    queue_print(l->line);
}

static char mailq_mark(const struct list *l, const struct place *place, const struct record *r)
{
    if (is_taken(l, place))
        return '*';
    return r->state == RECORD_HELD ? '!' : ' ';
}

static void print_reason(struct list *l, const char *reason)
{
    char room[LINE_ROOM];
    struct buf text;

    buf_over(&text, room, sizeof room);
    buf_addf(&text, "(%s)", reason);
    show_right(l->line, buf_slice(&text), MAILQ_REASON_END);
    queue_print(l->line);
}

/* A reason stands once above all who follow with the same. */
static void print_recipients(struct list *l, const struct record *r)
{
    enum path_state wanted = state_of_interest(r);
    const char *last = NULL;

    for (size_t i = 0; i < r->envelope.forward_count; i++) {
        const char *reason = error_of(r, i);

        if (r->paths[i].state != wanted)
            continue;
        if (reason && (!last || strcmp(reason, last) != 0))
            print_reason(l, reason);
        last = reason;
        show_left(l->line, slice_of(""), MAILQ_ADDRESS);
        buf_add_string(l->line, r->envelope.forward_paths[i]);
        queue_print(l->line);
    }
}

static void print_mailq(struct list *l, const struct place *place, const struct record *r)
{
    const char *from = r->envelope.reverse_path;

    buf_addf(l->line, "%-12s%c %8llu ", r->id, mailq_mark(l, place, r),
             (unsigned long long)r->size);
    show_time(l->line, r->arrived, "%a %b %e %H:%M:%S");
    buf_addf(l->line, " %s", from && from[0] != 0 ? from : "MAILER-DAEMON");
    queue_print(l->line);
    print_recipients(l, r);
    queue_print(l->line);
}

static void end_mailq(struct list *l)
{
    buf_addf(l->line, "-- %llu Kbytes in %zu Request%s.",
             (unsigned long long)(l->size + 1023) / 1024, l->count, l->count == 1 ? "" : "s");
    queue_print(l->line);
}

static void begin_table(struct list *l)
{
    buf_add_string(l->line, "ID             SIZE   AGE   NEXT  TRIES  ACCOUNT     FROM -> TO");
    queue_print(l->line);
}

static void add_next(struct buf *cell, const struct list *l, const struct place *place,
                     const struct record *r)
{
    if (place->folder == SPOOL_FAILED)
        buf_add_string(cell, "never");
    else if (is_taken(l, place))
        buf_add_string(cell, "now");
    else if (r->state == RECORD_HELD)
        buf_add_string(cell, "held");
    else if (retry_is_due(r, l->now))
        buf_add_string(cell, "due");
    else
        show_span(cell, r->next_try - l->now);
}

/* What counts towards the lifetime; one that has failed grows older without it. */
static int64_t age_of(const struct list *l, const struct place *place, const struct record *r)
{
    int64_t since = l->now - r->arrived;

    return place->folder == SPOOL_FAILED && since > r->age ? since : r->age;
}

static void add_cell(struct list *l, struct buf *cell, size_t columns)
{
    buf_add_string(l->line, "  ");
    show_right(l->line, buf_slice(cell), columns);
    buf_clear(cell);
}

/* The first of those that did not get it; his error is printed below. */
static size_t first_of_interest(const struct record *r, size_t *count)
{
    enum path_state wanted = state_of_interest(r);
    size_t first = 0;

    *count = record_count(r, wanted);
    while (first + 1 < r->envelope.forward_count && r->paths[first].state != wanted)
        first++;
    return first;
}

static void add_parties(struct buf *line, const struct record *r, size_t first, size_t count)
{
    const char *from = r->envelope.reverse_path;

    buf_addf(line, "  %s -> ", from && from[0] != 0 ? from : "<>");
    if (r->envelope.forward_count > 0)
        buf_add_string(line, r->envelope.forward_paths[first]);
    if (count > 1)
        buf_addf(line, " (+%zu more)", count - 1);
}

static void print_row(struct list *l, const struct place *place, const struct record *r)
{
    char room[CELL_ROOM];
    struct buf cell;
    size_t count, first = first_of_interest(r, &count);
    const char *error = r->envelope.forward_count > 0 ? error_of(r, first) : r->error;

    buf_over(&cell, room, sizeof room);
    buf_addf(l->line, "%-12s", r->id);
    show_size(&cell, r->size);
    add_cell(l, &cell, 5);
    show_span(&cell, age_of(l, place, r));
    add_cell(l, &cell, 4);
    add_next(&cell, l, place, r);
    add_cell(l, &cell, 5);
    buf_addf(&cell, "%u", r->tries);
    add_cell(l, &cell, 5);
    buf_add_string(l->line, "  ");
    show_left(l->line, slice_of(r->account), 10);
    add_parties(l->line, r, first, count);
    queue_print(l->line);
    if (!error)
        return;
    buf_addf(l->line, "    %s", error);
    queue_print(l->line);
}

static void end_table(struct list *l)
{
    (void)l;
}

static void begin_json(struct list *l)
{
    (void)l;
    (void)putchar('[');
}

static void print_object(struct list *l, const struct place *place, const struct record *r)
{
    (void)fputs(l->count > 1 ? ",\n" : "\n", stdout);
    queue_print_json(l->queue, place, r);
}

static void end_json(struct list *l)
{
    (void)fputs(l->count > 0 ? "\n]\n" : "]\n", stdout);
}

static const struct form forms[] = {
    [LISTING_MAILQ] = { "Mail queue is empty", begin_mailq, print_mailq, end_mailq },
    [LISTING_TABLE] = { "none", begin_table, print_row, end_table },
    [LISTING_JSON] = { NULL, begin_json, print_object, end_json },
};

/* What happened to it since it was looked at does not matter: it is printed as it is now. */
static void print_place(struct list *l, const struct form *form, const struct place *place)
{
    struct record r = { .owner = 0 };
    struct status ignored = { 0 };
    bool is_there = false;

    if (spool_peek(l->queue->door.spool, place->folder, place->id, &r, &is_there, &ignored))
        return;
    if (is_there && queue_is_visible(&r)) {
        if (place->folder == SPOOL_QUEUE)
            retry_reckon(&r, l->now);
        l->count++;
        l->size += r.size;
        form->row(l, place, &r);
    }
    record_free(&r);
}

enum code queue_list(const struct queue *q, enum listing listing, enum spool_folder folder,
                     struct status *why)
{
    const struct form *form = &forms[listing];
    struct places places = { .rows = NULL };
    char room[LINE_ROOM];
    struct buf line;
    struct list l = { .queue = q, .line = &line, .now = time(NULL) };

    buf_over(&line, room, sizeof room);
    if (q->door.spool && places_add(&places, q, folder, why))
        return why->code;
    if (places.count == 0 && form->nothing) {
        if (places.unreadable == 0)
            (void)puts(form->nothing);
    } else {
        form->begin(&l);
        for (size_t i = 0; i < places.count && !ferror(stdout); i++)
            print_place(&l, form, &places.rows[i]);
        form->end(&l);
    }
    (void)places_judge(&places, why);
    places_free(&places);
    return why->code;
}
