/* One message of a dialogue: from MAIL to the answer to its last byte. */
#include "base/log.h"
#include "cli/dialogue_inside.h"
#include "cli/report.h"
#include "mail/header.h"
#include "net/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RECEIVED_MAX = 1024,
    HOPS_MAX = 50, /* RFC 5321 section 6.3 wants no less than 100 for a relay of the world; a
                      message to a provider has one or two behind it */
    TEXT_ROOM = 64,
};

void dialogue_drop(struct dialogue *d)
{
    if (!d->has_message)
        return;
    (void)message_read_end(d->reader, NULL);
    d->reader = NULL;
    making_end(&d->making);
    d->has_message = false;
}

void dialogue_forget(struct dialogue *d)
{
    struct status ok = { 0 };

    if (d->has_message) {
        report_log_refused(d->origin, &d->making.envelope, &d->making.outcome);
        courier_forget(d->courier);
    }
    dialogue_drop(d);
    server_answer(d->server, &ok, NULL);
}

/* The courier of the account; another account is another connection. */
static enum code choose_courier(struct dialogue *d, struct status *why)
{
    const struct account *account = &d->making.account;
    const struct dialogue_params *p = d->params;

    if (ring_leads_to(p->listeners, p->listener_count, account->host, account->port))
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "host = %.200s, port = %u is this relay itself: mail would go round in a "
                          "ring",
                          account->host, account->port);
    if (d->courier && strcmp(d->courier_account.name, account->name) == 0)
        return CODE_OK;
    courier_close(d->courier);
    d->courier = NULL;
    d->courier_account = *account;
    return courier_open(&d->courier_account, &d->courier, why);
}

/* What the log calls this message: its id, and who brought it. */
static void make_id(struct dialogue *d)
{
    const char *user = server_user(d->server);
    char shown[DIALOGUE_USER_ROOM];
    struct buf id;

    buf_over(&id, d->id, sizeof d->id - 1);
    stamp_add_id(&id);
    d->id[id.n] = 0;
    dialogue_show_user(shown, slice_of(user));
    (void)snprintf(d->origin, sizeof d->origin, "id=%s client=%s %s%s%s", d->id, d->peer,
                   user[0] != 0 ? "user=" : "", shown, user[0] != 0 ? " " : "");
}

/*
 * A client from a network need not know what our files are called and who our provider is; the log
 * says it. What the provider said of his message, he does hear.
 */
static void answer(struct dialogue *d, const struct status *why, const char *text)
{
    static const enum code ours[] = {
        CODE_CONFIG, CODE_PERMISSION, CODE_FILE_MISSING, CODE_FILE_CREATE, CODE_READ, CODE_SYSTEM,
        CODE_NO_CA,  CODE_NO_AUTH,    CODE_LOGIN,        CODE_UNTRUSTED,   CODE_TLS,
    };
    const struct peer *peer = d->params->peer;
    struct status vague = { 0 };

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (why->code == ours[i] && peer && !peer->is_local)
            (void)status_set(&vague, CODE_CONFIG, why->stage,
                             "this relay cannot send now; its log says why");
    server_answer(d->server, vague.code ? &vague : why, text);
}

static enum code begin_message(struct dialogue *d, struct status *why)
{
    const struct server_mail *mail = server_mail(d->server);
    struct making *m = &d->making;
    struct message_limits limits = { .dots = DOTS_ARE_DATA };

    if (d->params->closed && d->params->closed->code) {
        *why = *d->params->closed;
        return why->code;
    }
    making_begin(m, d->params->door);
    d->has_message = true;
    d->content = (struct status){ 0 };
    d->declared = mail->declared;
    limits.max_size = m->account.max_message;
    make_id(d);
    if (making_choose_sender(m, mail->reverse_path.spec, why) ||
        envelope_set_notices(&m->envelope, DSN_NOTIFY_UNSET, mail->dsn_return, mail->envelope_id,
                             why) ||
        choose_courier(d, why))
        return why->code;
    return message_read_begin(&m->message, &limits, &d->reader, why);
}

void dialogue_take_sender(struct dialogue *d)
{
    struct status why = { 0 };

    if (begin_message(d, &why)) {
        report_log_failure(d->origin, &why);
        dialogue_drop(d);
    }
    answer(d, &why, NULL);
}

static struct submission submission_of(struct dialogue *d)
{
    return (struct submission){
        .envelope = &d->making.envelope,
        .message = &d->making.message,
        .declared = &d->declared,
    };
}

/* Adds a forward-path to the message. Its row is there first: no path is ever without one. */
static enum code add_path(struct dialogue *d, const char *path, struct status *why)
{
    const struct server_recipient *r = server_recipient(d->server);
    struct envelope *e = &d->making.envelope;
    size_t before = e->forward_count;
    struct slice nothing = { 0 };
    struct address a;

    if (making_add_rows(&d->making, before + 1, why) || address_parse(slice_of(path), &a, why) ||
        envelope_add(e, &a, nothing, why))
        return why->code;
    if (before == e->forward_count || (!r->notify && !r->original))
        return CODE_OK;
    return envelope_set_options(e, before, r->notify, r->original, why);
}

/*
 * Adds what the recipient becomes, and gives that. When one of several cannot be used, those that
 * were added before it share its fate, and nobody asks for them: the client hears of a refusal.
 */
