/* Small files that others wrote, read as a whole. */
#ifndef ORSINO_BASE_TEXTFILE_H
#define ORSINO_BASE_TEXTFILE_H

#include "base/status.h"

#include <sys/stat.h>

/*
 * Appends all of a regular file to `out`, whose maximum is the most that the file may hold and one
 * byte. Never waits: a FIFO or a device is refused. Nor is one read that everybody may write, for
 * what it says of mail and logins counts. CODE_FILE_MISSING, CODE_PERMISSION, CODE_CONFIG (too big,
 * or no regular file), CODE_READ, CODE_MEMORY; the sentence does not name the file.
 */
enum code textfile_read(const char *path, struct buf *out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The same in two steps, for who looks at its owner and mode himself. textfile_open gives -1 and an
 * errno, and a descriptor for a FIFO or a device too; textfile_take refuses these, fills *st, and
 * leaves the descriptor open. It makes room for one byte more than it appends, and never moves what
 * it has read: that may be a secret.
 */
int textfile_open(const char *path) __attribute__((warn_unused_result));
enum code textfile_take(int fd, struct stat *st, struct buf *out, struct status *why)
    __attribute__((warn_unused_result));

/* What an errno of opening comes to: CODE_FILE_MISSING, CODE_PERMISSION or CODE_READ. */
enum code textfile_code(int error);

#endif
