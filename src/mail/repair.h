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
    const char *from;      /* the address for a missing From, and for those of From, Sender,
                              Resent-From and Resent-Sender that may not stay: complete, never
                              empty */
    const char *full_name; /* for a From that has to be made, or has a bare address alone; "" for
                              none */
    bool replaces_local;   /* in those four, names that are bare or at a local host become `from`,
                              and do not get the domain: from_header = fill or force */
    /* Whether an address may stay in those four; NULL: all may. */
    bool (*keeps_from)(const void *context, const char *spec);
    const void *context;
    const char *received;  /* the value of a Received field to put in front, NULL for none */
    const char *id_domain; /* right side of a Message-ID that has to be made; never empty */
    time_t now;            /* for a Date that has to be made */
};

/*
 * An address in From, Sender, Resent-From or Resent-Sender is replaced by `from` when it is bare or
 * at a local host (host.h) and replaces_local says so, when it is bare and there is no domain, or
 * when keeps_from does not keep it, asked for what the domain made of it. One that equals `from` is
 * never replaced, neither is a bare name that the domain makes equal to it. Text that cannot be
 * parsed counts as replaced when there is a keeps_from, and with replaces_local when nothing in the
 * field can be parsed.
 * - It keeps its display name; without one, a comment becomes it, or in From the full name if the
 *   address was bare or local, else the local part: programs that filter spam dislike a whole
 *   address there.
 * - Several that are replaced in one field become one.
 * - What From said goes into X-Original-From, unless the message has one. What Sender said is not
 *   kept.
 * - Answers go where they went: without a Reply-To, the addresses of the old From become one if a
 *   complete one at no local host was replaced; local ones are left out.
 * - Sender goes when it is replaced and From is `from` alone.
 *
 * What it does, to the whole block:
 * - puts Received in front, if there is one;
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
 * - with a domain, counts an address at a local host as a bare name in From, Sender and their
 *   Resent- kin: providers refuse root@vm there. As a recipient it may be somebody, and stays;
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
 * Fields that cannot be parsed are left as they are, but for bytes that may not be sent; where a
 * From is not to be replaced, the provider judges it. Fields that need no repair are kept to the
 * byte, and all in their order. CODE_MEMORY, CODE_MESSAGE when the repaired block is over twice
 * MESSAGE_HEADER_MAX; the message is then as it was.
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
