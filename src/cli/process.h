/* The state a caller may leave a process in, and the one we want to work in. */
#ifndef ORSINO_CLI_PROCESS_H
#define ORSINO_CLI_PROCESS_H

/*
 * Opens the descriptors 0, 1 and 2 on /dev/null where the caller has closed them, so that no socket
 * or file becomes one of them; sets signals; takes away all rights of others from files to be made.
 */
void process_settle(void);

#endif
