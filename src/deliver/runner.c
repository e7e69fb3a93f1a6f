#include "deliver/runner.h"

#include "base/log.h"
#include "deliver/courier.h"
#include "deliver/queue.h"
#include "deliver/retry.h"
#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FAULTS_MAX = 3, /* sessions that broke one after the other, until the server counts as dead */
};

/* What the order of a run needs of a message; thousands of them are held at once. */
struct entry {
    char id[RECORD_ID_ROOM];
    unsigned account; /* index into names */
    unsigned tries;   /* when it was looked at */
    int64_t arrived;
};

struct run {
    const struct run_params *params;
    struct run_result *result;
    struct entry *entries;
    size_t entry_count, done;
    char **names; /* of accounts, each once */
    size_t name_count;
    /* The account under way. */
    bool has_account;
    unsigned account_index;
    struct account account; /* the globals when there is no such account */
    struct status fault;    /* why it cannot be used now; then no message of it is tried */
    bool fault_is_told;     /* a message of it has that as its outcome */
    unsigned faults;        /* in a row */
    struct courier *courier;
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
}

static void log_unreadable(struct run *run, const char *id, const struct status *why)
{
    char room[1024];
    struct buf line;

    buf_over(&line, room, sizeof room);
    status_describe(why, &line);
    log_line(LOG_LEVEL_ERROR, "id=%s error=%.*s", id, (int)line.n, line.p);
    run->result->unreadable++;
    if (run->result->unreadable_code != CODE_MESSAGE)
        run->result->unreadable_code = why->code;
}

static bool is_stopped(const struct run *run)
{
    return run->params->stop && *run->params->stop;
}

/* The index of an account's name, which is entered when it is new; there are few. */
static bool enter_name(struct run *run, const char *name, unsigned *index)
{
    char **grown, *copy;

    for (size_t i = 0; i < run->name_count; i++) {
        if (strcmp(run->names[i], name) != 0)
            continue;
        *index = (unsigned)i;
        return true;
    }
    grown = reallocarray(run->names, run->name_count + 1, sizeof *grown);
    if (!grown)
        return false;
    run->names = grown;
    copy = slice_dup(slice_of(name));
    if (!copy)
        return false;
    *index = (unsigned)run->name_count;
    run->names[run->name_count++] = copy;
    return true;
}

static bool matches(const struct record *r, const char *part)
{
    for (size_t i = 0; i < r->envelope.forward_count; i++)
        if (r->paths[i].state == PATH_PENDING &&
            slice_contains_nocase(slice_of(r->envelope.forward_paths[i]), slice_of(part)))
            return true;
    return false;
}

static bool is_wanted(const struct run *run, const struct record *r)
{
    const struct run_params *p = run->params;

    if (r->state != RECORD_QUEUED || (p->only_owners && r->owner != getuid()))
        return false;
    if (p->only_id && strcmp(r->id, p->only_id) != 0)
        return false;
    if (p->only_match && !matches(r, p->only_match))
        return false;
    return !p->only_due || retry_is_due(r, time(NULL));
}

/* Finds the account again that a message was given. Without it there are the globals, and a reason.
 */
static void find_account(struct run *run, const char *name, struct account *account,
                         struct status *why)
{
    if (config_account(run->params->config, name, "", account, why))
        *account = *run->params->globals;
}

/* A process died before it was done with this one. */
static void finish(struct run *run, const char *id)
{
    struct status why = { 0 }, ignored = { 0 };
    struct parcel *p = NULL;
    struct account account;

    if (spool_take(run->params->spool, SPOOL_QUEUE, id, &p, &why)) {
        log_unreadable(run, id, &why);
    } else if (p && p->record.state == RECORD_FAILED) {
        find_account(run, p->record.account, &account, &ignored);
        if (queue_finish(p, &account, &why))
            log_unreadable(run, id, &why);
        else
            run->result->failed++;
    }
    spool_release(p);
}

static enum code look_at(struct run *run, const char *id, struct status *why)
{
    struct record r = { .state = RECORD_QUEUED };
    struct status unreadable = { 0 };
    struct entry *e = &run->entries[run->entry_count];
    bool is_there = false;

    if (spool_peek(run->params->spool, SPOOL_QUEUE, id, &r, &is_there, &unreadable)) {
        log_unreadable(run, id, &unreadable);
    } else if (is_there && r.state == RECORD_FAILED) {
        if (!run->params->only_owners || r.owner == getuid())
            finish(run, id);
    } else if (is_there && is_wanted(run, &r)) {
        *e = (struct entry){ .tries = r.tries, .arrived = r.arrived };
        memcpy(e->id, r.id, sizeof e->id);
        if (enter_name(run, r.account, &e->account))
            run->entry_count++;
        else
            (void)no_memory(why);
    }
    record_free(&r);
    return why->code;
}

static int compare(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;

    if (one->account != other->account)
        return one->account < other->account ? -1 : 1;
    if (one->arrived != other->arrived)
        return one->arrived < other->arrived ? -1 : 1;
    return strcmp(one->id, other->id);
}

/* Looks at each message once, and puts those that are wanted in order: by account, then by age. */
static enum code collect(struct run *run, struct status *why)
{
    char(*ids)[RECORD_ID_ROOM] = NULL;
    size_t count = 0;

    if (spool_list(run->params->spool, SPOOL_QUEUE, &ids, &count, why))
        return why->code;
    run->entries = calloc(count > 0 ? count : 1, sizeof *run->entries);
    if (!run->entries)
        (void)no_memory(why);
    for (size_t i = 0; i < count && !why->code && !is_stopped(run); i++)
        (void)look_at(run, ids[i], why);
    free(ids);
    if (!why->code)
        qsort(run->entries, run->entry_count, sizeof *run->entries, compare);
    return why->code;
}

