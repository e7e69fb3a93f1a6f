/*
 * The rights of a program that has more of them than its caller: installed set-group-ID, so that
 * callers can send but neither read the password nor write the queue.
 *
 * The group is set aside first of all, and is taken up for the INI of the system and for single
 * operations on the spool; it is never in force while something from outside is parsed. It is given
 * up for good before anything is done that the caller chose a file for. The kernel holds the state:
 * the effective group is in force, the saved one can be taken up.
 */
#ifndef ORSINO_BASE_RIGHTS_H
#define ORSINO_BASE_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * To be called before anything else: sets the group aside, gives up any other user's rights for
 * good, and forbids core files and debuggers when there are rights. False when the system does not
 * let us.
 */
bool rights_begin(void) __attribute__((warn_unused_result));

/* Whether we have more rights than the caller, in force or set aside: then nothing that he controls
 * is believed. False once they are dropped, and for root, who has them all by himself. */
bool rights_are_raised(void);

/* Whether this is the group that we have and the caller has not, be he root. */
bool rights_include(gid_t group);

/* The group that we were installed for, and the caller has not; also when it is given up by now,
 * which *is_dropped tells. False: there is none. */
bool rights_group(gid_t *group, bool *is_dropped);

/*
 * Takes the group up, and sets it aside again; errno stays as it is. Without such a group they do
 * nothing. May be nested, and is inherited in fork(2) as it is. A process that cannot set it aside
 * ends at once, by a signal.
 */
void rights_take_up(void);
void rights_set_aside(void);

/* Gives up for good what the caller has not. False when the system does not let us, or when a
 * right could be had back: then nothing of his may be touched. */
bool rights_drop(void) __attribute__((warn_unused_result));

/*
 * Why the set-group-ID bit of our own file has no effect, as half a sentence: "NoNewPrivileges is
 * set" and the like. NULL when there is no such bit, or it has its effect.
 */
const char *rights_hindrance(void);

#endif
