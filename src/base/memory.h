/* For the sake of libraries that do not survive a failed allocation. */
#ifndef ORSINO_BASE_MEMORY_H
#define ORSINO_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    /* More than libc takes to look up a user or a host; little enough to cost no system call. */
    MEMORY_FOR_LOOKUP = 96 * 1024,
};

/*
 * Whether n bytes can be had now. They are given back at once: who asks this just before the
 * library does, in a program of one thread, has made sure of what the library will take.
 */
bool memory_suffices(size_t n) __attribute__((warn_unused_result));

#endif
