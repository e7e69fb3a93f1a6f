/*
 * One account, complete: every key of the INI with the value that holds for it. The values come
 * from config_account(), which looks into the account's section, then into [orsino], then takes
 * the default. What is here looks at these values alone and knows no file they came from.
 */
#ifndef ORSINO_CONF_ACCOUNT_H
#define ORSINO_CONF_ACCOUNT_H

#include "base/status.h"

enum tls_mode {
    TLS_UNSET, /* never after config_account(): the port decides */
    TLS_IMPLICIT,
    TLS_STARTTLS,
    TLS_AUTO, /* one of the two, found out at each connection; after config_account() only at an
                 unusual port */
    TLS_NONE,
};

enum {
    ACCOUNT_SECOND_PORT = 587, /* with STARTTLS, when port_is_open and the first cannot be had */
};

enum auth_mode {
    AUTH_AUTO, /* the best that both sides know, when there is a user */
    AUTH_PLAIN,
    AUTH_LOGIN,
    AUTH_NONE,
};

enum from_header_mode {
    FROM_HEADER_FILL,  /* one that is missing, bare or at a local host gets the account's address */
    FROM_HEADER_KEEP,  /* what is there stays; a bare name gets the domain */
    FROM_HEADER_FORCE, /* always the account's address */
};

enum delivery_mode {
    DELIVERY_DIRECT,     /* try now, keep on a temporary failure */
    DELIVERY_BACKGROUND, /* keep first, then try without the caller */
    DELIVERY_QUEUE,      /* keep, for the next run of the queue */
};

enum dots_mode {
    DOT_TERMINATES_AUTO,
    DOT_TERMINATES_YES,
    DOT_TERMINATES_NO,
};

struct account {
    const char *name; /* of its section */
    bool is_callers;  /* from a file that the caller named, and that is not root's */
    /* Globals */
    const char *default_account;
    const char *domain;   /* "" when not set */
    const char *hostname; /* for EHLO; "" when not set */
    const char *log;
    enum dots_mode dot_terminates;
    uint64_t max_message;   /* bytes */
    const char *aliases;    /* the file, "" for none */
    const char *local;      /* the address of bare recipients without an alias, "" for none */
    const char *allow_from; /* list of patterns as of match: senders that callers may choose; "" for
                               all */
    const char *listen;     /* of the relay, as net/listen.h reads it */
    const char *listen_allow; /* networks that may use it, "" for this machine alone */
    const char *listen_users; /* file of names and password hashes, "" for none */
    const char *listen_cert;  /* PEM, "" for no TLS */
    const char *listen_key;   /* PEM, "" for the one in listen_cert */
    unsigned listen_max;      /* connections at once */
    const char *queue;        /* the spool's folder, "" for none. Without the key it is
                                 QUEUE_FOLDER for SYSTEM_CONFIG, where that folder is there; below
                                 $XDG_STATE_HOME for a user's own file; none for others */
    bool queue_is_default;    /* nothing says so: the folder of a user's own file is made */
    enum delivery_mode delivery;
    int64_t patience;       /* milliseconds */
    int64_t queue_lifetime; /* milliseconds */
    bool keep_failed;
    bool bounce;
    /* The provider */
    const char *provider; /* name of a row in provider.h, "" for none */
    const char *region;   /* of a provider that has several, "" for its usual one */
    const char *host;
    unsigned port; /* never 0 after config_account() */
    enum tls_mode tls;
    bool port_is_open;    /* neither says where: 465 implicit, then 587 with STARTTLS; until it is
                             known, port and tls are the first */
    const char *tls_name; /* name in the certificate, and SNI; "" for host */
    const char *ca_file;  /* "" for the system's bundle */
    const char *fingerprint; /* SHA-256 of the server's certificate, 64 small hexadecimal digits,
                                which is then believed whatever else it says; "" for none */
    enum auth_mode auth;
    const char *user;     /* "" for no login */
    const char *password; /* a secret */
    const char *password_file;
    /* The sender */
    const char *from;      /* "" when not set */
    const char *full_name; /* "" when not set */
    enum from_header_mode from_header;
    const char *match; /* list of patterns, "" for none */
    /* The session */
    int64_t timeout;         /* milliseconds for each reply */
    int64_t connect_timeout; /* milliseconds for each address, TLS handshake included */
    bool pipelining;
    unsigned dsn_notify; /* of enum dsn_notify, for callers that give no -N; 0 for none */
    int dsn_return;      /* enum dsn_return, for callers that give no -R */
};

enum {
    ACCOUNT_NAME_ROOM = 128, /* a name that a provider gives, with its NUL */
    FINGERPRINT_ROOM = 65,
};

/* Strings that account_settle makes; they must live as long as the account and its copies. */
struct account_strings {
    char host[ACCOUNT_NAME_ROOM];
    char user[ACCOUNT_NAME_ROOM];
    char fingerprint[FINGERPRINT_ROOM];
};

/*
 * Fills host, port, tls and a user that is always the same from the provider, where the account
 * says nothing of them; lets tls and port follow from each other (implicit 465, starttls 587 and
 * 25, none 25; both open when neither is said, TLS_AUTO at an unusual port); brings the fingerprint
 * into its form; and checks what must be said together. CODE_CONFIG names the key.
 */
enum code account_settle(struct account *account, struct account_strings *strings,
                         struct status *why) __attribute__((warn_unused_result));

/*
 * Writes the 64 digits of a fingerprint, small, without the colons and spaces that may stand
 * between them; "" for an empty one. False when it is neither.
 */
bool account_fingerprint(const char *text, char out[FINGERPRINT_ROOM])
    __attribute__((warn_unused_result));

/*
 * Whether a pattern of the list `match` fits the sender: an address, or @domain, both with '*' and
 * '?', without regard to case. Nothing fits an empty sender or an empty list.
 */
bool account_matches(const char *match, const char *sender);

/*
 * The password: `password`, or the first line of `password_file`. Goes into *secret, which the
 * caller initialised with a maximum and wipes. The file may be readable by others, since container
 * secrets are; it is refused when others can write it, or when it belongs to neither root nor the
 * real user; for an account that is_callers it must be his. It is opened with our rights where the
 * caller's do not suffice. CODE_CONFIG, CODE_PERMISSION, CODE_FILE_MISSING, CODE_READ, CODE_MEMORY.
 */
enum code account_password(const struct account *account, struct buf *secret, struct status *why)
    __attribute__((warn_unused_result));

#endif
