/* How a submission ended, told to people on stderr and to the administrator's log. */
#ifndef ORSINO_CLI_REPORT_H
#define ORSINO_CLI_REPORT_H

#include "conf/account.h"
#include "mail/submission.h"

/*
 * Prints a line, whose end is added. A server, a header or an argument that had a hand in it can
 * neither make it look like two nor talk to the terminal.
 */
void report_line(int fd, struct buf *line);

/*
 * One line on stderr: "sendmail: ", the failure, its cure, and which of several recipients were
 * refused. `envelope` and `outcome` may be NULL when it did not come that far, and so may
 * `account`. `failed_id` is where the message is among the failed; NULL or "" for nowhere.
 */
void report_failure(const struct status *worst, const struct account *account,
                    const struct envelope *envelope, const struct outcome *outcome,
                    const char *failed_id);

/* The same of a command of ours, beginning with "orsino: ". */
void report_command_failure(const struct status *why, const struct account *account);

/* The end of a command: tells its failure, unless that was told, and that its output cannot be
 * written, which counts only when it was done; gives the exit code. */
int report_finish(const struct status *why, bool is_told);

/* One line in the log for a failure before the delivery; `origin` as below. */
void report_log_failure(const char *origin, const struct status *why);

/*
 * Lines in the log for a delivery, one for all recipients with the same result, or more when they
 * are too many for one. `origin` stands in front of each: "", or words with a space at the end,
 * that tell where the message came from.
 */
void report_log_outcome(const char *origin, const struct envelope *envelope,
                        const struct outcome *outcome);

/* One line for a message that nobody was asked to take yet: it is in the queue. */
void report_log_kept(const char *origin, const struct envelope *envelope);

/* The same for those that were refused, when no message followed. */
void report_log_refused(const char *origin, const struct envelope *envelope,
                        const struct outcome *outcome);

#endif
