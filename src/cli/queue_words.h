/* The words behind `orsino queue`, as orsino(8) has them. */
#ifndef ORSINO_CLI_QUEUE_WORDS_H
#define ORSINO_CLI_QUEUE_WORDS_H

#include "cli/options.h"

enum queue_command {
    QUEUE_LIST,
    QUEUE_FAILED,
    QUEUE_SHOW,
    QUEUE_RUN,
    QUEUE_HOLD,
    QUEUE_RELEASE,
    QUEUE_RETRY,
    QUEUE_REMOVE,
    QUEUE_COMMANDS,
    QUEUE_HELP = QUEUE_COMMANDS
};

enum queue_flag {
    QUEUE_JSON = 1,
    QUEUE_MESSAGE = 2,
    QUEUE_DUE = 4,
    QUEUE_EVERY = 8,
};

/* Strings are borrowed from argv. */
struct queue_words {
    enum queue_command command; /* QUEUE_LIST without a word for one */
    unsigned flags;             /* of enum queue_flag */
    struct options options;     /* -C, -v, and the interval of --every */
    char *const *ids;           /* in argv's memory */
    size_t id_count;
};

/*
 * Parses argv[1] onwards; the ids are moved to the end of argv. Commands that need an id have one
 * afterwards, and none has a flag that it knows nothing of. --help is QUEUE_HELP, whatever else is
 * said. CODE_USAGE.
 */
enum code queue_words_parse(int argc, char **argv, struct queue_words *out, struct status *why)
    __attribute__((warn_unused_result));

/* Writes how it is used to stdout. */
void queue_words_help(void);

#endif
