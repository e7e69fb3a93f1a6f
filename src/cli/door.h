/*
 * What the doors of the house share: the configuration, who calls, and the making of a submission
 * from what a caller gives, be it on the command line or in a dialogue.
 */
#ifndef ORSINO_CLI_DOOR_H
#define ORSINO_CLI_DOOR_H

#include "cli/caller.h"
#include "cli/options.h"
#include "cli/sender.h"
#include "conf/config.h"
#include "deliver/spool.h"
#include "mail/message.h"
#include "mail/recipients.h"

/* What holds for all messages of one process. */
struct door {
    const struct options *options;
    struct config *config; /* NULL when the relay has it, and globals lead there (handover.h) */
    struct account globals;
    struct recipient_rules rules;
    struct caller caller;
    struct spool *spool; /* NULL until door_open_spool, and without a queue */
};

/*
 * A file of -C is read with the caller's rights alone: whatever we have more is given up for good.
 * CODE_SYSTEM when that cannot be done.
 */
enum code door_give_up_rights(const struct options *options, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Makes the name of -C absolute, for who reads it again when it has left the caller's folder; *path
 * is what own->config points to then, to be freed. CODE_CONFIG, CODE_SYSTEM.
 */
enum code door_find_config(struct options *own, char **path, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Gives up rights as above, loads the configuration and opens the log. Whatever it gives,
 * door_close must follow.
 */
enum code door_open(struct door *door, const struct options *options, struct status *why)
    __attribute__((warn_unused_result));
void door_close(struct door *door);

/*
 * Opens the spool that the configuration names, unless that was done: door->spool stays NULL where
 * it names none, or names none itself and the default is not there. As spool_open.
 */
enum code door_open_spool(struct door *door, struct status *why)
    __attribute__((warn_unused_result));

/* The same, but for the log, which stays open. */
void door_discard(struct door *door);

/* One message on its way to be a submission. */
struct making {
    struct door *door;
    struct account account; /* before it is chosen: the globals, or nothing */
    bool has_account;
    struct sender_facts facts;
    struct sender sender;
    struct message message;
    struct envelope envelope;
    struct outcome outcome;
    size_t outcome_rows;            /* that there is memory for */
    bool is_kept;                   /* what was not delivered is in the spool */
    char failed_id[RECORD_ID_ROOM]; /* of what is kept among the failed; "" for nothing */
};

void making_begin(struct making *m, struct door *door);
void making_end(struct making *m);

/*
 * Chooses account and sender: `given` is -f or MAIL FROM, NULL when there was none. The header
 * counts as far as it is there. What config_account and sender_choose give.
 */
enum code making_choose_sender(struct making *m, const char *given, struct status *why)
    __attribute__((warn_unused_result));

/* Repairs the message; `received` is the value of a Received field, NULL for none. */
enum code making_repair(struct making *m, const char *received, struct status *why)
    __attribute__((warn_unused_result));

/* Gives the outcome rows, all-zero, until there are `count`: one for each forward-path.
 * CODE_MEMORY. */
enum code making_add_rows(struct making *m, size_t count, struct status *why)
    __attribute__((warn_unused_result));

/* The worst of what became of the recipients is what became of the message. */
struct status making_worst(const struct making *m);

#endif
