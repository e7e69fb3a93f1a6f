#include "cli/queue.h"
#include "cli/queue_inside.h"

#include "base/log.h"
#include "base/rights.h"
#include "cli/process.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "deliver/runner.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ORIGIN_ROOM = RECORD_ID_ROOM + 8,
    LINE_ROOM = 256,
};

/* What the signals ask for; only their handlers and the loop touch it. */
static volatile sig_atomic_t stopping, woken;

static const int watched[] = { SIGTERM, SIGINT, SIGHUP };

static void note_signal(int number)
{
    if (number == SIGHUP)
        woken = 1;
    else
        stopping = 1;
}

/*
 * The message under way is the last one then, and a second signal ends us at once. What our caller
 * ignores, as a shell does for its background, stays so. SIGHUP is only for who waits for another
 * round.
 */
static void watch_signals(bool again)
{
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        bool hangs_up = watched[i] == SIGHUP;
        struct sigaction old, action = { .sa_handler = note_signal };

        if (hangs_up && !again)
            continue;
        action.sa_flags = hangs_up ? SA_RESTART : SA_RESTART | (int)SA_RESETHAND;
        (void)sigemptyset(&action.sa_mask);
        if (sigaction(watched[i], NULL, &old) == 0 && (hangs_up || old.sa_handler != SIG_IGN))
            (void)sigaction(watched[i], &action, NULL);
    }
}

/* Until the next round is to begin, or a signal comes. */
static void wait_for(struct deadline next)
{
    sigset_t blocked, before;
    int left;

    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        (void)sigaddset(&blocked, watched[i]);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    while (!stopping && !woken && (left = deadline_left(next)) > 0) {
        struct timespec limit = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000L };

        (void)ppoll(NULL, 0, &limit, &before);
    }
    woken = 0;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* What a run tells while it goes on. */
struct telling {
    struct progress progress;
    size_t failed; /* messages */
    struct status worst;
};

static void tell(void *context, const struct record *r, const struct envelope *envelope,
                 const struct outcome *outcome, size_t done, size_t total)
{
    struct telling *t = context;
    char origin[ORIGIN_ROOM];
    bool fails = !outcome;

    (void)snprintf(origin, sizeof origin, "id=%s ", r->id);
    if (outcome)
        report_log_outcome(origin, envelope, outcome);
    for (size_t i = 0; outcome && i < envelope->forward_count; i++) {
        t->worst = *status_worse(&t->worst, &outcome->recipients[i]);
        fails |= outcome->recipients[i].code != CODE_OK;
    }
    t->failed += fails;
    progress_step(&t->progress, done, total, t->failed);
}

static void add_count(struct buf *line, size_t count, const char *what)
{
    if (count > 0)
        buf_addf(line, "%s%zu %s", line->n > 0 ? ", " : "", count, what);
}

