#include "cli/sendmail.h"

#include "base/log.h"
#include "cli/commands.h"
#include "cli/dialogue.h"
#include "cli/door.h"
#include "cli/newaliases.h"
#include "cli/report.h"
#include "cli/serve.h"
#include "cli/verify.h"
#include "deliver/deliver.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

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

static struct status send_it(struct making *m)
{
    struct submission submission = { .envelope = &m->envelope, .message = &m->message };
    struct status fault = { 0 };

    /* A fault of the session matters only to those whose status it became. */
    if (deliver(&m->account, &submission, &m->outcome, &fault))
        log_trace("=", slice_of(fault.what));
    report_log_outcome("", &m->envelope, &m->outcome);
    return making_worst(m);
}

/* Here, and nowhere else, a message that is not at the provider meets its end. */
static int not_delivered(const struct making *m, const struct status *worst)
{
    if (m->door->options->error_mode != 'q')
        report_failure(worst, m->has_account ? &m->account : NULL, &m->envelope, &m->outcome);
    return status_exit(worst);
}

static int submit_through(struct door *door, struct status *why)
{
    struct making m;
    int result = EX_OK;

    making_begin(&m, door);
    if (why->code || make_submission(&m, why))
        report_log_failure("", why);
    else
        *why = send_it(&m);
    if (why->code)
        result = not_delivered(&m, why);
    making_end(&m);
    return result;
}

static int submit(const struct options *options)
{
    struct door door = { .options = options };
    struct status why = { 0 };
    int result;

    if (options->verbose)
        log_trace_on();
    if (options->recipient_count == 0 && !options->from_header)
        (void)status_set(&why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient");
    if (why.code || door_open(&door, options, &why))
        drain_stdin();
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
        report_failure(&why, NULL, NULL, NULL);
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
        report_failure(why, NULL, NULL, NULL);
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
        return mailq_main(argc, argv);
    case 'P':
        return queue_length_main(argc, argv);
    case 'i':
        return newaliases_with(&options);
    case 'C':
        return check_config(&options);
    default:
        return EX_OK; /* a run of a queue that is always empty */
    }
}
