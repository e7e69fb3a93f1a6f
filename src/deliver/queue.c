#include "deliver/queue.h"

#include "base/host.h"
#include "base/log.h"
#include "deliver/bounce.h"
#include "deliver/retry.h"
#include "mail/envelope.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    MADE_IN = 1704067200, /* 2024-01-01: a clock that stands before it is not set */
    FROM_ROOM = 384,
};

static bool clock_is_set(void)
{
    return time(NULL) >= MADE_IN;
}

bool queue_keeps(const struct status *st)
{
    return status_is_temporary(st) || (st->code == CODE_UNTRUSTED && !clock_is_set());
}

bool queue_keeps_waiting(const struct status *st)
{
    return queue_keeps(st) || (st->code != CODE_OK && st->stage < STAGE_MAIL);
}

static uint32_t any_number(void)
{
    uint32_t number = 0;

    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
        number = (uint32_t)time(NULL);
    return number;
}

/* What mailq shows: why somebody waits, else why somebody was refused. */
static void note_error(struct record *r, const struct outcome *outcome, size_t count)
{
    const struct status *shown = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct status *st = &outcome->recipients[i];

        if (st->code != CODE_OK && (!shown || (queue_keeps(st) && !queue_keeps(shown))))
            shown = st;
    }
    if (shown)
        record_set_error(r, shown);
}

static enum code make_record(struct record *r, const struct queue_note *note,
                             const struct submission *submission, const struct outcome *outcome,
                             struct status *why)
{
    const struct envelope *e = submission->envelope;
    int64_t now = time(NULL);

    if (record_make(r, e, outcome, queue_keeps, note->account, why))
        return why->code;
    (void)snprintf(r->id, sizeof r->id, "%s", note->id);
    r->owner = note->owner;
    r->arrived = r->seen = r->next_try = now;
    if (outcome) {
        note_error(r, outcome, e->forward_count);
        retry_note(r, now, any_number());
    }
    r->told = note->told && r->state == RECORD_FAILED;
    return CODE_OK;
}

/* Whether there is anything to keep. */
static bool is_worth_keeping(const struct record *r, const struct account *globals)
{
    if (record_count(r, PATH_PENDING) > 0)
        return true;
    return record_count(r, PATH_FAILED) > 0 && globals->keep_failed;
}

enum code queue_keep(struct spool *s, const struct account *globals, const struct queue_note *note,
                     const struct submission *submission, const struct outcome *outcome,
                     struct parcel **out, struct status *why)
{
    struct record r = { .state = RECORD_QUEUED };

    *out = NULL;
    if (make_record(&r, note, submission, outcome, why) || !is_worth_keeping(&r, globals)) {
        record_free(&r);
        return why->code;
    }
    return spool_add(s, &r, submission->message, out, why);
}

enum code queue_pending(const struct record *r, struct envelope *out, struct status *why)
{
    if (envelope_begin_copy(&r->envelope, out, why))
        return why->code;
    for (size_t i = 0; i < r->envelope.forward_count; i++)
        if (r->paths[i].state == PATH_PENDING && envelope_copy_path(&r->envelope, i, out, why))
            return why->code;
    return CODE_OK;
}

/* Gives each pending path its row, and the state that follows from it. */
static void apply(struct record *r, const struct outcome *outcome)
{
    size_t row = 0;

    for (size_t i = 0; i < r->envelope.forward_count; i++) {
        const struct status *st = &outcome->recipients[row];
        struct path_record *path = &r->paths[i];

        if (path->state != PATH_PENDING)
            continue;
        row++;
        if (st->code == CODE_OK) {
            path->state = PATH_DELIVERED;
            continue;
        }
        record_set_failure(path, st);
        if (!queue_keeps_waiting(st))
            path->state = PATH_FAILED;
    }
    note_error(r, outcome, row);
}

static void give_up(struct record *r)
{
    for (size_t i = 0; i < r->envelope.forward_count; i++)
        if (r->paths[i].state == PATH_PENDING)
            r->paths[i].state = PATH_FAILED;
}

/* What the notification comes from; an account that is gone has no address. */
static void choose_from(const struct account *account, char from[FROM_ROOM])
{
    char host[HOST_NAME_ROOM];
    const char *own = NULL;

    if (account->from && strchr(account->from, '@'))
        own = account->from;
    else if (account->user && strchr(account->user, '@'))
        own = account->user;
    host_any_name(host, sizeof host);
    if (own)
        (void)snprintf(from, FROM_ROOM, "%s", own);
    else
        (void)snprintf(from, FROM_ROOM, "MAILER-DAEMON@%s", host[0] != 0 ? host : "localhost");
}

