/* What passes through the doors of the house: data only. */
#ifndef ORSINO_MAIL_SUBMISSION_H
#define ORSINO_MAIL_SUBMISSION_H

#include "base/status.h"
#include "mail/dsn.h"

struct message;

/* What DSN says of one forward-path alone. */
struct forward_options {
    unsigned notify; /* of enum dsn_notify, 0: that of the envelope */
    char *original;  /* ORCPT, "rfc822;" and xtext; NULL without one */
};

struct envelope {
    char
        *reverse_path; /* without angle brackets; "" is the null reverse-path, NULL not known yet */
    char **forward_paths; /* without angle brackets, each once */
    size_t forward_count;
    size_t forward_capacity;
    uint64_t *slots; /* of envelope.c alone: a hash set over forward_paths once they are many */
    size_t slot_count;
    struct forward_options *options; /* one for each forward-path; NULL while none has any */
    unsigned notify;                 /* of enum dsn_notify, or'ed; for every forward-path */
    enum dsn_return dsn_return;
    char *envelope_id; /* already xtext (RFC 3461 section 4), or NULL */
};

/* What MAIL said of a message that was still to come. */
struct declared {
    uint64_t size; /* RFC 1870; 0: nothing was said */
    bool body_8bit;
    bool utf8; /* RFC 6531 */
};

/* One thing to deliver. Borrowed: the door that made the parts frees them. */
struct submission {
    struct envelope *envelope;
    struct message *message;
    const struct declared *declared; /* NULL unless recipients are asked for before the message is
                                        there */
};

/* What became of it. */
struct outcome {
    struct status *recipients; /* one for each forward-path, in their order; CODE_OK: accepted */
    char host[256];            /* where it was delivered, or tried last */
    unsigned port;
    char tls[64];   /* "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", or "none" */
    char said[256]; /* the server's words when it took the message: they hold its queue id */
    int64_t millis; /* from the first look-up to the last reply */
    uint64_t size;  /* of the message as it was sent */
};

#endif
