#include "smtp/sasl.h"

#include <string.h>

enum {
    REPEATED_MIN = 4,   /* a shorter password is a part of many words that repeat nothing */
    REPEATED_START = 9, /* bytes of a response that give it away, 12 as base64 */
};

/* RFC 4616: no authorization identity, user, password, parted by NUL. */
static void say_plain(const struct sasl *s, struct buf *response)
{
    buf_add_char(response, 0);
    buf_add_slice(response, s->user);
    buf_add_char(response, 0);
    buf_add_slice(response, s->password);
}

/* A server that has no use for the initial response asks for it with one empty challenge. */
static bool step_plain(const struct sasl *s, struct buf *response)
{
    if (s->round > 0)
        return false;
    say_plain(s, response);
    return true;
}

/* The prompts differ from server to server in words and language; only their order is sure. */
static bool step_login(const struct sasl *s, struct buf *response)
{
    if (s->round > 1)
        return false;
    buf_add_slice(response, s->round == 0 ? s->user : s->password);
    return true;
}

/*
 * THE table of mechanisms, the preferred one first. LOGIN comes last: it needs a round trip more
 * for the same words.
 */
static const struct row {
    enum sasl_mechanism flag;
    const char *name;
    void (*initial)(const struct sasl *s, struct buf *response); /* NULL: it has none */
    bool (*step)(const struct sasl *s, struct buf *response);    /* false: none is due */
} rows[] = {
    { SASL_PLAIN, "PLAIN", say_plain, step_plain },
    { SASL_LOGIN, "LOGIN", NULL, step_login },
};

static const struct row *row_of(unsigned mechanism)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((unsigned)rows[i].flag & mechanism)
            return &rows[i];
    return NULL;
}

unsigned sasl_mechanism_of(struct slice name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (slice_equal_nocase(name, slice_of(rows[i].name)))
            return (unsigned)rows[i].flag;
    return 0;
}

/* Whether the base64 form of `secret` begins somewhere in text. */
static bool has_encoded(struct slice text, struct slice secret)
{
    char room[REPEATED_START / 3 * 4];
    struct buf start;

    buf_over(&start, room, sizeof room);
    buf_add_base64(&start, slice_part(secret, 0, REPEATED_START));
    while (start.n > 0 && start.p[start.n - 1] == '=')
        start.n--;
    return secret.n >= REPEATED_MIN && slice_contains_nocase(text, buf_slice(&start));
}

bool sasl_is_repeated(struct slice user, struct slice password, struct slice text)
{
    struct sasl s = { .user = slice_part(user, 0, REPEATED_START),
                      .password = slice_part(password, 0, REPEATED_START) };
    char room[2 * REPEATED_START + 2];
    struct buf plain;

    if (password.n == 0)
        return false;
    buf_over(&plain, room, sizeof room);
    say_plain(&s, &plain);
    return (password.n >= REPEATED_MIN && slice_contains_nocase(text, password)) ||
           has_encoded(text, password) || has_encoded(text, buf_slice(&plain));
}

static enum code refuse(unsigned offered, const char *words, struct status *why)
{
    if (words[0] == 0)
        return status_set(why, CODE_NO_AUTH, STAGE_LOGIN, "the server offers no login");
    if (offered == 0)
        return status_set(why, CODE_NO_AUTH, STAGE_LOGIN,
                          "the server offers only logins that we do not know: %s", words);
    return status_set(why, CODE_NO_AUTH, STAGE_LOGIN,
                      "the server does not offer the login that auth = names, only: %s", words);
}

enum code sasl_begin(struct sasl *s, unsigned offered, unsigned allowed, struct slice user,
                     struct slice password, const char *words, struct status *why)
{
    const struct row *row = row_of(offered & allowed);

    if (!row)
        return refuse(offered, words, why);
    /* NUL parts the fields of PLAIN: a longer password would become a shorter one unsaid. */
    if (slice_find(user, 0) < user.n || slice_find(password, 0) < password.n)
        return status_set(why, CODE_CONFIG, STAGE_LOGIN, "the user or the password holds a NUL");
    *s = (struct sasl){
        .mechanism = (unsigned)row->flag,
        .name = row->name,
        .user = user,
        .password = password,
    };
    return CODE_OK;
}

bool sasl_initial(struct sasl *s, struct buf *response)
{
    const struct row *row = row_of(s->mechanism);

    if (!row || !row->initial)
        return false;
    row->initial(s, response);
    return true;
}

enum code sasl_step(struct sasl *s, struct slice challenge, struct buf *response,
                    struct status *why)
{
    const struct row *row = row_of(s->mechanism);

    (void)challenge; /* what these two mechanisms answer does not depend on it */
    if (!row || s->round >= SASL_ROUNDS_MAX || !row->step(s, response))
        return status_set(why, CODE_PROTOCOL, STAGE_LOGIN,
                          "the server asks for more than a user and a password");
    s->round++;
    return response->failed ? status_set(why, CODE_MEMORY, STAGE_LOGIN, "out of memory") : CODE_OK;
}
