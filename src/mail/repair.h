/*
 * The repairs that make what callers write acceptable to a provider. All of them change the header
 * block, once, in one pass, after the account is known; the list is in orsino(8), section MESSAGE.
 * What depends on the server comes later, in message_make_7bit.
 */
#ifndef ORSINO_MAIL_REPAIR_H
#define ORSINO_MAIL_REPAIR_H

#include "mail/message.h"

#include <time.h>

struct repair_policy {
    const char *domain;    /* for bare names in From, Sender, To, Cc, Reply-To and the Resent- ones;
                              "" leaves them bare in recipient fields */
    const char *from;      /* the address for a missing From, and, without a domain, for a bare one
                              in From, Sender and the Resent- ones: complete, never empty */
    const char *full_name; /* for a From that has to be made, or has a bare address alone; "" for
                              none */
    const char *id_domain; /* right side of a Message-ID that has to be made; never empty */
    time_t now;            /* for a Date that has to be made */
};

/*
 * What it does, to the whole block:
 * - adds Date, From and Message-ID at its end when they are missing or say nothing (names are
 *   compared without regard to case);
 * - drops Bcc, Resent-Bcc, Return-Path, Content-Length, and fields that must have a value and have
 *   none; drops all but the first with a value of those that RFC 5322 section 3.6 allows once, but
 *   joins several To or Cc into one;
 * - drops a field whose name fills a line (over FOLD_NAME_MAX).
 *
 * To each field:
 * - qualifies bare names; a lone comment becomes the display name: `root (Cron Daemon)` becomes
 *   `Cron Daemon <root@domain>`;
 * - with a domain, counts an address at a host without a dot, at localhost or below localdomain as
 *   a bare name in From, Sender, Resent-From and Resent-Sender: providers refuse root@vm there. As
 *   a recipient it may be somebody, and stays;
 * - encodes raw 8-bit text (RFC 2047); only UTF-8 addresses stay, and m->header_8bit says so;
 * - makes control characters (NUL too) spaces, but for tab; takes white space before the colon and
 *   continuation lines of white space alone away;
 * - folds lines over MESSAGE_LINE_MAX at white space, else hard.
 *
 * For the body, unless a signature covers it:
 * - gives an 8-bit body the MIME fields that it lacks, and the label 8bit if it is one part;
 * - sets m->encoding and the label quoted-printable when a single-part text body has a line over
 *   MESSAGE_LINE_MAX, or a NUL;
 * - makes the label binary, which needs an extension few servers have, 8bit or 7bit, if it can be.
 *
 * Fields that cannot be parsed are left as they are, but for bytes that may not be sent; a From
 * too: the provider judges it, and its author is not ours to guess. Fields that need no repair are
 * kept to the byte, and all in their order. CODE_MEMORY, CODE_MESSAGE when the repaired block is
 * over twice MESSAGE_HEADER_MAX; the message is then as it was.
 */
enum code message_repair(struct message *m, const struct repair_policy *policy, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Gives the body a form that a 7-bit server takes. CODE_NO_8BITMIME when that would need taking it
 * apart: only a single-part text message that is not signed can be encoded as a whole.
 */
enum code message_make_7bit(struct message *m, struct status *why)
    __attribute__((warn_unused_result));

#endif
