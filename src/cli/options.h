/* THE table of sendmail options, and the parser it drives. */
#ifndef ORSINO_CLI_OPTIONS_H
#define ORSINO_CLI_OPTIONS_H

#include "mail/envelope.h"

enum {
    LOG_TAG_MAX = 32, /* as Sendmail cuts it */
};

/* What the command line asks for. Strings are borrowed from argv. */
struct options {
    char mode;                  /* of -b, 'q' for -q; 'm', to send a message, by default */
    bool from_header;           /* -t */
    bool ignore_dots;           /* -i */
    bool verbose;               /* -v */
    bool no_aliases;            /* -n */
    bool wants_version;         /* -d0.1 and the like: print it first */
    const char *sender;         /* -f or -r, may be ""; the last one counts; NULL: not given */
    const char *full_name;      /* -F, NULL when not given */
    const char *config;         /* -C, NULL when not given */
    const char *account;        /* -a, NULL when not given */
    unsigned notify;            /* -N, of enum dsn_notify; 0 when not given */
    enum dsn_return dsn_return; /* -R */
    const char *envelope_id;    /* -V, NULL when not given */
    char error_mode;         /* of -e and -oe: 'p' by default; 'q' says nothing on stderr; 'm', 'w'
                                and 'e' keep what is lost in dead.letter */
    char delivery_mode;      /* of -od: 'i', 'b', 'q' or 'd'; 0 when not given */
    unsigned queue_interval; /* of -q15m, in seconds; 0: run the queue once */
    const char *queue_match; /* of -qR, and -R as it once was: for recipients like this alone */
    const char *queue_id;    /* of -qI: for this message alone */
    char log_tag[LOG_TAG_MAX + 1]; /* -L, printable ASCII; "" when not given */
    char *const *recipients;       /* the words that are no options, in argv's memory */
    size_t recipient_count;
};

enum option_argument {
    ARGUMENT_NONE,
    ARGUMENT_NEXT,     /* attached, or the next word */
    ARGUMENT_ATTACHED, /* attached or none: the next word is never taken */
};

struct option_row {
    char letter;
    enum option_argument argument;
    const char *value; /* what the manual calls the argument; NULL when there is none */
    enum code (*set)(struct options *o, const char *value,
                     struct status *why); /* NULL: no effect */
    const char *help;                     /* one line for `orsino help`; NULL: not shown there */
};

/* THE table; *count rows. */
const struct option_row *options_all(size_t *count);

/*
 * Parses argv[1] onwards. Options may stand after recipients, up to "--" (or nowhere after the
 * first recipient when POSIXLY_CORRECT is set). The recipients are moved to the front of argv, over
 * words that were used up. A run of the queue with something to send besides is refused, since the
 * message would be lost without a word. CODE_USAGE with one sentence; then out->error_mode holds
 * what was asked before the error.
 */
enum code options_parse(int argc, char **argv, struct options *out, struct status *why)
    __attribute__((warn_unused_result));

#endif
