/* What MAIL and RCPT say, with the parameters that extensions bring, and what cannot be said. */
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/repair.h"
#include "smtp/session.h"

#include <stdio.h>

enum {
    ORCPT_MAX = 500, /* RFC 3461 section 4.2 */
};

static enum code check_sender(const struct session *s, struct status *why)
{
    const char *path = envelope_of(s)->reverse_path;

    /* Asked again here, whoever parsed it: a path with a line end in it would be two commands. */
    if (path[0] != 0 && !address_is_safe(slice_of(path)))
        return status_set(why, CODE_ADDRESS, STAGE_MAIL, "an address that cannot be sent: %.100s",
                          path);
    return CODE_OK;
}

static enum code lacks_utf8(struct status *why)
{
    return status_set(why, CODE_NO_SMTPUTF8, STAGE_MAIL,
                      "an address has letters beyond ASCII, and the server takes none "
                      "(no SMTPUTF8)");
}

static enum code check_size(const struct session *s, uint64_t size, struct status *why)
{
    uint64_t limit = offers(s, EXTENSION_SIZE) ? s->extensions.size_limit : 0;

    if (limit == 0 || size <= limit)
        return CODE_OK;
    return status_set(why, CODE_TOO_BIG, STAGE_MAIL,
                      "the message has %llu bytes, the server takes at most %llu",
                      (unsigned long long)size, (unsigned long long)limit);
}

/* Gives the message the form in which this server takes it, and learns its size. */
static enum code fit_message(struct session *s, struct status *why)
{
    struct message *m = s->transaction.submission->message;
    uint64_t *size = &s->transaction.outcome->size;
    bool body_8bit = m->body_8bit && m->encoding == ENCODING_AS_IS;

    if (body_8bit && !offers(s, EXTENSION_8BITMIME) && message_make_7bit(m, why))
        return why->code;
    return wire_size(m, size, why) ? why->code : check_size(s, *size, why);
}

enum code parameters_choose(struct session *s, struct status *why)
{
    struct transaction *t = &s->transaction;
    const struct message *m = t->submission->message;
    unsigned options = EXTENSION_DSN | EXTENSION_SIZE;

    if (check_sender(s, why))
        return why->code;
    if (envelope_needs_utf8(envelope_of(s)) || m->header_8bit) {
        if (!offers(s, EXTENSION_SMTPUTF8))
            return lacks_utf8(why);
        options |= EXTENSION_SMTPUTF8;
    }
    if ((m->body_8bit && m->encoding == ENCODING_AS_IS) || m->header_8bit)
        options |= EXTENSION_8BITMIME;
    t->mail_options = options & s->extensions.offered;
    if (fit_message(s, why))
        return why->code;
    t->mail_size = t->outcome->size;
    return CODE_OK;
}

enum code parameters_choose_declared(struct session *s, struct status *why)
{
    struct transaction *t = &s->transaction;
    const struct declared *declared = t->submission->declared;
    /* Clients send 8-bit text without saying so. */
    unsigned options = EXTENSION_DSN | EXTENSION_8BITMIME;

    if (check_sender(s, why))
        return why->code;
    if (declared->utf8)
        options |= EXTENSION_SMTPUTF8;
    if (declared->size > 0)
        options |= EXTENSION_SIZE;
    t->mail_options = options & s->extensions.offered;
    t->mail_size = declared->size;
    if (!(t->mail_options & EXTENSION_SMTPUTF8) &&
        !slice_is_ascii(slice_of(envelope_of(s)->reverse_path)))
        return lacks_utf8(why);
    return check_size(s, declared->size, why);
}

enum code parameters_check_message(struct session *s, struct status *why)
{
    struct transaction *t = &s->transaction;

    if (t->submission->message->header_8bit && !(t->mail_options & EXTENSION_SMTPUTF8))
        return lacks_utf8(why);
    return fit_message(s, why);
}

void parameters_check_paths(struct session *s)
{
    struct transaction *t = &s->transaction;
    const struct envelope *e = envelope_of(s);

    for (size_t i = t->asked > 0 ? t->asked - 1 : 0; i < e->forward_count; i++) {
        struct slice path = slice_of(e->forward_paths[i]);
        struct status *st = &t->outcome->recipients[i];

        if (!address_is_safe(path))
            (void)status_set(st, CODE_ADDRESS, STAGE_MAIL, "an address that cannot be sent: %.100s",
                             path.p);
        else if (!(t->mail_options & EXTENSION_SMTPUTF8) && !slice_is_ascii(path))
            (void)lacks_utf8(st);
    }
}

void say_mail(struct session *s)
{
    const struct envelope *e = envelope_of(s);
    const struct transaction *t = &s->transaction;
    enum dsn_return dsn_return =
        e->dsn_return ? e->dsn_return : (enum dsn_return)s->params.account->dsn_return;
    struct buf line;

    buf_init(&line, SESSION_FLIGHT);
    buf_addf(&line, "MAIL FROM:<%s>", e->reverse_path);
    if (t->mail_options & EXTENSION_SIZE)
        buf_addf(&line, " SIZE=%llu", (unsigned long long)t->mail_size);
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

static unsigned choose_notify(const struct session *s, size_t index)
{
    const struct envelope *e = envelope_of(s);
    unsigned notify = e->options ? e->options[index].notify : DSN_NOTIFY_UNSET;

    if (notify == DSN_NOTIFY_UNSET)
        notify = e->notify;
    if (notify == DSN_NOTIFY_UNSET)
        notify = s->params.account->dsn_notify;
    /* RFC 3461 section 4.1: it stands alone */
    return notify & DSN_NOTIFY_NEVER ? DSN_NOTIFY_NEVER : notify;
}

/* What ORCPT says. One that would not be one word of its command is left out: nobody needs it. */
static const char *original_of(const struct session *s, size_t index)
{
    const struct envelope *e = envelope_of(s);
    const char *original = e->options ? e->options[index].original : NULL;
    struct slice text = slice_of(original);

    if (text.n > ORCPT_MAX)
        return NULL;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return NULL;
    return text.n > 0 ? original : NULL;
}

void say_rcpt(struct session *s, size_t index)
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
    bool dsn = s->transaction.mail_options & EXTENSION_DSN;
    unsigned notify = dsn ? choose_notify(s, index) : DSN_NOTIFY_UNSET;
    const char *original = dsn ? original_of(s, index) : NULL;
    char list[48] = "";
    size_t n = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (notify & words[i].flag)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
                                  n ? "," : " NOTIFY=", words[i].word);
    session_say(s, "RCPT TO:<%s>%s%s%s", envelope_of(s)->forward_paths[index], list,
                original ? " ORCPT=" : "", original ? original : "");
}
