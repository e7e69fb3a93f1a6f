/* Login mechanisms: pure functions from challenge to response. RFC 4954, RFC 4616 and LOGIN. */
#ifndef ORSINO_SMTP_SASL_H
#define ORSINO_SMTP_SASL_H

#include "base/status.h"

/* In the order of THE table in sasl.c, the preferred one first. */
enum sasl_mechanism {
    SASL_PLAIN = 1 << 0,
    SASL_LOGIN = 1 << 1,
};

enum {
    SASL_LINE_MAX = 12288, /* RFC 4954 section 4 */
    SASL_ROUNDS_MAX = 4,   /* challenges before we give up */
};

struct sasl {
    unsigned mechanism; /* one of enum sasl_mechanism */
    const char *name;
    struct slice user, password; /* borrowed */
    unsigned round;
};

/* The flag of a mechanism's name as an EHLO line or the INI has it; 0 for one we do not know. */
unsigned sasl_mechanism_of(struct slice name);

/*
 * Whether text repeats a secret of the login: the password, or the beginning of what a mechanism
 * makes of it. Some servers quote the command that they refuse, or a piece of it.
 */
bool sasl_is_repeated(struct slice user, struct slice password, struct slice text);

/*
 * Chooses among offered & allowed. CODE_NO_AUTH when nothing is left; `words` is what the server
 * offered, for the sentence. CODE_CONFIG when user or password holds a NUL.
 */
enum code sasl_begin(struct sasl *s, unsigned offered, unsigned allowed, struct slice user,
                     struct slice password, const char *words, struct status *why)
    __attribute__((warn_unused_result));

/* The initial response, to be sent with the AUTH command; false when the mechanism has none. The
 * bytes are raw, before base64. */
bool sasl_initial(struct sasl *s, struct buf *response);

/* The response to a challenge, both raw. CODE_PROTOCOL when none is due, CODE_MEMORY. */
enum code sasl_step(struct sasl *s, struct slice challenge, struct buf *response,
                    struct status *why) __attribute__((warn_unused_result));

#endif
