/* The processes that serve a client each, and one that attends to the queue. */
#ifndef ORSINO_CLI_CHILDREN_H
#define ORSINO_CLI_CHILDREN_H

#include "base/status.h"

#include <sys/types.h>

struct children {
    pid_t *pids;
    size_t count, limit, capacity;
    pid_t attendant; /* 0: none; it does not count */
};

/* CODE_MEMORY. `limit` is how many there may be at once. */
enum code children_begin(struct children *c, size_t limit, struct status *why)
    __attribute__((warn_unused_result));
void children_end(struct children *c);

/* A limit that is less than there are holds for those to come. Without memory the old one stays. */
void children_set_limit(struct children *c, size_t limit);

bool children_are_full(const struct children *c);

/* Whether with one more no more than a quarter of the places is left. */
bool children_are_many(const struct children *c);

bool children_are_gone(const struct children *c);

/* Not when they are full. */
void children_add(struct children *c, pid_t child);

/* Forgets those that have ended, without waiting for any. */
void children_reap(struct children *c);

void children_tell(const struct children *c, int signal_number);

#endif
