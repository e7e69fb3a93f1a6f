#include "conf/file.h"

#include "base/memory.h"
#include "base/rights.h"
#include "base/textfile.h"
#include "conf/config.h"
#include "conf/environment.h"
#include "conf/scan.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RIGHTS_ROOM = 160,
};

static bool is_systems(const char *path)
{
    return strcmp(path, SYSTEM_CONFIG) == 0;
}

/* What keeps the right of our group from being of use, as half a sentence that begins with "; ". */
static void explain_rights(char out[RIGHTS_ROOM])
{
    const char *hindrance = rights_hindrance();
    const struct group *named;
    bool is_dropped;
    gid_t group;

    out[0] = 0;
    if (hindrance)
        (void)snprintf(out, RIGHTS_ROOM, "; the set-group-ID bit of this program has no effect: %s",
                       hindrance);
    if (hindrance || !rights_group(&group, &is_dropped))
        return;
    named = memory_suffices(MEMORY_FOR_LOOKUP) ? getgrgid(group) : NULL;
    if (is_dropped)
        (void)snprintf(out, RIGHTS_ROOM, "; -C gives up the right of this program's group");
    else if (named)
        (void)snprintf(out, RIGHTS_ROOM, "; this program has the right of group %.40s",
                       named->gr_name);
    else
        (void)snprintf(out, RIGHTS_ROOM, "; this program has the right of group %lu",
                       (unsigned long)group);
}

/* Most often it works as root and not from a web server: so it says for whom the file is. */
static enum code refuse_permission(const char *path, struct status *why)
{
    char rights[RIGHTS_ROOM] = "";
    const unsigned long user = geteuid();
    struct stat st;

    status_at(why, "%s", path);
    if (stat(path, &st) != 0)
        return status_set(why, CODE_PERMISSION, STAGE_CONFIG,
                          "the configuration is in a folder that user %lu may not enter", user);
    if (st.st_uid == geteuid())
        return status_set(why, CODE_PERMISSION, STAGE_CONFIG,
                          "the configuration may not be read by its own user %lu", user);
    if (is_systems(path))
        explain_rights(rights);
    return status_set(why, CODE_PERMISSION, STAGE_CONFIG,
                      "the configuration may not be read by user %lu: it is for user %lu and "
                      "group %lu, mode %03o%s",
                      user, (unsigned long)st.st_uid, (unsigned long)st.st_gid,
                      (unsigned)(st.st_mode & 0777), rights);
}

static enum code refuse_open(const char *path, int error, struct status *why)
{
    enum code code = textfile_code(error);

    if (code == CODE_PERMISSION)
        return refuse_permission(path, why);
    status_at(why, "%s", path);
    return status_set_errno(why, code == CODE_FILE_MISSING ? CODE_CONFIG : code, STAGE_CONFIG,
                            error, "the configuration cannot be opened");
}

static enum code refuse(const char *path, enum code code, const char *sentence, struct status *why)
{
    status_at(why, "%s", path);
    return status_set(why, code, STAGE_CONFIG, "%s", sentence);
}

static enum code read_open(struct ini_file *file, int fd, struct status *why)
{
    struct stat st;

    if (textfile_take(fd, &st, &file->text, why)) {
        status_at(why, "%s", file->path);
        return why->code;
    }
    file->owner = st.st_uid;
    file->group = st.st_gid;
    file->mode = st.st_mode;
    return CODE_OK;
}

/* What a user's own file must be besides: the home in the environment may be another user's. */
static bool is_ours(const struct stat *st)
{
    return st->st_uid == getuid();
}

/*
 * Opens a user's own file. -1 without an error when there is none, or when it is not for us to
 * look at: cron runs jobs with root's HOME.
 */
static int open_own(const char *path, struct status *why)
{
    int fd = textfile_open(path), error = errno;
    struct stat st;

    if (fd < 0) {
        if (stat(path, &st) == 0 && is_ours(&st))
            (void)refuse_open(path, error, why);
        return -1;
    }
    if (fstat(fd, &st) != 0)
        (void)refuse_open(path, errno, why);
    else if (is_ours(&st))
        return fd;
    (void)close(fd);
    return -1;
}

/* Below the folder that the variable names, or its usual place below HOME; "" without either. */
static void write_own_path(char out[INI_PATH_ROOM], const char *variable, const char *usual,
                           const char *rest)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    int n = 0;

    if (folder && folder[0] == '/')
        n = snprintf(out, INI_PATH_ROOM, "%s%s", folder, rest);
    else if (home && home[0] == '/')
        n = snprintf(out, INI_PATH_ROOM, "%s%s%s", home, usual, rest);
    if (n <= 0 || n >= INI_PATH_ROOM)
        out[0] = 0;
}

void ini_file_own_paths(char out[INI_OWN_MAX][INI_PATH_ROOM])
{
    write_own_path(out[0], "XDG_CONFIG_HOME", "/.config", "/orsino/orsino.ini");
    write_own_path(out[1], "HOME", "", "/.orsino.ini");
}

/* One that is there, and was passed over. */
static const char *remark_on(const char *path)
{
    return path[0] != 0 && access(path, F_OK) == 0 ? " (it belongs to another user)" : "";
}

