/* MAIL and RCPT: RFC 5321 section 4.1.1, and the parameters of its extensions. */
#include "smtp/server_inside.h"

#include <string.h>

/*
 * A parameter. Its handler gives the reply that refuses its value, NULL when it is good. `valued`:
 * whether it has a value, and then it needs one.
 */
struct parameter {
    const char *name;
    bool valued;
    const char *(*take)(struct server *, struct slice value);
};

/* Copies what fits, and the caller has seen to that. */
static void keep(char *room, struct slice s)
{
    memcpy(room, s.p, s.n);
    room[s.n] = 0;
}

static const char *take_size(struct server *d, struct slice value)
{
    uint64_t max = d->params.max_message;

    if (value.n > 20 || !slice_number(value, UINT64_MAX, &d->mail.declared.size))
        return "501 5.5.4 SIZE is a number of bytes";
    return max > 0 && d->mail.declared.size > max ? "552 5.3.4 The message is too big" : NULL;
}

static const char *take_body(struct server *d, struct slice value)
{
    d->mail.declared.body_8bit = slice_equal_nocase(value, slice_of("8BITMIME"));
    if (d->mail.declared.body_8bit || slice_equal_nocase(value, slice_of("7BIT")))
        return NULL;
    return "555 5.5.4 BODY is 7BIT or 8BITMIME";
}

static const char *take_utf8(struct server *d, struct slice value)
{
    (void)value;
    d->mail.declared.utf8 = true;
    return NULL;
}

static const char *take_return(struct server *d, struct slice value)
{
    d->mail.dsn_return = dsn_parse_return(value);
    return d->mail.dsn_return == DSN_RETURN_UNSET ? "501 5.5.4 RET is FULL or HDRS" : NULL;
}

static const char *take_envelope_id(struct server *d, struct slice value)
{
    if (!dsn_is_envelope_id(value))
        return "501 5.5.4 ENVID is xtext of 100 bytes at most";
    keep(d->envelope_id, value);
    d->mail.envelope_id = d->envelope_id;
    return NULL;
}

/* Whom the client believes the message to be from is nobody's to check here: RFC 4954 section 5. */
static const char *take_auth(struct server *d, struct slice value)
{
    (void)d;
    (void)value;
    return NULL;
}

static const char *take_notify(struct server *d, struct slice value)
{
    d->recipient.notify = dsn_parse_notify(value);
    return d->recipient.notify == DSN_NOTIFY_UNSET
               ? "501 5.5.4 NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY"
               : NULL;
}

static const char *take_original(struct server *d, struct slice value)
{
    struct slice address = value, type;
    bool known;

    (void)slice_take_until(&address, ";", &type);
    known =
        slice_equal_nocase(type, slice_of("rfc822")) || slice_equal_nocase(type, slice_of("utf-8"));
    if (!known || value.n > SERVER_ORIGINAL_MAX || !dsn_is_xtext(address))
        return "501 5.5.4 ORCPT is rfc822; or utf-8; and xtext, 500 bytes at most";
    keep(d->original, value);
    d->recipient.original = d->original;
    return NULL;
}

static const struct parameter mail_rows[] = {
    { "SIZE", true, take_size },         { "BODY", true, take_body },
    { "SMTPUTF8", false, take_utf8 },    { "RET", true, take_return },
    { "ENVID", true, take_envelope_id }, { "AUTH", true, take_auth },
};

static const struct parameter rcpt_rows[] = {
    { "NOTIFY", true, take_notify },
    { "ORCPT", true, take_original },
};

/* The reply that refuses one parameter, NULL when it is good. `seen` has a bit for each row. */
static const char *take_parameter(struct server *d, struct slice word, const struct parameter *rows,
                                  size_t count, unsigned *seen)
{
    size_t equals = slice_find(word, '=');
    struct slice name = slice_part(word, 0, equals), value = slice_part(word, equals + 1, word.n);

    for (size_t i = 0; i < count; i++) {
        if (!slice_equal_nocase(name, slice_of(rows[i].name)))
            continue;
        if (*seen & 1U << i)
            return "501 5.5.4 A parameter is there twice";
        *seen |= 1U << i;
        if (rows[i].valued ? value.n == 0 : equals < word.n)
            return "501 5.5.4 A parameter lacks its value, or has one that it may not have";
        return rows[i].take(d, value);
    }
    return "555 5.5.4 A parameter is not known";
}

