/*
 * What a certificate says of itself (RFC 5280 section 4.1), read without judging it: who, by whom,
 * from when to when, for which names. The judge is BearSSL (trust.h); this is for choosing the CAs
 * to show to it, for what it does not look at, and for telling people why it refused.
 *
 * Slices given point into the certificate's bytes.
 */
#ifndef ORSINO_NET_CERTIFICATE_H
#define ORSINO_NET_CERTIFICATE_H

#include "base/text.h"

struct certificate {
    struct slice issuer, subject;       /* whole DER elements, as names are compared */
    struct slice not_before, not_after; /* whole DER elements, see certificate_time */
    struct slice rest;                  /* what follows the subject: the key, the extensions */
};

enum {
    CERTIFICATE_TIME_ROOM = 16, /* YYYYMMDDHHMMSS and a NUL */
    CERTIFICATE_NAME_ROOM = 96,
};

enum certificate_extension {
    EXTENSION_ALT_NAMES, /* subjectAltName */
    EXTENSION_EXTENDED_USAGE,
};

/* The tags of the alternative names that matter here, RFC 5280 section 4.2.1.6. */
enum {
    ALT_NAME_DNS = 0x82,
    ALT_NAME_IP = 0x87,
};

/*
 * Reads the front of a certificate, down to its subject. `der` may be cut after that, so that a
 * bundle need not be decoded to the end. False when it is no certificate, or cut before that.
 */
bool certificate_read(struct slice der, struct certificate *c);

/* Whether issuer and subject are the same; the signature is not looked at. */
bool certificate_is_self_issued(const struct certificate *c);

/* The content of an extension, which is the inside of a SEQUENCE; false when there is none. */
bool certificate_extension(const struct certificate *c, enum certificate_extension which,
                           struct slice *inside);

/* Takes the next name off the inside of EXTENSION_ALT_NAMES; false at the end. */
bool certificate_next_alt_name(struct slice *inside, unsigned *tag, struct slice *value);

/* Whether it may be shown by a TLS server: no extended usage, or one that says serverAuth or any
 * (RFC 5280 section 4.2.1.12). */
bool certificate_may_serve(const struct certificate *c);

/* Whether it has extensions at all: one without is of the times before "CA" could be said. */
bool certificate_has_extensions(const struct certificate *c);

/* A time as YYYYMMDDHHMMSS, which sorts as text; "" when it is malformed. */
void certificate_time(struct slice time, char out[CERTIFICATE_TIME_ROOM]);

/* Whether `now`, as certificate_time gives it, is after the certificate's time, or within it. What
 * cannot be read is never valid. */
bool certificate_is_past(const struct certificate *c, const char *now);
bool certificate_is_valid(const struct certificate *c, const char *now);

/* A name for people, "R11, Let's Encrypt": common name and organisation, printable, cut when long.
 */
void certificate_name(struct slice name, char out[CERTIFICATE_NAME_ROOM]);

#endif
