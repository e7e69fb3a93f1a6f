/* The state a caller may leave a process in, and the one we want to work in. */
#ifndef ORSINO_CLI_PROCESS_H
#define ORSINO_CLI_PROCESS_H

#include "base/status.h"

/*
 * Opens the descriptors 0, 1 and 2 on /dev/null where the caller has closed them, so that no socket
 * or file becomes one of them; closes all others that he left open, but for the sockets that
 * systemd hands down (net/listen.h); sets signals; takes away all rights of others from files to be
 * made. To be called first of all.
 */
void process_settle(void);

/*
 * Leaves the caller's folder, which may vanish or hang: for when the file of -C, whose name may be
 * relative, has been read.
 */
void process_leave_folder(void);

/* Opens the descriptors 0, 1 and 2 on /dev/null: for who goes into the background. */
void process_close_standard(void);

/* Goes on in a child that has no terminal, with the descriptors as above; the process that was
 * called ends with 0. CODE_SYSTEM. */
enum code process_go_to_background(struct status *why) __attribute__((warn_unused_result));

#endif
