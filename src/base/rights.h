/*
 * The rights of a program that has more of them than its caller: installed set-group-ID, so that
 * callers can send but not read the password.
 */
#ifndef ORSINO_BASE_RIGHTS_H
#define ORSINO_BASE_RIGHTS_H

#include <stdbool.h>

/* Whether we run with more rights than the caller: then nothing that he controls is believed. */
bool rights_are_raised(void);

/* Gives up for good what the caller has not. False when the system does not let us, or when a
 * right could be had back: then nothing of his may be touched. */
bool rights_drop(void) __attribute__((warn_unused_result));

#endif
