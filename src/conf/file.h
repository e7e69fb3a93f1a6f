/* The INI as a file: where it is found, its bytes, and who else can read them. */
#ifndef ORSINO_CONF_FILE_H
#define ORSINO_CONF_FILE_H

#include "base/status.h"

#include <sys/types.h>

enum {
    INI_PATH_ROOM = 1024,
    INI_OWN_MAX = 2, /* places of a user's own file */
};

struct ini_file {
    char *path;
    bool needs_rights; /* it was opened with ours, and not with the caller's */
    struct buf text;
    uid_t owner;
    gid_t group;
    mode_t mode;
};

/*
 * Reads the file `path`, or with NULL the one that config_load would take. For one of the user's
 * own all rights that he has not are given up before a byte of it is read; SYSTEM_CONFIG may be
 * opened with them, and `path` is opened as they are. CODE_CONFIG when it is missing or no file to
 * read, CODE_PERMISSION, CODE_READ, CODE_MEMORY, CODE_SYSTEM (the rights stay). Whatever it gives,
 * *file is to be freed; its path is NULL when no file was opened.
 */
enum code ini_file_read(struct ini_file *file, const char *path, struct status *why)
    __attribute__((warn_unused_result));

/* Where a user's own file may be, the one that counts first; "" where there is no home. */
void ini_file_own_paths(char out[INI_OWN_MAX][INI_PATH_ROOM]);

/*
 * Who else can do what with it. CODE_PERMISSION when others can write it, since they could send
 * every message and the login to a server of theirs: anybody, or a group other than root's in a
 * file of root's. With a password in it also when too many can read it; but for SYSTEM_CONFIG that
 * is CODE_OK, and *warning is a line for the log, else NULL.
 */
enum code ini_file_guard(const struct ini_file *file, bool has_password, const char **warning,
                         struct status *why) __attribute__((warn_unused_result));

/*
 * Opens a file that belongs to the configuration of the system, as textfile_open: with the caller's
 * rights, and where these do not suffice with ours.
 */
int ini_file_open(const char *path, bool *needs_rights) __attribute__((warn_unused_result));

/*
 * The folder of the queue when no key names one: account.h says which. "" for none. `is_named`: the
 * caller named the file.
 */
void ini_file_queue(const struct ini_file *file, bool is_named, char out[INI_PATH_ROOM]);

/* Wipes the text. */
void ini_file_free(struct ini_file *file);

#endif
