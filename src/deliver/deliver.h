/* One submission to one account: dial, TLS, session, outcomes. */
#ifndef ORSINO_DELIVER_DELIVER_H
#define ORSINO_DELIVER_DELIVER_H

#include "base/clock.h"
#include "conf/account.h"
#include "deliver/connection.h"
#include "mail/submission.h"

/*
 * Sends. Every recipient's status in *outcome is set afterwards, whatever happened; the array holds
 * submission->envelope->forward_count rows, all-zero, and is the caller's. The return value is the
 * code of the session's own fault: CODE_OK does not mean that every recipient was accepted.
 * `patience` is that of courier_be_patient, NULL for none; `watcher` that of courier_watch.
 */
enum code deliver(const struct account *account, const struct submission *submission,
                  const struct deadline *patience, const struct watcher *watcher,
                  struct outcome *outcome, struct status *why) __attribute__((warn_unused_result));

#endif
