/* Patterns of addresses and host names: '*' for any number of bytes, '?' for one. */
#ifndef ORSINO_CONF_PATTERN_H
#define ORSINO_CONF_PATTERN_H

#include "base/text.h"

/* Without regard to ASCII case. It takes at most pattern.n times text.n steps. */
bool pattern_fits(struct slice pattern, struct slice text);

#endif
