/* What callers and clients say of delivery status notifications: RFC 3461. */
#ifndef ORSINO_MAIL_DSN_H
#define ORSINO_MAIL_DSN_H

#include "base/text.h"

enum {
    DSN_ENVELOPE_ID_MAX = 100, /* section 4.4 */
};

enum dsn_notify {
    DSN_NOTIFY_UNSET = 0,
    DSN_NOTIFY_NEVER = 1,
    DSN_NOTIFY_SUCCESS = 2,
    DSN_NOTIFY_FAILURE = 4,
    DSN_NOTIFY_DELAY = 8,
};

enum dsn_return {
    DSN_RETURN_UNSET,
    DSN_RETURN_HEADERS,
    DSN_RETURN_FULL,
};

/* "never", or a list of "success", "failure" and "delay" with commas, in any case: or'ed values of
 * enum dsn_notify. DSN_NOTIFY_UNSET for anything else. */
unsigned dsn_parse_notify(struct slice list);

/* "hdrs" or "full", in any case; DSN_RETURN_UNSET for anything else. */
enum dsn_return dsn_parse_return(struct slice word);

/* Whether s is xtext (section 4), and not empty. */
bool dsn_is_xtext(struct slice s);

/* Whether s is an envelope id (section 4.4): xtext of up to DSN_ENVELOPE_ID_MAX bytes, and what it
 * stands for can be printed. */
bool dsn_is_envelope_id(struct slice s);

#endif
