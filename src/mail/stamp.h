/* What a message that lacks it is stamped with: RFC 5322 sections 3.3 and 3.6.4. */
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

#endif
