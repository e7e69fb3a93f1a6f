/*
 * What becomes of a message that is not at the provider: the queue, dead.letter, or back to the
 * caller. Both doors that take messages end here.
 */
#ifndef ORSINO_CLI_KEEP_H
#define ORSINO_CLI_KEEP_H

#include "base/clock.h"
#include "cli/door.h"

/* The mode that counts: -od before the key `delivery`; direct where there is no queue. */
enum delivery_mode keep_mode(const struct making *m);

/* Until when a delivery may take while somebody waits for it. False when nothing limits it: without
 * a queue there is no better place for the message. */
bool keep_patience(const struct making *m, struct deadline *until);

/*
 * Keeps what was not delivered: the making's envelope with an outcome, or with NULL all of it. `id`
 * may be "". The parcel is in hand, or NULL when there was nothing to keep. CODE_CONFIG when
 * there is no queue; and what door_open_spool and queue_keep give.
 */
enum code keep_message(struct making *m, const char *id, struct envelope *envelope,
                       const struct outcome *outcome, struct parcel **out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Delivers a parcel in a process of its own, which lets go of it in the end, and which nobody waits
 * for. It holds no descriptor of the caller's; `fd`, unless -1, is closed there as well. Without a
 * process to be had it waits for the next run of the queue. `origin` is for the log.
 */
void keep_in_background(struct making *m, struct parcel *p, int fd, const char *origin);

/*
 * The last resort for a message whose caller will not look: appends it to dead.letter when the
 * error mode says so, and logs where it is now. Without one in `m` it does nothing.
 */
void keep_dead_letter(const struct making *m, const struct status *worst);

#endif
