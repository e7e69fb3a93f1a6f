/* The name that was meant: the one of a table that is nearest to a misspelt one. */
#ifndef ORSINO_CONF_NEAREST_H
#define ORSINO_CONF_NEAREST_H

#include "base/text.h"

struct nearest {
    struct slice wanted;
    size_t least;     /* changes from it to `name`, or one more than may be */
    const char *name; /* NULL as long as none is near */
};

/* Offers each name of the table; of two that are as near, the first stays. Case does not count. */
void nearest_begin(struct nearest *n, struct slice wanted);
void nearest_offer(struct nearest *n, const char *name);

#endif
