/*
 * A record: what the queue knows of a message, and the text file that holds it.
 *
 * orsino-queue(5) describes the file: lines "name: value", a first line with the version, a last
 * line "end". Pure functions; spool.h has the files.
 */
#ifndef ORSINO_DELIVER_RECORD_H
#define ORSINO_DELIVER_RECORD_H

#include "mail/stamp.h"
#include "mail/submission.h"

#include <sys/types.h>

enum {
    RECORD_ID_ROOM = STAMP_ID_LENGTH + 1,
    RECORD_TEXT_MAX = 128 * 1024 * 1024, /* ENVELOPE_RECIPIENTS_MAX and all there is of each */
    RECORD_ERROR_MAX = 1024,             /* of one error's text; what is longer is cut */
};

enum record_state {
    RECORD_QUEUED,
    RECORD_HELD,   /* until it is released */
    RECORD_FAILED, /* nobody is left to try */
};

enum path_state {
    PATH_PENDING,
    PATH_DELIVERED,
    PATH_FAILED,
};

/* What is known of one forward-path. */
struct path_record {
    enum path_state state;
    int reply;         /* of the server, 0 without one */
    char enhanced[12]; /* RFC 3463, or "" */
    char *error;       /* the sentence of status_describe, NULL without one */
    char *said;        /* the server's words alone, NULL without any */
};

struct record {
    char id[RECORD_ID_ROOM]; /* also the name of its files */
    uid_t owner;             /* who brought it */
    char *account;           /* the name of the INI's section */
    enum record_state state;
    struct envelope envelope;  /* all forward-paths, also those that are done */
    struct path_record *paths; /* one for each of them */
    uint64_t size;             /* bytes of the body file */
    /* Seconds since 1970, as this machine's clock had it then. */
    int64_t arrived;
    int64_t last_try; /* 0: none yet */
    int64_t next_try;
    int64_t age;  /* seconds that count towards its lifetime (retry.h), up to `seen` */
    int64_t seen; /* when age was reckoned */
    unsigned tries;
    char *error;                 /* of the last try, for mailq; NULL without one */
    bool told;                   /* who sent it knows of the failures: he is sent no notification */
    char notice[RECORD_ID_ROOM]; /* the id of the notification about this one, "" */
};

/* Frees what it holds, all-zero afterwards. */
void record_free(struct record *r);

/*
 * Makes the record of a submission: copies the envelope, gives each forward-path what became of it
 * in `outcome` (NULL: all pending): accepted is delivered, and `keeps` says whether a failure
 * leaves it pending. Those that are neither are failed. The state is RECORD_FAILED when none is
 * pending. `id`, `owner`, times and `told` are the caller's to set. CODE_MEMORY.
 */
enum code record_make(struct record *r, const struct envelope *envelope,
                      const struct outcome *outcome, bool (*keeps)(const struct status *),
                      const char *account, struct status *why) __attribute__((warn_unused_result));

/* Writes a failure into a path's record, or a record's error; texts that cannot be copied for want
 * of memory are left out. */
void record_set_failure(struct path_record *path, const struct status *st);
void record_set_error(struct record *r, const struct status *st);

/* How many forward-paths are in a state. */
size_t record_count(const struct record *r, enum path_state state);

/* Whether a text may be an id, and so the name of a file: STAMP_ID_LENGTH capital letters and
 * digits. */
bool record_id_is_valid(struct slice id);

/* Whether a text may be an enhanced status: three numbers and dots, as in "5.1.1". */
bool record_enhanced_is_valid(struct slice text);

/*
 * Reads the text of a file. Lines that are not known are passed over, but for a version that is not
 * ours; times and numbers are bounded. The record's state, id and size are the file's word: the
 * caller compares. CODE_MESSAGE names the line and what is wrong. On failure *r is all-zero.
 */
enum code record_parse(struct slice text, struct record *r, struct status *why)
    __attribute__((warn_unused_result));

/* Appends the text. What would be a line end or another control character in a value becomes '?'.
 */
void record_write(const struct record *r, struct buf *out);

#endif
