#include "cli/children.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum code children_begin(struct children *c, size_t limit, struct status *why)
{
    *c = (struct children){ .limit = limit, .capacity = limit };
    c->pids = calloc(limit, sizeof *c->pids);
    return c->pids ? CODE_OK : status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
}

void children_end(struct children *c)
{
    free(c->pids);
    *c = (struct children){ .pids = NULL };
}

void children_set_limit(struct children *c, size_t limit)
{
    pid_t *grown = limit > c->capacity ? reallocarray(c->pids, limit, sizeof *grown) : c->pids;

    if (!grown)
        return;
    c->pids = grown;
    c->limit = limit;
    if (limit > c->capacity)
        c->capacity = limit;
}

bool children_are_full(const struct children *c)
{
    return c->count >= c->limit;
}

bool children_are_many(const struct children *c)
{
    return c->count + 1 + c->limit / 4 >= c->limit;
}

void children_add(struct children *c, pid_t child)
{
    c->pids[c->count++] = child;
}

bool children_are_gone(const struct children *c)
{
    return c->count == 0 && c->attendant == 0;
}

static void forget(struct children *c, pid_t child)
{
    if (c->attendant == child)
        c->attendant = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->pids[i] == child) {
            c->pids[i] = c->pids[--c->count];
            return;
        }
}

void children_reap(struct children *c)
{
    pid_t child;

    while ((child = waitpid(-1, NULL, WNOHANG)) > 0)
        forget(c, child);
}

void children_tell(const struct children *c, int signal_number)
{
    for (size_t i = 0; i < c->count; i++)
        (void)kill(c->pids[i], signal_number);
    if (c->attendant != 0)
        (void)kill(c->attendant, signal_number);
}
