/*
 * From the bytes of one address to its spec in struct address: without comments, folding and
 * needless quotes, so that equal addresses are equal bytes.
 */
#ifndef ORSINO_MAIL_SPEC_H
#define ORSINO_MAIL_SPEC_H

#include "mail/address.h"

/* One address as written, before and after its '@'; gaps may stand around every word of it. */
struct written {
    struct slice local, domain;
    bool has_domain;
};

/* Sets spec, length, at and utf8 of an all-zero *a. NULL, or words that say what is wrong with it.
 */
const char *spec_write(struct address *a, const struct written *w);

/* Appends '@' and the domain to the local part that is all of *a. NULL, or what is wrong. */
const char *spec_add_domain(struct address *a, struct slice domain);

#endif
