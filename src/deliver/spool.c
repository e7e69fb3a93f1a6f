#include "deliver/spool.h"

#include "deliver/spool_inside.h"

#include "base/rights.h"
#include "mail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SPOOL_BLOCK = 4096, /* a disk that is full has no room for so little */
};

static enum code code_of(int error, enum code otherwise)
{
    static const struct {
        int error;
        enum code code;
    } rows[] = {
        { EACCES, CODE_PERMISSION },    { EPERM, CODE_PERMISSION },   { ENOENT, CODE_FILE_MISSING },
        { ENOTDIR, CODE_FILE_MISSING }, { ELOOP, CODE_FILE_MISSING }, { EMFILE, CODE_SYSTEM },
        { ENFILE, CODE_SYSTEM },        { ENOMEM, CODE_SYSTEM },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == error)
            return rows[i].code;
    return otherwise;
}

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
}

enum code spool_refuse_write(const struct spool *s, int error, struct status *why)
{
    enum code code = code_of(error, CODE_FILE_CREATE);

    /* Once the spool is open it is there, and it is ours: whatever else it is may pass. */
    return status_set_errno(why, code == CODE_SYSTEM ? code : CODE_FILE_CREATE, STAGE_QUEUE, error,
                            "the queue %s cannot be written", s->path);
}

static enum code refuse_open(const char *path, const char *name, int error, struct status *why)
{
    return status_set_errno(why, code_of(error, CODE_FILE_CREATE), STAGE_QUEUE, error,
                            "the queue %s%s%s cannot be opened", path, name[0] != 0 ? "/" : "",
                            name);
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

const char *spool_folder_name(unsigned folder)
{
    static const char *const names[FOLDER_COUNT] = {
        [FOLDER_QUEUE] = "queue",
        [FOLDER_FAILED] = "failed",
        [FOLDER_NEW] = "new",
        [FOLDER_BODY] = "body",
    };

    return names[folder];
}

/* Some file systems have no syncing of a folder, and say so. */
bool spool_sync_folder(int folder)
{
    return fsync(folder) == 0 || errno == EINVAL;
}

/* Makes the name of a new folder safe in its parent. One that may not be read cannot be synced. */
static bool sync_parent(const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);
    char *parent = slice_dup((struct slice){ path, length > 0 ? length : 1 });
    int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 ? spool_sync_folder(fd) : errno == EACCES;

    if (fd >= 0)
        (void)close(fd);
    free(parent);
    return synced;
}

static bool make_one(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path);
    return errno == EEXIST;
}

/* Makes the folder and its parents. The errno is that of the first that failed: without it, those
 * below it only miss their parent. */
static bool make_path(char *path)
{
    int first = 0;

    for (char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
        *end = 0;
        if (!make_one(path) && first == 0)
            first = errno;
        *end = '/';
    }
    if (make_one(path))
        return true;
    if (first != 0)
        errno = first;
    return false;
}

static int open_root(char *path, bool makes)
{
    int fd = open_folder(AT_FDCWD, path);

    if (fd >= 0 || errno != ENOENT || !makes)
        return fd;
    return make_path(path) ? open_folder(AT_FDCWD, path) : -1;
}

/* Who owns a folder can do anything in it, whatever its mode is. With more rights than the caller
 * has, his own folder is no place for the messages of others. */
static enum code check_folder(const char *path, const char *name, const struct stat *st,
                              struct status *why)
{
    const char *slash = name[0] != 0 ? "/" : "";

    if (st->st_uid != 0 && (rights_are_raised() || st->st_uid != geteuid()))
        return status_set(why, CODE_PERMISSION, STAGE_QUEUE,
                          "the queue %s%s%s belongs to user %lu, not to %s", path, slash, name,
                          (unsigned long)st->st_uid,
                          rights_are_raised() || geteuid() == 0 ? "root" : "root or us");
    if (st->st_mode & S_IWOTH)
        return status_set(why, CODE_PERMISSION, STAGE_QUEUE,
                          "others can write the queue %s%s%s: chmod o-w", path, slash, name);
    return CODE_OK;
}

/* A folder within the spool, made when it is not there, as accessible as the spool itself. */
static int open_below(int root, const char *name, const struct stat *st)
{
    int fd = open_folder(root, name);

    if (fd >= 0 || errno != ENOENT || rights_are_raised())
        return fd;
    if (mkdirat(root, name, 0700) != 0 && errno != EEXIST)
        return -1;
    fd = open_folder(root, name);
    if (fd < 0)
        return -1;
    if ((!(st->st_mode & S_IWGRP) || fchmod(fd, st->st_mode & 02770) == 0) &&
        spool_sync_folder(root))
        return fd;
    (void)close(fd);
    return -1;
}

