/* Lines, and THE table of commands. */
#include "smtp/server_inside.h"

#include <stdio.h>
#include <string.h>

/*
 * What a browser says to a port it takes for a web server, commanded by a web page: RFC 5321 knows
 * no such command, and what follows is an attack that hides SMTP in a form.
 */
static const char *const foreign[] = {
    "GET",   "POST",  "PUT",     "HEAD",  "DELETE",      "OPTIONS",
    "PATCH", "TRACE", "CONNECT", "HOST:", "USER-AGENT:",
};

static bool is_foreign(struct slice verb)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (slice_equal_nocase(verb, slice_of(foreign[i])))
            return true;
    return false;
}

/* What a name may not hold is shown as '?': it ends up in a Received header and in logs. */
static void keep_client_name(struct server *d, struct slice name)
{
    static const char marks[] = "-._:[]";
    size_t n = name.n < SERVER_NAME_MAX ? name.n : SERVER_NAME_MAX;

    for (size_t i = 0; i < n; i++) {
        char c = name.p[i];
        bool plain = is_alpha(c) || is_digit(c) || (c != 0 && strchr(marks, c));

        d->client_name[i] = plain ? c : '?';
    }
    d->client_name[n] = 0;
}

/* HELO and EHLO end a transaction: RFC 5321 section 4.1.4. */
static bool begin_hello(struct server *d, struct slice arguments, bool extended)
{
    struct slice name;

    if (!slice_take_word(&arguments, &name)) {
        server_refuse(d, "501 5.5.4 Say what you are called");
        return false;
    }
    keep_client_name(d, name);
    d->extended = extended;
    return true;
}

static void do_helo(struct server *d, struct slice arguments)
{
    if (!begin_hello(d, arguments, false))
        return;
    server_say(d, "250 %s", d->params.name);
    server_abandon(d, SERVER_WANTS_INPUT);
}

static bool may_log_in(const struct server *d)
{
    return d->params.offers_login && (d->params.secured || !d->params.login_needs_tls);
}

static void do_ehlo(struct server *d, struct slice arguments)
{
    if (!begin_hello(d, arguments, true))
        return;
    server_say(d, "250-%s", d->params.name);
    server_say(d, "250-PIPELINING");
    if (d->params.max_message > 0)
        server_say(d, "250-SIZE %llu", (unsigned long long)d->params.max_message);
    else
        server_say(d, "250-SIZE");
    if (d->params.offers_starttls && !d->params.secured)
        server_say(d, "250-STARTTLS");
    if (may_log_in(d))
        server_say(d, "250-AUTH PLAIN LOGIN");
    server_say(d, "250-8BITMIME");
    server_say(d, "250-DSN");
    server_say(d, "250-ENHANCEDSTATUSCODES");
    server_say(d, "250-CHUNKING");
    server_say(d, "250 SMTPUTF8");
    server_abandon(d, SERVER_WANTS_INPUT);
}

static void do_rset(struct server *d, struct slice arguments)
{
    (void)arguments;
    d->refused = false;
    server_say(d, "250 2.0.0 Ok");
    server_abandon(d, SERVER_WANTS_INPUT);
}

static void do_noop(struct server *d, struct slice arguments)
{
    (void)arguments;
    server_say(d, "250 2.0.0 Ok");
}

/* Who has a mailbox is the provider's to know. */
static void do_vrfy(struct server *d, struct slice arguments)
{
    (void)arguments;
    server_say(d, "252 2.0.0 Send some mail, and it will be tried");
}

static void do_quit(struct server *d, struct slice arguments)
{
    (void)arguments;
    server_leave(d, "221 2.0.0 Bye");
}

static void do_starttls(struct server *d, struct slice arguments)
{
    if (d->params.secured) {
        server_refuse(d, "503 5.5.1 TLS runs already");
    } else if (!d->params.offers_starttls) {
        server_refuse(d, "502 5.5.1 STARTTLS is not offered");
    } else if (arguments.n > 0) {
        server_refuse(d, "501 5.5.4 STARTTLS takes nothing behind it");
    } else if (!d->line.last) {
        /* Said in the clear, it would be obeyed as if TLS had carried it: CVE-2011-0411. */
        server_leave(d, "554 5.5.0 Plaintext behind STARTTLS");
    } else {
        server_say(d, "220 2.0.0 Ready to start TLS");
        server_abandon(d, SERVER_WANTS_TLS);
    }
}

static void do_nothing(struct server *d, struct slice arguments)
{
    (void)arguments;
    server_refuse(d, "502 5.5.1 Not done here");
}

static void do_help(struct server *d, struct slice arguments);

/* THE table of commands. BDAT asks for its needs itself: its bytes are to be eaten either way. */
static const struct row {
    const char *verb;
    void (*take)(struct server *, struct slice arguments);
    unsigned needs; /* of enum server_needs */
    bool hidden;    /* from HELP */
} rows[] = {
    { "EHLO", do_ehlo, 0, false },
    { "HELO", do_helo, 0, false },
    { "STARTTLS", do_starttls, 0, false },
    { "AUTH", server_do_auth, NEEDS_HELLO | NEEDS_NO_MAIL, false },
    { "MAIL", server_do_mail, NEEDS_TLS | NEEDS_LOGIN | NEEDS_NO_MAIL, false },
    { "RCPT", server_do_rcpt, NEEDS_MAIL | NEEDS_NO_CHUNKS, false },
    { "DATA", server_do_data, NEEDS_MAIL | NEEDS_NO_CHUNKS | NEEDS_RECIPIENT, false },
    { "BDAT", server_do_bdat, 0, false },
    { "RSET", do_rset, 0, false },
    { "NOOP", do_noop, 0, false },
    { "VRFY", do_vrfy, 0, false },
    { "HELP", do_help, 0, false },
    { "QUIT", do_quit, 0, false },
    { "EXPN", do_nothing, 0, true },
    { "TURN", do_nothing, 0, true },
    { "ETRN", do_nothing, 0, true },
    { "SEND", do_nothing, 0, true },
    { "SOML", do_nothing, 0, true },
    { "SAML", do_nothing, 0, true },
};

