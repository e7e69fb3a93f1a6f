#include "deliver/spool_inside.h"

#include "base/rights.h"
#include "mail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    ID_TRIES = 100, /* a sweeper may win the race for a new file, more than once on a busy disk */
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
}

static struct parcel *make_parcel(struct spool *s, enum spool_folder folder)
{
    struct parcel *p = calloc(1, sizeof *p);

    if (p) {
        p->spool = s;
        p->folder = folder;
        p->body = -1;
    }
    return p;
}

void spool_release(struct parcel *p)
{
    if (!p)
        return;
    if (p->body >= 0)
        (void)close(p->body);
    record_free(&p->record);
    free(p);
}

/* Takes a name away; one that is not there is away. The errno stays. */
static bool take_away(const struct parcel *p, unsigned folder)
{
    bool away;
    int error;

    rights_take_up();
    away = unlinkat(p->spool->folders[folder], p->record.id, 0) == 0 || errno == ENOENT;
    error = errno;
    rights_set_aside();
    errno = error;
    return away;
}

static bool sync_folder(const struct parcel *p, unsigned folder)
{
    return spool_sync_folder(p->spool->folders[folder]);
}

/*
 * Leaves nothing of a message that could not be put into the spool. In an order that a crash may
 * break anywhere: a body without a record is swept, a record without a body would be a message.
 */
static void take_back(const struct parcel *p)
{
    (void)take_away(p, FOLDER_NEW);
    if (!take_away(p, p->folder))
        return;
    (void)sync_folder(p, p->folder);
    (void)take_away(p, FOLDER_BODY);
}

static void choose_id(struct record *r)
{
    struct buf id;

    buf_over(&id, r->id, sizeof r->id - 1);
    stamp_add_id(&id);
    r->id[id.n] = 0;
}

/* Takes the lock of the body that was made just now. A sweeper may have been faster: then the file
 * is gone, or will be. */
static bool hold_new(int fd, bool *is_ours)
{
    struct stat st;

    *is_ours = false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK;
    if (fstat(fd, &st) != 0)
        return false;
    *is_ours = st.st_nlink > 0;
    return true;
}

/* One try to make the body's file under the id that there is. False, and errno, when it is no use
 * to try again; p->body is set when it is made. */
static bool try_body(struct parcel *p)
{
    int fd = spool_make_file(p->spool, FOLDER_BODY, p->record.id), error;
    bool is_ours;

    if (fd < 0)
        return errno == EEXIST;
    if (hold_new(fd, &is_ours)) {
        if (is_ours)
            p->body = fd;
        else
            (void)close(fd);
        return true;
    }
    error = errno;
    (void)take_away(p, FOLDER_BODY);
    (void)close(fd);
    errno = error;
    return false;
}

static enum code make_body(struct parcel *p, struct status *why)
{
    bool is_given = p->record.id[0] != 0;

    for (int i = 0; i < ID_TRIES; i++) {
        if (!is_given)
            choose_id(&p->record);
        if (!try_body(p))
            return spool_refuse_write(p->spool, errno, why);
        if (p->body >= 0)
            return CODE_OK;
        /* The same message may have been begun before, by a process that died. */
        if (is_given)
            (void)spool_sweep_id(p->spool, p->record.id);
    }
    return spool_refuse_write(p->spool, EEXIST, why);
}

static enum code write_body(struct parcel *p, const struct message *m, struct status *why)
{
    struct status fault = { 0 };
    enum code code = message_save(m, p->body, &p->record.size, &fault);

    if (code == CODE_FILE_CREATE)
        return spool_refuse_write(p->spool, fault.os, why);
    if (code) {
        if (why->code == CODE_OK)
            *why = fault;
        return why->code;
    }
    return fsync(p->body) == 0 ? CODE_OK : spool_refuse_write(p->spool, errno, why);
}

/* new/ID is ours alone while we hold the lock: one that is there was left by a process that died.
 */
static int make_new(const struct parcel *p)
{
    int fd = spool_make_file(p->spool, FOLDER_NEW, p->record.id);

    if (fd >= 0 || errno != EEXIST || !take_away(p, FOLDER_NEW))
        return fd;
    return spool_make_file(p->spool, FOLDER_NEW, p->record.id);
}

static bool write_file(const struct parcel *p, struct slice text)
{
    int fd = make_new(p), error;
    bool written = fd >= 0 && store_write_file(fd, text) && fsync(fd) == 0;

    error = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = error;
    return written;
}

/* Writes the record to new/ID, all of it on disk. */
static enum code write_record(const struct parcel *p, struct status *why)
{
    struct buf text;

    buf_init(&text, RECORD_TEXT_MAX);
    record_write(&p->record, &text);
    if (text.failed)
        (void)no_memory(why);
    else if (!write_file(p, buf_slice(&text)))
        (void)spool_refuse_write(p->spool, errno, why);
    buf_free(&text);
    return why->code;
}

