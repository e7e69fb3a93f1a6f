/*
 * Bytes that may be many: in memory up to STORE_MEMORY_MAX, beyond that in a temporary file that
 * has no name, so that 100 MB need no more memory than 1 KB, and nothing is left behind by a kill.
 */
#ifndef ORSINO_MAIL_STORE_H
#define ORSINO_MAIL_STORE_H

#include "base/status.h"

enum {
    STORE_MEMORY_MAX = 256 * 1024,
};

struct store {
    struct buf memory; /* all of it, or what is not written to the file yet */
    int fd;            /* -1 while it is in memory only */
    uint64_t start;    /* where in the file it begins: 0 unless store_lend made it */
    uint64_t size;     /* bytes in all */
};

void store_init(struct store *s);
void store_free(struct store *s);

/* Appends. CODE_FILE_CREATE when no temporary file can be made or it cannot grow (disk full). */
enum code store_add(struct store *s, struct slice bytes, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Makes an empty store that of `size` bytes of a file of somebody else's, from `start` on: they are
 * not copied, nothing may be added, and the file must stay as it is. `fd` stays the caller's; the
 * store reads through a duplicate. CODE_SYSTEM.
 */
enum code store_lend(struct store *s, int fd, uint64_t start, uint64_t size, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Up to `room` bytes at `offset` into p; *got is 0 at the end only. Bytes in memory are copied,
 * those in the file are read with pread(2), so that readers do not disturb each other. CODE_READ.
 */
enum code store_read(const struct store *s, uint64_t offset, char *p, size_t room, size_t *got,
                     struct status *why) __attribute__((warn_unused_result));

/* Writes all of the bytes at the offset of fd. False, and errno, when it cannot. */
bool store_write_file(int fd, struct slice bytes) __attribute__((warn_unused_result));

#endif
