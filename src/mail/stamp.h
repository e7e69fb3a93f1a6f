/* What a message is stamped with: RFC 5322 sections 3.3 and 3.6.4 to 3.6.7. */
#ifndef ORSINO_MAIL_STAMP_H
#define ORSINO_MAIL_STAMP_H

#include "base/text.h"

#include <time.h>

/* Appends "Tue, 24 Nov 2026 20:45:22 +0100": local time, English names whatever the locale. */
void stamp_add_date(struct buf *out, time_t when);

/*
 * Appends "<unique@domain>". The left side is the time and 128 random bits: neither the clock nor
 * the process id is unique among containers that start at once.
 */
void stamp_add_message_id(struct buf *out, time_t when, struct slice domain);

/*
 * Appends an id of STAMP_ID_LENGTH capital letters and digits, random, and none of them that is
 * easily taken for another: what a dialogue calls a message.
 */
enum {
    STAMP_ID_LENGTH = 12,
};
void stamp_add_id(struct buf *out);

/*
 * What the trace field says (RFC 5321 section 4.4). The client may call itself anything: bytes that
 * are in no host name or address literal become '?', and it is cut at 255 bytes.
 */
struct stamp_received {
    const char *client;   /* what it calls itself; "" while it has not said */
    const char *peer;     /* where it is, an address literal's inside: "127.0.0.1", or "local" */
    const char *host;     /* our own name */
    const char *protocol; /* RFC 3848 */
    const char *id;
    time_t when;
};

/* Appends the value of a Received field, folded with LF and a tab, without a space in front. */
void stamp_add_received(struct buf *out, const struct stamp_received *r);

#endif
