#include "cli/sendmail.h"

#include "base/log.h"
#include "cli/commands.h"
#include "cli/dialogue.h"
#include "cli/door.h"
#include "cli/handover.h"
#include "cli/keep.h"
#include "cli/newaliases.h"
#include "cli/queue.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "cli/serve.h"
#include "cli/verify.h"
#include "cli/waiting.h"
#include "deliver/deliver.h"
#include "deliver/queue.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    LINE_ROOM = 4096,
    ORIGIN_ROOM = RECORD_ID_ROOM + 32,
};

/* A person at a terminal is not waited for: only a program would get SIGPIPE. */
static void drain_stdin(void)
{
    if (!isatty(STDIN_FILENO))
        message_drain(STDIN_FILENO);
}

static enum dots choose_dots(const struct making *m)
{
    static const enum dots of_mode[] = {
        [DOT_TERMINATES_AUTO] = DOTS_AUTO,
        [DOT_TERMINATES_YES] = DOTS_TERMINATE,
        [DOT_TERMINATES_NO] = DOTS_ARE_DATA,
    };

    return m->door->options->ignore_dots ? DOTS_ARE_DATA : of_mode[m->account.dot_terminates];
}

static enum code read_message(struct making *m, struct status *why)
{
    struct message_limits limits = {
        .max_size = m->account.max_message,
        .dots = choose_dots(m),
    };

    return message_read(&m->message, STDIN_FILENO, &limits, why);
}

/* Folding belongs to headers: a line end in an argument is somebody's try at a second line. */
static enum code add_argument(struct making *m, const char *list, struct status *why)
{
    if (list[strcspn(list, "\r\n")] != 0)
        return status_set(why, CODE_ADDRESS, STAGE_OPTIONS,
                          "the address \"%.100s\" cannot be used: a line end in it", list);
    return recipients_add_list(&m->envelope, &m->door->rules, slice_of(list), why);
}

static enum code collect_recipients(struct making *m, struct status *why)
{
    const struct options *o = m->door->options;

    for (size_t i = 0; i < o->recipient_count; i++)
        if (add_argument(m, o->recipients[i], why))
            return why->code;
    if (o->from_header && message_recipients(&m->message, &m->envelope, &m->door->rules, why))
        return why->code;
    if (m->envelope.forward_count == 0)
        return status_set(why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient%s",
                          o->from_header ? " in To, Cc or Bcc" : "");
    return making_add_rows(m, m->envelope.forward_count, why);
}

/* Everything up to a submission that can be delivered. */
static enum code make_submission(struct making *m, struct status *why)
{
    const struct options *o = m->door->options;

    if (read_message(m, why) || making_choose_sender(m, o->sender, why) ||
        collect_recipients(m, why) ||
        envelope_set_notices(&m->envelope, o->notify, o->dsn_return, o->envelope_id, why))
        return why->code;
    return making_repair(m, NULL, why);
}

/* -v shows more, and so does a log on stderr. */
static const struct watcher *watch(const struct making *m)
{
    uint64_t lines = m->message.body_lines; /* each gets a CR */

    if (m->door->options->verbose || slice_equal(slice_of(m->account.log), slice_of("stderr")))
        return NULL;
    return waiting_begin(&m->account, m->message.header.n + m->message.body.size + lines);
}

static struct status deliver_now(struct making *m)
{
    struct submission submission = { .envelope = &m->envelope, .message = &m->message };
    struct status fault = { 0 };
    struct deadline until;
    bool is_limited = keep_patience(m, &until);
    const struct watcher *watcher = watch(m);

    /* A fault of the session matters only to those whose status it became. */
    if (deliver(&m->account, &submission, is_limited ? &until : NULL, watcher, &m->outcome, &fault))
        log_trace("=", slice_of(fault.what));
    waiting_end();
    return making_worst(m);
}

/* Both failures are the caller's business: that of the delivery first. */
static void add_failure(struct status *worst, const struct status *why)
{
    char room[STATUS_WHAT_MAX];
    struct buf text;
    size_t used = strlen(worst->what);

    buf_over(&text, room, sizeof room - 1);
    status_describe(why, &text);
    room[text.n] = 0;
    (void)snprintf(worst->what + used, sizeof worst->what - used, "%sit could not be kept: %s",
                   used > 0 ? "; " : "", room);
}

/* Tells the log what became of it, and where it is when it did not arrive. */
static void log_outcome(const struct making *m, const struct parcel *p)
{
    char origin[ORIGIN_ROOM] = "";

    if (p)
        (void)snprintf(origin, sizeof origin, "id=%s kept=%s ", p->record.id,
                       p->folder == SPOOL_FAILED ? "failed" : "queue");
    report_log_outcome(origin, &m->envelope, &m->outcome);
}

/* Who is in the queue is not among those that people hear of. */
static void forget_kept(struct making *m)
{
    for (size_t i = 0; i < m->envelope.forward_count; i++)
        if (queue_keeps(&m->outcome.recipients[i]))
            m->outcome.recipients[i] = (struct status){ .code = CODE_OK };
}

/* Programs are not told, since nothing is lost; a person has watched it come to nothing. */
static void tell_waiting(const struct making *m, const struct parcel *p, const struct status *worst)
{
    char room[LINE_ROOM];
    struct buf line;

    if (!p || p->folder != SPOOL_QUEUE || !queue_keeps(worst) || !terminal_redraws(STDERR_FILENO) ||
        m->door->options->error_mode == 'q')
        return;
    buf_over(&line, room, sizeof room);
    buf_add_string(&line, "sendmail: ");
    status_describe(worst, &line);
    buf_addf(&line, "; it waits in the queue as %s", p->record.id);
    report_line(STDERR_FILENO, &line);
}

