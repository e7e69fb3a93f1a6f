/*
 * Changing one section of an INI text; every other byte stays as it is, comments, order and line
 * ends included.
 */
#ifndef ORSINO_CONF_EDIT_H
#define ORSINO_CONF_EDIT_H

#include "base/status.h"

struct edit_change {
    const char *key;
    const char *value; /* without quotes; NULL: takes the key out of the section */
};

/*
 * Appends `text` to *out with the changes made in `section`. A key that is there gets its new value
 * in its own line, and keeps the comment behind it; a line that is commented out ("#user = …") is
 * left alone; a key that is new goes behind the last key of the section. A section that is not
 * there is added at the end, if there is a key for it. Values are quoted where the file format
 * wants that, so that config_load gives them back byte for byte; where a secret cannot be quoted,
 * the comment behind it moves to a line above.
 *
 * CODE_CONFIG for a value that its key does not take or that the file cannot hold: a line end, a
 * backslash at its end or beside what must be quoted, too long; and for a `text` that config_load
 * would not take. CODE_MEMORY, CODE_BUG for a key that is none. After a failure *out is of no use.
 */
enum code edit_section(struct slice text, const char *section, const struct edit_change *changes,
                       size_t count, struct buf *out, struct status *why)
    __attribute__((warn_unused_result));

#endif
