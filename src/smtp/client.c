/* The machine: THE table of steps, and the one place that moves from one to the next. */
#include "smtp/client.h"

#include "smtp/session.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
    const char *waiting; /* for: words for people; NULL when a failure needs none */
    enum stage stage;
    int patience; /* the timeout of the account, times this */
    enum wants wants;
    void (*ask)(struct session *);
    enum step (*got)(struct session *, const struct reply *);
} rows[] = {
    [STEP_GREETING] = { "the greeting", STAGE_GREETING, 1, WANTS_INPUT, NULL, got_greeting },
    [STEP_EHLO] = { "the answer to EHLO", STAGE_HELLO, 1, WANTS_INPUT, ask_ehlo, got_ehlo },
    [STEP_HELO] = { "the answer to HELO", STAGE_HELLO, 1, WANTS_INPUT, ask_helo, got_helo },
    [STEP_STARTTLS] = { "the answer to STARTTLS", STAGE_STARTTLS, 1, WANTS_INPUT, ask_starttls,
                        got_starttls },
    [STEP_TLS] = { NULL, STAGE_TLS, 1, WANTS_TLS, NULL, NULL },
    [STEP_AUTH] = { "the answer to AUTH", STAGE_LOGIN, 1, WANTS_INPUT, NULL, got_auth },
    [STEP_AUTH_ROUND] = { "the answer to our password", STAGE_LOGIN, 1, WANTS_INPUT, NULL,
                          got_auth },
    [STEP_READY] = { "a message", STAGE_NONE, 1, WANTS_MESSAGE, NULL, NULL },
    [STEP_RSET] = { "the answer to RSET", STAGE_MAIL, 1, WANTS_INPUT, ask_rset, got_rset },
    [STEP_MAIL] = { "the answer to MAIL FROM", STAGE_MAIL, 1, WANTS_INPUT, ask_transaction,
                    got_mail },
    [STEP_RCPT] = { "the answer to RCPT TO", STAGE_RCPT, 1, WANTS_INPUT, ask_transaction,
                    got_rcpt },
    [STEP_HELD] = { "the message", STAGE_RCPT, 1, WANTS_MORE, NULL, got_held },
    [STEP_DATA] = { "the answer to DATA", STAGE_DATA, 1, WANTS_INPUT, ask_transaction, got_data },
    [STEP_BODY] = { "the message to be taken", STAGE_BODY, 1, WANTS_OUTPUT, NULL, got_early },
    /* RFC 5321 section 4.5.3.2.6: a server may filter now, and giving up early sends it twice. */
    [STEP_DOT] = { "the answer to the whole message", STAGE_BODY, 2, WANTS_INPUT, NULL, got_dot },
    [STEP_OVER] = { "nothing", STAGE_NONE, 1, WANTS_NOTHING, NULL, NULL },
};
_Static_assert(sizeof rows / sizeof *rows == STEP_END, "a row for each step");

static bool has_control(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (is_control(line.p[i]))
            return true;
    return false;
}

void session_say(struct session *s, const char *format, ...)
{
    size_t start = s->out.n;
    va_list arguments;
    char line[1024];
    int n;

    va_start(arguments, format);
    n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* Whatever was checked before: what holds a line end is two commands, and is never said. */
    if (n < 0 || (size_t)n >= sizeof line || has_control((struct slice){ line, (size_t)n })) {
        s->unspeakable = true;
        return;
    }
    buf_add(&s->out, line, (size_t)n);
    buf_add(&s->out, "\r\n", 2);
    if (!s->out.failed)
        log_trace(">", slice_part(buf_slice(&s->out), start, s->out.n - 2));
}

/* By hand: realloc would leave a copy of a secret behind in the heap. */
static void make_room_for_secret(struct buf *b, size_t n)
{
    struct buf grown;

    buf_init(&grown, b->max);
    buf_reserve(&grown, b->n + n);
    buf_add_slice(&grown, buf_slice(b));
    buf_wipe(b);
    *b = grown;
}

void session_say_secret(struct session *s, struct slice secret, const char *shown)
{
    make_room_for_secret(&s->out, secret.n + 2);
    buf_add_slice(&s->out, secret);
    buf_add(&s->out, "\r\n", 2);
    log_trace(">", slice_of(shown));
}

enum step session_fail(struct session *s, const struct status *cause)
{
    if (s->fault.code == CODE_OK)
        s->fault = *cause;
    transaction_settle(&s->transaction, cause);
    s->transaction.submission = NULL;
    /* What was not sent yet is for nobody: it may hold the last dot of a message just refused. */
    buf_wipe(&s->out);
    return STEP_OVER;
}

enum step session_leave(struct session *s, const struct status *cause)
{
    bool listens = !transaction_outstanding(s) && s->step != STEP_BODY && s->out.n == 0;

    (void)session_fail(s, cause);
    if (listens && cause->reply != 421)
        session_say(s, "QUIT");
    return STEP_OVER;
}

