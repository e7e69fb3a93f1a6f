/* Filling and freeing a struct envelope. */
#ifndef ORSINO_MAIL_ENVELOPE_H
#define ORSINO_MAIL_ENVELOPE_H

#include "mail/address.h"
#include "mail/submission.h"

enum {
    ENVELOPE_RECIPIENTS_MAX = 50000,
};

/* Frees what the functions below have put into it. An all-zero envelope is a valid empty one. */
void envelope_free(struct envelope *e);

/* Sets the reverse-path to a copy of a->spec, "" for the null path. */
enum code envelope_set_sender(struct envelope *e, const struct address *a, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Adds a->spec, unless it is there already; a bare name gets @domain, and is CODE_ADDRESS when
 * domain is empty (a name must not go to whoever has it at the provider), and so is the null path.
 * The list is kept in the order given. A hash set makes many additions linear in their number.
 * CODE_MESSAGE when there are more than ENVELOPE_RECIPIENTS_MAX different ones; CODE_MEMORY.
 */
enum code envelope_add(struct envelope *e, const struct address *a, struct slice domain,
                       struct status *why) __attribute__((warn_unused_result));

/* Sets what DSN says of the whole message; the id is copied, NULL for none. CODE_MEMORY. */
enum code envelope_set_notices(struct envelope *e, unsigned notify, enum dsn_return dsn_return,
                               const char *envelope_id, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Sets what DSN says of the forward-path at `index`; `original` is copied, NULL for none.
 * CODE_MEMORY.
 */
enum code envelope_set_options(struct envelope *e, size_t index, unsigned notify,
                               const char *original, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Makes `to`, which is empty, an envelope with the reverse-path and notices of `from`, and no
 * forward-path; and adds one of its forward-paths to it, with what DSN says of that. CODE_MEMORY,
 * CODE_ADDRESS for one that cannot be parsed.
 */
enum code envelope_begin_copy(const struct envelope *from, struct envelope *to, struct status *why)
    __attribute__((warn_unused_result));
enum code envelope_copy_path(const struct envelope *from, size_t index, struct envelope *to,
                             struct status *why) __attribute__((warn_unused_result));

/* Whether an address needs SMTPUTF8 (RFC 6531). */
bool envelope_needs_utf8(const struct envelope *e);

#endif
