/* One message over a session: RFC 5321 section 3.3, with the extensions that the server offers. */
#include "smtp/session.h"

#include <stdio.h>

void transaction_settle(struct transaction *t, const struct status *cause)
{
    if (!t->submission)
        return;
    for (size_t i = 0; i < t->submission->envelope->forward_count; i++)
        if (t->outcome->recipients[i].code == CODE_OK)
            t->outcome->recipients[i] = *cause;
}

/* The transaction is over for the server, too, or was never begun. */
static enum step end_transaction(struct session *s)
{
    s->transaction.submission = NULL;
    return STEP_READY;
}

static enum step settle_with_reply(struct session *s, enum code code, enum stage stage,
                                   const struct reply *reply, const char *sentence)
{
    struct status cause = { 0 };

    (void)status_set(&cause, code, stage, "%s", sentence);
    reply_describe(reply, &cause);
    transaction_settle(&s->transaction, &cause);
    return end_transaction(s);
}

/* Recipients that nobody will ask for: what was refused already is kept as it is. */
static bool is_settled(const struct transaction *t, size_t position)
{
    return position >= 1 && position <= t->submission->envelope->forward_count &&
           t->outcome->recipients[position - 1].code != CODE_OK;
}

/* Passes those over as soon as nothing else is under way: replies are told apart by counting. */
static void skip_settled(struct transaction *t)
{
    while (t->asked == t->answered && is_settled(t, t->asked))
        t->answered = ++t->asked;
}

/* Whether no recipient can be reached any more. */
static bool is_hopeless(const struct session *s)
{
    const struct transaction *t = &s->transaction;

    return t->refusal.code != CODE_OK ||
           (!t->held && t->accepted == 0 && t->answered > envelope_of(s)->forward_count);
}

/* The step whose reply comes next; the end when nothing is due and nothing can be hoped for. */
static enum step next_step(struct session *s)
{
    struct transaction *t = &s->transaction;
    bool due;

    skip_settled(t);
    due = t->answered < t->asked;
    if (t->held && !due && (is_hopeless(s) || t->answered > envelope_of(s)->forward_count))
        return STEP_HELD;
    if (!due && is_hopeless(s))
        return end_transaction(s);
    return t->answered <= envelope_of(s)->forward_count ? STEP_RCPT : STEP_DATA;
}

/* Nobody will get this message, whoever may still be named. */
static void refuse_all(struct transaction *t, const struct status *why)
{
    t->refusal = *why;
    transaction_settle(t, why);
}

static bool is_anybody_left(const struct transaction *t)
{
    for (size_t i = 0; i < t->submission->envelope->forward_count; i++)
        if (t->outcome->recipients[i].code == CODE_OK)
            return true;
    return false;
}

enum step transaction_begin(struct session *s)
{
    struct transaction *t = &s->transaction;
    struct status why = { 0 };

    if (t->held ? parameters_choose_declared(s, &why) : parameters_choose(s, &why)) {
        refuse_all(t, &why);
        return next_step(s);
    }
    parameters_check_paths(s);
    if (!t->held && !is_anybody_left(t))
        return end_transaction(s);
    return s->half_open ? STEP_RSET : STEP_MAIL;
}

enum step transaction_go_on(struct session *s)
{
    if (s->transaction.refusal.code)
        transaction_settle(&s->transaction, &s->transaction.refusal);
    else
        parameters_check_paths(s);
    return next_step(s);
}

enum step transaction_complete(struct session *s)
{
    struct transaction *t = &s->transaction;
    struct status why = { 0 };
    enum step next;

    t->held = false;
    next = transaction_go_on(s);
    if (next == STEP_READY || parameters_check_message(s, &why) == CODE_OK)
        return next;
    transaction_settle(t, &why);
    return end_transaction(s);
}

void ask_rset(struct session *s)
{
    session_say(s, "RSET");
}

enum step got_rset(struct session *s, const struct reply *reply)
{
    if (reply->code != 250)
        return session_refused(s, CODE_PROTOCOL, STAGE_MAIL, reply, "the server refuses RSET");
    s->half_open = false;
    return s->transaction.submission ? STEP_MAIL : STEP_READY;
}

static void say_position(struct session *s, size_t position)
{
    const struct envelope *e = envelope_of(s);

    if (position == 0)
        say_mail(s);
    else if (position <= e->forward_count)
        say_rcpt(s, position - 1);
    else
        session_say(s, "DATA");
}

void ask_transaction(struct session *s)
{
    struct transaction *t = &s->transaction;
    bool ahead = offers(s, EXTENSION_PIPELINING) && s->params.account->pipelining;
    size_t count = envelope_of(s)->forward_count, last = t->held ? count : count + 1;

    while (t->asked <= last && !is_hopeless(s) && !s->out.failed && !s->unspeakable) {
        if (t->asked > t->answered && (!ahead || s->out.n >= SESSION_FLIGHT))
            return;
        if (is_settled(t, t->asked))
            return;
        say_position(s, t->asked++);
    }
}

