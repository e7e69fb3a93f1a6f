/*
 * The values of structured fields, rewritten so that they may be sent. What needs no repair is kept
 * to the byte.
 */
#ifndef ORSINO_MAIL_REWRITE_H
#define ORSINO_MAIL_REWRITE_H

#include "base/text.h"

/* What becomes of the addresses of a list. With all of it zero they stay as they are. */
struct rewrite {
    struct slice domain; /* for root to become root@domain; empty: it stays bare */
    /* For the fields of the sender's side alone: */
    struct slice from;      /* the address that takes the place of others; empty: of none */
    struct slice full_name; /* the display name of one that has neither name nor comment, and is
                               bare or at a local host */
    bool replaces_local;    /* it takes the place of bare names and of addresses at a local host */
    bool (*keeps)(const void *context, const char *spec); /* of each for which this is false, and
                                                             of text that cannot be parsed; NULL:
                                                             all are kept */
    const void *context;
};

/*
 * Appends an address list. A lone comment at a bare name becomes its display name; raw 8-bit names
 * and comments become encoded words, but a UTF-8 address stays as it is (RFC 6532). A member that
 * cannot be parsed is kept, but for its 8-bit words.
 *
 * With how->from it is a list of senders. An address equal to it stays as written. Others at a
 * local host are bare names as well, if there is a domain or they are replaced. A bare name that
 * would stay bare is replaced, and so is text in which nothing can be parsed, if local ones are. If
 * any is replaced the list is written anew, `from` once in the place of the first of them, with the
 * display name that one had, its comment, the full name, or its local part.
 */
void rewrite_addresses(struct buf *out, struct slice list, const struct rewrite *how);

/* What rewrite_addresses makes of a list of senders. */
struct rewritten {
    bool is_replaced;   /* at least one of them, or text that cannot be parsed */
    bool is_sole;       /* how->from, and no other address, is what is left */
    bool loses_replies; /* one is replaced that others could answer to: rewrite_replies */
};
struct rewritten rewrite_judge(struct slice list, const struct rewrite *how);

/* Appends those of a list that can be answered to from elsewhere: complete, and at no local host.
 */
void rewrite_replies(struct buf *out, struct slice list);

/* Whether an address list has something to offer: an address, or text that cannot be parsed. */
bool rewrite_has_address(struct slice list);

/*
 * Appends the value of Content-Type or Content-Disposition. A raw 8-bit parameter becomes encoded
 * words in quotes. RFC 2047 does not have it so, but all readers decode it, since the mailers in
 * the field have always written it; RFC 2231 they do not all know.
 */
void rewrite_parameters(struct buf *out, struct slice value);

#endif
