/* The INI that `orsino setup` changes: which account in it, and the writing of it. */
#ifndef ORSINO_CLI_SETUP_FILE_H
#define ORSINO_CLI_SETUP_FILE_H

#include "conf/edit.h"
#include "conf/scan.h"

#include <sys/stat.h>

enum {
    SETUP_PATH_ROOM = 1024,
    SETUP_NAME_ROOM = SCAN_NAME_MAX + 1,
};

struct setup_file {
    char path[SETUP_PATH_ROOM];
    char backup[SETUP_PATH_ROOM + 8]; /* where the old one is, "" before it was written */
    bool is_named;
    bool exists, had_one; /* there is a file now; and before we wrote one */
    struct stat seen;     /* as it was read */
    struct buf text;      /* as it is now; empty when there is no file */
    struct scan scan;
};

/*
 * Finds the file: `named` by -C, else /etc/orsino.ini for root, else the one of the user's own that
 * there is, else ~/.config/orsino/orsino.ini; and reads it, if it is there. Of a symbolic link it
 * is the file that it names, since that is what will be replaced. CODE_CONFIG when it is wrong, or
 * when there is no home or the link leads nowhere; CODE_USAGE for a name that no file can have;
 * CODE_PERMISSION, CODE_READ, CODE_MEMORY. Whatever it gives, *file is to be freed.
 */
enum code setup_file_open(struct setup_file *file, const char *named, struct status *why)
    __attribute__((warn_unused_result));
void setup_file_free(struct setup_file *file);

/* Reads it anew after it was written; the backup stays the one that was made. As setup_file_open.
 */
enum code setup_file_reopen(struct setup_file *file, struct status *why)
    __attribute__((warn_unused_result));

/* A value in a section, or an empty slice. */
struct slice setup_file_value(const struct setup_file *file, struct slice section, const char *key);

/* Whether there is a section besides that of the globals. */
bool setup_file_has_accounts(const struct setup_file *file);

/* The section of the account with this address, by its user or from: that of the globals only as
 * long as there is no other. */
bool setup_file_find(const struct setup_file *file, const char *address, char out[SETUP_NAME_ROOM]);

/* The same, and when there is none: that of the globals, as long as it is the only one; else a new
 * name that is made of `word`, a provider's or a domain's. */
void setup_file_section(const struct setup_file *file, const char *address, const char *word,
                        char out[SETUP_NAME_ROOM]);

/* The section of the one account, if there is one and no other; not that of the globals. */
bool setup_file_only_account(const struct setup_file *file, char out[SETUP_NAME_ROOM]);

/* How many accounts there are besides this section's. */
size_t setup_file_count_others(const struct setup_file *file, const char *section);

/* Whether whoever runs us has a file of his own that his mail goes by, and not by this one. */
bool setup_file_is_shadowed(const struct setup_file *file, char own[SETUP_PATH_ROOM]);

/*
 * Writes the file with the changes in this section, and `globals` in that of the globals. The old
 * one stays as path.bak, or .bak.1 and so on where that is taken; what is written is first looked
 * at as every reader would, and takes its place in one go, on disk before the old one goes. Owner
 * and mode stay, unless the world could read the first password in it. The system's, when it is
 * new, is 0640 root:orsino where there is that group; any other new one is 0600. CODE_CONFIG,
 * CODE_FILE_CREATE, CODE_MEMORY: then the old one is as it was. A signal that ends the program
 * waits until it is, or until the new one is in place; nothing else is left behind.
 */
enum code setup_file_write(struct setup_file *file, const char *section,
                           const struct edit_change *changes, size_t count,
                           const struct edit_change *globals, size_t global_count,
                           struct status *why) __attribute__((warn_unused_result));

#endif
