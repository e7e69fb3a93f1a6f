/*
 * The inside of the commands for the queue, shared by the files that hold a command or two each.
 *
 * With raised rights a user sees his own messages alone; those of others are as if they were not
 * there. Without, what the file system lets us read is shown.
 */
#ifndef ORSINO_CLI_QUEUE_INSIDE_H
#define ORSINO_CLI_QUEUE_INSIDE_H

#include "cli/door.h"
#include "cli/queue_words.h"

struct queue {
    struct door door;
    const struct options *options;
};

/*
 * Opens door and spool; q->door.spool stays NULL without a queue, as when there is no configuration
 * at all. Whatever it gives, queue_end must follow, or queue_pause, which leaves the log open.
 */
enum code queue_begin(struct queue *q, const struct options *options, struct status *why)
    __attribute__((warn_unused_result));
void queue_end(struct queue *q);
void queue_pause(struct queue *q);

/* One line on stdout, made printable; the buf is empty afterwards. */
void queue_print(struct buf *line);

/* Where a message is. */
struct place {
    char id[RECORD_ID_ROOM];
    enum spool_folder folder;
    int64_t arrived;
};

struct places {
    struct place *rows;
    size_t count;
    size_t unreadable; /* records beside these */
};

bool queue_is_visible(const struct record *r);

/*
 * Adds the visible messages of a folder that options->queue_id and queue_match choose, oldest
 * first. A record that cannot be read is told on stderr, and counted alone. CODE_READ, CODE_MEMORY.
 */
enum code places_add(struct places *p, const struct queue *q, enum spool_folder folder,
                     struct status *why) __attribute__((warn_unused_result));
void places_free(struct places *p);

/* CODE_MESSAGE when there were records that cannot be read, with how many and the cure. */
enum code places_judge(const struct places *p, struct status *why);

/* The one visible message whose id begins like that, in either folder, without regard to case.
 * CODE_USAGE when there is none or more than one, and without a queue. */
enum code place_find(const struct queue *q, const char *id, struct place *out, struct status *why)
    __attribute__((warn_unused_result));

/* CODE_USAGE: there is no such message (any more). */
enum code place_is_gone(const char *id, struct status *why);

/* mailq, `list` and `failed`, and these as JSON. */
enum listing {
    LISTING_MAILQ,
    LISTING_TABLE,
    LISTING_JSON,
};
enum code queue_list(const struct queue *q, enum listing listing, enum spool_folder folder,
                     struct status *why);

/* One message as an object of JSON on one line, without its end. */
void queue_print_json(const struct queue *q, const struct place *place, const struct record *r);

/* `show`: the record in words or as JSON, and the message, or that alone. */
enum code queue_show(const struct queue *q, const char *id, unsigned flags, struct status *why);

/* `hold`, `release`, `retry`, `remove`. Tells each failure on stderr; *why is the worst. */
enum code queue_steer(const struct queue *q, const struct queue_words *words, struct status *why);

/* `run` in all its forms. The exit code. */
struct queue_round {
    const char *id; /* NULL for all */
    bool only_due;
    bool in_background; /* with an interval: leaves the one who called */
};
int queue_run(const struct options *options, const struct queue_round *round);

#endif
