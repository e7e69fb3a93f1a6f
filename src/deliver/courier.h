/*
 * A courier carries messages of one account, any number of them over one connection. The connection
 * is made when it is first needed, and made again when the server has closed it in between.
 *
 * A message may be handed over whole (courier_send alone), or recipient by recipient as a client
 * names them (courier_ask, then courier_send), so that each of them gets the server's own answer.
 * Envelope and outcome are borrowed from the first courier_ask to courier_send or courier_forget;
 * the struct submission that points to them is copied. Another envelope is another message.
 */
#ifndef ORSINO_DELIVER_COURIER_H
#define ORSINO_DELIVER_COURIER_H

#include "base/clock.h"
#include "conf/account.h"
#include "deliver/connection.h"
#include "mail/submission.h"

struct courier; /* opaque */

/* Nothing is connected yet. The account is borrowed until courier_close. CODE_MEMORY. */
enum code courier_open(const struct account *account, struct courier **out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Until when each of what follows may take, look-up and handshake included: a message that is not
 * sent to its last byte by then is broken off with CODE_TIMEOUT, whose sentence says so. When all
 * is sent, the answer is waited for as long as the account's timeout says, since it may have been
 * taken. NULL takes the limit away.
 */
void courier_be_patient(struct courier *c, const struct deadline *until);

/* Who is told how far it has come; borrowed until courier_close. NULL for nobody. */
void courier_watch(struct courier *c, const struct watcher *watcher);

/* Says QUIT without waiting for its answer. NULL is taken. */
void courier_close(struct courier *c);

/*
 * Asks the server for those forward-paths of the envelope that were not asked for yet; the first
 * call begins the transaction with MAIL. submission->declared must be there, submission->message
 * need not. outcome->recipients has a row, all-zero, for each forward-path; those asked for are set
 * afterwards. The rows may have been moved in memory since the last call. The return value is the
 * code of a fault that ended the session: it is then the status of every recipient of the
 * transaction.
 */
enum code courier_ask(struct courier *c, const struct submission *submission,
                      struct outcome *outcome, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Sends the message: to those who were accepted when courier_ask was called for this submission,
 * else to all forward-paths. Every recipient's status is set afterwards, whatever happened. The
 * return value is the code of the session's own fault: CODE_OK does not mean that every recipient
 * was accepted. When no connection can be had, login included, the fault's stage is before
 * STAGE_MAIL, else it is not.
 */
enum code courier_send(struct courier *c, const struct submission *submission,
                       struct outcome *outcome, struct status *why)
    __attribute__((warn_unused_result));

/* Abandons what courier_ask began; the connection stays. */
void courier_forget(struct courier *c);

#endif
