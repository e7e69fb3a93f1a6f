/* The INI as a file: where it is found, its bytes, and who else can read them. */
#ifndef ORSINO_CONF_FILE_H
#define ORSINO_CONF_FILE_H

#include "base/status.h"

#include <sys/types.h>

struct ini_file {
    char *path;
    struct buf text;
    uid_t owner;
    mode_t mode;
};

/*
 * Reads the file `path`, or with NULL the one that config_load would take. CODE_CONFIG when it is
 * missing or no file to read, CODE_PERMISSION, CODE_READ, CODE_MEMORY. Whatever it gives, *file is
 * to be freed.
 */
enum code ini_file_read(struct ini_file *file, const char *path, struct status *why)
    __attribute__((warn_unused_result));

/*
 * For a file that holds a password: CODE_PERMISSION when too many can read it; for SYSTEM_CONFIG
 * CODE_OK, and *warning is a line for the log, else NULL.
 */
enum code ini_file_guard(const struct ini_file *file, const char **warning, struct status *why)
    __attribute__((warn_unused_result));

/* Wipes the text. */
void ini_file_free(struct ini_file *file);

#endif
