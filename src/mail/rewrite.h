/*
 * The values of structured fields, rewritten so that they may be sent. What needs no repair is kept
 * to the byte.
 */
#ifndef ORSINO_MAIL_REWRITE_H
#define ORSINO_MAIL_REWRITE_H

#include "base/text.h"

/* What becomes of a bare name in an address list. Empty slices: it stays bare. */
struct rewrite {
    struct slice domain;    /* for root to become root@domain */
    bool drops_local;       /* with a domain, root@vm and root@localhost are bare names as well */
    struct slice fallback;  /* the whole address that takes its place when domain is empty */
    struct slice full_name; /* the display name of one that has neither name nor comment */
};

/*
 * Appends an address list. A lone comment at a bare name becomes its display name; raw 8-bit names
 * and comments become encoded words, but a UTF-8 address stays as it is (RFC 6532). A member that
 * cannot be parsed is kept, but for its 8-bit words.
 */
void rewrite_addresses(struct buf *out, struct slice list, const struct rewrite *how);

/* Whether an address list has something to offer: an address, or text that cannot be parsed. */
bool rewrite_has_address(struct slice list);

/*
 * Appends the value of Content-Type or Content-Disposition. A raw 8-bit parameter becomes encoded
 * words in quotes. RFC 2047 does not have it so, but all readers decode it, since the mailers in
 * the field have always written it; RFC 2231 they do not all know.
 */
void rewrite_parameters(struct buf *out, struct slice value);

#endif