static bool rename_record(const struct parcel *p, unsigned from, unsigned to)
{
    const int *folders = p->spool->folders;
    bool renamed;
    int error;

    rights_take_up();
    renamed = renameat(folders[from], p->record.id, folders[to], p->record.id) == 0;
    error = errno;
    rights_set_aside();
    errno = error;
    return renamed;
}

/* From the renaming on, the message is in the spool. */
static enum code put(struct parcel *p, const struct message *m, struct status *why)
{
    if (write_body(p, m, why) || write_record(p, why))
        return why->code;
    if (!sync_folder(p, FOLDER_BODY) || !rename_record(p, FOLDER_NEW, p->folder) ||
        !sync_folder(p, p->folder))
        return spool_refuse_write(p->spool, errno, why);
    return CODE_OK;
}

enum code spool_add(struct spool *s, struct record *record, const struct message *m,
                    struct parcel **out, struct status *why)
{
    struct parcel *p = make_parcel(s, record->state == RECORD_FAILED ? SPOOL_FAILED : SPOOL_QUEUE);

    *out = NULL;
    if (!p) {
        record_free(record);
        return no_memory(why);
    }
    p->record = *record;
    *record = (struct record){ .state = RECORD_QUEUED };
    if (make_body(p, why) == CODE_OK && put(p, m, why) != CODE_OK)
        take_back(p);
    if (why->code) {
        spool_release(p);
        return why->code;
    }
    *out = p;
    return CODE_OK;
}

static enum code refuse_parcel(const struct parcel *p, const char *id, enum code code,
                               const char *what, struct status *why)
{
    (void)status_set(why, code, STAGE_QUEUE, "%s", what);
    status_at(why, "%s/body/%s", p->spool->path, id);
    return why->code;
}

/* Opens the body and takes its lock. p->body stays -1 when somebody else has it, or it is gone. */
static enum code take_body(struct parcel *p, const char *id, uint64_t *size, struct status *why)
{
    int fd = spool_open_file(p->spool, FOLDER_BODY, id, O_RDONLY);
    struct stat st = { .st_mode = 0 };
    enum code code = CODE_OK;

    if (fd < 0) {
        if (errno != ENOENT)
            return refuse_parcel(p, id, CODE_READ, strerror(errno), why);
        /* The record goes first when a message goes. */
        return spool_has_record(p->spool, id)
                   ? refuse_parcel(p, id, CODE_MESSAGE, "the message is missing", why)
                   : CODE_OK;
    }
    if (!spool_lock(fd)) {
        if (errno != EWOULDBLOCK)
            code = refuse_parcel(p, id, CODE_READ, strerror(errno), why);
    } else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        code = refuse_parcel(p, id, CODE_MESSAGE, "it is not a regular file", why);
    } else if (st.st_nlink > 0) {
        p->body = fd;
        *size = (uint64_t)st.st_size;
        return CODE_OK;
    }
    (void)close(fd);
    return code;
}

static enum code take(struct parcel *p, const char *id, bool *is_there, struct status *why)
{
    uint64_t size = 0;

    *is_there = false;
    if (take_body(p, id, &size, why) || p->body < 0 ||
        spool_read_record(p->spool, p->folder, id, &p->record, is_there, why))
        return why->code;
    if (*is_there && p->record.size != size)
        return refuse_parcel(p, id, CODE_MESSAGE, "its size is not that of the record", why);
    return CODE_OK;
}

enum code spool_take(struct spool *s, enum spool_folder folder, const char *id, struct parcel **out,
                     struct status *why)
{
    struct parcel *p;
    bool is_there;

    *out = NULL;
    if (!record_id_is_valid(slice_of(id)))
        return CODE_OK;
    p = make_parcel(s, folder);
    if (!p)
        return no_memory(why);
    if (take(p, id, &is_there, why) || !is_there) {
        spool_release(p);
        return why->code;
    }
    *out = p;
    return CODE_OK;
}

enum code spool_load(const struct parcel *p, struct message *m, struct status *why)
{
    enum code code = message_load(m, p->body, why);

    if (code)
        status_at(why, "%s/body/%s", p->spool->path, p->record.id);
    return code;
}

enum code spool_save(struct parcel *p, struct status *why)
{
    enum code code = write_record(p, why);

    if (!code && (!rename_record(p, FOLDER_NEW, p->folder) || !sync_folder(p, p->folder)))
        code = spool_refuse_write(p->spool, errno, why);
    if (code)
        (void)take_away(p, FOLDER_NEW);
    return code;
}

enum code spool_move(struct parcel *p, enum spool_folder to, struct status *why)
{
    enum spool_folder from = p->folder;

    if (from == to)
        return CODE_OK;
    if (!rename_record(p, from, to))
        return spool_refuse_write(p->spool, errno, why);
    p->folder = to;
    if (!sync_folder(p, to) || !sync_folder(p, from))
        return spool_refuse_write(p->spool, errno, why);
    return CODE_OK;
}

enum code spool_remove(struct parcel *p, struct status *why)
{
    if (!take_away(p, p->folder) || !sync_folder(p, p->folder) || !take_away(p, FOLDER_BODY))
        return spool_refuse_write(p->spool, errno, why);
    return CODE_OK;
}