static void do_help(struct server *d, struct slice arguments)
{
    char room[256];
    struct buf verbs;

    (void)arguments;
    buf_over(&verbs, room, sizeof room);
    buf_add_string(&verbs, "Commands:");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].hidden)
            buf_addf(&verbs, " %s", rows[i].verb);
    server_say_words(d, 214, "2.0.0", buf_slice(&verbs));
}

static bool has_need(const struct server *d, enum server_needs need)
{
    switch (need) {
    case NEEDS_HELLO:
        return d->client_name[0] != 0;
    case NEEDS_TLS:
        return !d->params.wants_login || !d->params.login_needs_tls || d->params.secured;
    case NEEDS_LOGIN:
        return !d->params.wants_login || d->user[0] != 0;
    case NEEDS_MAIL:
        return d->in_transaction;
    case NEEDS_NO_MAIL:
        return !d->in_transaction;
    case NEEDS_NO_CHUNKS:
        return !d->message.chunked;
    case NEEDS_RECIPIENT:
        return d->recipients > 0;
    }
    return true;
}

/* In the order in which they are asked for. */
static const struct {
    enum server_needs need;
    const char *reply;
} lacks[] = {
    { NEEDS_HELLO, "503 5.5.1 Say EHLO first" },
    { NEEDS_TLS, "530 5.7.0 Say STARTTLS first" },
    { NEEDS_LOGIN, "530 5.7.0 Authentication required" },
    { NEEDS_MAIL, "503 5.5.1 Say MAIL first" },
    { NEEDS_NO_MAIL, "503 5.5.1 A message is under way" },
    { NEEDS_NO_CHUNKS, "503 5.5.1 The message has begun with BDAT" },
    { NEEDS_RECIPIENT, "554 5.5.1 No valid recipients" },
};

const char *server_lacks(const struct server *d, unsigned needs)
{
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++)
        if (needs & (unsigned)lacks[i].need && !has_need(d, lacks[i].need))
            return lacks[i].reply;
    return NULL;
}

static void take_command(struct server *d, struct slice line)
{
    struct slice verb = { 0 }, arguments = line;

    (void)slice_take_word(&arguments, &verb);
    if (is_foreign(verb)) {
        server_leave(d, "421 4.7.0 This is a mail server, and you speak something else");
        return;
    }
    if (d->line.length > SERVER_LINE_MAX && !slice_equal_nocase(verb, slice_of("AUTH"))) {
        server_refuse(d, "500 5.5.2 Line too long");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *lack;

        if (!slice_equal_nocase(verb, slice_of(rows[i].verb)))
            continue;
        lack = server_lacks(d, rows[i].needs);
        if (lack)
            server_refuse_order(d, lack);
        else
            rows[i].take(d, slice_trim(arguments));
        return;
    }
    server_refuse(d, "500 5.5.2 Command not known");
}

static void end_line(struct server *d)
{
    struct server_line *line = &d->line;
    bool in_login = d->phase == PHASE_LOGIN;

    d->phase = PHASE_COMMAND;
    if (line->text.failed || line->broken) {
        server_forget_secret(d);
        server_refuse(d, line->text.failed ? "500 5.5.2 Line too long"
                                           : "500 5.5.2 A line must end in CR LF and hold no "
                                             "other CR, LF or NUL");
    } else if (in_login) {
        server_take_response(d, buf_slice(&line->text));
    } else {
        take_command(d, buf_slice(&line->text));
    }
    /* It may have held a password. */
    explicit_bzero(d->line_room, line->text.n);
    buf_clear(&line->text);
    line->length = 0;
    line->after_cr = line->broken = false;
}

/* Whether the line is whole. */
static bool take_byte(struct server_line *line, char c)
{
    bool after_cr = line->after_cr;

    line->length++;
    line->after_cr = c == '\r';
    if (c == '\n' && after_cr)
        return true;
    line->broken = line->broken || after_cr || c == '\n' || c == 0;
    if (c != '\r' && !line->broken)
        buf_add_char(&line->text, c);
    return false;
}

void server_take_line(struct server *d, struct slice *in)
{
    size_t i = 0;

    /* A TLS record of a client that was told of implicit TLS: it waits for an answer to that. */
    if (d->phase == PHASE_COMMAND && d->line.length == 0 && in->p[0] == 0x16) {
        *in = slice_part(*in, in->n, in->n);
        server_leave(d, "421 4.7.0 No TLS here without STARTTLS");
        return;
    }
    while (i < in->n && !take_byte(&d->line, in->p[i]))
        i++;
    d->line.last = i + 1 >= in->n;
    if (i < in->n) {
        *in = slice_part(*in, i + 1, in->n);
        end_line(d);
    } else {
        *in = slice_part(*in, i, in->n);
        if (d->line.length > SERVER_LINE_EATEN_MAX)
            server_leave(d, "421 4.7.0 Line too long");
    }
}
