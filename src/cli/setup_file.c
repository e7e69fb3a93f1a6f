#include "cli/setup_file.h"

#include "cli/ask.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "mail/store.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TEXT_MAX = 2 * SCAN_FILE_MAX,
    BACKUPS_MAX = 20,
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
}

static enum code cannot_write(const char *path, struct status *why)
{
    int error = errno;

    status_at(why, "%.300s", path);
    return status_set_errno(why, CODE_FILE_CREATE, STAGE_CONFIG, error, "it cannot be written");
}

/* A user's own: the first that there is, in the order in which it is read, else the first. */
static bool choose_own(char out[SETUP_PATH_ROOM])
{
    char paths[INI_OWN_MAX][INI_PATH_ROOM];
    size_t chosen = 0;

    ini_file_own_paths(paths);
    for (size_t i = 0; i < INI_OWN_MAX; i++)
        if (paths[i][0] != 0 && access(paths[i], F_OK) == 0) {
            chosen = i;
            break;
        }
    memcpy(out, paths[chosen], SETUP_PATH_ROOM);
    return out[0] != 0;
}

static enum code choose_path(struct setup_file *file, const char *named, struct status *why)
{
    const char *path = named ? named : geteuid() == 0 ? SYSTEM_CONFIG : NULL;

    if (path && (path[0] == 0 || strlen(path) >= sizeof file->path))
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "no file can be called so: -C");
    file->is_named = named != NULL;
    if (path) {
        memcpy(file->path, path, strlen(path) + 1);
        return CODE_OK;
    }
    if (!path && choose_own(file->path))
        return CODE_OK;
    return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                      "there is no home directory: name a file, -C");
}

static enum code read_text(struct setup_file *file, int fd, struct status *why)
{
    char piece[4096];
    ssize_t n;

    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_add(&file->text, piece, (size_t)n);
    explicit_bzero(piece, sizeof piece);
    if (n < 0)
        return status_set_errno(why, CODE_READ, STAGE_CONFIG, errno, "it cannot be read");
    return file->text.failed ? no_memory(why) : CODE_OK;
}

/* What is a link stays one, and leads to the new file: the path becomes that of what it names. */
static enum code follow_link(struct setup_file *file, struct status *why)
{
    struct stat st;
    char *target;

    if (lstat(file->path, &st) != 0 || !S_ISLNK(st.st_mode))
        return CODE_OK;
    target = realpath(file->path, NULL);
    if (!target)
        return status_set_errno(why, CODE_CONFIG, STAGE_CONFIG, errno,
                                "what this link names cannot be found");
    if (strlen(target) < sizeof file->path)
        memcpy(file->path, target, strlen(target) + 1);
    else
        (void)status_set(why, CODE_CONFIG, STAGE_CONFIG, "what this link names is too long");
    free(target);
    return why->code;
}

static enum code read_file(struct setup_file *file, struct status *why)
{
    int fd;

    fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return status_set_errno(why, errno == EACCES ? CODE_PERMISSION : CODE_READ, STAGE_CONFIG,
                                errno, "it cannot be opened");
    file->exists = fd >= 0;
    if (fd >= 0) {
        (void)read_text(file, fd, why);
        (void)close(fd);
    }
    return why->code ? why->code : scan_text(&file->scan, file->path, buf_slice(&file->text), why);
}

enum code setup_file_open(struct setup_file *file, const char *named, struct status *why)
{
    *file = (struct setup_file){ .exists = false };
    buf_init(&file->text, TEXT_MAX);
    if (choose_path(file, named, why) || follow_link(file, why) || read_file(file, why))
        status_at(why, "%.300s", file->path);
    return why->code;
}

enum code setup_file_reopen(struct setup_file *file, struct status *why)
{
    setup_file_free(file);
    buf_init(&file->text, TEXT_MAX);
    if (read_file(file, why))
        status_at(why, "%.300s", file->path);
    return why->code;
}

void setup_file_free(struct setup_file *file)
{
    scan_free(&file->scan);
    file->scan = (struct scan){ .count = 0 };
    buf_wipe(&file->text);
}

struct slice setup_file_value(const struct setup_file *file, struct slice section, const char *key)
{
    for (size_t i = 0; i < file->scan.count; i++) {
        const struct scan_entry *e = &file->scan.entries[i];

        if (e->key.p && slice_equal_nocase(e->section, section) &&
            slice_equal_nocase(e->key, slice_of(key)))
            return e->value;
    }
    return (struct slice){ .n = 0 };
}

