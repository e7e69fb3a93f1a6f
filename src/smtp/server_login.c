/* AUTH: RFC 4954, with PLAIN of RFC 4616 and the LOGIN that has no RFC. */
#include "smtp/server_inside.h"

#include <string.h>

static const struct row {
    const char *name;
    enum server_login_step first;
} mechanisms[] = {
    { "PLAIN", LOGIN_PLAIN },
    { "LOGIN", LOGIN_USER },
};

/* "User Name" and "Password" in base64; PLAIN has nothing to ask with. */
static const char *const challenges[] = {
    [LOGIN_PLAIN] = "334 ",
    [LOGIN_USER] = "334 VXNlcm5hbWU6",
    [LOGIN_PASSWORD] = "334 UGFzc3dvcmQ6",
};
_Static_assert(sizeof challenges / sizeof *challenges == LOGIN_STEPS, "a challenge for each step");

void server_forget_secret(struct server *d)
{
    explicit_bzero(d->secret_room, sizeof d->secret_room);
    buf_clear(&d->secret.text);
    d->secret.login = (struct server_login){ .user = { 0 } };
}

static void refuse(struct server *d, const char *reply)
{
    server_forget_secret(d);
    server_refuse(d, reply);
}

static void ask(struct server *d, enum server_login_step step)
{
    d->secret.step = step;
    d->phase = PHASE_LOGIN;
    server_say(d, "%s", challenges[step]);
}

/* A name may end up in a log and in a Received header. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]))
            return false;
    return s.n > 0 && s.n <= SERVER_NAME_MAX && slice_is_utf8(s);
}

/* Asks whether user and password are right, if they can be. */
static void present(struct server *d, struct slice user, struct slice password)
{
    if (!is_name(user) || password.n == 0 || slice_find(password, 0) < password.n) {
        refuse(d, "501 5.5.2 A user and a password are needed");
        return;
    }
    d->secret.login = (struct server_login){ user, password };
    d->asked = SERVER_WANTS_LOGIN;
}

/* Who to be, who it is, password, parted by NUL. Nobody may be somebody else here. */
static void got_plain(struct server *d, struct slice response)
{
    size_t first = slice_find(response, 0);
    struct slice identity = slice_part(response, 0, first);
    struct slice rest = slice_part(response, first + 1, response.n);
    size_t second = slice_find(rest, 0);
    struct slice user = slice_part(rest, 0, second);

    if (second == rest.n || (identity.n > 0 && !slice_equal(identity, user)))
        refuse(d, "501 5.5.2 This is no login of PLAIN for oneself");
    else
        present(d, user, slice_part(rest, second + 1, rest.n));
}

static void take_decoded(struct server *d, struct slice response)
{
    switch (d->secret.step) {
    case LOGIN_PLAIN:
        got_plain(d, response);
        return;
    case LOGIN_USER:
        d->secret.login.user = response;
        ask(d, LOGIN_PASSWORD);
        return;
    case LOGIN_PASSWORD:
        present(d, d->secret.login.user, response);
        return;
    case LOGIN_STEPS:
        return;
    }
}

static void take_encoded(struct server *d, struct slice encoded)
{
    struct buf *text = &d->secret.text;
    size_t start = text->n;

    if (buf_add_decoded_base64(text, encoded))
        take_decoded(d, slice_part(buf_slice(text), start, text->n));
    else
        refuse(d, text->failed ? "500 5.5.6 Line too long" : "501 5.5.2 This is no base64");
}

void server_take_response(struct server *d, struct slice line)
{
    line = slice_trim(line);
    if (slice_equal(line, slice_of("*")))
        refuse(d, "501 5.7.0 The login is cancelled");
    else
        take_encoded(d, line);
}

static void begin_login(struct server *d, enum server_login_step first, struct slice initial)
{
    server_forget_secret(d);
    d->secret.step = first;
    if (initial.n == 0)
        ask(d, first);
    else if (slice_equal(initial, slice_of("="))) /* RFC 4954 section 4: it is empty */
        take_decoded(d, slice_part(initial, 0, 0));
    else
        take_encoded(d, initial);
}

/* The reply to an AUTH that cannot begin; NULL when it can. */
static const char *problem(const struct server *d)
{
    if (!d->params.offers_login)
        return "502 5.5.1 AUTH is not offered";
    if (d->user[0] != 0)
        return "503 5.5.1 You are logged in already";
    if (d->params.login_needs_tls && !d->params.secured)
        return "538 5.7.11 Say STARTTLS first";
    return NULL;
}

void server_do_auth(struct server *d, struct slice arguments)
{
    struct slice name = { 0 };
    const char *refusal = problem(d);

    if (!refusal && !slice_take_word(&arguments, &name))
        refusal = "501 5.5.4 AUTH and a mechanism";
    if (refusal) {
        server_refuse(d, refusal);
        return;
    }
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        if (!slice_equal_nocase(name, slice_of(mechanisms[i].name)))
            continue;
        begin_login(d, mechanisms[i].first, slice_trim(arguments));
        return;
    }
    server_refuse(d, "504 5.5.4 AUTH knows PLAIN and LOGIN");
}

void server_end_login(struct server *d, const struct status *why)
{
    struct slice user = d->secret.login.user;

    if (why->code == CODE_OK) {
        memcpy(d->user, user.p, user.n);
        d->user[user.n] = 0;
        server_say(d, "235 2.7.0 Authentication successful");
    } else if (why->code == CODE_LOGIN) {
        d->secret.failures++;
        server_refuse(d, "535 5.7.8 User or password is wrong");
    } else {
        server_say(d, "454 4.7.0 The login cannot be checked now");
    }
    server_forget_secret(d);
}
