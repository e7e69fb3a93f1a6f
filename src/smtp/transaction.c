/* One message over a session: RFC 5321 section 3.3, with the extensions that the server offers. */
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/repair.h"
#include "smtp/session.h"

#include <stdio.h>
#include <string.h>

static const struct envelope *envelope_of(const struct session *s)
{
    return s->transaction.submission->envelope;
}

static bool offers(const struct session *s, enum extension extension)
{
    return (s->extensions.offered & extension) != 0;
}

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

static enum code choose_size(struct session *s, struct message *m, uint64_t *size,
                             struct status *why)
{
    if (wire_size(m, size, why))
        return why->code;
    if (!offers(s, EXTENSION_SIZE))
        return CODE_OK;
    s->transaction.mail_options |= EXTENSION_SIZE;
    if (s->extensions.size_limit == 0 || *size <= s->extensions.size_limit)
        return CODE_OK;
    return status_set(why, CODE_TOO_BIG, STAGE_MAIL,
                      "the message has %llu bytes, the server takes at most %llu",
                      (unsigned long long)*size, (unsigned long long)s->extensions.size_limit);
}

/* Settles what can be settled before the server is asked: what it offers against what we have. */
static enum code choose_options(struct session *s, struct status *why)
{
    struct transaction *t = &s->transaction;
    struct message *m = t->submission->message;
    bool body_8bit;

    if (envelope_needs_utf8(envelope_of(s)) || m->header_8bit) {
        if (!offers(s, EXTENSION_SMTPUTF8))
            return status_set(why, CODE_NO_SMTPUTF8, STAGE_MAIL,
                              "an address has letters beyond ASCII, and the server takes none "
                              "(no SMTPUTF8)");
        t->mail_options |= EXTENSION_SMTPUTF8;
    }
    body_8bit = m->body_8bit && m->encoding == ENCODING_AS_IS;
    if (body_8bit && !offers(s, EXTENSION_8BITMIME) && message_make_7bit(m, why))
        return why->code;
    if ((body_8bit || m->header_8bit) && offers(s, EXTENSION_8BITMIME))
        t->mail_options |= EXTENSION_8BITMIME;
    if (offers(s, EXTENSION_DSN))
        t->mail_options |= EXTENSION_DSN;
    return choose_size(s, m, &t->outcome->size, why);
}

/* Asked again here, whoever parsed them: a path with a line end in it would be two commands. */
static enum code check_paths(const struct session *s, struct status *why)
{
    const struct envelope *e = envelope_of(s);
    const char *bad = NULL;

    if (e->reverse_path[0] != 0 && !address_is_safe(slice_of(e->reverse_path)))
        bad = e->reverse_path;
    for (size_t i = 0; i < e->forward_count; i++)
        if (!address_is_safe(slice_of(e->forward_paths[i])))
            bad = e->forward_paths[i];
    if (!bad)
        return CODE_OK;
    return status_set(why, CODE_ADDRESS, STAGE_MAIL, "an address that cannot be sent: %.100s", bad);
}

enum step transaction_begin(struct session *s)
{
    struct status why = { 0 };

    if (check_paths(s, &why) || choose_options(s, &why)) {
        transaction_settle(&s->transaction, &why);
        return end_transaction(s);
    }
    return s->half_open ? STEP_RSET : STEP_MAIL;
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
    return STEP_MAIL;
}

static void say_mail(struct session *s)
{
    const struct envelope *e = envelope_of(s);
    const struct transaction *t = &s->transaction;
    enum dsn_return dsn_return =
        e->dsn_return ? e->dsn_return : (enum dsn_return)s->params.account->dsn_return;
    struct buf line;

    buf_init(&line, SESSION_FLIGHT);
    buf_addf(&line, "MAIL FROM:<%s>", e->reverse_path);
    if (t->mail_options & EXTENSION_SIZE)
        buf_addf(&line, " SIZE=%llu", (unsigned long long)t->outcome->size);
    if (t->mail_options & EXTENSION_8BITMIME)
        buf_add_string(&line, " BODY=8BITMIME");
    if (t->mail_options & EXTENSION_SMTPUTF8)
        buf_add_string(&line, " SMTPUTF8");
    if (t->mail_options & EXTENSION_DSN && dsn_return)
        buf_addf(&line, " RET=%s", dsn_return == DSN_RETURN_FULL ? "FULL" : "HDRS");
    if (t->mail_options & EXTENSION_DSN && e->envelope_id)
        buf_addf(&line, " ENVID=%s", e->envelope_id);
    if (line.failed)
        s->out.failed = true;
    else
        session_say(s, "%.*s", (int)line.n, line.p);
    buf_free(&line);
}

