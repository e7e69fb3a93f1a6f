/* What can be shown where our output goes. */
#ifndef ORSINO_CLI_TERMINAL_H
#define ORSINO_CLI_TERMINAL_H

#include <stdbool.h>

/* Whether a person looks, at a terminal on which a line can be drawn anew in its place: TERM is not
 * "dumb". */
bool terminal_redraws(int fd);

/* Whether it takes colour, too, and the person has not said no by NO_COLOR (no-color.org). */
bool terminal_has_colour(int fd);

#endif
