/* Small files that others wrote, read as a whole. */
#ifndef ORSINO_BASE_TEXTFILE_H
#define ORSINO_BASE_TEXTFILE_H

#include "base/status.h"

/*
 * Appends all of a regular file to `out`, whose maximum is the most that the file may hold. Never
 * waits: a FIFO or a device is refused. Nor is one read that everybody may write, for what it says
 * of mail and logins counts. CODE_FILE_MISSING, CODE_PERMISSION, CODE_CONFIG (too big, or no
 * regular file), CODE_READ, CODE_MEMORY; the sentence does not name the file.
 */
enum code textfile_read(const char *path, struct buf *out, struct status *why)
    __attribute__((warn_unused_result));

#endif