bool transaction_in_doubt(const struct session *s)
{
    return s->step == STEP_DOT && s->out.n == 0 && s->transaction.accepted > 0;
}

bool transaction_is_held(const struct session *s)
{
    return s->transaction.submission && s->transaction.held;
}

bool transaction_outstanding(const struct session *s)
{
    return s->transaction.submission && s->transaction.answered + 1 < s->transaction.asked;
}

/* One more reply has come. */
static enum step next_position(struct session *s)
{
    s->transaction.answered++;
    return next_step(s);
}

enum step got_mail(struct session *s, const struct reply *reply)
{
    struct transaction *t = &s->transaction;
    struct status why = { 0 };

    if (reply->code / 100 == 2) {
        s->half_open = true;
        return next_position(s);
    }
    if (reply->code < 400)
        return session_refused(s, CODE_PROTOCOL, STAGE_MAIL, reply, "");
    (void)status_set(&why, CODE_SENDER, STAGE_MAIL, "sender <%s> refused",
                     envelope_of(s)->reverse_path);
    reply_describe(reply, &why);
    refuse_all(t, &why);
    return next_position(s);
}

enum step got_rcpt(struct session *s, const struct reply *reply)
{
    struct transaction *t = &s->transaction;
    size_t i = t->answered - 1;

    if (reply->code / 100 == 3)
        return session_refused(s, CODE_PROTOCOL, STAGE_RCPT, reply, "");
    if (reply->code / 100 == 2 && t->refusal.code == CODE_OK) {
        t->accepted++;
    } else if (t->outcome->recipients[i].code == CODE_OK) {
        (void)status_set(&t->outcome->recipients[i], CODE_RECIPIENT, STAGE_RCPT,
                         "recipient <%s> refused", envelope_of(s)->forward_paths[i]);
        reply_describe(reply, &t->outcome->recipients[i]);
    }
    return next_position(s);
}

/* Nothing was asked; that the server closes, which it may say now, the machine sees to. */
enum step got_held(struct session *s, const struct reply *reply)
{
    struct status why = { 0 };

    (void)status_set(&why, CODE_PROTOCOL, STAGE_RCPT, "the server answers what was not asked");
    reply_describe(reply, &why);
    return session_fail(s, &why);
}

enum step got_data(struct session *s, const struct reply *reply)
{
    struct transaction *t = &s->transaction;

    if (reply->code == 354 && t->accepted > 0) {
        wire_begin(&t->wire, t->submission->message, WIRE_DATA);
        return STEP_BODY;
    }
    if (reply->code == 354) {
        /* RFC 2920 section 3.1: DATA ran ahead and was taken although nobody was. An empty message
         * is the only way back, and the server must refuse it. */
        session_say(s, ".");
        return STEP_DOT;
    }
    if (reply->code < 400)
        return session_refused(s, CODE_PROTOCOL, STAGE_DATA, reply, "");
    return settle_with_reply(s, CODE_CONTENT, STAGE_DATA, reply, "the server refuses the message");
}

/* The session is over: nothing but the rest of the message could follow, and its last dot would
 * have the server accept what it just refused. */
enum step got_early(struct session *s, const struct reply *reply)
{
    struct status why = { 0 };

    if (reply->code < 400)
        (void)status_set(&why, CODE_PROTOCOL, STAGE_BODY,
                         "the server answered before the message was whole");
    (void)status_set(&why, CODE_CONTENT, STAGE_BODY,
                     "the server refused the message before it was whole");
    reply_describe(reply, &why);
    return session_fail(s, &why);
}

/* The queue id of the server is somewhere in its words. */
static void remember(struct outcome *outcome, const struct reply *reply)
{
    struct status words = { 0 };

    reply_describe(reply, &words);
    (void)snprintf(outcome->said, sizeof outcome->said, "%.255s", words.said);
}

enum step got_dot(struct session *s, const struct reply *reply)
{
    if (s->out.n > 0)
        return got_early(s, reply);
    s->half_open = false;
    if (reply->code < 400 && reply->code / 100 != 2)
        return session_refused(s, CODE_PROTOCOL, STAGE_BODY, reply, "");
    if (reply->code / 100 != 2)
        return settle_with_reply(s, CODE_CONTENT, STAGE_BODY, reply,
                                 "the server refuses the message");
    remember(s->transaction.outcome, reply);
    return end_transaction(s);
}

enum step transaction_send(struct session *s)
{
    struct wire *wire = &s->transaction.wire;
    struct status why = { 0 };
    char piece[4096];
    size_t got;

    while (wire->part != WIRE_END && s->out.n + sizeof piece <= SESSION_PIECE && !s->out.failed) {
        if (wire_next(wire, piece, sizeof piece, &got, &why))
            return session_fail(s, &why);
        buf_add(&s->out, piece, got);
    }
    /* At once, with the dot unsent: a quick server's answer must not find us in the body. */
    return wire->part == WIRE_END ? STEP_DOT : STEP_BODY;
}
