#include "deliver/spool_inside.h"

#include "base/rights.h"
#include "base/textfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    LIST_MAX = 10 * 1000 * 1000, /* ids of one folder */
    LOCK_TRIES = 100,            /* a millisecond apart, while others look whether it is taken */
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
}

bool spool_has_record(const struct spool *s, const char *id)
{
    bool has;

    rights_take_up();
    /* In the order in which a message moves when its life ends; whoever needs to be sure, holds
     * its lock. */
    has = faccessat(s->folders[FOLDER_QUEUE], id, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
          faccessat(s->folders[FOLDER_FAILED], id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    rights_set_aside();
    return has;
}

bool spool_lock(int body)
{
    const struct timespec pause = { .tv_nsec = 1000 * 1000 };

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(body, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK || flock(body, LOCK_SH | LOCK_NB) != 0)
            return false;
        /* Only lookers have it, or it was let go just now. */
        (void)flock(body, LOCK_UN);
        (void)nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}

bool spool_is_taken(struct spool *s, const char *id)
{
    bool taken;
    int fd;

    /* A body without a record is none of ours yet: its maker takes the lock without waiting. */
    if (!record_id_is_valid(slice_of(id)) || !spool_has_record(s, id))
        return false;
    fd = spool_open_body(s, id);
    if (fd < 0)
        return false;
    taken = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return taken;
}

int spool_open_body(struct spool *s, const char *id)
{
    return spool_open_file(s, FOLDER_BODY, id, O_RDONLY);
}

static enum code parse(const char *id, struct slice text, struct record *out, struct status *why)
{
    if (record_parse(text, out, why))
        return why->code;
    if (strcmp(out->id, id) == 0)
        return CODE_OK;
    (void)status_set(why, CODE_MESSAGE, STAGE_QUEUE, "it is the record of %s", out->id);
    record_free(out);
    return why->code;
}

static enum code read_text(int fd, struct buf *text, struct status *why)
{
    struct status fault = { 0 };
    struct stat st;
    enum code code = textfile_take(fd, &st, text, &fault);

    if (!code)
        return CODE_OK;
    if (code == CODE_CONFIG)
        code = CODE_MESSAGE;
    else if (code != CODE_MEMORY)
        code = CODE_READ;
    return status_set(why, code, STAGE_QUEUE, "%s", fault.what);
}

enum code spool_read_record(const struct spool *s, unsigned folder, const char *id,
                            struct record *out, bool *is_there, struct status *why)
{
    int fd = spool_open_file(s, folder, id, O_RDONLY);
    struct buf text;

    *is_there = false;
    if (fd < 0 && errno == ENOENT)
        return CODE_OK;
    buf_init(&text, RECORD_TEXT_MAX + 1);
    if (fd < 0)
        (void)status_set_errno(why, CODE_READ, STAGE_QUEUE, errno, "it cannot be opened");
    else if (read_text(fd, &text, why) == CODE_OK)
        (void)parse(id, buf_slice(&text), out, why);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&text);
    if (why->code)
        status_at(why, "%s/%s/%s", s->path, spool_folder_name(folder), id);
    *is_there = why->code == CODE_OK;
    return why->code;
}

enum code spool_peek(struct spool *s, enum spool_folder folder, const char *id, struct record *out,
                     bool *is_there, struct status *why)
{
    return spool_read_record(s, folder, id, out, is_there, why);
}

static DIR *open_list(const struct spool *s, unsigned folder)
{
    int fd, error;
    DIR *list;

    rights_take_up();
    /* Not the descriptor that we have: the place of a reader is its own. */
    fd = openat(s->folders[folder], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    error = errno;
    rights_set_aside();
    errno = error;
    if (fd < 0)
        return NULL;
    list = fdopendir(fd);
    if (!list)
        (void)close(fd);
    return list;
}

static enum code refuse_list(const struct spool *s, unsigned folder, int error, struct status *why)
{
    return status_set_errno(why, CODE_READ, STAGE_QUEUE, error, "the queue %s/%s cannot be read",
                            s->path, spool_folder_name(folder));
}

/* False when reading fails. */
static bool collect(DIR *list, struct buf *ids)
{
    const struct dirent *entry;

    while (!ids->failed) {
        errno = 0;
        entry = readdir(list);
        if (!entry)
            return errno == 0;
        if (record_id_is_valid(slice_of(entry->d_name)))
            buf_add(ids, entry->d_name, RECORD_ID_ROOM);
    }
    return true;
}

enum code spool_list_folder(const struct spool *s, unsigned folder, char (**ids)[RECORD_ID_ROOM],
                            size_t *count, struct status *why)
{
    DIR *list = open_list(s, folder);
    struct buf all;

    *ids = NULL;
    *count = 0;
    if (!list)
        return refuse_list(s, folder, errno, why);
    buf_init(&all, (size_t)LIST_MAX * RECORD_ID_ROOM);
    if (!collect(list, &all))
        (void)refuse_list(s, folder, errno, why);
    else if (all.failed)
        (void)no_memory(why);
    (void)closedir(list);
    if (why->code) {
        buf_free(&all);
        return why->code;
    }
    *count = all.n / RECORD_ID_ROOM;
    *ids = (char(*)[RECORD_ID_ROOM])(void *)all.p;
    return CODE_OK;
}

enum code spool_list(struct spool *s, enum spool_folder folder, char (**ids)[RECORD_ID_ROOM],
                     size_t *count, struct status *why)
{
    return spool_list_folder(s, folder, ids, count, why);
}
