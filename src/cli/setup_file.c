#include "cli/setup_file.h"

#include "conf/config.h"
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXT_MAX = 2 * SCAN_FILE_MAX,
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
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

static enum code read_open(struct setup_file *file, int fd, struct status *why)
{
    if (fstat(fd, &file->seen) != 0)
        return status_set_errno(why, CODE_READ, STAGE_CONFIG, errno, "it cannot be read");
    if (!S_ISREG(file->seen.st_mode))
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "it is no file that could be written");
    /* Memory that the text grew out of would keep a password. */
    if (file->seen.st_size < TEXT_MAX)
        buf_reserve(&file->text, (size_t)file->seen.st_size + 1);
    return read_text(file, fd, why);
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
        (void)read_open(file, fd, why);
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
    file->had_one = file->exists;
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

size_t setup_file_count_others(const struct setup_file *file, const char *section)
{
    size_t count = 0;

    for (size_t i = 0; i < file->scan.count; i++) {
        const struct scan_entry *e = &file->scan.entries[i];

        count += !e->key.p && !slice_equal_nocase(e->section, slice_of(SCAN_GLOBALS)) &&
                 !slice_equal_nocase(e->section, slice_of(section));
    }
    return count;
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
