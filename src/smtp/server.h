/*
 * The server side of SMTP, as a machine over bytes: RFC 5321, for -bs and for the relay.
 *
 * It never sees a socket, a file or an account. The one who drives it asks what it wants, sends
 * what server_output gives, hands what came to server_input, and answers what only he can know:
 * whether a sender, a recipient or a whole message is taken. A reply is said when that answer is
 * there, and not before, so it is true.
 *
 * Lines end in CR LF and in nothing else. A CR or LF alone ends no command, no line and no message
 * (CVE-2023-51764 and its kin): a command that holds one is refused with 500, a message with 550
 * once its real end has come.
 */
#ifndef ORSINO_SMTP_SERVER_H
#define ORSINO_SMTP_SERVER_H

#include "mail/address.h"
#include "mail/submission.h"

struct server; /* opaque */

enum {
    SERVER_RECIPIENTS_MAX =
        1000,                   /* of one message; more than RFC 5321 section 4.5.3.1.8 asks for */
    SERVER_ERRORS_MAX = 20,     /* commands that were refused; then 421 and the end */
    SERVER_COMMAND_MAX = 12288, /* a command line, for AUTH; others may have 2048 */
};

enum server_wants {
    SERVER_WANTS_INPUT,  /* send all output, then wait for bytes, at most server_timeout */
    SERVER_WANTS_TLS,    /* send all output, read nothing more in the clear, do the handshake, then
                            call server_secured */
    SERVER_WANTS_LOGIN,  /* server_login has name and password: answer */
    SERVER_WANTS_RESET,  /* the transaction that a taken SENDER began is abandoned: forget it,
                            then answer OK */
    SERVER_WANTS_SENDER, /* server_mail is new: answer */
    SERVER_WANTS_RECIPIENT, /* server_recipient is new: answer */
    SERVER_WANTS_CONTENT,   /* take server_content, then server_content_done */
    SERVER_WANTS_DELIVERY,  /* the message is whole: answer, with its fate */
    SERVER_WANTS_NOTHING,   /* over: send the output, close */
};

struct server_params {
    const char *name;     /* borrowed; this host's, for the greeting */
    uint64_t max_message; /* bytes, what SIZE announces; 0: no limit */
    int64_t timeout;      /* milliseconds until 421, for a whole command, or for the next bytes of a
                             message; 0: for ever */
    int64_t grace;        /* milliseconds in which a client that must log in has to; 0: for ever */
    bool offers_starttls; /* while it is not secured */
    bool secured;         /* TLS runs already: implicit */
    bool offers_login;    /* AUTH */
    bool wants_login;     /* and MAIL needs it */
    bool login_needs_tls; /* AUTH only once it is secured: over a network */
};

/* CODE_MEMORY. The greeting is in the output at once. */
enum code server_begin(const struct server_params *params, struct server **out, struct status *why)
    __attribute__((warn_unused_result));
void server_end(struct server *d);

enum server_wants server_wants(const struct server *d);

/* Milliseconds until the client has been silent for too long; INT_MAX when there is no limit. */
int64_t server_timeout(const struct server *d);

/* Bytes to be sent, possibly none; they stay until server_sent says how many went. */
struct slice server_output(const struct server *d);
void server_sent(struct server *d, size_t n);

/*
 * Bytes that came. Returns how many were used up: it stops where it wants something else than
 * input, or where much is to be sent first, and gets the rest again when it wants input and all
 * output is sent. What follows STARTTLS in the same bytes ends the session (CVE-2011-0411).
 */
size_t server_input(struct server *d, struct slice bytes);

/* No more bytes will come: what was half said is forgotten. A last command that only LF ended, or
 * nothing, is answered with 500 all the same: somebody typed it into a pipe. */
void server_closed(struct server *d);

/* The client was silent for too long: 421. */
void server_timed_out(struct server *d);

/* We are asked to stop, as by SIGTERM: 421 instead of the next transaction. */
void server_stop(struct server *d);

/* TLS runs now; what was said before is forgotten (RFC 3207 section 4.2). */
void server_secured(struct server *d);

/*
 * The answer to LOGIN, RESET, SENDER, RECIPIENT and DELIVERY. `why` with CODE_OK takes it, and
 * `text` is then said after the code (NULL: the usual words): for DELIVERY
 * "Ok: queued as " and an id, which Symfony looks for. Else the reply that a server gave, its code
 * and words, when why->reply has one; else a code that follows from why->code, and its sentence.
 */
void server_answer(struct server *d, const struct status *why, const char *text);

/* What the client calls itself, "" before HELO. */
const char *server_client_name(const struct server *d);

/* "SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA", "UTF8SMTP…": RFC 3848, RFC 6531 section 4.3. */
const char *server_protocol(const struct server *d);

/* The login that was accepted, "" without one. */
const char *server_user(const struct server *d);

struct server_login {
    struct slice user, password; /* valid until the answer, which wipes them */
};
struct server_login server_login(const struct server *d);

/* What MAIL said. Slices and strings are valid until the next MAIL or RSET. */
struct server_mail {
    struct address reverse_path; /* length 0: the null path; may be a bare name */
    struct declared declared;    /* SIZE, BODY, SMTPUTF8 */
    enum dsn_return dsn_return;
    const char *envelope_id; /* xtext, NULL without one */
};
const struct server_mail *server_mail(const struct server *d);

/* What RCPT said; valid until the answer. */
struct server_recipient {
    struct address forward_path; /* may be a bare name: postmaster, root */
    unsigned notify;             /* of enum dsn_notify, 0 when not given */
    const char *original;        /* ORCPT as it came, "rfc822;" and xtext; NULL without one */
};
const struct server_recipient *server_recipient(const struct server *d);

/* Bytes of the message: dots are unstuffed, lines end in CR LF. May be changed in place. */
char *server_content(struct server *d, size_t *n);
void server_content_done(struct server *d);

#endif
