/* How far a long piece of work has come, for who watches it on a terminal. */
#ifndef ORSINO_CLI_PROGRESS_H
#define ORSINO_CLI_PROGRESS_H

#include "base/clock.h"
#include "base/text.h"

struct progress {
    int fd;               /* -1: nobody watches */
    size_t shown;         /* columns that the bar takes now */
    struct deadline next; /* when it is drawn again */
};

/* Shows nothing when fd is no terminal. */
void progress_begin(struct progress *p, int fd);

/* Draws the bar, not more often than the eye follows. Work of one piece has none. */
void progress_step(struct progress *p, size_t done, size_t total, size_t failed);

/* Takes the bar away, before another line and in the end. */
void progress_clear(struct progress *p);

/* The bar itself: "[####      ] 120/1000  3 not sent". */
void progress_draw(struct buf *out, size_t done, size_t total, size_t failed);

#endif