static void say_rcpt(struct session *s, const char *forward_path)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {
        { DSN_NOTIFY_NEVER, "NEVER" },
        { DSN_NOTIFY_SUCCESS, "SUCCESS" },
        { DSN_NOTIFY_FAILURE, "FAILURE" },
        { DSN_NOTIFY_DELAY, "DELAY" },
    };
    unsigned notify = envelope_of(s)->notify;
    char list[48] = "";
    size_t n = 0;

    if (notify == DSN_NOTIFY_UNSET)
        notify = s->params.account->dsn_notify;
    if (notify & DSN_NOTIFY_NEVER) /* RFC 3461 section 4.1: it stands alone */
        notify = DSN_NOTIFY_NEVER;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (notify & words[i].flag && s->transaction.mail_options & EXTENSION_DSN)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
                                  n ? "," : " NOTIFY=", words[i].word);
    session_say(s, "RCPT TO:<%s>%s", forward_path, list);
}

static void say_position(struct session *s, size_t position)
{
    const struct envelope *e = envelope_of(s);

    if (position == 0)
        say_mail(s);
    else if (position <= e->forward_count)
        say_rcpt(s, e->forward_paths[position - 1]);
    else
        session_say(s, "DATA");
}

/* Whether no recipient can be reached any more. */
static bool is_hopeless(const struct session *s)
{
    const struct transaction *t = &s->transaction;

    return t->sender_refused || (t->answered > envelope_of(s)->forward_count && t->accepted == 0);
}

void ask_transaction(struct session *s)
{
    struct transaction *t = &s->transaction;
    bool ahead = offers(s, EXTENSION_PIPELINING) && s->params.account->pipelining;
    size_t last = envelope_of(s)->forward_count + 1;

    while (t->asked <= last && !is_hopeless(s) && !s->out.failed && !s->unspeakable) {
        if (t->asked > t->answered && (!ahead || s->out.n >= SESSION_FLIGHT))
            return;
        say_position(s, t->asked++);
    }
}

bool transaction_in_doubt(const struct session *s)
{
    return s->step == STEP_DOT && s->out.n == 0 && s->transaction.accepted > 0;
}

bool transaction_outstanding(const struct session *s)
{
    return s->transaction.submission && s->transaction.answered + 1 < s->transaction.asked;
}

/* The step whose reply comes next; the end when nothing is due and nothing can be hoped for. */
static enum step next_position(struct session *s)
{
    struct transaction *t = &s->transaction;

    t->answered++;
    if (is_hopeless(s) && t->answered >= t->asked)
        return end_transaction(s);
    return t->answered <= envelope_of(s)->forward_count ? STEP_RCPT : STEP_DATA;
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
    t->sender_refused = true;
    (void)status_set(&why, CODE_SENDER, STAGE_MAIL, "sender <%s> refused",
                     envelope_of(s)->reverse_path);
    reply_describe(reply, &why);
    transaction_settle(t, &why);
    return next_position(s);
}

enum step got_rcpt(struct session *s, const struct reply *reply)
{
    struct transaction *t = &s->transaction;
    size_t i = t->answered - 1;

    if (reply->code / 100 == 3)
        return session_refused(s, CODE_PROTOCOL, STAGE_RCPT, reply, "");
    if (reply->code / 100 == 2 && !t->sender_refused) {
        t->accepted++;
    } else if (t->outcome->recipients[i].code == CODE_OK) {
        (void)status_set(&t->outcome->recipients[i], CODE_RECIPIENT, STAGE_RCPT,
                         "recipient <%s> refused", envelope_of(s)->forward_paths[i]);
        reply_describe(reply, &t->outcome->recipients[i]);
    }
    return next_position(s);
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
