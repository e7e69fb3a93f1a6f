#include "cli/queue_inside.h"

#include "base/rights.h"
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_ROOM = 2048,
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
}

static bool matches(const struct record *r, const char *part)
{
    for (size_t i = 0; i < r->envelope.forward_count; i++)
        if (slice_contains_nocase(slice_of(r->envelope.forward_paths[i]), slice_of(part)))
            return true;
    return false;
}

static bool is_chosen(const struct options *o, const struct record *r)
{
    if (!queue_is_visible(r))
        return false;
    if (o->queue_id && !slice_contains_nocase(slice_of(r->id), slice_of(o->queue_id)))
        return false;
    return !o->queue_match || matches(r, o->queue_match);
}

/* Whose it is cannot be known: with raised rights it is nobody's. */
static void tell_unreadable(struct places *p, const char *id, const struct status *why)
{
    char room[LINE_ROOM];
    struct buf line;

    if (rights_are_raised())
        return;
    p->unreadable++;
    buf_over(&line, room, sizeof room);
    buf_addf(&line, "orsino: %s: ", id);
    status_describe(why, &line);
    report_line(STDERR_FILENO, &line);
}

static void look_at(struct places *p, const struct queue *q, enum spool_folder folder,
                    const char *id)
{
    struct record r = { .owner = 0 };
    struct status unreadable = { 0 };
    struct place *place = &p->rows[p->count];
    bool is_there = false;

    if (spool_peek(q->door.spool, folder, id, &r, &is_there, &unreadable)) {
        tell_unreadable(p, id, &unreadable);
    } else if (is_there && is_chosen(q->options, &r)) {
        *place = (struct place){ .folder = folder, .arrived = r.arrived };
        memcpy(place->id, r.id, sizeof place->id);
        p->count++;
    }
    record_free(&r);
}

static int compare(const void *a, const void *b)
{
    const struct place *one = a, *other = b;

    if (one->arrived != other->arrived)
        return one->arrived < other->arrived ? -1 : 1;
    return strcmp(one->id, other->id);
}

enum code places_add(struct places *p, const struct queue *q, enum spool_folder folder,
                     struct status *why)
{
    char(*ids)[RECORD_ID_ROOM] = NULL;
    size_t count = 0, before = p->count;
    struct place *grown;

    if (spool_list(q->door.spool, folder, &ids, &count, why))
        return why->code;
    grown = reallocarray(p->rows, before + count + 1, sizeof *grown);
    if (grown) {
        p->rows = grown;
        for (size_t i = 0; i < count; i++)
            look_at(p, q, folder, ids[i]);
        qsort(p->rows + before, p->count - before, sizeof *p->rows, compare);
    }
    free(ids);
    return grown ? CODE_OK : no_memory(why);
}

enum code places_judge(const struct places *p, struct status *why)
{
    if (p->unreadable == 0)
        return CODE_OK;
    return status_set(why, CODE_MESSAGE, STAGE_QUEUE,
                      "%zu message%s cannot be read: mend the record, or use orsino queue remove",
                      p->unreadable, p->unreadable == 1 ? "" : "s");
}

void places_free(struct places *p)
{
    free(p->rows);
    *p = (struct places){ .rows = NULL };
}

enum code place_is_gone(const char *id, struct status *why)
{
    return status_set(why, CODE_USAGE, STAGE_QUEUE, "no message \"%.80s\" in the queue", id);
}

/* One that cannot be read is somebody's too: what is wrong with it is told when it is opened. */
static bool can_be_seen(const struct queue *q, enum spool_folder folder, const char *id)
{
    struct record r = { .owner = 0 };
    struct status unreadable = { 0 };
    bool is_there = false, result;

    if (spool_peek(q->door.spool, folder, id, &r, &is_there, &unreadable))
        return !rights_are_raised();
    result = is_there && queue_is_visible(&r);
    record_free(&r);
    return result;
}

/* A message may be found in both folders while it moves from one to the other. */
static enum code find_in(const struct queue *q, enum spool_folder folder, const char *prefix,
                         struct place *out, struct status *why)
{
    char(*ids)[RECORD_ID_ROOM] = NULL;
    size_t count = 0;

    if (spool_list(q->door.spool, folder, &ids, &count, why))
        return why->code;
    for (size_t i = 0; i < count && !why->code; i++) {
        if (!slice_starts_nocase(slice_of(ids[i]), slice_of(prefix)) ||
            strcmp(ids[i], out->id) == 0 || !can_be_seen(q, folder, ids[i]))
            continue;
        if (out->id[0] != 0)
            (void)status_set(why, CODE_USAGE, STAGE_QUEUE,
                             "more than one message begins with \"%.80s\"", prefix);
        out->folder = folder;
        memcpy(out->id, ids[i], sizeof out->id);
    }
    free(ids);
    return why->code;
}

enum code place_find(const struct queue *q, const char *id, struct place *out, struct status *why)
{
    *out = (struct place){ .folder = SPOOL_QUEUE };
    if (!q->door.spool)
        return status_set(why, CODE_USAGE, STAGE_QUEUE, "there is no queue");
    if (id[0] != 0 &&
        (find_in(q, SPOOL_QUEUE, id, out, why) || find_in(q, SPOOL_FAILED, id, out, why)))
        return why->code;
    return out->id[0] != 0 ? CODE_OK : place_is_gone(id, why);
}