static enum code build_notice(const struct parcel *p, const struct account *account,
                              struct message *m, struct envelope *envelope, struct status *why)
{
    char host[HOST_NAME_ROOM], from[FROM_ROOM];
    struct bounce_facts facts = {
        .host = host, .from = from, .now = time(NULL), .lifetime = account->queue_lifetime / 1000
    };
    struct message original;
    enum code code;

    host_any_name(host, sizeof host);
    if (host[0] == 0)
        (void)snprintf(host, sizeof host, "localhost");
    choose_from(account, from);
    message_init(&original);
    code = spool_load(p, &original, why);
    if (!code)
        code = bounce_make(&p->record, &original, &facts, m, envelope, why);
    message_free(&original);
    return code;
}

static enum code add_notice(const struct parcel *p, const struct account *account,
                            struct status *why)
{
    struct queue_note note = {
        .id = p->record.notice,
        .owner = p->record.owner,
        .account = p->record.account,
    };
    struct parcel *notice = NULL;
    struct envelope envelope = { 0 };
    struct message m;
    struct submission submission = { .envelope = &envelope, .message = &m };
    enum code code;

    message_init(&m);
    code = build_notice(p, account, &m, &envelope, why);
    if (!code)
        code = queue_keep(p->spool, account, &note, &submission, NULL, &notice, why);
    if (!code)
        log_line(LOG_LEVEL_INFO, "id=%s kept=queue a notification about id=%s", note.id,
                 p->record.id);
    spool_release(notice);
    envelope_free(&envelope);
    message_free(&m);
    return code;
}

/* The notification's id is in our own record before it is made, so that it is made once. */
static enum code send_notice(struct parcel *p, const struct account *account, struct status *why)
{
    struct record *r = &p->record, there = { .state = RECORD_QUEUED };
    bool is_there = false;
    struct buf id;

    if (!account->bounce || !bounce_is_wanted(r))
        return CODE_OK;
    if (r->notice[0] == 0) {
        buf_over(&id, r->notice, sizeof r->notice - 1);
        stamp_add_id(&id);
        r->notice[id.n] = 0;
        if (spool_save(p, why))
            return why->code;
    }
    for (int i = SPOOL_QUEUE; i <= SPOOL_FAILED && !is_there; i++) {
        if (spool_peek(p->spool, (enum spool_folder)i, r->notice, &there, &is_there, why))
            return why->code;
        record_free(&there);
    }
    return is_there ? CODE_OK : add_notice(p, account, why);
}

enum code queue_finish(struct parcel *p, const struct account *account, struct status *why)
{
    if (record_count(&p->record, PATH_FAILED) == 0)
        return spool_remove(p, why);
    if (send_notice(p, account, why))
        return why->code;
    log_line(LOG_LEVEL_WARNING, "id=%s kept=%s tries=%u age=%lld", p->record.id,
             account->keep_failed ? "failed" : "no", p->record.tries, (long long)p->record.age);
    return account->keep_failed ? spool_move(p, SPOOL_FAILED, why) : spool_remove(p, why);
}

/*
 * What became of a try is written down, if need be at a second attempt: else who has the message
 * gets it again.
 */
static enum code note_try(struct parcel *p, struct status *why)
{
    struct status first = { 0 };

    return spool_save(p, &first) ? spool_save(p, why) : CODE_OK;
}

/* What cannot be removed must not be sent again: the next run finds that nobody is left to try. */
static enum code remove_delivered(struct parcel *p, struct status *why)
{
    struct status ignored = { 0 };

    if (spool_remove(p, why)) {
        p->record.state = RECORD_FAILED;
        if (spool_save(p, &ignored))
            log_trace("=", slice_of(ignored.what));
    }
    return why->code;
}

enum code queue_settle(struct parcel *p, const struct account *account,
                       const struct outcome *outcome, struct status *why)
{
    struct record *r = &p->record;

    apply(r, outcome);
    retry_note(r, time(NULL), any_number());
    if (retry_is_over(r, account->queue_lifetime / 1000))
        give_up(r);
    if (record_count(r, PATH_PENDING) > 0)
        return note_try(p, why);
    if (record_count(r, PATH_FAILED) == 0)
        return remove_delivered(p, why);
    r->state = RECORD_FAILED;
    if (note_try(p, why))
        return why->code;
    return queue_finish(p, account, why);
}