static enum code open_all_below(struct spool *s, int root, const struct stat *st,
                                struct status *why)
{
    for (unsigned i = 0; i < FOLDER_COUNT; i++) {
        const char *name = spool_folder_name(i);
        struct stat below;

        s->folders[i] = open_below(root, name, st);
        if (s->folders[i] < 0 || fstat(s->folders[i], &below) != 0)
            return refuse_open(s->path, name, errno, why);
        if (check_folder(s->path, name, &below, why))
            return why->code;
    }
    return CODE_OK;
}

static enum code open_folders(struct spool *s, bool makes, struct status *why)
{
    int root = open_root(s->path, makes && !rights_are_raised());
    struct stat st = { .st_mode = 0 };

    if (root < 0)
        return refuse_open(s->path, "", errno, why);
    if (fstat(root, &st) != 0)
        (void)refuse_open(s->path, "", errno, why);
    else if (check_folder(s->path, "", &st, why) == CODE_OK)
        (void)open_all_below(s, root, &st, why);
    s->mode = st.st_mode & S_IWGRP ? 0660 : 0600;
    (void)close(root);
    return why->code;
}

/* The path without slashes at its end: behind one, a link would be followed. */
static char *copy_path(const char *path)
{
    struct slice s = slice_of(path);

    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    return slice_dup(s);
}

enum code spool_open(const char *path, bool makes, struct spool **out, struct status *why)
{
    struct spool *s = malloc(sizeof *s);

    *out = NULL;
    if (!s)
        return no_memory(why);
    *s = (struct spool){ .path = copy_path(path), .folders = { -1, -1, -1, -1 } };
    if (!s->path) {
        (void)no_memory(why);
    } else if (path[0] != '/') {
        (void)status_set(why, CODE_FILE_MISSING, STAGE_QUEUE,
                         "the queue %s is not a path that begins with /", path);
    } else {
        rights_take_up();
        (void)open_folders(s, makes, why);
        rights_set_aside();
    }
    if (why->code) {
        spool_close(s);
        return why->code;
    }
    *out = s;
    return CODE_OK;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < FOLDER_COUNT; i++)
        if (s->folders[i] >= 0)
            (void)close(s->folders[i]);
    free(s->path);
    free(s);
}

const char *spool_path(const struct spool *s)
{
    return s->path;
}

/* A name from outside that is no id is that of no file of ours. */
int spool_open_file(const struct spool *s, unsigned folder, const char *id, int flags)
{
    int fd, error;

    if (!record_id_is_valid(slice_of(id))) {
        errno = ENOENT;
        return -1;
    }
    rights_take_up();
    /* A FIFO that took a file's place must not make us wait. */
    fd = openat(s->folders[folder], id, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    error = errno;
    rights_set_aside();
    errno = error;
    return fd;
}

int spool_make_file(const struct spool *s, unsigned folder, const char *id)
{
    int fd = spool_open_file(s, folder, id, O_RDWR | O_CREAT | O_EXCL), error;

    /* Not at once when it is made: the umask would have its say. */
    if (fd < 0 || s->mode == 0600 || fchmod(fd, s->mode) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    rights_take_up();
    (void)unlinkat(s->folders[folder], id, 0);
    rights_set_aside();
    errno = error;
    return -1;
}

/* Another run may take for rubbish what has no body, and sweep it away. */
static bool worked(int result)
{
    return result == 0 || errno == ENOENT;
}

/* A record's way into its place, under names that nobody looks for. */
static bool try_file(const struct spool *s, int fd, const char *id, const char *other)
{
    static const char block[SPOOL_BLOCK];
    int folder = s->folders[FOLDER_NEW];

    return store_write_file(fd, (struct slice){ block, sizeof block }) && fsync(fd) == 0 &&
           worked(renameat(folder, id, folder, other)) && spool_sync_folder(folder) &&
           worked(unlinkat(folder, other, 0));
}

enum code spool_try(struct spool *s, struct status *why)
{
    char names[2][RECORD_ID_ROOM] = { "", "" };
    struct buf text;
    int fd, error = 0;

    for (size_t i = 0; i < 2; i++) {
        buf_over(&text, names[i], sizeof names[i] - 1);
        stamp_add_id(&text);
    }
    fd = spool_make_file(s, FOLDER_NEW, names[0]);
    if (fd < 0)
        return spool_refuse_write(s, errno, why);
    rights_take_up();
    if (!try_file(s, fd, names[0], names[1])) {
        error = errno;
        for (size_t i = 0; i < 2; i++)
            (void)unlinkat(s->folders[FOLDER_NEW], names[i], 0);
    }
    rights_set_aside();
    (void)close(fd);
    return error == 0 ? CODE_OK : spool_refuse_write(s, error, why);
}
