/*
 * The inside of the spool, shared by the files that hold its parts: spool.c (the folders and
 * their files), spool_look.c (looking into them), spool_parcel.c (a message in our hands),
 * spool_sweep.c (what was left).
 */
#ifndef ORSINO_DELIVER_SPOOL_INSIDE_H
#define ORSINO_DELIVER_SPOOL_INSIDE_H

#include "deliver/spool.h"

#include <sys/stat.h>

enum {
    FOLDER_QUEUE = SPOOL_QUEUE,
    FOLDER_FAILED = SPOOL_FAILED,
    FOLDER_NEW,
    FOLDER_BODY,
    FOLDER_COUNT,
};

struct spool {
    char *path;
    int folders[FOLDER_COUNT];
    mode_t mode; /* of the files: a group's spool is written by all of the group */
};

const char *spool_folder_name(unsigned folder);

/* fsync(2) of a folder, where the file system has that. False, and errno, when it fails. */
bool spool_sync_folder(int folder);

/* Opens folder/id, with the right to it. -1 and errno, as open(2) does. */
int spool_open_file(const struct spool *s, unsigned folder, const char *id, int flags);

/* Makes folder/id, which must not be there, for reading and writing. -1 and errno. */
int spool_make_file(const struct spool *s, unsigned folder, const char *id);

/* Whether a message is in the spool: a record of it is in queue/ or failed/. */
bool spool_has_record(const struct spool *s, const char *id);

/*
 * Takes the lock of a body. False, and errno is EWOULDBLOCK when somebody has it for good: who only
 * looks whether it is taken is waited for.
 */
bool spool_lock(int body);

/* Reads a record without regard to locks; as spool_peek. */
enum code spool_read_record(const struct spool *s, unsigned folder, const char *id,
                            struct record *out, bool *is_there, struct status *why);

/* The ids in any folder; as spool_list. */
enum code spool_list_folder(const struct spool *s, unsigned folder, char (**ids)[RECORD_ID_ROOM],
                            size_t *count, struct status *why);

/* Takes away what there is of a message that has no record and that nobody has in hand. Gives how
 * many files went. */
size_t spool_sweep_id(const struct spool *s, const char *id);

/* Says that the spool cannot be written, and why. */
enum code spool_refuse_write(const struct spool *s, int error, struct status *why);

#endif