static const char *take_parameters(struct server *d, struct slice rest,
                                   const struct parameter *rows, size_t count)
{
    const char *refusal = NULL;
    unsigned seen = 0;
    struct slice word;

    while (!refusal && slice_take_word(&rest, &word))
        refusal = take_parameter(d, word, rows, count, &seen);
    return refusal;
}

/* Where the path that s begins with ends; false when its bracket is not closed, or is followed by
 * something else than a space. */
static bool find_path_end(struct slice s, size_t *end)
{
    bool angled = s.n > 0 && s.p[0] == '<', quoted = false;
    size_t i = 0;

    while (i < s.n && (quoted || (angled ? s.p[i] != '>' : !is_space(s.p[i])))) {
        if (s.p[i] == '"')
            quoted = !quoted;
        i += s.p[i] == '\\' ? 2 : 1;
    }
    if (i < s.n && angled)
        i++;
    else if (angled)
        return false;
    *end = i < s.n ? i : s.n;
    return *end == s.n || is_space(s.p[*end]);
}

/* Takes "FROM:<path>" off *in, also with a space behind the colon or without brackets. */
static bool take_path(struct slice *in, const char *keyword, struct address *path)
{
    struct slice name = slice_of(keyword), rest;
    struct status ignored = { 0 };
    size_t end = 0;

    if (!slice_starts_nocase(*in, name))
        return false;
    rest = slice_trim(slice_part(*in, name.n, in->n));
    if (rest.n == 0 || !find_path_end(rest, &end))
        return false;
    if (address_parse(slice_part(rest, 0, end), path, &ignored) != CODE_OK)
        return false;
    *in = slice_part(rest, end, rest.n);
    return path->length == 0 || address_is_safe(address_spec(path));
}

void server_do_mail(struct server *d, struct slice arguments)
{
    const char *refusal;

    d->mail = (struct server_mail){ .envelope_id = NULL };
    d->recipients = 0;
    if (!take_path(&arguments, "FROM:", &d->mail.reverse_path)) {
        server_refuse(d, "501 5.1.7 MAIL FROM:<address> with an address that can be used");
        return;
    }
    refusal = take_parameters(d, arguments, mail_rows, sizeof mail_rows / sizeof *mail_rows);
    if (!refusal && d->mail.reverse_path.utf8 && !d->mail.declared.utf8)
        refusal = "553 5.6.7 An address beyond ASCII needs SMTPUTF8";
    if (refusal) {
        d->mail.declared.utf8 = false;
        server_refuse(d, refusal);
        return;
    }
    d->asked = SERVER_WANTS_SENDER;
}

void server_do_rcpt(struct server *d, struct slice arguments)
{
    const char *refusal;

    d->recipient = (struct server_recipient){ .notify = 0 };
    if (d->recipients >= SERVER_RECIPIENTS_MAX) {
        server_say(d, "452 4.5.3 Too many recipients");
        return;
    }
    if (!take_path(&arguments, "TO:", &d->recipient.forward_path) ||
        d->recipient.forward_path.length == 0) {
        server_refuse(d, "501 5.1.3 RCPT TO:<address> with an address that can be used");
        return;
    }
    refusal = take_parameters(d, arguments, rcpt_rows, sizeof rcpt_rows / sizeof *rcpt_rows);
    if (!refusal && d->recipient.forward_path.utf8 && !d->mail.declared.utf8)
        refusal = "553 5.6.7 An address beyond ASCII needs SMTPUTF8";
    if (refusal)
        server_refuse(d, refusal);
    else
        d->asked = SERVER_WANTS_RECIPIENT;
}
