/*
 * Who sends: the reverse-path, and the address and name of a From that has to be made. Pure
 * functions over what the command line, the account, the machine and the header say.
 */
#ifndef ORSINO_CLI_SENDER_H
#define ORSINO_CLI_SENDER_H

#include "mail/address.h"

/* All that is known; strings are borrowed, "" is "not known". */
struct sender_facts {
    const char *given;        /* -f; NULL when it was not given, "" for the null path */
    struct slice header_from; /* value of the message's From field, empty when there is none */
    const char *from;         /* of the account */
    const char *user;         /* of the account */
    const char *domain;       /* of the account */
    const char *login;        /* name of the user who calls */
    const char *host;         /* the machine's own name, when it may be shown */
};

struct sender {
    struct address reverse_path; /* length 0: the null path */
    struct address from;         /* for a From that has to be made; always complete */
};

/*
 * The reverse-path is what -f gives; else the account's `from`; else the first complete address of
 * the header's From; else the address of the account. That one is `from`, else `user` when it is an
 * address, else login@domain, else login@host. A bare name is qualified with `domain`, and so is a
 * name at a local host (host.h) that -f or the header gives; -f with a bare name and no domain
 * gives the address of the account. A From is made of -f when that is complete, else of the address
 * of the account, else of whatever address is known. CODE_ADDRESS when -f cannot be parsed,
 * CODE_CONFIG when `from` cannot, or when no address is known at all.
 */
enum code sender_choose(const struct sender_facts *facts, struct sender *out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Whether sender_choose will want the caller's login name, or the repairs of a missing or bare From
 * the full name: looking into the user database is dear, and most messages do not need it.
 */
bool sender_needs_login(const struct sender_facts *facts);

/* The address that an account is matched against: -f, else the header's From; "" for none. */
enum code sender_to_match(const struct sender_facts *facts, struct address *out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Appends the full name that the user database holds: its gecos field up to the first comma, '&'
 * being the login name with a capital (finger(1)).
 */
void sender_full_name(const char *gecos, const char *login, struct buf *out);

#endif
