#include "cli/queue_inside.h"

#include "base/log.h"
#include "base/rights.h"
#include "cli/report.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum code has_failed(const struct parcel *p, struct status *why)
{
    return status_set(why, CODE_USAGE, STAGE_QUEUE,
                      "%s has failed: only retry and remove can be used on it", p->record.id);
}

static enum code set_state(struct parcel *p, enum record_state state, struct status *why)
{
    if (p->folder == SPOOL_FAILED || p->record.state == RECORD_FAILED)
        return has_failed(p, why);
    if (p->record.state == state)
        return CODE_OK;
    p->record.state = state;
    return spool_save(p, why);
}

static enum code hold(struct parcel *p, struct status *why)
{
    return set_state(p, RECORD_HELD, why);
}

static enum code release(struct parcel *p, struct status *why)
{
    return set_state(p, RECORD_QUEUED, why);
}

/* A failed one begins a new life, of which its sender is told again. */
static void revive(struct record *r)
{
    for (size_t i = 0; i < r->envelope.forward_count; i++)
        if (r->paths[i].state == PATH_FAILED)
            r->paths[i].state = PATH_PENDING;
    r->age = 0;
    r->told = false;
    r->notice[0] = 0;
}

/*
 * Saved before it is moved: a process that dies in between leaves it among the failed, where retry
 * finds it again.
 */
static enum code retry(struct parcel *p, struct status *why)
{
    struct record *r = &p->record;

    if (p->folder == SPOOL_QUEUE && r->state == RECORD_FAILED)
        return has_failed(p, why);
    if (p->folder == SPOOL_FAILED)
        revive(r);
    r->state = RECORD_QUEUED;
    r->tries = 0;
    r->seen = r->next_try = time(NULL);
    if (spool_save(p, why))
        return why->code;
    return p->folder == SPOOL_FAILED ? spool_move(p, SPOOL_QUEUE, why) : CODE_OK;
}

/* What the commands do; `all` is all that is in `folders`. */
static const struct action {
    enum code (*apply)(struct parcel *p, struct status *why);
    bool takes_failed, takes_damaged;
    const char *name; /* for the log */
    const char *done;
} actions[QUEUE_COMMANDS] = {
    [QUEUE_HOLD] = { hold, false, false, "hold", "on hold" },
    [QUEUE_RELEASE] = { release, false, false, "release", "released" },
    [QUEUE_RETRY] = { retry, true, false, "retry", "to be tried again" },
    [QUEUE_REMOVE] = { spool_remove, true, true, "remove", "removed" },
};

struct steering {
    const struct queue *queue;
    const struct action *action;
    size_t done;
    struct status worst;
};

/* The worst is told in the end, by whom we return to; the others here. */
static void note_failure(struct steering *s, const struct status *why)
{
    struct status before = s->worst;
    bool is_worse = status_worse(&before, why) == why;

    s->worst = is_worse ? *why : before;
    if (before.code != CODE_OK)
        report_command_failure(is_worse ? &before : why, NULL);
}

static enum code cannot_take(const struct queue *q, const struct place *place, struct status *why)
{
    if (!spool_is_taken(q->door.spool, place->id))
        return place_is_gone(place->id, why);
    return status_set(why, CODE_TIMEOUT, STAGE_QUEUE, "%s is being delivered now", place->id);
}

static void note_done(struct steering *s, const char *id)
{
    s->done++;
    log_line(LOG_LEVEL_INFO, "id=%s %s by uid=%llu", id, s->action->name,
             (unsigned long long)getuid());
}

static void steer_parcel(struct steering *s, struct parcel *p, struct status *why)
{
    if (s->action->apply(p, why) == CODE_OK)
        note_done(s, p->record.id);
}

/* Whose a damaged one is cannot be known: with raised rights it is nobody's. */
static void discard(struct steering *s, const struct place *place, struct status *why)
{
    struct status fault = { 0 };

    if (!s->action->takes_damaged || why->code != CODE_MESSAGE || rights_are_raised())
        return;
    if (spool_discard(s->queue->door.spool, place->folder, place->id, &fault) == CODE_OK)
        note_done(s, place->id);
    *why = fault;
}

static void steer_place(struct steering *s, const struct place *place)
{
    struct status why = { 0 };
    struct parcel *p = NULL;

    if (spool_take(s->queue->door.spool, place->folder, place->id, &p, &why))
        discard(s, place, &why);
    else if (!p)
        (void)cannot_take(s->queue, place, &why);
    else if (!queue_is_visible(&p->record))
        (void)place_is_gone(place->id, &why);
    else
        steer_parcel(s, p, &why);
    spool_release(p);
    if (why.code != CODE_OK)
        note_failure(s, &why);
}

/* `all` and `failed` in place of an id. */
static bool is_word(const char *id, const char *word)
{
    return slice_equal_nocase(slice_of(id), slice_of(word));
}

static void steer_many(struct steering *s, bool waiting, bool failed)
{
    struct places places = { .rows = NULL };
    struct status why = { 0 }, unreadable = { 0 };

    if (!s->queue->door.spool)
        (void)status_set(&why, CODE_USAGE, STAGE_QUEUE, "there is no queue");
    if (why.code || (waiting && places_add(&places, s->queue, SPOOL_QUEUE, &why)) ||
        (failed && places_add(&places, s->queue, SPOOL_FAILED, &why)))
        note_failure(s, &why);
    for (size_t i = 0; i < places.count; i++)
        steer_place(s, &places.rows[i]);
    if (places_judge(&places, &unreadable))
        note_failure(s, &unreadable);
    places_free(&places);
}

static void steer_word(struct steering *s, const char *id)
{
    struct status why = { 0 };
    struct place place;
    bool takes_failed = s->action->takes_failed;

    if (is_word(id, "all"))
        steer_many(s, true, takes_failed);
    else if (takes_failed && is_word(id, "failed"))
        steer_many(s, false, true);
    else if (place_find(s->queue, id, &place, &why))
        note_failure(s, &why);
    else
        steer_place(s, &place);
}

enum code queue_steer(const struct queue *q, const struct queue_words *words, struct status *why)
{
    struct steering s = { .queue = q, .action = &actions[words->command] };

    for (size_t i = 0; i < words->id_count; i++)
        steer_word(&s, words->ids[i]);
    (void)printf("%zu message%s %s\n", s.done, s.done == 1 ? "" : "s", s.action->done);
    *why = s.worst;
    return why->code;
}
