/*
 * The inside of a session, shared by the files that hold its steps: hello.c (greeting to login),
 * transaction.c (one message), parameters.c (what MAIL and RCPT say), client.c (the machine that
 * moves from step to step).
 *
 * A step is a row of THE table in client.c. Its handler gets a reply and returns the next step;
 * only the machine sets it. With PIPELINING the commands of a transaction run ahead of their
 * replies, yet the steps walk through the replies one by one: `asked` counts commands sent,
 * `answered` replies got.
 */
#ifndef ORSINO_SMTP_SESSION_H
#define ORSINO_SMTP_SESSION_H

#include "base/clock.h"
#include "mail/wire.h"
#include "smtp/client.h"
#include "smtp/extensions.h"
#include "smtp/reply.h"
#include "smtp/sasl.h"

enum {
    SESSION_OUT_MAX = 64 * 1024,
    SESSION_FLIGHT = 16 * 1024, /* no further command is added to a flight of this size */
    SESSION_PIECE = 16 * 1024,  /* of a message: one full TLS record */
};

enum step {
    STEP_GREETING,
    STEP_EHLO,
    STEP_HELO,
    STEP_STARTTLS,
    STEP_TLS, /* the driver does the handshake */
    STEP_AUTH,
    STEP_AUTH_ROUND,
    STEP_READY, /* for a message */
    STEP_RSET,
    STEP_MAIL,
    STEP_RCPT,
    STEP_HELD, /* all is answered; more recipients or the message are still to come */
    STEP_DATA,
    STEP_BODY, /* the message is being sent */
    STEP_DOT,  /* its last dot is sent */
    STEP_OVER,
    STEP_END
};

/*
 * One message under way. Commands are counted: 0 is MAIL, 1 to n are RCPT, n + 1 is DATA. While it
 * is held n may grow and DATA is not said.
 */
struct transaction {
    const struct submission *submission; /* NULL when there is none */
    struct outcome *outcome;
    bool held; /* the message is still to come */
    size_t asked, answered;
    size_t accepted;       /* recipients */
    struct status refusal; /* of the sender or the whole message: also of recipients to come */
    unsigned mail_options; /* of enum extension: which parameters MAIL carries */
    uint64_t mail_size;    /* what SIZE says */
    struct wire wire;
};

struct session {
    struct session_params params;
    enum step step;
    struct deadline deadline;
    bool secured;
    bool half_open; /* MAIL was accepted and no message followed: RSET before the next */
    struct reply_parser parser;
    struct extensions extensions;
    struct sasl sasl;
    struct buf out;
    bool unspeakable; /* a command could not be built: it held a line end, or was too long */
    struct transaction transaction;
    struct status fault;
};

/* Appends a command and its CRLF, and traces it. */
void session_say(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what -v must not show: `shown` is traced instead. Without CRLF in `secret`. */
void session_say_secret(struct session *s, struct slice secret, const char *shown);

/*
 * The session cannot go on: status becomes its fault and that of each recipient not settled yet;
 * output that was not sent is dropped.
 * These return the step that follows, so that a handler may `return session_fail(…)`.
 */
enum step session_fail(struct session *s, const struct status *cause);

/* The same, with a QUIT where the server would understand one. */
enum step session_leave(struct session *s, const struct status *cause);

/* The same for a refusal in a reply. */
enum step session_refused(struct session *s, enum code code, enum stage stage,
                          const struct reply *reply, const char *sentence);

/* hello.c */
enum step got_greeting(struct session *s, const struct reply *reply);
enum step got_ehlo(struct session *s, const struct reply *reply);
enum step got_helo(struct session *s, const struct reply *reply);
enum step got_starttls(struct session *s, const struct reply *reply);
enum step got_auth(struct session *s, const struct reply *reply);
void ask_ehlo(struct session *s);
void ask_helo(struct session *s);
void ask_starttls(struct session *s);

/* transaction.c */
enum step transaction_begin(struct session *s);
enum step transaction_go_on(struct session *s);    /* forward-paths were added */
enum step transaction_complete(struct session *s); /* the message is there */
enum step got_rset(struct session *s, const struct reply *reply);
enum step got_mail(struct session *s, const struct reply *reply);
enum step got_rcpt(struct session *s, const struct reply *reply);
enum step got_held(struct session *s, const struct reply *reply);
enum step got_data(struct session *s, const struct reply *reply);
enum step got_early(struct session *s, const struct reply *reply);
enum step got_dot(struct session *s, const struct reply *reply);
void ask_rset(struct session *s);
void ask_transaction(struct session *s);

/* Fills s->out with the next piece of the message. The step that follows: BODY, DOT or OVER. */
enum step transaction_send(struct session *s);

/* Gives every recipient without a status of its own this one. */
void transaction_settle(struct transaction *t, const struct status *cause);

/* Whether all of a message was sent, and somebody may have accepted it. */
bool transaction_in_doubt(const struct session *s);

/* Whether replies to commands already sent are still to come behind the one under way. */
bool transaction_outstanding(const struct session *s);

/* Whether a server may speak up unasked, to say that it closes: the client's pauses are long. */
bool transaction_is_held(const struct session *s);

/*
 * parameters.c: settles what can be settled before the server is asked, what it offers against what
 * we have. The first two choose what MAIL carries, the first for a message that is there. The third
 * is for a message that comes after MAIL was said. CODE_TOO_BIG, CODE_NO_SMTPUTF8,
 * CODE_NO_8BITMIME, CODE_ADDRESS for the sender, CODE_READ, CODE_MEMORY.
 */
enum code parameters_choose(struct session *s, struct status *why);
enum code parameters_choose_declared(struct session *s, struct status *why);
enum code parameters_check_message(struct session *s, struct status *why);

/* Gives each forward-path that cannot be asked for, and was not yet, a status that says so. */
void parameters_check_paths(struct session *s);

/* MAIL FROM, or RCPT TO for the forward-path at index. */
void say_mail(struct session *s);
void say_rcpt(struct session *s, size_t index);

static inline const struct envelope *envelope_of(const struct session *s)
{
    return s->transaction.submission->envelope;
}

static inline bool offers(const struct session *s, enum extension extension)
{
    return (s->extensions.offered & extension) != 0;
}

#endif