/*
 * What is worth another try waits in the queue, and is no failure then. What is not is one, and is
 * kept for whoever looks for it.
 */
static struct status keep_rest(struct making *m, struct status worst)
{
    struct status why = { 0 };
    struct parcel *p = NULL;
    enum code code = keep_message(m, "", &m->envelope, &m->outcome, &p, &why);

    log_outcome(m, p);
    if (!code) {
        m->is_kept = p != NULL;
        if (p && p->folder == SPOOL_FAILED)
            memcpy(m->failed_id, p->record.id, sizeof m->failed_id);
        tell_waiting(m, p, &worst);
        forget_kept(m);
        if (queue_keeps(&worst))
            worst = (struct status){ .code = CODE_OK };
    } else if (code != CODE_CONFIG) {
        report_log_failure("", &why);
        if (queue_keeps(&worst))
            add_failure(&worst, &why);
    }
    spool_release(p);
    return worst;
}

static struct status deliver_or_keep(struct making *m)
{
    struct status worst = deliver_now(m);

    if (worst.code)
        return keep_rest(m, worst);
    log_outcome(m, NULL);
    return worst;
}

/* Safe on disk first. Where that cannot be had, to try at once is the better half of what was
 * asked. */
static struct status keep_then_deliver(struct making *m, enum delivery_mode mode)
{
    struct status why = { 0 };
    struct parcel *p = NULL;
    char origin[ORIGIN_ROOM];

    if (keep_message(m, "", &m->envelope, NULL, &p, &why)) {
        report_log_failure("", &why);
        return deliver_or_keep(m);
    }
    (void)snprintf(origin, sizeof origin, "id=%s ", p->record.id);
    report_log_kept(origin, &m->envelope);
    if (mode == DELIVERY_BACKGROUND)
        keep_in_background(m, p, -1, origin);
    spool_release(p);
    return why;
}

/* Here, and nowhere else, a message that is neither at the provider nor in the queue meets its end.
 */
static int not_delivered(const struct making *m, const struct status *worst)
{
    if (!m->is_kept)
        keep_dead_letter(m, worst);
    if (m->door->options->error_mode != 'q')
        report_failure(worst, m->has_account ? &m->account : NULL, &m->envelope, &m->outcome,
                       m->failed_id);
    return status_exit(worst);
}

/* What nobody can be sent may still have to go to dead.letter. */
static void save_stdin(struct making *m)
{
    struct message_limits limits = { .max_size = UINT64_MAX, .dots = DOTS_ARE_DATA };
    struct status ignored = { 0 };

    if (isatty(STDIN_FILENO))
        return;
    if (!strchr("mwe", m->door->options->error_mode))
        message_drain(STDIN_FILENO);
    else if (message_read(&m->message, STDIN_FILENO, &limits, &ignored))
        report_log_failure("", &ignored);
}

static struct status submit_making(struct making *m, struct status why)
{
    enum delivery_mode mode;

    if (why.code)
        save_stdin(m);
    if (why.code || make_submission(m, &why)) {
        report_log_failure("", &why);
        return why;
    }
    mode = keep_mode(m);
    return mode == DELIVERY_DIRECT ? deliver_or_keep(m) : keep_then_deliver(m, mode);
}

static int submit_through(struct door *door, const struct status *closed)
{
    struct making m;
    struct status why;
    int result = EX_OK;

    making_begin(&m, door);
    why = submit_making(&m, *closed);
    if (why.code)
        result = not_delivered(&m, &why);
    making_end(&m);
    return result;
}

static int submit(const struct options *options)
{
    struct door door = { .options = options };
    struct status why = { 0 }, fault = { 0 };
    int result;

    if (options->verbose)
        log_trace_on();
    if (options->recipient_count == 0 && !options->from_header)
        (void)status_set(&why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient");
    else if (door_open(&door, options, &why) && handover_is_possible(options, &why))
        why = handover_open(&door, &fault) ? fault : (struct status){ .code = CODE_OK };
    result = submit_through(&door, &why);
    door_close(&door);
    return result;
}

static enum code try_account(struct door *door, struct status *why)
{
    struct making m;
    enum code code;

    making_begin(&m, door);
    code = making_choose_sender(&m, door->options->sender, why);
    making_end(&m);
    return code;
}

/* -bC: the configuration, and an account as -a and -f choose it, are looked at and nothing more. */
static int check_config(const struct options *options)
{
    struct door door;
    struct status why = { 0 };

    if (door_open(&door, options, &why) || try_account(&door, &why))
        report_failure(&why, NULL, NULL, NULL, NULL);
    door_close(&door);
    return status_exit(&why);
}

/*
 * What cannot be done says so, but the message of a caller who hopes for it is read first. Who
 * began a dialogue waits for our greeting instead.
 */
static int refuse(const struct options *options, const struct status *why)
{
    if (!strchr("sdD", options->mode))
        drain_stdin();
    if (options->error_mode != 'q')
        report_failure(why, NULL, NULL, NULL, NULL);
    return status_exit(why);
}

int sendmail_main(int argc, char **argv)
{
    struct options options;
    struct status why = { 0 };

    if (options_parse(argc, argv, &options, &why))
        return refuse(&options, &why);
    switch (options.mode) {
    case 'm':
        if (options.wants_version && options.recipient_count == 0 && !options.from_header)
            return version_main(argc, argv);
        return submit(&options);
    case 's':
        return dialogue_main(&options);
    case 'd':
    case 'D':
        return serve_with(&options);
    case 'v':
    case 't':
        return verify_main(&options);
    case 'p':
        return queue_show_with(&options);
    case 'P':
        return queue_length_with(&options);
    case 'i':
        return newaliases_with(&options);
    case 'C':
        return check_config(&options);
    default:
        return queue_run_with(&options);
    }
}