enum step session_refused(struct session *s, enum code code, enum stage stage,
                          const struct reply *reply, const char *sentence)
{
    struct status why = { 0 };

    if (reply->code < 400) /* no refusal, and not what may come here either */
        (void)status_set(&why, CODE_PROTOCOL, stage, "an answer that makes no sense here");
    (void)status_set(&why, code, stage, "%s", sentence);
    reply_describe(reply, &why);
    return session_leave(s, &why);
}

/* Only here the step is set. What could not be said ends the session. */
static void move(struct session *s, enum step next)
{
    struct status why = { 0 };

    s->step = next;
    s->deadline = deadline_in(s->params.account->timeout * rows[next].patience);
    if (rows[next].ask)
        rows[next].ask(s);
    if (s->unspeakable)
        (void)status_set(&why, CODE_ADDRESS, rows[next].stage, "a command that cannot be sent");
    else if (s->out.failed)
        (void)status_set(&why, CODE_MEMORY, rows[next].stage, "out of memory");
    if (why.code != CODE_OK)
        s->step = session_fail(s, &why);
}

enum code smtp_begin(const struct session_params *params, struct session **out, struct status *why)
{
    struct session *s = calloc(1, sizeof *s);

    if (!s)
        return status_set(why, CODE_MEMORY, STAGE_CONNECT, "out of memory");
    s->params = *params;
    s->secured = params->secured;
    buf_init(&s->out, SESSION_OUT_MAX);
    reply_begin(&s->parser);
    move(s, STEP_GREETING);
    *out = s;
    return CODE_OK;
}

void smtp_end(struct session *s)
{
    if (!s)
        return;
    reply_end(&s->parser);
    buf_wipe(&s->out);
    explicit_bzero(s, sizeof *s);
    free(s);
}

enum wants smtp_wants(const struct session *s)
{
    return rows[s->step].wants;
}

enum stage smtp_stage(const struct session *s)
{
    return rows[s->step].stage;
}

int64_t smtp_timeout(const struct session *s)
{
    return deadline_left(s->deadline);
}

struct slice smtp_output(struct session *s)
{
    if (s->step == STEP_BODY && s->out.n == 0) {
        enum step next = transaction_send(s);

        if (next == STEP_DOT)
            log_trace(">", slice_of("(the message, and its last dot)"));
        move(s, next);
    }
    return buf_slice(&s->out);
}

void smtp_sent(struct session *s, size_t n)
{
    bool secret = s->step == STEP_AUTH || s->step == STEP_AUTH_ROUND;

    if (n == s->out.n && secret)
        buf_wipe(&s->out);
    buf_drop(&s->out, n);
    /* Time runs from the last byte that the server took, however slow the line is. */
    if (n > 0 && (s->step == STEP_BODY || s->step == STEP_DOT))
        s->deadline = deadline_in(s->params.account->timeout * rows[s->step].patience);
}

static const char not_shown[] = "(not shown: it repeats the password)";

/* Whether a server says what must be in no log and on no screen. Before the login it can know
 * nothing of it, and a host may be called like a password. */
static bool is_secret(const struct session *s, struct slice said)
{
    return s->step >= STEP_AUTH &&
           sasl_is_repeated(slice_of(s->params.account->user), s->params.password, said);
}

static void hide_secret(const struct session *s, struct reply *reply)
{
    if (!is_secret(s, buf_slice(&reply->text)))
        return;
    explicit_bzero(reply->text.p, reply->text.n);
    buf_clear(&reply->text);
    buf_add_string(&reply->text, not_shown);
    reply->lines = 1;
}

static void keep_said(const struct session *s, struct slice said, struct status *why)
{
    status_said(why, is_secret(s, said) ? slice_of(not_shown) : said);
}

static void trace_reply(const struct reply *reply)
{
    struct slice text = buf_slice(&reply->text), line = { 0 };
    char shown[REPLY_LINE_MAX + 8];

    if (!log_traces())
        return;
    for (unsigned left = reply->lines; left > 0; left--) {
        if (!slice_take_until(&text, "\n", &line))
            line = (struct slice){ "", 0 };
        (void)snprintf(shown, sizeof shown, "%d%c%.*s", reply->code, left > 1 ? '-' : ' ',
                       (int)line.n, line.p);
        log_trace("<", slice_of(shown));
    }
}

/*
 * Bytes that come when none are due. Behind the 220 to STARTTLS they are an attack:
 * said in the clear, they would be believed as if TLS had carried them (CVE-2011-0411).
 */
static enum step refuse_extra(struct session *s, struct slice extra)
{
    struct status why = { 0 };

