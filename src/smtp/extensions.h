/* What a server says of itself in the reply to EHLO: RFC 5321 section 4.1.1.1. */
#ifndef ORSINO_SMTP_EXTENSIONS_H
#define ORSINO_SMTP_EXTENSIONS_H

#include "base/text.h"

enum extension {
    EXTENSION_STARTTLS = 1 << 0,   /* RFC 3207 */
    EXTENSION_PIPELINING = 1 << 1, /* RFC 2920 */
    EXTENSION_SIZE = 1 << 2,       /* RFC 1870 */
    EXTENSION_8BITMIME = 1 << 3,   /* RFC 6152 */
    EXTENSION_SMTPUTF8 = 1 << 4,   /* RFC 6531 */
    EXTENSION_DSN = 1 << 5,        /* RFC 3461 */
    EXTENSION_AUTH = 1 << 6,       /* RFC 4954 */
};

struct extensions {
    unsigned offered;     /* of enum extension */
    uint64_t size_limit;  /* 0: none named */
    unsigned mechanisms;  /* of enum sasl_mechanism, see sasl.h */
    char auth_words[128]; /* the AUTH lines' words as they came, each once, for messages */
};

/*
 * Reads the text of a reply to EHLO: lines parted by LF, the first one is the server's name.
 * Keywords in any case, more white space than there should be, and the old "AUTH=PLAIN LOGIN" are
 * understood; what is not, is passed over.
 */
void extensions_parse(struct slice reply_text, struct extensions *out);

#endif
