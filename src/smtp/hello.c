/* From the greeting to the login: RFC 5321 section 3.1, RFC 3207, RFC 4954. */
#include "smtp/session.h"

#include <stdio.h>
#include <string.h>

enum {
    COMMAND_LINE_MAX = 512, /* RFC 5321 section 4.5.3.1.4, with its CRLF */
};

static bool wants_login(const struct session *s)
{
    return s->params.account->user[0] != 0 && s->params.account->auth != AUTH_NONE;
}

/* The LFs are ours: in a line there is none. */
static void record_lines(char *out, size_t room, struct slice lines)
{
    size_t n = lines.n < room ? lines.n : room - 1;

    if (n > 0)
        memcpy(out, lines.p, n);
    out[n] = 0;
    text_make_printable(out, n);
    for (size_t i = 0; i < n; i++)
        if (lines.p[i] == '\n')
            out[i] = '\n';
}

static void record_greeting(const struct session *s, const struct reply *reply)
{
    struct hello_record *record = s->params.record;

    if (record)
        record_lines(record->greeting, sizeof record->greeting, buf_slice(&reply->text));
}

static void record_keywords(const struct session *s, const struct reply *reply)
{
    struct hello_record *record = s->params.record;
    struct slice rest, first;

    if (!record)
        return;
    rest = buf_slice(&reply->text);
    if (!slice_take_until(&rest, "\n", &first))
        rest.n = 0;
    record_lines(s->secured ? record->after : record->before, HELLO_TEXT_ROOM, rest);
}

enum step got_greeting(struct session *s, const struct reply *reply)
{
    record_greeting(s, reply);
    if (reply->code != 220)
        return session_refused(s, CODE_GREETING, STAGE_GREETING, reply,
                               "the server refuses to serve us");
    return STEP_EHLO;
}

void ask_ehlo(struct session *s)
{
    session_say(s, "EHLO %s", s->params.ehlo_name);
}

void ask_helo(struct session *s)
{
    session_say(s, "HELO %s", s->params.ehlo_name);
}

void ask_starttls(struct session *s)
{
    session_say(s, "STARTTLS");
}

/* Sends a response, initial or not. The base64 form of a password is as secret as itself. */
static void say_response(struct session *s, const char *command, struct slice response)
{
    struct buf line;
    char shown[64];

    buf_init(&line, SASL_LINE_MAX);
    buf_reserve(&line, strlen(command) + response.n / 3 * 4 + 8);
    buf_add_string(&line, command);
    /* RFC 4954 section 4: an empty initial response is written "=". */
    if (response.n == 0 && command[0] != 0)
        buf_add_char(&line, '=');
    buf_add_base64(&line, response);
    (void)snprintf(shown, sizeof shown, "%s********", command);
    if (line.failed)
        s->out.failed = true;
    else
        session_say_secret(s, buf_slice(&line), shown);
    buf_wipe(&line);
}

/*
 * AUTH, with the initial response in the same line when it has one and that fits: RFC 4954 section
 * 4 keeps the command within a command line, which a token would burst; its own line may be longer.
 */
static void say_auth(struct session *s)
{
    struct buf response;
    char command[48];
    bool initial;

    buf_init(&response, SASL_LINE_MAX);
    buf_reserve(&response, strlen(s->params.account->user) + s->params.password.n + 16);
    (void)snprintf(command, sizeof command, "AUTH %s ", s->sasl.name);
    initial = sasl_initial(&s->sasl, &response);
    if (initial && strlen(command) + (response.n + 2) / 3 * 4 + 2 <= COMMAND_LINE_MAX)
        say_response(s, command, buf_slice(&response));
    else
        session_say(s, "AUTH %s", s->sasl.name);
    s->out.failed = s->out.failed || response.failed;
    buf_wipe(&response);
}