    if (s->step == STEP_STARTTLS || s->step == STEP_TLS)
        (void)status_set(
            &why, CODE_INJECTED, STAGE_STARTTLS,
            "plaintext behind the answer to STARTTLS: somebody on the way, or a broken "
            "server");
    else
        (void)status_set(&why, CODE_PROTOCOL, rows[s->step].stage,
                         "more than one answer, while waiting for %s", rows[s->step].waiting);
    keep_said(s, slice_trim(slice_part(extra, 0, slice_find(extra, '\n'))), &why);
    return session_fail(s, &why);
}

static enum step handle(struct session *s, const struct reply *reply, struct slice extra)
{
    enum stage stage = rows[s->step].stage;
    enum step next;

    /* RFC 5321 section 3.8: a server may say 421 at any time, and closes. */
    if (reply->code == 421 && s->step != STEP_GREETING)
        return session_refused(s, CODE_GREETING, stage, reply, "the server closes the connection");
    if (extra.n == 0 || transaction_outstanding(s))
        return rows[s->step].got(s, reply);
    if (s->step != STEP_DOT && !transaction_is_held(s))
        return refuse_extra(s, extra);
    /* What was said of the message stands, and a held transaction waits for nothing but a 421. */
    next = rows[s->step].got(s, reply);
    return next == STEP_OVER || next == STEP_HELD ? next : refuse_extra(s, extra);
}

/* An answer cannot come before its question has left, but for those of a flight. */
static bool is_due(const struct session *s)
{
    return rows[s->step].got && (s->out.n == 0 || s->transaction.submission);
}

/* An answer that could not be read for want of memory may have been a good one. */
static void refuse_reply(struct session *s, struct status *why)
{
    char said[STATUS_SAID_MAX];

    why->stage = rows[s->step].stage;
    memcpy(said, why->said, sizeof said);
    keep_said(s, slice_of(said), why);
    if (why->code == CODE_MEMORY)
        smtp_lost(s, why);
    else
        move(s, session_fail(s, why));
}

void smtp_input(struct session *s, struct slice bytes)
{
    while (bytes.n > 0 && s->step != STEP_OVER) {
        struct status why = { 0 };

        if (!is_due(s)) {
            move(s, refuse_extra(s, bytes));
            return;
        }
        if (reply_take(&s->parser, &bytes, &why)) {
            refuse_reply(s, &why);
            return;
        }
        if (!s->parser.complete)
            return;
        hide_secret(s, &s->parser.reply);
        trace_reply(&s->parser.reply);
        move(s, handle(s, &s->parser.reply, bytes));
    }
}

void smtp_secured(struct session *s)
{
    s->secured = true;
    s->extensions = (struct extensions){ 0 };
    move(s, STEP_EHLO);
}

void smtp_offer(struct session *s, const struct submission *submission, struct outcome *outcome)
{
    struct transaction *t = &s->transaction;

    t->submission = submission;
    t->outcome = outcome;
    t->held = submission->declared != NULL;
    t->asked = t->answered = t->accepted = 0;
    t->refusal = (struct status){ .code = CODE_OK };
    t->mail_options = 0;
    move(s, transaction_begin(s));
}

void smtp_ask_more(struct session *s)
{
    if (s->step == STEP_HELD)
        move(s, transaction_go_on(s));
}

void smtp_complete(struct session *s)
{
    if (s->step == STEP_HELD)
        move(s, transaction_complete(s));
}

void smtp_forget(struct session *s)
{
    if (s->step != STEP_HELD)
        return;
    s->transaction.submission = NULL;
    move(s, STEP_READY);
}

void smtp_reset(struct session *s)
{
    if (s->step == STEP_READY && s->half_open)
        move(s, STEP_RSET);
}

void smtp_quit(struct session *s)
{
    if (s->step == STEP_READY)
        session_say(s, "QUIT");
    move(s, STEP_OVER);
}

bool smtp_is_committed(const struct session *s)
{
    return transaction_in_doubt(s);
}

/* What is waited for; the answer to a message is not, as long as the message has not left. */
static const char *waiting_for(const struct session *s)
{
    return rows[s->step == STEP_DOT && s->out.n > 0 ? STEP_BODY : s->step].waiting;
}

void smtp_lost(struct session *s, const struct status *cause)
{
    struct status why = *cause;

    if (s->step == STEP_OVER)
        return;
    why.stage = rows[s->step].stage;
    if (transaction_in_doubt(s)) {
        why.code = CODE_UNKNOWN_END;
        (void)snprintf(why.what, sizeof why.what,
                       "%.200s, after the whole message was sent: it may have been accepted",
                       cause->what);
    } else if (waiting_for(s) && (cause->code == CODE_TIMEOUT || cause->code == CODE_CLOSED)) {
        (void)snprintf(why.what, sizeof why.what, "%.200s, while waiting for %s", cause->what,
                       waiting_for(s));
    }
    move(s, session_fail(s, &why));
}

const struct status *smtp_refusal(const struct session *s)
{
    return &s->transaction.refusal;
}

const struct status *smtp_fault(const struct session *s)
{
    return &s->fault;
}
