#include "deliver/courier.h"

#include "deliver/connection.h"

#include <stdio.h>
#include <stdlib.h>

struct courier {
    struct connection connection;
    struct submission submission; /* begun by courier_ask; without an envelope there is none */
    struct status fault;          /* of the session that it was begun in */
};

enum code courier_open(const struct account *account, struct courier **out, struct status *why)
{
    struct courier *c = calloc(1, sizeof *c);

    if (!c)
        return status_set(why, CODE_MEMORY, STAGE_CONNECT, "out of memory");
    connection_init(&c->connection, account);
    *out = c;
    return CODE_OK;
}

void courier_be_patient(struct courier *c, const struct deadline *until)
{
    c->connection.has_patience = until != NULL;
    if (until)
        c->connection.patience = *until;
}

void courier_watch(struct courier *c, const struct watcher *watcher)
{
    c->connection.watcher = watcher;
}

void courier_close(struct courier *c)
{
    if (!c)
        return;
    courier_forget(c);
    connection_free(&c->connection);
    free(c);
}

void courier_forget(struct courier *c)
{
    c->submission.envelope = NULL;
    if (c->connection.session)
        smtp_forget(c->connection.session);
}

/* Gives the fault to everybody who has no status of his own. */
static void settle(const struct courier *c, struct outcome *outcome)
{
    for (size_t i = 0; i < c->submission.envelope->forward_count; i++)
        if (outcome->recipients[i].code == CODE_OK)
            outcome->recipients[i] = c->fault;
}

/* The connection broke at the first word about this message: nobody has been told of it, and each
 * row with that cause has it from there. */
static void unsettle(const struct courier *c, struct outcome *outcome)
{
    for (size_t i = 0; i < c->submission.envelope->forward_count; i++) {
        struct status *one = &outcome->recipients[i];

        if (one->code == c->fault.code && one->stage == c->fault.stage &&
            one->reply == c->fault.reply)
            *one = (struct status){ .code = CODE_OK };
    }
}

/* Moves bytes, and learns what ended the session. The connection may then still say goodbye. */
static void pump(struct courier *c)
{
    connection_pump(&c->connection);
    if (connection_wants(&c->connection) != WANTS_NOTHING)
        return;
    c->fault = *smtp_fault(c->connection.session);
    /* A message that cannot be read back ends the session, too: that is no fault of the server. */
    if (c->fault.code && c->fault.stage < STAGE_MAIL)
        c->fault.stage = STAGE_BODY;
}

/* What the server may have said in a pause. */
static enum wants listen_first(struct courier *c)
{
    if (connection_wants(&c->connection) != WANTS_NOTHING)
        connection_listen(&c->connection);
    return connection_wants(&c->connection);
}

static void offer(struct courier *c, struct outcome *outcome)
{
    smtp_offer(c->connection.session, &c->submission, outcome);
    pump(c);
}

static void offer_anew(struct courier *c, struct outcome *outcome)
{
    c->fault = (struct status){ .code = CODE_OK };
    if (connection_open(&c->connection, c->submission.envelope->reverse_path, &c->fault)) {
        connection_say_where(&c->connection.settled, &c->fault);
        settle(c, outcome);
        return;
    }
    offer(c, outcome);
}

/* Whether the server had hung up already when it was told of a message. */
static bool was_closed(const struct status *fault)
{
    return fault->stage == STAGE_MAIL && (fault->code == CODE_CLOSED || fault->reply == 421);
}

static void begin(struct courier *c, const struct submission *submission, struct outcome *outcome)
{
    const struct account *account = c->connection.account;

    (void)snprintf(outcome->host, sizeof outcome->host, "%s", account->host);
    (void)snprintf(outcome->tls, sizeof outcome->tls, "none");
    outcome->said[0] = 0;
    outcome->millis = 0;
    courier_forget(c);
    c->submission = *submission;
    c->fault = (struct status){ .code = CODE_OK };
    if (listen_first(c) != WANTS_MESSAGE) {
        offer_anew(c, outcome);
        return;
    }
    offer(c, outcome);
    if (!was_closed(&c->fault))
        return;
    unsettle(c, outcome);
    offer_anew(c, outcome);
}

/* Whether courier_ask has begun with it; what is known of it by now is taken over. */
static bool is_begun(struct courier *c, const struct submission *submission)
{
    if (c->submission.envelope != submission->envelope)
        return false;
    c->submission = *submission;
    return true;
}

/* Goes on with what was begun; `step` is smtp_ask_more or smtp_complete. */
static void go_on(struct courier *c, void (*step)(struct session *))
{
    if (listen_first(c) == WANTS_MORE)
        step(c->connection.session);
    pump(c);
}

/* Writes down how it stands, where it happened, and how long it took since `began`. */
static enum code conclude(struct courier *c, const struct submission *submission,
                          struct outcome *outcome, int64_t began, struct status *why)
{
    const struct account *account = &c->connection.settled;

    outcome->port = account->port;
    if (c->connection.session)
        (void)snprintf(outcome->tls, sizeof outcome->tls, "%s",
                       stream_tls_name(c->connection.stream));
    if (c->fault.code)
        connection_say_where(account, &c->fault);
    /* What was refused before a server was asked did not happen there. */
    for (size_t i = 0; i < submission->envelope->forward_count; i++)
        if (outcome->recipients[i].stage >= STAGE_RESOLVE)
            connection_say_where(account, &outcome->recipients[i]);
    if (connection_wants(&c->connection) == WANTS_NOTHING)
        connection_close(&c->connection);
    outcome->millis += clock_ms() - began;
    *why = c->fault;
    return why->code;
}

enum code courier_ask(struct courier *c, const struct submission *submission,
                      struct outcome *outcome, struct status *why)
{
    int64_t began = clock_ms();

    if (!is_begun(c, submission))
        begin(c, submission, outcome);
    else if (c->fault.code)
        settle(c, outcome);
    else
        go_on(c, smtp_ask_more);
    return conclude(c, submission, outcome, began, why);
}

enum code courier_send(struct courier *c, const struct submission *submission,
                       struct outcome *outcome, struct status *why)
{
    int64_t began = clock_ms();

    if (!is_begun(c, submission))
        begin(c, submission, outcome);
    else if (c->fault.code)
        settle(c, outcome);
    if (connection_wants(&c->connection) == WANTS_MORE)
        go_on(c, smtp_complete);
    c->submission.envelope = NULL;
    return conclude(c, submission, outcome, began, why);
}
