/*
 * The one who drives the server side in test_server.c: takes what a transcript's settings let him
 * take, and notes what was asked and delivered.
 */
#ifndef ORSINO_TESTS_RELAY_H
#define ORSINO_TESTS_RELAY_H

#include "transcript.h"

#include "smtp/server.h"

enum {
    MESSAGES_MAX = 16,
};

/* A message as it is on its way, and as it was delivered. */
struct delivered {
    struct buf from, to, content, options;
    char protocol[32], user[64];
};

/* One run of one transcript. */
struct run {
    struct transcript *transcript;
    size_t piece;
    struct server *server;
    struct buf heard; /* from the server, not compared yet */
    struct delivered messages[MESSAGES_MAX];
    size_t delivered; /* of messages; the one after them is under way */
    struct buf events;
    bool over;
};

static inline void delivered_begin(struct delivered *m)
{
    struct buf *bufs[] = { &m->from, &m->to, &m->content, &m->options };

    for (size_t i = 0; i < LENGTH(bufs); i++)
        buf_init(bufs[i], TRANSCRIPT_TEXT_MAX);
}

static inline void delivered_end(struct delivered *m)
{
    struct buf *bufs[] = { &m->from, &m->to, &m->content, &m->options };

    for (size_t i = 0; i < LENGTH(bufs); i++)
        buf_free(bufs[i]);
}

static inline void delivered_clear(struct delivered *m)
{
    struct buf *bufs[] = { &m->from, &m->to, &m->content, &m->options };

    for (size_t i = 0; i < LENGTH(bufs); i++)
        buf_clear(bufs[i]);
}

/* The reply of the first setting `word` whose address is `spec`; empty when there is none. */
static inline struct slice refusal_of(struct run *r, const char *word, const char *spec)
{
    for (size_t i = 0; i < r->transcript->count; i++) {
        struct slice rest = buf_slice(&r->transcript->lines[i].text), address;

        if (line_is(&r->transcript->lines[i], word) && slice_take_word(&rest, &address) &&
            slice_equal(address, slice_of(spec)))
            return rest;
    }
    return slice_of("");
}

/* A status as the session with a provider makes it out of "550 5.1.1 words". */
static inline void set_reply(struct status *why, enum code code, enum stage stage,
                             struct slice said)
{
    struct slice rest = said, number = { 0 }, enhanced = { 0 };
    uint64_t reply = 0;

    (void)status_set(why, code, stage, "refused");
    assert_true(slice_take_word(&rest, &number) && slice_number(number, 599, &reply));
    why->reply = (int)reply;
    if (slice_take_word(&rest, &enhanced) && is_digit(enhanced.p[0]))
        (void)snprintf(why->enhanced, sizeof why->enhanced, "%.*s", (int)enhanced.n, enhanced.p);
    status_said(why, said);
}

static inline void add_option(struct buf *b, const char *format, const char *value)
{
    if (b->n > 0)
        buf_add_char(b, ' ');
    buf_add_string(b, format);
    buf_add_string(b, value);
}

static inline void add_number(struct buf *b, const char *name, uint64_t value)
{
    char number[24];

    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    add_option(b, name, number);
}

static inline void note_sender(struct delivered *m, const struct server_mail *mail)
{
    delivered_clear(m);
    buf_add(&m->from, mail->reverse_path.spec, mail->reverse_path.length);
    if (mail->declared.size > 0)
        add_number(&m->options, "size=", mail->declared.size);
    if (mail->declared.body_8bit)
        add_option(&m->options, "8bit", "");
    if (mail->declared.utf8)
        add_option(&m->options, "utf8", "");
    if (mail->dsn_return != DSN_RETURN_UNSET)
        add_option(&m->options, "ret=", mail->dsn_return == DSN_RETURN_FULL ? "full" : "hdrs");
    if (mail->envelope_id)
        add_option(&m->options, "envid=", mail->envelope_id);
}

static inline void note_recipient(struct delivered *m, const struct server_recipient *recipient)
{
    if (m->to.n > 0)
        buf_add_char(&m->to, ',');
    buf_add(&m->to, recipient->forward_path.spec, recipient->forward_path.length);
    if (recipient->notify > 0)
        add_number(&m->options, "notify=", recipient->notify);
    if (recipient->original)
        add_option(&m->options, "orcpt=", recipient->original);
}

