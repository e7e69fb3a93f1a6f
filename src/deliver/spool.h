/*
 * The spool: messages on disk, in four folders below one (orsino-queue(5)).
 *
 *     new/ID     a record that is being written
 *     body/ID    the message, written once
 *     queue/ID   the record of one that waits
 *     failed/ID  the record of one that nobody will try again
 *
 * The message is written and synced first, then its record, in new/; renaming the record into
 * queue/ is the moment from which the message is ours, and the folders are synced before anybody
 * hears of it. Who works on a message holds a lock (flock(2)) on its body file, which the kernel
 * drops with the process. A body without a record is what a process left that died before that
 * moment: sweeping takes it away, unless its lock is held.
 *
 * The right to the spool is taken up for single operations (rights.h). Names are looked up below
 * the open folders, links are never followed. Whatever fails leaves no file behind.
 */
#ifndef ORSINO_DELIVER_SPOOL_H
#define ORSINO_DELIVER_SPOOL_H

#include "deliver/record.h"
#include "mail/message.h"

struct spool; /* opaque */

enum spool_folder {
    SPOOL_QUEUE,
    SPOOL_FAILED,
};

/*
 * Opens the spool at `path`, absolute. `makes`: the folders that are not there are made, parents of
 * the path as well, for this user alone; else only those below it are. All of them must belong to
 * root or to us, and others must not be able to write them. With raised rights (rights.h) nothing
 * is made, and all must belong to root: who owns a folder can do as he likes in it.
 * CODE_FILE_MISSING (there is none, or it is a link), CODE_PERMISSION, CODE_FILE_CREATE (also for a
 * file system that is read-only), CODE_SYSTEM, CODE_MEMORY.
 */
enum code spool_open(const char *path, bool makes, struct spool **out, struct status *why)
    __attribute__((warn_unused_result));
void spool_close(struct spool *s); /* NULL is taken */

/* A message in our hands: nobody else touches it until it is released. */
struct parcel {
    struct spool *spool;
    enum spool_folder folder;
    struct record record;
    int body; /* of body/ID, whose lock we hold */
};

/*
 * Puts a message into the spool: into queue/, or with RECORD_FAILED into failed/. Takes over what
 * *record holds, whatever happens; an empty id is chosen, and size is set. CODE_FILE_CREATE (disk
 * full, over quota, read-only: the sentence names the spool), CODE_READ, CODE_MEMORY: then nothing
 * is left of it.
 */
enum code spool_add(struct spool *s, struct record *record, const struct message *m,
                    struct parcel **out, struct status *why) __attribute__((warn_unused_result));

/*
 * Takes one in hand. CODE_OK with *out NULL: another process has it, or it is there no more.
 * CODE_MESSAGE when its record cannot be understood, or is not that of its body; CODE_READ,
 * CODE_MEMORY.
 */
enum code spool_take(struct spool *s, enum spool_folder folder, const char *id, struct parcel **out,
                     struct status *why) __attribute__((warn_unused_result));

/* The message itself; m is initialised, and lives no longer than the parcel. */
enum code spool_load(const struct parcel *p, struct message *m, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Writes the record as it is now, in place of the old one. One in queue/ with RECORD_FAILED goes to
 * failed/ by spool_move alone; until then a run of the queue finds it there and does it.
 * CODE_FILE_CREATE: then the old record stands.
 */
enum code spool_save(struct parcel *p, struct status *why) __attribute__((warn_unused_result));

/* From queue/ to failed/, or back. The record was saved before. */
enum code spool_move(struct parcel *p, enum spool_folder to, struct status *why)
    __attribute__((warn_unused_result));

/* Takes the message out of the spool. CODE_FILE_CREATE when the file system does not let us. */
enum code spool_remove(struct parcel *p, struct status *why) __attribute__((warn_unused_result));

/*
 * Takes away what there is of a message that spool_take calls CODE_MESSAGE: its record, and its
 * body unless another record is left. CODE_TIMEOUT when a process has it in hand; CODE_FILE_CREATE.
 */
enum code spool_discard(struct spool *s, enum spool_folder folder, const char *id,
                        struct status *why) __attribute__((warn_unused_result));

/* Lets go of it, and frees; NULL is taken. A parcel that was removed is freed so as well. In a
 * child of fork(2) the lock is shared with the parent, and held until both have let go. */
void spool_release(struct parcel *p);

/* Reads a record without taking it in hand, for looking at; as spool_take but for the lock, and the
 * body is not looked at. *is_there is false when it is gone. */
enum code spool_peek(struct spool *s, enum spool_folder folder, const char *id, struct record *out,
                     bool *is_there, struct status *why) __attribute__((warn_unused_result));

/* Whether a process has a message in hand now. */
bool spool_is_taken(struct spool *s, const char *id);

/* The body's file, for reading, or -1 and errno. */
int spool_open_body(struct spool *s, const char *id);

/*
 * The ids in a folder, in no order: an array to be freed, of names that record_id_is_valid takes;
 * others are passed over. CODE_READ, CODE_MEMORY.
 */
enum code spool_list(struct spool *s, enum spool_folder folder, char (**ids)[RECORD_ID_ROOM],
                     size_t *count, struct status *why) __attribute__((warn_unused_result));

/*
 * Whether a file can be written there now. Who cannot note that a message was delivered must not
 * deliver it: it would be sent again by each run. CODE_FILE_CREATE, CODE_SYSTEM.
 */
enum code spool_try(struct spool *s, struct status *why) __attribute__((warn_unused_result));

/* Takes away what processes left that died: bodies without a record, records that were never
 * finished. What cannot be taken away is left. Gives how many files went. */
size_t spool_sweep(struct spool *s);

const char *spool_path(const struct spool *s);

#endif