static enum step begin_login(struct session *s)
{
    const struct account *account = s->params.account;
    unsigned allowed = account->auth == AUTH_PLAIN   ? (unsigned)SASL_PLAIN
                       : account->auth == AUTH_LOGIN ? (unsigned)SASL_LOGIN
                                                     : (unsigned)(SASL_PLAIN | SASL_LOGIN);
    struct status why = { 0 };

    if (!s->secured) {
        (void)status_set(&why, CODE_NO_AUTH, STAGE_LOGIN, "no login without TLS");
        return session_leave(s, &why);
    }
    if (sasl_begin(&s->sasl, s->extensions.mechanisms, allowed, slice_of(account->user),
                   s->params.password, s->extensions.auth_words, &why))
        return session_leave(s, &why);
    say_auth(s);
    return STEP_AUTH;
}

/* What follows once a hello was taken and TLS stands as configured. */
static enum step log_in(struct session *s)
{
    return wants_login(s) ? begin_login(s) : STEP_READY;
}

enum step got_ehlo(struct session *s, const struct reply *reply)
{
    enum tls_mode tls = s->params.account->tls;
    struct status why = { 0 };

    if (reply->code != 250) {
        /* A server without EHLO has neither STARTTLS nor a login: HELO would lose both unsaid. */
        if (reply->code >= 500 && tls == TLS_NONE && !wants_login(s))
            return STEP_HELO;
        return session_refused(s, CODE_GREETING, STAGE_HELLO, reply, "the server refuses our EHLO");
    }
    record_keywords(s, reply);
    extensions_parse(buf_slice(&reply->text), &s->extensions);
    if (tls != TLS_STARTTLS || s->secured)
        return log_in(s);
    if (s->extensions.offered & EXTENSION_STARTTLS)
        return STEP_STARTTLS;
    (void)status_set(&why, CODE_NO_STARTTLS, STAGE_STARTTLS, "the server does not offer STARTTLS");
    return session_leave(s, &why);
}

enum step got_helo(struct session *s, const struct reply *reply)
{
    if (reply->code != 250)
        return session_refused(s, CODE_GREETING, STAGE_HELLO, reply,
                               "the server refuses EHLO and HELO");
    return STEP_READY;
}

enum step got_starttls(struct session *s, const struct reply *reply)
{
    if (reply->code != 220)
        return session_refused(s, CODE_NO_STARTTLS, STAGE_STARTTLS, reply,
                               "the server offers STARTTLS, yet refuses it");
    return STEP_TLS;
}

static enum step answer_challenge(struct session *s, const struct reply *reply)
{
    struct status why = { 0 };
    struct buf challenge, response;
    bool decoded;
    enum code code;

    buf_init(&challenge, SASL_LINE_MAX);
    buf_init(&response, SASL_LINE_MAX);
    buf_reserve(&response, strlen(s->params.account->user) + s->params.password.n + 16);
    decoded = buf_add_decoded_base64(&challenge, slice_trim(buf_slice(&reply->text)));
    /* LOGIN's challenges are prompts for people; some servers do not encode them. */
    if (!decoded && s->sasl.mechanism != SASL_LOGIN)
        code = status_set(&why, CODE_PROTOCOL, STAGE_LOGIN, "a login challenge that is no base64");
    else
        code = sasl_step(&s->sasl, buf_slice(&challenge), &response, &why);
    if (code == CODE_OK && !response.failed)
        say_response(s, "", buf_slice(&response));
    else
        (void)status_set(&why, CODE_MEMORY, STAGE_LOGIN, "out of memory");
    buf_free(&challenge);
    buf_wipe(&response);
    return why.code ? session_fail(s, &why) : STEP_AUTH_ROUND;
}

enum step got_auth(struct session *s, const struct reply *reply)
{
    if (reply->code == 235)
        return STEP_READY;
    if (reply->code == 334)
        return answer_challenge(s, reply);
    return session_refused(s, CODE_LOGIN, STAGE_LOGIN, reply, "login refused");
}