static void choose_account(struct run *run, unsigned index)
{
    if (run->has_account && run->account_index == index)
        return;
    courier_close(run->courier);
    run->courier = NULL;
    run->has_account = true;
    run->account_index = index;
    run->fault = (struct status){ 0 };
    run->fault_is_told = false;
    run->faults = 0;
    find_account(run, run->names[index], &run->account, &run->fault);
    if (!run->fault.code && courier_open(&run->account, &run->courier, &run->fault))
        run->courier = NULL;
}

/* A server that cannot be reached, or breaks off again and again, is not asked for every message.
 */
static void judge_server(struct run *run, const struct status *fault)
{
    run->faults = fault->code ? run->faults + 1 : 0;
    if (fault->code && (fault->stage < STAGE_MAIL || run->faults >= FAULTS_MAX))
        run->fault = *fault;
}

static void count(struct run *run, const struct outcome *outcome, size_t rows)
{
    bool waits = false, failed = false;

    for (size_t i = 0; i < rows; i++) {
        const struct status *st = &outcome->recipients[i];

        waits |= st->code != CODE_OK && queue_keeps_waiting(st);
        failed |= st->code != CODE_OK && !queue_keeps_waiting(st);
    }
    if (waits)
        run->result->waiting++;
    else if (failed)
        run->result->failed++;
    else
        run->result->delivered++;
}

static void tell(const struct run *run, const struct record *r, const struct envelope *envelope,
                 const struct outcome *outcome)
{
    if (run->params->tell)
        run->params->tell(run->params->context, r, envelope, outcome, run->done, run->entry_count);
}

static enum code send(struct run *run, struct parcel *p, struct envelope *envelope,
                      struct outcome *outcome, struct status *why)
{
    struct submission submission = { .envelope = envelope };
    struct status fault = { 0 };
    struct message m;

    message_init(&m);
    if (spool_load(p, &m, why) == CODE_OK) {
        submission.message = &m;
        if (courier_send(run->courier, &submission, outcome, &fault))
            log_trace("=", slice_of(fault.what));
        judge_server(run, &fault);
    }
    message_free(&m);
    return why->code;
}

/* With the server known to be dead, the outcome is that. */
static void fail_all(const struct run *run, struct outcome *outcome, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        outcome->recipients[i] = run->fault;
}

static enum code deliver_to(struct run *run, struct parcel *p, struct envelope *envelope,
                            struct outcome *outcome, struct status *why, struct status *spool_why)
{
    size_t rows = envelope->forward_count;

    outcome->recipients = calloc(rows > 0 ? rows : 1, sizeof *outcome->recipients);
    if (!outcome->recipients)
        return no_memory(why);
    if (run->fault.code)
        fail_all(run, outcome, rows);
    else if (send(run, p, envelope, outcome, why))
        return why->code;
    run->fault_is_told = run->fault.code != CODE_OK;
    run->result->tried++;
    count(run, outcome, rows);
    /* At once: until it is written down, a death of ours would send it again. */
    if (queue_settle(p, &run->account, outcome, spool_why))
        log_trace("=", slice_of(spool_why->what));
    tell(run, &p->record, envelope, outcome);
    return CODE_OK;
}

static enum code attempt(struct run *run, struct parcel *p, struct status *why,
                         struct status *spool_why)
{
    struct outcome outcome = { .millis = 0 };
    struct envelope envelope = { 0 };
    enum code code = queue_pending(&p->record, &envelope, why);

    if (!code)
        code = deliver_to(run, p, &envelope, &outcome, why, spool_why);
    envelope_free(&envelope);
    free(outcome.recipients);
    return code;
}

/* Whether it is still as it was when the run began: another runner may have tried it since. */
static bool is_unchanged(const struct run *run, const struct entry *e, const struct record *r)
{
    return r->state == RECORD_QUEUED && r->tries == e->tries && is_wanted(run, r);
}

/* With the server dead, one whose lifetime is over still has its end. */
static bool is_left(const struct run *run, struct record *r)
{
    if (!run->fault.code || !run->fault_is_told)
        return false;
    retry_reckon(r, time(NULL));
    return !retry_is_over(r, run->account.queue_lifetime / 1000);
}

/* The return value is of the spool: a message that was delivered must not stay in it. */
static enum code handle(struct run *run, const struct entry *e, struct status *spool_why)
{
    struct status why = { 0 };
    struct parcel *p = NULL;

    choose_account(run, e->account);
    run->done++;
    if (spool_take(run->params->spool, SPOOL_QUEUE, e->id, &p, &why)) {
        log_unreadable(run, e->id, &why);
    } else if (!p || !is_unchanged(run, e, &p->record)) {
        run->result->taken++;
    } else if (is_left(run, &p->record)) {
        run->result->waiting++;
        tell(run, &p->record, NULL, NULL);
    } else if (attempt(run, p, &why, spool_why)) {
        log_unreadable(run, e->id, &why);
    }
    spool_release(p);
    return spool_why->code;
}

static void end(struct run *run)
{
    courier_close(run->courier);
    for (size_t i = 0; i < run->name_count; i++)
        free(run->names[i]);
    free(run->names);
    free(run->entries);
}

enum code run_queue(const struct run_params *params, struct run_result *result, struct status *why)
{
    struct run run = { .params = params, .result = result };

    *result = (struct run_result){ 0 };
    (void)spool_sweep(params->spool);
    if (spool_try(params->spool, why) == CODE_OK && collect(&run, why) == CODE_OK)
        for (size_t i = 0; i < run.entry_count && !is_stopped(&run); i++)
            if (handle(&run, &run.entries[i], why))
                break;
    end(&run);
    return why->code;
}
