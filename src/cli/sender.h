/*
 * Who sends: the reverse-path, and the address and name of a From that has to be made. Pure
 * functions over what the command line, the account, the machine and the header say.
 */
#ifndef ORSINO_CLI_SENDER_H
#define ORSINO_CLI_SENDER_H

#include "conf/account.h"
#include "mail/address.h"

/* All that is known; strings are borrowed, "" is "not known". */
struct sender_facts {
    const char *given; /* -f, or MAIL FROM; NULL when it was not given, "" for the null path */
    struct slice header_from; /* value of the message's From field, empty when there is none */
    const char *from;         /* of the account */
    const char *user;         /* of the account */
    const char *domain;       /* of the account */
    enum from_header_mode from_header; /* of the account */
    const char *allow_from;            /* of the account */
    const char *login;                 /* name of the user who calls */
    const char *host;                  /* the machine's own name, when it may be shown */
};

struct sender {
    struct address reverse_path; /* length 0: the null path */
    struct address from;         /* for a From that has to be made; always complete */
};

/*
 * The address of the account is `from`, else `user` when it is an address, else login@domain, else
 * login@host. A bare name in `from`, or as login, gets the domain.
 *
 * The reverse-path is what -f gives; else the account's `from`; else the first complete address of
 * the header's From; else the address of the account. What -f or the header gives is taken so:
 * - the null path stays, whatever else is said;
 * - the address of the account, written in full, stays;
 * - with from_header = force the address of the account takes its place;
 * - a bare name, or one at a local host (host.h): with from_header = fill the address of the
 *   account takes its place, when one is known; else it gets the domain, if there is one;
 * - what fits no pattern of allow_from, when there are any, gives way to the address of the account
 *   as well, and so does a name that is bare still.
 *
 * A From is made of -f when that stays, else of the address of the account, else of whatever
 * address is known. CODE_ADDRESS when -f cannot be parsed, CODE_CONFIG when `from` cannot, or when
 * no address is known at all.
 */
enum code sender_choose(const struct sender_facts *facts, struct sender *out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Whether an address, complete, may stay in the fields that say who sends: with from_header = force
 * the account's alone, else what fits allow_from and the account's.
 */
bool sender_may_stay(const struct sender_facts *facts, const char *spec);

/*
 * Whether sender_choose will want the caller's login name, or the repairs of a missing or bare From
 * the full name: looking into the user database is dear, and most messages do not need it.
 */
bool sender_needs_login(const struct sender_facts *facts);

/* The address that an account is matched against, before it is known: -f, else the header's From;
 * "" for none. Bare and local names get the domain. */
enum code sender_to_match(const struct sender_facts *facts, struct address *out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Appends the full name that the user database holds: its gecos field up to the first comma, '&'
 * being the login name with a capital (finger(1)).
 */
void sender_full_name(const char *gecos, const char *login, struct buf *out);

#endif
