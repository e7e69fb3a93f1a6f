/* The writing of the INI by `orsino setup`: beside the old one, looked at, then in its place. */
#include "cli/setup_file.h"

#include "cli/ask.h"
#include "conf/config.h"
#include "conf/keys.h"
#include "mail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXT_MAX = 2 * SCAN_FILE_MAX,
    BACKUPS_MAX = 20,
};

static enum code cannot_write(const char *path, struct status *why)
{
    int error = errno;

    status_at(why, "%.300s", path);
    return status_set_errno(why, CODE_FILE_CREATE, STAGE_CONFIG, error, "it cannot be written");
}

/* The folders of a user's own file, when it is the first one there. */
static enum code make_folders(const char *path, struct status *why)
{
    char folder[SETUP_PATH_ROOM];

    (void)snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return cannot_write(folder, why);
        *slash = '/';
    }
    return CODE_OK;
}

/*
 * Those of the file that it takes the place of; but if the world could read a password there that
 * is new, those of a new one.
 */
static void choose_rights(const struct setup_file *file, bool has_secret, struct stat *rights)
{
    const struct group *group = geteuid() == 0 ? getgrnam("orsino") : NULL;
    bool exists = stat(file->path, rights) == 0;

    if (exists && !(has_secret && !file->scan.has_secret && (rights->st_mode & S_IRWXO)))
        return;
    if (!exists) {
        rights->st_uid = (uid_t)-1;
        rights->st_gid = (gid_t)-1;
    }
    rights->st_mode = 0600;
    if (!group || strcmp(file->path, SYSTEM_CONFIG) != 0)
        return;
    rights->st_gid = group->gr_gid;
    rights->st_mode = 0640;
}

/* The reader names the file that is being made, and means the one that it will be. */
static void name_file(const struct setup_file *file, const char *made, struct status *why)
{
    const char *rest = why->where + strlen(made);
    char where[STATUS_WHERE_MAX];

    if (strncmp(why->where, made, strlen(made)) != 0)
        return;
    (void)snprintf(where, sizeof where, "%.280s%s", file->path, rest);
    memcpy(why->where, where, sizeof where);
}

/* As every reader will find it. */
static enum code look_at(const char *path, const char *section, struct status *why)
{
    struct config *config = NULL;
    struct account account;
    bool is_only = slice_equal_nocase(slice_of(section), slice_of(SCAN_GLOBALS));
    enum code code = config_load(path, &config, why);

    if (code == CODE_OK)
        code = config_account(config, is_only ? NULL : section, "", &account, why);
    config_free(config);
    return code;
}

