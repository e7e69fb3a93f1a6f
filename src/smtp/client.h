/*
 * A session with a server, as a machine over bytes: RFC 5321 section 3.
 *
 * It never sees a socket. The one who drives it (deliver.c, a test, a fuzzer) asks what it wants,
 * sends what smtp_output gives, hands what came to smtp_input, and does the TLS handshake when
 * asked for. Any number of messages go over one session, one after the other.
 */
#ifndef ORSINO_SMTP_CLIENT_H
#define ORSINO_SMTP_CLIENT_H

#include "conf/account.h"
#include "mail/submission.h"

struct session; /* opaque */

enum wants {
    WANTS_INPUT,   /* a reply is due: send all output, then wait for bytes, at most smtp_timeout */
    WANTS_OUTPUT,  /* there is more to send than one output: send it, take what has come, go on */
    WANTS_TLS,     /* the handshake: then call smtp_secured */
    WANTS_MESSAGE, /* logged in and idle: call smtp_offer or smtp_quit */
    WANTS_MORE,    /* a transaction is held: call smtp_ask_more, smtp_complete or smtp_forget; bytes
                      that come now are a server's 421: hand them over */
    WANTS_NOTHING, /* over: see smtp_fault; output may still hold a QUIT, worth one write */
};

struct session_params {
    const struct account *account; /* borrowed; tls, auth, timeouts, pipelining, dsn */
    struct slice password;         /* borrowed until smtp_end */
    const char *ehlo_name;         /* borrowed; a host name with a dot, or an address literal */
    bool secured;                  /* TLS runs already: implicit */
    struct hello_record *record;   /* borrowed; NULL: nobody wants to know */
};

enum {
    HELLO_TEXT_ROOM = 1024,
};

/* What the server said of itself, for who probes it: lines parted by LF, cut when long, printable,
 * without their numbers. Of EHLO without the first line. `before` is what it said in the clear,
 * `after` within TLS. */
struct hello_record {
    char greeting[256];
    char before[HELLO_TEXT_ROOM], after[HELLO_TEXT_ROOM];
};

/* CODE_MEMORY. End it with smtp_end, which wipes what was secret. */
enum code smtp_begin(const struct session_params *params, struct session **out, struct status *why)
    __attribute__((warn_unused_result));
void smtp_end(struct session *s);

enum wants smtp_wants(const struct session *s);

/* The step that it is in; STAGE_NONE between messages and when it is over. */
enum stage smtp_stage(const struct session *s);

/* Milliseconds from now until the step under way has taken too long. */
int64_t smtp_timeout(const struct session *s);

/*
 * Bytes to be sent now, possibly none; they stay until smtp_sent says how many went. A flight that
 * may be pipelined comes in one piece, a message in pieces of some kilobytes.
 */
struct slice smtp_output(struct session *s);
void smtp_sent(struct session *s, size_t n);

/*
 * Bytes that came. All are used up. Bytes that come when none are due, or before the command that
 * they answer was sent, end the session.
 */
void smtp_input(struct session *s, struct slice bytes);

/* TLS runs now; what was learnt before is forgotten. */
void smtp_secured(struct session *s);

/*
 * Begins a transaction. Borrows submission and outcome until the session wants the next message or
 * nothing; each recipient's status is set by then. A recipient that has one already is not asked
 * for. The message may be given a 7-bit form.
 *
 * With submission->declared the transaction is held: MAIL goes out with the parameters that follow
 * from it, and RCPT for the forward-paths that there are, then WANTS_MORE. Forward-paths may be
 * added then, each with a row in outcome->recipients, all-zero, which may move in memory as may the
 * list of paths; when MAIL was refused they get its status without being asked for.
 */
void smtp_offer(struct session *s, const struct submission *submission, struct outcome *outcome);

/* Why the sender or the message of a held transaction was refused; CODE_OK: it was not. */
const struct status *smtp_refusal(const struct session *s);

/* Asks for those forward-paths that were added. Only while it wants more, as the next two. */
void smtp_ask_more(struct session *s);

/*
 * submission->message is there now, and is sent to those who were accepted, if anybody was. What
 * MAIL did not say of it is checked first: CODE_TOO_BIG, CODE_NO_SMTPUTF8, CODE_NO_8BITMIME are
 * then everybody's status.
 */
void smtp_complete(struct session *s);

/* Abandons the transaction; submission and outcome are not looked at any more. */
void smtp_forget(struct session *s);

/* Says RSET at once if the server still has a MAIL that came to nothing; by itself it is said
 * before the next MAIL. */
void smtp_reset(struct session *s);

void smtp_quit(struct session *s);

/*
 * The connection failed under the session: `cause` becomes its fault, with the step it was in, and
 * the status of every recipient not settled yet. After the whole message was sent that is
 * CODE_UNKNOWN_END.
 */
void smtp_lost(struct session *s, const struct status *cause);

/* Whether all of a message was sent and its reply is due: to break off now would leave nobody
 * knowing what became of it. */
bool smtp_is_committed(const struct session *s);

/* What ended it; CODE_OK when nothing went wrong with the session itself. */
const struct status *smtp_fault(const struct session *s);

#endif
