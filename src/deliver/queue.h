/*
 * Between a delivery and the spool: what is kept, what is done with it after a try, and what
 * becomes of those that nobody wants.
 */
#ifndef ORSINO_DELIVER_QUEUE_H
#define ORSINO_DELIVER_QUEUE_H

#include "conf/account.h"
#include "deliver/spool.h"

/*
 * Whether a failure is worth another try: a temporary one is, and a certificate that seems out of
 * its time while the clock stands before the day this program was made.
 */
bool queue_keeps(const struct status *st);

/* The same for a message in the queue, whose sender is gone: what failed before a server heard
 * of the message, as a login does, is not the message's fault, and waits for the administrator as
 * well. */
bool queue_keeps_waiting(const struct status *st);

/* What a submission needs besides to be kept. */
struct queue_note {
    const char *id; /* "" for one to be chosen */
    uid_t owner;
    const char *account;
    bool told; /* the caller hears himself of what failed for good */
};

/*
 * Keeps a submission: with an outcome, for those forward-paths whose failure queue_keeps, the
 * others being delivered, or failed; with NULL for all. One that has nobody left goes to failed/,
 * and is not kept at all
 * (*out NULL) when nobody failed, or keep_failed = no. The parcel is to be released. As spool_add.
 */
enum code queue_keep(struct spool *s, const struct account *globals, const struct queue_note *note,
                     const struct submission *submission, const struct outcome *outcome,
                     struct parcel **out, struct status *why) __attribute__((warn_unused_result));

/*
 * What a delivery of the parcel's pending forward-paths came to; the outcome has a row for each of
 * these alone, in their order. Removes the message, or writes down when it is tried again, or, with
 * its lifetime over or nobody left to try, finishes it. `account` is that of the delivery, or the
 * globals when there is none. As spool_save.
 */
enum code queue_settle(struct parcel *p, const struct account *account,
                       const struct outcome *outcome, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Ends a message whose record says RECORD_FAILED: sends the notification where one is wanted, then
 * moves it to failed/, or removes it with keep_failed = no. May be done again after a process died
 * half way: there is still one notification.
 */
enum code queue_finish(struct parcel *p, const struct account *account, struct status *why)
    __attribute__((warn_unused_result));

/* The pending forward-paths of a record as an envelope of their own. CODE_MEMORY. */
enum code queue_pending(const struct record *r, struct envelope *out, struct status *why)
    __attribute__((warn_unused_result));

#endif