static inline void answer_sender(struct run *r)
{
    const struct server_mail *mail = server_mail(r->server);
    struct slice refusal = refusal_of(r, "refuse-sender", mail->reverse_path.spec);
    struct status why = { 0 };

    if (refusal.n > 0)
        set_reply(&why, CODE_SENDER, STAGE_MAIL, refusal);
    else
        note_sender(&r->messages[r->delivered], mail);
    server_answer(r->server, &why, NULL);
}

static inline void answer_recipient(struct run *r)
{
    const struct server_recipient *recipient = server_recipient(r->server);
    struct slice refusal = refusal_of(r, "refuse-recipient", recipient->forward_path.spec);
    struct status why = { 0 };

    if (refusal.n > 0)
        set_reply(&why, CODE_RECIPIENT, STAGE_RCPT, refusal);
    else
        note_recipient(&r->messages[r->delivered], recipient);
    server_answer(r->server, &why, NULL);
}

static inline void answer_login(struct run *r)
{
    struct server_login login = server_login(r->server);
    struct status why = { 0 };
    struct buf both;

    buf_init(&both, 4096);
    buf_add_slice(&both, login.user);
    buf_add_char(&both, ' ');
    buf_add_slice(&both, login.password);
    (void)status_set(&why, CODE_LOGIN, STAGE_LOGIN, "wrong");
    for (size_t i = 0; i < r->transcript->count; i++)
        if (line_is(&r->transcript->lines[i], "accept-login") &&
            slice_equal(buf_slice(&r->transcript->lines[i].text), buf_slice(&both)))
            why.code = CODE_OK;
    buf_free(&both);
    server_answer(r->server, &why, NULL);
}

/* Whatever the case is about: what is to be delivered holds no CR or LF alone. */
static inline void check_line_ends(struct run *r, struct slice content)
{
    for (size_t i = 0; i < content.n; i++) {
        bool cr = i > 0 && content.p[i - 1] == '\r';

        check(r->transcript->path, (content.p[i] == '\n') == cr);
    }
    check(r->transcript->path, content.n == 0 || content.p[content.n - 1] != '\r');
}

static inline void answer_message(struct run *r)
{
    struct delivered *m = &r->messages[r->delivered];
    struct slice refusal = { 0 };
    struct status why = { 0 };
    char text[64];

    check_line_ends(r, buf_slice(&m->content));
    for (size_t i = 0; i < r->transcript->count; i++)
        if (line_is(&r->transcript->lines[i], "refuse-message"))
            refusal = buf_slice(&r->transcript->lines[i].text);
    (void)snprintf(text, sizeof text, "Ok: queued as A%zu", r->delivered);
    (void)snprintf(m->protocol, sizeof m->protocol, "%s", server_protocol(r->server));
    (void)snprintf(m->user, sizeof m->user, "%s", server_user(r->server));
    if (refusal.n > 0)
        set_reply(&why, CODE_CONTENT, STAGE_BODY, refusal);
    else
        assert_true(++r->delivered < MESSAGES_MAX);
    server_answer(r->server, &why, text);
}

static inline void answer_reset(struct run *r)
{
    struct status why = { 0 };

    delivered_clear(&r->messages[r->delivered]);
    server_answer(r->server, &why, NULL);
}

static inline void take_content(struct run *r)
{
    size_t n = 0;
    char *p = server_content(r->server, &n);

    check(r->transcript->path, n > 0);
    buf_add(&r->messages[r->delivered].content, p, n);
    memset(p, 'x', n);
    server_content_done(r->server);
}

/* Answers until the machine wants bytes, TLS or nothing. */
static inline void serve(struct run *r)
{
    static const struct {
        const char *event;
        void (*answer)(struct run *);
    } rows[] = {
        [SERVER_WANTS_LOGIN] = { "login", answer_login },
        [SERVER_WANTS_RESET] = { "reset", answer_reset },
        [SERVER_WANTS_SENDER] = { "sender", answer_sender },
        [SERVER_WANTS_RECIPIENT] = { "recipient", answer_recipient },
        [SERVER_WANTS_CONTENT] = { NULL, take_content },
        [SERVER_WANTS_DELIVERY] = { "message", answer_message },
        [SERVER_WANTS_NOTHING] = { NULL, NULL },
    };

    for (enum server_wants wants; rows[wants = server_wants(r->server)].answer;) {
        if (rows[wants].event)
            add_option(&r->events, rows[wants].event, "");
        rows[wants].answer(r);
    }
}

#endif
