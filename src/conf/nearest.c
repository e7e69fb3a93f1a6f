#include "conf/nearest.h"

enum {
    NAME_ROOM = 32, /* longer than every name of a table */
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, two lines of the table at a time. Both shorter than NAME_ROOM. */
static size_t distance(struct slice a, struct slice b)
{
    size_t line[NAME_ROOM];

    for (size_t j = 0; j <= b.n; j++)
        line[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = line[0];

        line[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = diagonal + (to_lower(a.p[i - 1]) != to_lower(b.p[j - 1]));

            diagonal = line[j];
            line[j] = smaller(change, smaller(line[j], line[j - 1]) + 1);
        }
    }
    return line[b.n];
}

void nearest_begin(struct nearest *n, struct slice wanted)
{
    /* More changes than that are another word. */
    *n = (struct nearest){ .wanted = wanted, .least = wanted.n < 5 ? 3 : 4 };
}

void nearest_offer(struct nearest *n, const char *name)
{
    struct slice offered = slice_of(name);
    size_t d;

    if (n->wanted.n == 0 || n->wanted.n >= NAME_ROOM || offered.n >= NAME_ROOM)
        return;
    d = distance(n->wanted, offered);
    if (d >= n->least || d >= n->wanted.n)
        return;
    n->least = d;
    n->name = name;
}