static enum code add_recipient(struct dialogue *d, struct envelope *becomes, struct status *why)
{
    const struct server_recipient *r = server_recipient(d->server);
    struct making *m = &d->making;
    size_t before = m->envelope.forward_count;

    if (recipients_add(becomes, &m->door->rules, &r->forward_path, why))
        return why->code;
    for (size_t i = 0; i < becomes->forward_count && !why->code; i++)
        (void)add_path(d, becomes->forward_paths[i], why);
    for (size_t i = before; i < m->envelope.forward_count && why->code; i++)
        m->outcome.recipients[i] = *why;
    return why->code;
}

/* Where a forward-path is in the envelope; likely at `from`, or right behind it. */
static size_t find_path(const struct envelope *e, const char *path, size_t from)
{
    for (size_t i = 0; i < e->forward_count; i++) {
        size_t at = (from + i) % e->forward_count;

        if (address_equal(slice_of(e->forward_paths[at]), slice_of(path)))
            return at;
    }
    return from;
}

/*
 * An alias may stand for several, and for some that were named before, who are what they were. When
 * the provider takes one of them, the recipient is taken: a refusal would have the client try
 * again, and that one would get it twice. The others are in the log.
 */
static struct status judge(const struct making *m, const struct envelope *becomes)
{
    const struct status *all = m->outcome.recipients;
    size_t first = find_path(&m->envelope, becomes->forward_paths[0], 0), one = first;

    for (size_t i = 1; i < becomes->forward_count && all[one].code != CODE_OK; i++)
        one = find_path(&m->envelope, becomes->forward_paths[i], one);
    return all[one].code == CODE_OK ? all[one] : all[first];
}

void dialogue_take_recipient(struct dialogue *d)
{
    struct submission submission = submission_of(d);
    size_t before = d->making.envelope.forward_count;
    struct status why = { 0 }, fault = { 0 };
    struct envelope becomes = { 0 };

    if (add_recipient(d, &becomes, &why) == CODE_OK) {
        /* A fault of the session has become the status of its recipients. */
        if (before < d->making.envelope.forward_count &&
            courier_ask(d->courier, &submission, &d->making.outcome, &fault))
            log_trace("=", slice_of(fault.what));
        why = judge(&d->making, &becomes);
    } else {
        report_log_failure(d->origin, &why);
    }
    envelope_free(&becomes);
    answer(d, &why, NULL);
}

void dialogue_take_content(struct dialogue *d)
{
    size_t n;
    char *p = server_content(d->server, &n);

    /* What cannot be kept is still taken to its end: only then there is an answer. */
    if (d->content.code == CODE_OK && message_read_add(d->reader, p, n, &d->content))
        log_trace("=", slice_of(d->content.what));
    server_content_done(d->server);
}

/* A relay that is its own provider would go round for ever (RFC 5321 section 6.3). */
static enum code check_hops(const struct message *m, struct status *why)
{
    struct slice rest = buf_slice(&m->header);
    struct field field;
    unsigned hops = 0;

    while (header_next(&rest, &field))
        hops += slice_equal_nocase(field.name, slice_of("Received"));
    if (hops <= HOPS_MAX)
        return CODE_OK;
    return status_set(why, CODE_MESSAGE, STAGE_INPUT,
                      "%u hops: the message goes round in a ring (is this relay its own host =?)",
                      hops);
}

static enum code repair(struct dialogue *d, struct status *why)
{
    struct stamp_received r = {
        .client = server_client_name(d->server),
        .peer = d->peer,
        .host = d->name,
        .protocol = server_protocol(d->server),
        .id = d->id,
        .when = time(NULL),
    };
    struct buf received;
    const char *value;
    enum code code;

    buf_init(&received, RECEIVED_MAX);
    stamp_add_received(&received, &r);
    value = buf_string(&received);
    code = value ? making_repair(&d->making, value, why)
                 : status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
    buf_free(&received);
    return code;
}

static enum code finish_message(struct dialogue *d, struct status *why)
{
    *why = d->content;
    (void)message_read_end(d->reader, why);
    d->reader = NULL;
    if (why->code || check_hops(&d->making.message, why))
        return why->code;
    return repair(d, why);
}

/* The forward-path that stands for all that were accepted: what becomes of one becomes of all. */
static size_t first_accepted(const struct making *m)
{
    size_t i = 0;

    while (i + 1 < m->envelope.forward_count && m->outcome.recipients[i].code != CODE_OK)
        i++;
    return i;
}

static struct status send_message(struct dialogue *d)
{
    struct submission submission = submission_of(d);
    size_t one = first_accepted(&d->making);
    struct status fault = { 0 };

    if (courier_send(d->courier, &submission, &d->making.outcome, &fault))
        log_trace("=", slice_of(fault.what));
    report_log_outcome(d->origin, &d->making.envelope, &d->making.outcome);
    return d->making.outcome.recipients[one];
}

void dialogue_deliver(struct dialogue *d)
{
    struct status why = { 0 };
    char text[TEXT_ROOM];

    if (finish_message(d, &why)) {
        report_log_failure(d->origin, &why);
        courier_forget(d->courier);
    } else {
        why = send_message(d);
    }
    (void)snprintf(text, sizeof text, "Ok: queued as %s", d->id);
    dialogue_drop(d);
    answer(d, &why, text);
}
