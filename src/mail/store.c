#include "mail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void store_init(struct store *s)
{
    *s = (struct store){ .fd = -1 };
    buf_init(&s->memory, STORE_MEMORY_MAX);
}

void store_free(struct store *s)
{
    /* 0 is no file of ours but an all-zero struct: standard input must not be closed for that. */
    if (s->fd > 0)
        (void)close(s->fd);
    buf_free(&s->memory);
    s->fd = -1;
    s->start = 0;
    s->size = 0;
}

enum code store_lend(struct store *s, int fd, uint64_t start, uint64_t size, struct status *why)
{
    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (s->fd < 0)
        return status_set_errno(why, CODE_SYSTEM, STAGE_INPUT, errno,
                                "the file of the message cannot be read");
    s->start = start;
    s->size = size;
    return CODE_OK;
}

static int open_in(const char *folder)
{
    char path[512];
    int length, fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

    if (fd >= 0)
        return fd;
    /* Not every file system has files without a name. */
    length = snprintf(path, sizeof path, "%s/orsino.XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof path)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0 || unlink(path) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* /var/tmp comes before /tmp, which is often memory. */
static int open_unnamed(void)
{
    const char *folders[] = { secure_getenv("TMPDIR"), "/var/tmp", "/tmp" };
    int fd;

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!folders[i] || folders[i][0] != '/')
            continue;
        fd = open_in(folders[i]);
        if (fd >= 0)
            return fd;
    }
    return memfd_create("orsino", MFD_CLOEXEC);
}

bool store_write_file(int fd, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return false;
        bytes = slice_part(bytes, (size_t)n, bytes.n);
    }
    return true;
}

/* Moves what is in memory to the file, and keeps the memory for what comes next. */
static enum code spill(struct store *s, struct status *why)
{
    if (s->fd < 0)
        s->fd = open_unnamed();
    if (s->fd < 0)
        return status_set_errno(why, CODE_FILE_CREATE, STAGE_INPUT, errno,
                                "no temporary file for the message can be made");
    if (!store_write_file(s->fd, buf_slice(&s->memory)))
        return status_set_errno(why, CODE_FILE_CREATE, STAGE_INPUT, errno,
                                "the temporary file for the message cannot be written");
    buf_clear(&s->memory);
    return CODE_OK;
}

enum code store_add(struct store *s, struct slice bytes, struct status *why)
{
    while (bytes.n > 0) {
        struct slice piece;

        if (s->memory.n == STORE_MEMORY_MAX && spill(s, why))
            return why->code;
        piece = slice_part(bytes, 0, STORE_MEMORY_MAX - s->memory.n);
        buf_add_slice(&s->memory, piece);
        if (s->memory.failed)
            return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
        s->size += piece.n;
        bytes = slice_part(bytes, piece.n, bytes.n);
    }
    return CODE_OK;
}

static enum code read_file(int fd, uint64_t offset, char *p, size_t room, size_t *got,
                           struct status *why)
{
    ssize_t n;

    do {
        n = pread(fd, p, room, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return status_set_errno(why, CODE_READ, STAGE_INPUT, n < 0 ? errno : EIO,
                                "the file of the message cannot be read");
    *got = (size_t)n;
    return CODE_OK;
}

enum code store_read(const struct store *s, uint64_t offset, char *p, size_t room, size_t *got,
                     struct status *why)
{
    uint64_t in_file = s->size - s->memory.n;
    struct slice piece;

    *got = 0;
    if (offset >= s->size || room == 0)
        return CODE_OK;
    if (offset < in_file) {
        if (room > in_file - offset)
            room = (size_t)(in_file - offset);
        return read_file(s->fd, s->start + offset, p, room, got, why);
    }
    piece = slice_part(buf_slice(&s->memory), (size_t)(offset - in_file), s->memory.n);
    piece = slice_part(piece, 0, room);
    memcpy(p, piece.p, piece.n);
    *got = piece.n;
    return CODE_OK;
}