static enum code refuse_all(char paths[INI_OWN_MAX][INI_PATH_ROOM], struct status *why)
{
    return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                      "no configuration: orsino setup writes one, orsino.ini(5) has a sample%s; "
                      "looked for %s%s%s%s%s%s%s",
                      rights_are_raised() ? "" : ", and " ENVIRONMENT_PREFIX "HOST does without",
                      paths[0], remark_on(paths[0]), paths[0][0] != 0 ? ", " : "", paths[1],
                      remark_on(paths[1]), paths[1][0] != 0 ? ", " : "", SYSTEM_CONFIG);
}

/* From here on this is the user's own business: what he may not read, he could have us send. */
static int give_up_rights(int fd, const char *path, struct status *why)
{
    if (!rights_are_raised() || rights_drop())
        return fd;
    (void)refuse(
        path, CODE_SYSTEM,
        "the rights of another group cannot be given up, as a file of the user's own needs", why);
    (void)close(fd);
    return -1;
}

int ini_file_open(const char *path, bool *needs_rights)
{
    int fd = textfile_open(path);

    *needs_rights = fd < 0 && errno == EACCES;
    if (!*needs_rights)
        return fd;
    rights_take_up();
    fd = textfile_open(path);
    rights_set_aside();
    return fd;
}

/* Gives the open file and its path, or -1 and a reason. */
static int find(struct ini_file *file, const char **path, char paths[INI_OWN_MAX][INI_PATH_ROOM],
                struct status *why)
{
    int fd;

    ini_file_own_paths(paths);
    for (size_t i = 0; i < INI_OWN_MAX; i++) {
        *path = paths[i];
        fd = paths[i][0] != 0 ? open_own(paths[i], why) : -1;
        if (fd >= 0)
            return give_up_rights(fd, paths[i], why);
        if (why->code)
            return -1;
    }
    *path = SYSTEM_CONFIG;
    fd = ini_file_open(SYSTEM_CONFIG, &file->needs_rights);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        (void)refuse_all(paths, why);
    else if (fd < 0)
        (void)refuse_open(SYSTEM_CONFIG, errno, why);
    return fd;
}

static int open_named(const char *path, struct status *why)
{
    int fd = textfile_open(path);

    if (fd < 0)
        (void)refuse_open(path, errno, why);
    return fd;
}

enum code ini_file_read(struct ini_file *file, const char *path, struct status *why)
{
    char paths[INI_OWN_MAX][INI_PATH_ROOM];
    int fd;

    *file = (struct ini_file){ 0 };
    buf_init(&file->text, SCAN_FILE_MAX + 1);
    fd = path ? open_named(path, why) : find(file, &path, paths, why);
    if (!why->code) {
        file->path = slice_dup(slice_of(path));
        if (!file->path)
            (void)status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for the INI");
        else
            (void)read_open(file, fd, why);
    }
    if (fd >= 0)
        (void)close(fd);
    return why->code;
}

static enum code guard_writing(const struct ini_file *file, struct status *why)
{
    const bool is_roots = file->owner == 0 && file->group == 0;

    if (!(file->mode & S_IWOTH) && (!(file->mode & S_IWGRP) || is_roots))
        return CODE_OK;
    return refuse(file->path, CODE_PERMISSION,
                  "other users can write this file, and lead mail and login elsewhere: chmod go-w",
                  why);
}

static enum code guard_reading(const struct ini_file *file, const char **warning,
                               struct status *why)
{
    bool others = (file->mode & S_IROTH) != 0;
    bool group = (file->mode & S_IRGRP) != 0 && file->owner == getuid() && file->owner != 0 &&
                 !rights_include(file->group);

    if (!others && !group)
        return CODE_OK;
    if (is_systems(file->path)) {
        *warning = SYSTEM_CONFIG ": every user of this machine can read the password: chmod 600, "
                                 "or 640 and the group of those who send mail";
        return CODE_OK;
    }
    return refuse(file->path, CODE_PERMISSION,
                  "other users can read the password in this file: chmod 600", why);
}

enum code ini_file_guard(const struct ini_file *file, bool has_password, const char **warning,
                         struct status *why)
{
    *warning = NULL;
    if (guard_writing(file, why))
        return why->code;
    return has_password ? guard_reading(file, warning, why) : CODE_OK;
}

/* By -C it is root's alone: others have given up what it takes to write there. */
static bool may_use_system_queue(bool is_named)
{
    struct stat st;

    return (!is_named || getuid() == 0) && lstat(QUEUE_FOLDER, &st) == 0 && S_ISDIR(st.st_mode);
}

void ini_file_queue(const struct ini_file *file, bool is_named, char out[INI_PATH_ROOM])
{
    out[0] = 0;
    if (!file->path)
        return;
    if (!is_systems(file->path) && !is_named)
        write_own_path(out, "XDG_STATE_HOME", "/.local/state", "/orsino");
    else if (is_systems(file->path) && may_use_system_queue(is_named))
        (void)snprintf(out, INI_PATH_ROOM, "%s", QUEUE_FOLDER);
}

void ini_file_free(struct ini_file *file)
{
    free(file->path);
    buf_wipe(&file->text);
    *file = (struct ini_file){ 0 };
}
