#include "base/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int textfile_open(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

enum code textfile_code(int error)
{
    if (error == EACCES || error == EPERM)
        return CODE_PERMISSION;
    return error == ENOENT || error == ENOTDIR ? CODE_FILE_MISSING : CODE_READ;
}

static enum code refuse_open(int error, struct status *why)
{
    enum code code = textfile_code(error);

    if (code == CODE_PERMISSION)
        return status_set(why, code, STAGE_CONFIG, "it may not be read by user %lu",
                          (unsigned long)geteuid());
    return status_set_errno(why, code, STAGE_CONFIG, error, "it cannot be opened");
}

/* One byte more than the size is asked for: a file that grows meanwhile would be read in part. */
static enum code read_all(int fd, struct buf *out, size_t size, struct status *why)
{
    const size_t end = out->n + size;

    buf_reserve(out, end + 1);
    if (out->failed)
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for it");
    while (out->n <= end) {
        ssize_t n = read(fd, out->p + out->n, end + 1 - out->n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_set_errno(why, CODE_READ, STAGE_CONFIG, errno, "reading it failed");
        if (n == 0)
            return CODE_OK;
        out->n += (size_t)n;
    }
    return status_set(why, CODE_READ, STAGE_CONFIG, "it grew while it was read");
}

enum code textfile_take(int fd, struct stat *st, struct buf *out, struct status *why)
{
    if (fstat(fd, st) != 0)
        return refuse_open(errno, why);
    if (!S_ISREG(st->st_mode))
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "it is not a regular file%s",
                          S_ISDIR(st->st_mode) ? ", but a folder" : "");
    if (st->st_size < 0 || (uintmax_t)st->st_size >= out->max - out->n)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "it is too big");
    return read_all(fd, out, (size_t)st->st_size, why);
}

enum code textfile_read(const char *path, struct buf *out, struct status *why)
{
    int fd = textfile_open(path);
    struct stat st;

    if (fd < 0)
        return refuse_open(errno, why);
    if (textfile_take(fd, &st, out, why) == CODE_OK && (st.st_mode & S_IWOTH))
        (void)status_set(why, CODE_PERMISSION, STAGE_CONFIG, "others can write it: chmod o-w");
    (void)close(fd);
    return why->code;
}
