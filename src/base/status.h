/*
 * What went wrong, as a value.
 *
 * A function that can fail in the world returns an enum code and takes a struct status *why as its
 * last parameter. The first one who knows the cause fills it; everybody above hands it up
 * unchanged; only cli prints it. The struct has a fixed size, so that telling of a failure cannot
 * fail itself.
 */
#ifndef ORSINO_BASE_STATUS_H
#define ORSINO_BASE_STATUS_H

#include "base/text.h"

/* A cause, not an exit code: status.c has THE table of what follows from each. */
enum code {
    CODE_OK,
    CODE_USAGE,         /* the command line makes no sense */
    CODE_NO_RECIPIENT,  /* nobody to send to */
    CODE_ADDRESS,       /* an address that cannot be parsed or sent */
    CODE_MESSAGE,       /* a message that cannot be used */
    CODE_READ,          /* reading failed */
    CODE_FILE_MISSING,  /* a file that must be there is not */
    CODE_FILE_CREATE,   /* a file cannot be made or written */
    CODE_MEMORY,        /* no memory */
    CODE_SYSTEM,        /* another system call failed */
    CODE_BUG,           /* our own fault */
    CODE_CONFIG,        /* the INI is wrong or names no account */
    CODE_PERMISSION,    /* a file that may not be read, or that too many may read */
    CODE_RESOLVE,       /* the host name does not exist */
    CODE_RESOLVE_LATER, /* no answer from DNS now */
    CODE_REFUSED,       /* connection refused */
    CODE_UNREACHABLE,   /* no way to the host */
    CODE_TIMEOUT,       /* no answer in time */
    CODE_CLOSED,        /* the connection broke */
    CODE_UNKNOWN_END,   /* it broke after the whole message was sent: nobody knows the outcome */
    CODE_NOT_TLS,       /* the port does not speak TLS */
    CODE_TLS_AT_ONCE,   /* the port expects TLS at once, where a greeting was waited for */
    CODE_TLS_MISMATCH,  /* no version or suite of TLS that both sides speak */
    CODE_TLS,           /* the TLS handshake or a TLS record failed */
    CODE_NO_CA,         /* no certificates to verify with */
    CODE_UNTRUSTED,     /* the server's certificate is not trusted */
    CODE_NO_STARTTLS,   /* STARTTLS is not offered, or refused */
    CODE_INJECTED,      /* plaintext came where only TLS may come */
    CODE_GREETING,      /* the server greeted with a refusal, or refused EHLO */
    CODE_NO_AUTH,       /* no way to log in that both sides know, or not without TLS */
    CODE_LOGIN,         /* login refused */
    CODE_SENDER,        /* MAIL FROM refused */
    CODE_RECIPIENT,     /* RCPT TO refused */
    CODE_CONTENT,       /* the message refused, at DATA or after it */
    CODE_TOO_BIG,       /* larger than the server or the configuration takes */
    CODE_NO_8BITMIME,   /* 8-bit bytes that cannot be encoded, and a server that takes 7 bits */
    CODE_NO_SMTPUTF8,   /* an address beyond ASCII, and a server that takes none */
    CODE_PROTOCOL,      /* a reply that makes no sense */
    CODE_END
};

/* The place on the way, for people and for the table of hints. */
enum stage {
    STAGE_NONE,
    STAGE_OPTIONS,
    STAGE_CONFIG,
    STAGE_INPUT,
    STAGE_QUEUE, /* the spool on disk */
    STAGE_RESOLVE,
    STAGE_CONNECT,
    STAGE_TLS,
    STAGE_GREETING,
    STAGE_HELLO,
    STAGE_STARTTLS,
    STAGE_LOGIN,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA, /* the DATA command, before a byte of the message */
    STAGE_BODY, /* the message, up to the reply to the final dot */
    STAGE_END
};

enum {
    STATUS_WHERE_MAX = 320, /* host:port or file:line */
    STATUS_WHAT_MAX = 400,
    STATUS_SAID_MAX = 512, /* RFC 5321 section 4.5.3.1.5: a reply line */
};

struct status {
    enum code code;
    enum stage stage;
    int reply;         /* SMTP reply code, 0 when there is none */
    char enhanced[12]; /* RFC 3463 status of that reply, "5.7.1", or empty */
    int os;            /* errno, or 0 */
    char where[STATUS_WHERE_MAX];
    char what[STATUS_WHAT_MAX]; /* sentence; empty: the one of THE table */
    char said[STATUS_SAID_MAX]; /* what the other side said, printable bytes only */
};

/*
 * Each of these returns the code that why holds afterwards, so that a caller may write
 * `return status_set(why, …)`. An earlier cause in *why is kept: the first who knows is right.
 * An all-zero struct is "no failure yet".
 */
enum code status_set(struct status *why, enum code code, enum stage stage, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with an errno, whose text is added to the sentence. */
enum code status_set_errno(struct status *why, enum code code, enum stage stage, int error,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds the place, host:port or file:line, unless one is known already. */
void status_at(struct status *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds what the other side said: unprintable bytes become '?', overlong text is cut. */
void status_said(struct status *why, struct slice said);

/*
 * Whether trying again later may help: true for 4yz replies (RFC 5321 section 4.2.1) whatever the
 * code, and false for 5yz; without a reply, THE table says.
 */
bool status_is_temporary(const struct status *st);

/* The exit code of sysexits.h; 0 for CODE_OK. */
int status_exit(const struct status *st);

/*
 * The more telling of two failures, for an exit code over many recipients: a permanent one before
 * a temporary one before none, since the caller must not send again what can never be sent.
 */
const struct status *status_worse(const struct status *a, const struct status *b);

/* Appends "where: what, it said "said"" (no hint, no newline). */
void status_describe(const struct status *st, struct buf *out);

#endif
