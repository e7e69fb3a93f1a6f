/*
 * A run of the queue: each message that is due is taken in hand, delivered, and its record settled.
 * All of an account go over one connection; when that cannot be had, the others of the account wait
 * for the next run.
 */
#ifndef ORSINO_DELIVER_RUNNER_H
#define ORSINO_DELIVER_RUNNER_H

#include "conf/config.h"
#include "deliver/spool.h"

#include <signal.h>

struct run_params {
    struct spool *spool;
    struct config *config;         /* accounts are looked up in it */
    const struct account *globals; /* queue_lifetime, keep_failed, bounce */
    bool only_due;                 /* else all but those that are held */
    const char *only_id;           /* NULL for all */
    const char *only_match;        /* a part of a forward-path, NULL for all */
    bool only_owners;              /* those of the real user alone */
    /*
     * Called after each message, for log and progress; `done` of `total` are behind us. `envelope`
     * has the forward-paths that outcome has rows for; both are NULL for one that was left for a
     * later run.
     */
    void (*tell)(void *context, const struct record *r, const struct envelope *envelope,
                 const struct outcome *outcome, size_t done, size_t total);
    void *context;
    const volatile sig_atomic_t
        *stop; /* set by a signal: the message under way is the last; NULL */
};

struct run_result {
    size_t tried, delivered, waiting, failed; /* messages */
    size_t taken;                             /* in the hands of others */
    size_t unreadable;
    enum code unreadable_code; /* CODE_MESSAGE when a record makes no sense, else why it was */
};

/*
 * What cannot be read is left, counted, and logged. The return value is of the spool alone:
 * CODE_READ, CODE_MEMORY; what became of messages is in *result.
 */
enum code run_queue(const struct run_params *params, struct run_result *result, struct status *why)
    __attribute__((warn_unused_result));

#endif