static void print_summary(const struct run_result *result)
{
    char room[LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    add_count(&line, result->delivered, "delivered");
    add_count(&line, result->waiting, "waiting");
    add_count(&line, result->failed, "failed");
    add_count(&line, result->taken, "in other hands");
    add_count(&line, result->unreadable, "with an error, see the log");
    if (line.n == 0)
        buf_add_string(&line, "nothing to do");
    report_line(STDERR_FILENO, &line);
}

/* Other lines on stderr, of -v or of the log, would be written over the bar. */
static int find_watcher(const struct queue *q)
{
    bool is_shared =
        q->options->verbose || slice_equal(slice_of(q->door.globals.log), slice_of("stderr"));

    return is_shared ? -1 : STDERR_FILENO;
}

static enum code run_once(const struct queue *q, const char *id, bool only_due,
                          struct run_result *result, struct status *worst, struct status *why)
{
    struct telling t = { .failed = 0 };
    struct run_params params = {
        .spool = q->door.spool,
        .config = q->door.config,
        .globals = &q->door.globals,
        .only_due = only_due,
        .only_id = id,
        .only_match = q->options->queue_match,
        .only_owners = rights_are_raised(),
        .tell = tell,
        .context = &t,
        .stop = &stopping,
    };
    enum code code;

    progress_begin(&t.progress, find_watcher(q));
    code = run_queue(&params, result, why);
    progress_clear(&t.progress);
    if (code == CODE_OK && isatty(STDERR_FILENO))
        print_summary(result);
    *worst = t.worst;
    return code;
}

static enum code run_all(const struct queue *q, const struct queue_round *round, struct status *why)
{
    struct run_result result;
    struct status worst;

    if (!q->door.spool || run_once(q, NULL, round->only_due, &result, &worst, why))
        return why->code;
    if (worst.code != CODE_OK && isatty(STDERR_FILENO))
        report_command_failure(&worst, NULL);
    if (result.unreadable == 0 || rights_are_raised())
        return CODE_OK;
    return status_set(why, result.unreadable_code, STAGE_QUEUE,
                      "%zu in the queue with an error, see the log", result.unreadable);
}

/* Why a message that was asked for by its id cannot be tried. */
static enum code check_state(const struct queue *q, const struct place *place, struct status *why)
{
    struct record r = { .owner = 0 };
    bool is_there = false;

    if (place->folder == SPOOL_FAILED)
        return status_set(why, CODE_USAGE, STAGE_QUEUE, "%s has failed: retry puts it back",
                          place->id);
    if (spool_peek(q->door.spool, place->folder, place->id, &r, &is_there, why))
        return why->code;
    if (!is_there)
        (void)place_is_gone(place->id, why);
    else if (r.state == RECORD_HELD)
        (void)status_set(why, CODE_USAGE, STAGE_QUEUE, "%s is on hold: release it first",
                         place->id);
    record_free(&r);
    return why->code;
}

/* What became of it is what became of us. */
static enum code run_one(const struct queue *q, const struct queue_round *round, struct status *why)
{
    struct run_result result;
    struct place place;
    struct status worst;

    if (place_find(q, round->id, &place, why) || check_state(q, &place, why) ||
        run_once(q, place.id, round->only_due, &result, &worst, why))
        return why->code;
    if (worst.code != CODE_OK)
        *why = worst;
    else if (result.taken > 0)
        (void)status_set(why, CODE_TIMEOUT, STAGE_QUEUE, "%s is being delivered now", place.id);
    else if (result.unreadable > 0)
        (void)status_set(why, result.unreadable_code, STAGE_QUEUE, "%s has an error, see the log",
                         place.id);
    return why->code;
}

/* For a person; a program that runs it every five minutes, with a queue or without, wants peace. */
static void tell_no_queue(void)
{
    if (terminal_redraws(STDERR_FILENO))
        (void)fputs("orsino: there is no queue: queue = is empty, or its folder is not there\n",
                    stderr);
}

static int run_by_hand(const struct options *options, const struct queue_round *round)
{
    struct queue q;
    struct status why = { 0 };

    if (queue_begin(&q, options, &why) == CODE_OK && !q.door.spool && !round->id)
        tell_no_queue();
    else if (why.code == CODE_OK)
        (void)(round->id ? run_one(&q, round, &why) : run_all(&q, round, &why));
    if (why.code != CODE_OK)
        report_command_failure(&why, NULL);
    queue_end(&q);
    return status_exit(&why);
}

/*
 * The configuration is read anew for each round. One that cannot be read, or a spool that is not
 * there now, is no reason to end: the next round may find things in order.
 */
static void run_round(struct queue *q, const struct queue_round *round)
{
    struct status why = { 0 };

    if (!q->door.options && queue_begin(q, q->options, &why))
        report_log_failure("", &why);
    else if (run_all(q, round, &why))
        report_log_failure("", &why);
    queue_pause(q);
}

void queue_attend(const struct options *options)
{
    static const struct queue_round round = { .only_due = true };
    struct queue q = { .options = options };
    sigset_t none;

    watch_signals(false);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    run_round(&q, &round);
    queue_end(&q);
}

static void go_on(struct queue *q, const struct queue_round *round)
{
    int64_t interval = (int64_t)q->options->queue_interval * 1000;

    for (;;) {
        struct deadline next = deadline_in(interval);

        run_round(q, round);
        if (!stopping)
            wait_for(next);
        if (stopping)
            return;
    }
}

static int run_again(const struct options *options, const struct queue_round *round)
{
    struct options own = *options;
    struct queue q = { .options = &own };
    struct status why = { 0 };
    char *path = NULL;

    if (door_find_config(&own, &path, &why) || queue_begin(&q, &own, &why) ||
        (q.door.spool && round->in_background && process_go_to_background(&why)))
        report_command_failure(&why, NULL);
    else if (q.door.spool)
        go_on(&q, round);
    else
        log_line(LOG_LEVEL_WARNING, "there is no queue to run");
    queue_end(&q);
    free(path);
    return status_exit(&why);
}

int queue_run(const struct options *options, const struct queue_round *round)
{
    watch_signals(options->queue_interval > 0);
    if (options->verbose)
        log_trace_on();
    return options->queue_interval > 0 ? run_again(options, round) : run_by_hand(options, round);
}
