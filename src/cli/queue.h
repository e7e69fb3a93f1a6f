/* The third door: what people and timers do with the queue. */
#ifndef ORSINO_CLI_QUEUE_H
#define ORSINO_CLI_QUEUE_H

#include "cli/options.h"

/* `orsino queue …`; its own words and options: see orsino(8). The exit code. */
int queue_main(int argc, char **argv);

/* mailq and runq by their own names, whose options are those of sendmail. */
int mailq_main(int argc, char **argv);
int runq_main(int argc, char **argv);

/* The same for sendmail -bp, -bP, and -q in all its forms. */
int queue_show_with(const struct options *options);
int queue_length_with(const struct options *options);
int queue_run_with(const struct options *options);

/* One round for the relay, which has SIGTERM, SIGINT, SIGHUP and SIGCHLD blocked: what is due is
 * tried until SIGTERM comes. Failures are in the log. */
void queue_attend(const struct options *options);

#endif
