/*
 * Who gets it: a recipient as a caller names it, to the addresses that a provider can deliver to.
 *
 * A name without a domain, and a name at this machine, are names here (root, root@localhost,
 * root@vm on the host vm.example.org): they become what their alias says, else `local`, else the
 * name at `domain`. Addresses elsewhere stay as they are.
 */
#ifndef ORSINO_MAIL_RECIPIENTS_H
#define ORSINO_MAIL_RECIPIENTS_H

#include "base/host.h"
#include "mail/address.h"
#include "mail/submission.h"

struct aliases;

/* Strings are borrowed, "" is "not set". All-zero but for them at first. */
struct recipient_rules {
    const char *aliases; /* path of the file */
    const char *local;
    const char *domain;
    bool no_aliases; /* -n */
    /* Of recipients.c alone: what is looked up when the first name comes. */
    bool ready;
    struct aliases *loaded;
    char host[HOST_NAME_ROOM];
};

void recipient_rules_free(struct recipient_rules *rules);

/*
 * Adds what a recipient becomes. A name without alias at the machine's own public name stays as it
 * is while there is no `domain`; and when that public name is `domain`, it is the provider's: no
 * alias counts for it. CODE_ADDRESS for a name that nothing makes an address of, and for the null
 * path; CODE_CONFIG when `local` cannot be parsed; and what envelope_add, aliases_load and
 * aliases_expand give.
 */
enum code recipients_add(struct envelope *e, struct recipient_rules *rules, const struct address *a,
                         struct status *why) __attribute__((warn_unused_result));

/* Adds all of an address list; CODE_ADDRESS names the first member that cannot be parsed, and those
 * before it are in. */
enum code recipients_add_list(struct envelope *e, struct recipient_rules *rules, struct slice list,
                              struct status *why) __attribute__((warn_unused_result));

#endif
