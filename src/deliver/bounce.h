/*
 * A delivery status notification: RFC 3464, in a multipart/report of RFC 6522, for those
 * forward-paths of a record that have failed.
 */
#ifndef ORSINO_DELIVER_BOUNCE_H
#define ORSINO_DELIVER_BOUNCE_H

#include "deliver/record.h"
#include "mail/message.h"

#include <time.h>

struct bounce_facts {
    const char *host; /* Reporting-MTA: our own name, or "localhost" */
    const char *from; /* address of the account, which the notification comes from */
    time_t now;
    int64_t lifetime; /* queue_lifetime in seconds: what failed without a reply at its end has
                         expired; 0 when it is not known */
};

/*
 * Whether anybody is to be told: a forward-path has failed, whose NOTIFY (RFC 3461 section 4.1)
 * does not forbid it, the reverse-path is neither null nor without a domain, and nobody was told.
 */
bool bounce_is_wanted(const struct record *r);

/*
 * Makes it, whole and repaired: header, a text for people, message/delivery-status, and of the
 * original the header, or with RET=FULL all of it unless it is bigger than BOUNCE_ORIGINAL_MAX. It
 * is 7-bit unless an 8-bit original is in it as a whole, or an address of the header is beyond
 * ASCII; those of the report are spelled in ASCII. Its envelope is from the null reverse-path to
 * that of the record, and asks for no notification. m is initialised and empty, *envelope all-zero;
 * both are the caller's to free, also after a failure. CODE_READ, CODE_FILE_CREATE, CODE_MEMORY;
 * CODE_ADDRESS when bounce_is_wanted would have been false.
 */
enum {
    BOUNCE_ORIGINAL_MAX = 64 * 1024,
};
enum code bounce_make(const struct record *r, const struct message *original,
                      const struct bounce_facts *facts, struct message *m,
                      struct envelope *envelope, struct status *why)
    __attribute__((warn_unused_result));

#endif