/* In a folder that cannot be opened or synced it is written all the same. */
static void sync_folder(const char *path)
{
    char folder[SETUP_PATH_ROOM];
    const char *slash = strrchr(path, '/');
    int fd;

    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1,
                   slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/* The first of .bak, .bak.1 and so on that is free; the last is used again. */
static void choose_backup(const struct setup_file *file, char out[SETUP_PATH_ROOM + 8])
{
    (void)snprintf(out, SETUP_PATH_ROOM + 8, "%s.bak", file->path);
    for (int i = 1; i < BACKUPS_MAX && access(out, F_OK) == 0; i++)
        (void)snprintf(out, SETUP_PATH_ROOM + 8, "%s.bak.%d", file->path, i);
}

/* Somebody else may have written it while questions were answered. */
static bool is_as_read(const struct setup_file *file)
{
    const struct stat *seen = &file->seen;
    struct stat now;

    if (stat(file->path, &now) != 0)
        return !file->exists;
    return file->exists && now.st_dev == seen->st_dev && now.st_ino == seen->st_ino &&
           now.st_size == seen->st_size && now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

/* The old one gets a second name before it loses the first; what we made ourselves gets none. */
static bool keep_old(struct setup_file *file)
{
    if (!file->had_one || file->backup[0] != 0)
        return true;
    choose_backup(file, file->backup);
    (void)unlink(file->backup);
    if (link(file->path, file->backup) == 0)
        return true;
    file->backup[0] = 0;
    return false;
}

static enum code put_in_place(struct setup_file *file, const char *made, struct status *why)
{
    bool had_backup = file->backup[0] != 0;

    if (!is_as_read(file)) {
        status_at(why, "%.300s", file->path);
        return status_set(why, CODE_FILE_CREATE, STAGE_CONFIG,
                          "somebody else has changed it meanwhile: begin anew");
    }
    if (!keep_old(file))
        return cannot_write(file->path, why);
    if (rename(made, file->path) != 0) {
        (void)cannot_write(file->path, why);
        if (!had_backup && file->backup[0] != 0)
            (void)unlink(file->backup);
        return why->code;
    }
    sync_folder(file->path);
    return CODE_OK;
}

/* Holds back what would end us, but for what is ignored anyway, while a half-made file with a
 * password in it lies about. */
static void hold_signals(sigset_t *held, sigset_t *before)
{
    struct sigaction action;

    (void)sigemptyset(held);
    for (size_t i = 0; i < ASK_ENDING; i++)
        if (sigaction(ask_ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            (void)sigaddset(held, ask_ending[i]);
    (void)sigprocmask(SIG_BLOCK, held, before);
}

static bool is_interrupted(const sigset_t *held)
{
    sigset_t pending;

    (void)sigpending(&pending);
    for (size_t i = 0; i < ASK_ENDING; i++)
        if (sigismember(held, ask_ending[i]) == 1 && sigismember(&pending, ask_ending[i]) == 1)
            return true;
    return false;
}

/* It is looked at with the mode that it will have, and before it can be another user's. */
static enum code complete(const struct setup_file *file, const char *made, const char *section,
                          bool has_secret, int fd, struct status *why)
{
    struct stat rights = { 0 };

    choose_rights(file, has_secret, &rights);
    if (fchmod(fd, rights.st_mode & 07777) != 0)
        return cannot_write(file->path, why);
    if (look_at(made, section, why)) {
        name_file(file, made, why);
        return why->code;
    }
    return fchown(fd, rights.st_uid, rights.st_gid) == 0 &&
                   fchmod(fd, rights.st_mode & 07777) == 0 && fsync(fd) == 0
               ? CODE_OK
               : cannot_write(file->path, why);
}

/* Makes the file beside the old one, and gives it that one's place. */
static enum code replace(struct setup_file *file, const char *section, struct slice text,
                         bool has_secret, const sigset_t *held, struct status *why)
{
    char made[SETUP_PATH_ROOM + 8];
    int fd;

    (void)snprintf(made, sizeof made, "%s.XXXXXX", file->path);
    fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0)
        return cannot_write(file->path, why);
    if (!store_write_file(fd, text))
        (void)cannot_write(file->path, why);
    else if (complete(file, made, section, has_secret, fd, why) == CODE_OK && is_interrupted(held))
        (void)status_set(why, CODE_SYSTEM, STAGE_CONFIG, "interrupted: nothing is written");
    else if (why->code == CODE_OK)
        (void)put_in_place(file, made, why);
    (void)close(fd);
    if (why->code)
        (void)unlink(made);
    return why->code;
}

static enum code write_text(struct setup_file *file, const char *section, struct slice text,
                            bool has_secret, struct status *why)
{
    sigset_t held, before;

    if (!file->is_named && make_folders(file->path, why))
        return why->code;
    hold_signals(&held, &before);
    (void)replace(file, section, text, has_secret, &held, why);
    (void)sigprocmask(SIG_SETMASK, &before, NULL); /* which ends us, if one came */
    return why->code;
}

static bool is_secret(const struct edit_change *change)
{
    const struct key *key = change->value ? keys_find(slice_of(change->key)) : NULL;

    return key && (key->flags & KEY_SECRET) != 0;
}

enum code setup_file_write(struct setup_file *file, const char *section,
                           const struct edit_change *changes, size_t count,
                           const struct edit_change *globals, size_t global_count,
                           struct status *why)
{
    bool has_secret = file->scan.has_secret;
    struct buf first, second;

    for (size_t i = 0; i < count; i++)
        has_secret = has_secret || is_secret(&changes[i]);
    buf_init(&first, TEXT_MAX);
    buf_init(&second, TEXT_MAX);
    if (edit_section(buf_slice(&file->text), SCAN_GLOBALS, globals, global_count, &first, why) ==
            CODE_OK &&
        edit_section(buf_slice(&first), section, changes, count, &second, why) == CODE_OK)
        (void)write_text(file, section, buf_slice(&second), has_secret, why);
    buf_wipe(&first);
    buf_wipe(&second);
    return why->code;
}