bool setup_file_has_accounts(const struct setup_file *file)
{
    for (size_t i = 0; i < file->scan.count; i++)
        if (!slice_equal_nocase(file->scan.entries[i].section, slice_of(SCAN_GLOBALS)))
            return true;
    return false;
}

static bool has_section(const struct setup_file *file, const char *name)
{
    return scan_line(&file->scan, slice_of(name), NULL) > 0;
}

static void copy_name(struct slice name, char out[SETUP_NAME_ROOM])
{
    (void)snprintf(out, SETUP_NAME_ROOM, "%.*s", (int)name.n, name.p);
}

bool setup_file_find(const struct setup_file *file, const char *address, char out[SETUP_NAME_ROOM])
{
    static const char *const keys[] = { "user", "from" };
    bool is_only = !setup_file_has_accounts(file);

    for (size_t i = 0; i < file->scan.count; i++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            struct slice section = file->scan.entries[i].section;

            if (slice_equal_nocase(section, slice_of(SCAN_GLOBALS)) == is_only &&
                slice_equal_nocase(setup_file_value(file, section, keys[k]), slice_of(address))) {
                copy_name(section, out);
                return true;
            }
        }
    return false;
}

void setup_file_section(const struct setup_file *file, const char *address, const char *word,
                        char out[SETUP_NAME_ROOM])
{
    if (!setup_file_has_accounts(file)) {
        copy_name(slice_of(SCAN_GLOBALS), out);
        return;
    }
    if (setup_file_find(file, address, out))
        return;
    word = scan_is_section_name(slice_of(word)) ? word : "account";
    copy_name(slice_of(word), out);
    for (unsigned number = 2; has_section(file, out) && number < 1000; number++)
        (void)snprintf(out, SETUP_NAME_ROOM, "%.80s-%u", word, number);
}

bool setup_file_only_account(const struct setup_file *file, char out[SETUP_NAME_ROOM])
{
    out[0] = 0;
    for (size_t i = 0; i < file->scan.count; i++) {
        struct slice section = file->scan.entries[i].section;

        if (slice_equal_nocase(section, slice_of(SCAN_GLOBALS)) ||
            slice_equal_nocase(section, slice_of(out)))
            continue;
        if (out[0] != 0)
            return false;
        copy_name(section, out);
    }
    return out[0] != 0;
}

/* Root's own mail goes by root's own file, if there is one, and not by that of the system. */
bool setup_file_is_shadowed(const struct setup_file *file, char own[SETUP_PATH_ROOM])
{
    return !file->is_named && geteuid() == 0 && choose_own(own) && access(own, F_OK) == 0;
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

static bool sync_folder(const char *path)
{
    char folder[SETUP_PATH_ROOM];
    const char *slash = strrchr(path, '/');
    int fd;
    bool synced;

    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1,
                   slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return synced;
}

/* The first of .bak, .bak.1 and so on that is free; the last is used again. */
static void choose_backup(const struct setup_file *file, char out[SETUP_PATH_ROOM + 8])
{
    (void)snprintf(out, SETUP_PATH_ROOM + 8, "%s.bak", file->path);
    for (int i = 1; i < BACKUPS_MAX && access(out, F_OK) == 0; i++)
        (void)snprintf(out, SETUP_PATH_ROOM + 8, "%s.bak.%d", file->path, i);
}

/* The old one gets a second name before it loses the first. */
static bool put_in_place(struct setup_file *file, const char *made)
{
    if (file->exists && file->backup[0] == 0) {
        choose_backup(file, file->backup);
        (void)unlink(file->backup);
        if (link(file->path, file->backup) != 0)
            return false;
    }
    return rename(made, file->path) == 0 && sync_folder(file->path);
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
    else if (why->code == CODE_OK && !put_in_place(file, made))
        (void)cannot_write(file->path, why);
    (void)close(fd);
    if (why->code)
        (void)unlink(made);
    return why->code;
}

static enum code write_text(struct setup_file *file, const char *section, struct slice text,
                            bool has_secret, struct status *why)
{
    sigset_t held, before;

    if (make_folders(file->path, why))
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
