/* One message of a dialogue: from MAIL to the answer to its last byte. */
#include "base/log.h"
#include "cli/dialogue_inside.h"
#include "cli/keep.h"
#include "cli/report.h"
#include "deliver/queue.h"
#include "mail/envelope.h"
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

    if (ring_leads_to(p->listeners, p->listener_count, account->host, account->port) ||
        (account->port_is_open &&
         ring_leads_to(p->listeners, p->listener_count, account->host, ACCOUNT_SECOND_PORT)))
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

/* Whether the queue can take what the provider does not take now. */
static bool has_queue(struct dialogue *d)
{
    struct status why = { 0 };

    if (door_open_spool(d->making.door, &why))
        report_log_failure(d->origin, &why);
    return d->making.door->spool != NULL;
}

/* Somebody waits: what takes too long is for the queue. */
static void limit_patience(struct dialogue *d)
{
    struct deadline until;

    courier_be_patient(d->courier, keep_patience(&d->making, &until) ? &until : NULL);
}

/* A fault of the session has become the status of its recipients. */
static void ask_provider(struct dialogue *d)
{
    struct submission submission = submission_of(d);
    struct status fault = { 0 };

    limit_patience(d);
    if (courier_ask(d->courier, &submission, &d->making.outcome, &fault))
        log_trace("=", slice_of(fault.what));
}

/*
 * The provider's answer is the client's, but for one that says "later": the queue tries later, so
 * that the client need not. With delivery = background or queue nobody is asked.
 */
static void decide(struct dialogue *d, const struct envelope *becomes, bool has_more,
                   struct status *why)
{
    if (keep_mode(&d->making) != DELIVERY_DIRECT && has_queue(d))
        return;
    if (has_more)
        ask_provider(d);
    *why = judge(&d->making, becomes);
    if (why->code && queue_keeps(why) && has_queue(d))
        *why = (struct status){ .code = CODE_OK };
}

void dialogue_take_recipient(struct dialogue *d)
{
    size_t before = d->making.envelope.forward_count;
    struct envelope becomes = { 0 };
    struct status why = { 0 };

    if (add_recipient(d, &becomes, &why) == CODE_OK)
        decide(d, &becomes, before < d->making.envelope.forward_count, &why);
    else
        report_log_failure(d->origin, &why);
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

/* Whether the client was told that a forward-path is taken: by the provider, or by the queue. */
static bool was_taken(const struct making *m, const struct status *st)
{
    return st->code == CODE_OK || (queue_keeps(st) && m->door->spool);
}

/* What the client was told, for each forward-path, before more becomes of it. To be freed. */
static bool *note_taken(const struct making *m, struct status *why)
{
    bool *taken = calloc(m->envelope.forward_count + 1, sizeof *taken);

    if (!taken)
        (void)status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
    for (size_t i = 0; taken && i < m->envelope.forward_count; i++)
        taken[i] = was_taken(m, &m->outcome.recipients[i]);
    return taken;
}

/* Those that were taken, as an envelope and an outcome of their own: the client knows of the
 * others, and does what he wants with them. */
struct taken {
    struct envelope envelope;
    struct outcome outcome;
};

static void taken_free(struct taken *t)
{
    envelope_free(&t->envelope);
    free(t->outcome.recipients);
}

static enum code taken_gather(struct taken *t, const struct making *m, const bool *taken,
                              struct status *why)
{
    size_t rows = 0;

    *t = (struct taken){ .outcome = m->outcome };
    t->outcome.recipients = calloc(m->envelope.forward_count + 1, sizeof *t->outcome.recipients);
    if (!t->outcome.recipients)
        return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
    if (envelope_begin_copy(&m->envelope, &t->envelope, why))
        return why->code;
    for (size_t i = 0; i < m->envelope.forward_count; i++) {
        if (!taken[i])
            continue;
        if (envelope_copy_path(&m->envelope, i, &t->envelope, why))
            return why->code;
        t->outcome.recipients[rows++] = m->outcome.recipients[i];
    }
    return CODE_OK;
}

/* Puts them into the queue; with `all` whatever became of them, since nobody was asked yet. */
static enum code keep(struct dialogue *d, const bool *taken, bool all, struct parcel **out,
                      struct status *why)
{
    struct taken t;

    *out = NULL;
    if (taken_gather(&t, &d->making, taken, why) == CODE_OK &&
        keep_message(&d->making, d->id, &t.envelope, all ? NULL : &t.outcome, out, why) &&
        why->code != CODE_CONFIG)
        report_log_failure(d->origin, why);
    taken_free(&t);
    return why->code;
}

static void send_to_accepted(struct dialogue *d)
{
    struct submission submission = submission_of(d);
    const struct making *m = &d->making;
    struct status fault = { 0 };
    size_t accepted = 0;

    for (size_t i = 0; i < m->envelope.forward_count; i++)
        accepted += m->outcome.recipients[i].code == CODE_OK;
    if (accepted == 0) {
        courier_forget(d->courier);
        return;
    }
    limit_patience(d);
    if (courier_send(d->courier, &submission, &d->making.outcome, &fault))
        log_trace("=", slice_of(fault.what));
}

/* The worst of what was taken and did not arrive is the answer, unless the queue has it now. */
static struct status send_message(struct dialogue *d, const bool *taken)
{
    const struct making *m = &d->making;
    struct status worst = { 0 }, why = { 0 };
    struct parcel *p = NULL;

    send_to_accepted(d);
    report_log_outcome(d->origin, &m->envelope, &m->outcome);
    for (size_t i = 0; i < m->envelope.forward_count; i++)
        if (taken[i])
            worst = *status_worse(&worst, &m->outcome.recipients[i]);
    if (worst.code && keep(d, taken, false, &p, &why) == CODE_OK && queue_keeps(&worst))
        worst = (struct status){ .code = CODE_OK };
    if (p)
        log_line(LOG_LEVEL_INFO, "%skept=%s", d->origin,
                 p->folder == SPOOL_FAILED ? "failed" : "queue");
    spool_release(p);
    return worst;
}

/* Safe on disk, and then the answer, and then the provider. Without the disk he is asked after all.
 */
static struct status keep_first(struct dialogue *d, const bool *taken)
{
    struct status why = { 0 };
    struct parcel *p = NULL;

    if (keep(d, taken, true, &p, &why))
        return send_message(d, taken);
    report_log_kept(d->origin, &p->record.envelope);
    if (keep_mode(&d->making) == DELIVERY_BACKGROUND)
        keep_in_background(&d->making, p, d->in, d->origin);
    spool_release(p);
    return why;
}

static struct status deliver_message(struct dialogue *d)
{
    struct status why = { 0 };
    bool *taken = NULL;

    if (finish_message(d, &why))
        report_log_failure(d->origin, &why);
    else
        taken = note_taken(&d->making, &why);
    if (!taken)
        courier_forget(d->courier);
    else if (keep_mode(&d->making) != DELIVERY_DIRECT && has_queue(d))
        why = keep_first(d, taken);
    else
        why = send_message(d, taken);
    free(taken);
    return why;
}

void dialogue_deliver(struct dialogue *d)
{
    struct status why = deliver_message(d);
    char text[TEXT_ROOM];

    (void)snprintf(text, sizeof text, "Ok: queued as %s", d->id);
    dialogue_drop(d);
    answer(d, &why, text);
}
