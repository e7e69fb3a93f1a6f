/*
 * THE table of INI keys: it drives parsing, checking, the defaults, and the test that compares it
 * with orsino.ini(5). A new key is one row here, one field in struct account, one paragraph there.
 * Each key is also a variable of the environment: environment.h.
 */
#ifndef ORSINO_CONF_KEYS_H
#define ORSINO_CONF_KEYS_H

#include "base/status.h"
#include "conf/account.h"

/* The strings first, up to KEY_HOST: such a field is "" when nothing sets it. */
enum key_type {
    KEY_TEXT,
    KEY_PATH,        /* absolute, or a word of choices */
    KEY_ADDRESS,     /* one address, with '@', or "" */
    KEY_FINGERPRINT, /* 64 hexadecimal digits, with colons and spaces, or "" */
    KEY_HOST,        /* a host name or address, without port and without :// */
    KEY_BOOL,        /* yes no true false on off 1 0 */
    KEY_NUMBER,      /* decimal, min to max */
    KEY_SIZE,        /* 50M: bytes, with k, M or G (powers of 1024) */
    KEY_TIME,        /* 30s: into milliseconds, with s, m, h or d; a bare number is seconds */
    KEY_CHOICE,      /* a word of choices */
    KEY_FLAGS,       /* a list of the words of choices, or'ed */
};

enum key_flag {
    KEY_GLOBAL = 1, /* in [orsino] only */
    KEY_SECRET = 2, /* never shown; '#' and ';' must be quoted even after white space */
};

enum {
    KEYS_MAX = 64, /* rows that the table may have */
};

struct choice {
    const char *word;
    unsigned value;
};

struct key {
    const char *name;
    enum key_type type;
    unsigned flags;
    size_t offset; /* in struct account */
    uint64_t min, max;
    const struct choice *choices; /* up to a NULL word */
    const char *fallback;         /* the default, as it would be written */
    const char *help;             /* half a line */
};

/* THE table; *count rows. */
const struct key *keys_all(size_t *count);

/* The row of that name without regard to case, or NULL. */
const struct key *keys_find(struct slice name);

/* The name of the row nearest to a misspelt one, NULL when none is near. */
const char *keys_nearest(struct slice name);

/*
 * Parses text by the row into the field of *account. Strings are borrowed from `text`, which must
 * live as long as the account. CODE_CONFIG with a sentence that says what the key takes; a secret
 * is never repeated in it.
 */
enum code keys_parse(const struct key *key, const char *text, struct account *account,
                     struct status *why) __attribute__((warn_unused_result));

#endif
