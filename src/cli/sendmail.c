#include "cli/sendmail.h"

#include "base/host.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/sender.h"
#include "conf/config.h"
#include "deliver/deliver.h"
#include "mail/header.h"
#include "mail/repair.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    LOGIN_ROOM = 64,
    FULL_NAME_MAX = 1024,
};

/* All that one submission holds; released in one place. */
struct submitting {
    const struct options *options;
    struct config *config;
    struct account account;
    bool has_account; /* before that, account holds the globals or nothing */
    struct message message;
    struct envelope envelope;
    struct outcome outcome;
    struct sender sender;
    char login[LOGIN_ROOM];
    char host[HOST_NAME_ROOM];
    struct buf full_name;
};

/* A person at a terminal is not waited for: only a program would get SIGPIPE. */
static void drain_stdin(void)
{
    if (!isatty(STDIN_FILENO))
        message_drain(STDIN_FILENO);
}

static enum code load_config(struct submitting *s, struct status *why)
{
    struct status log_why = { 0 };

    if (config_load(s->options->config, &s->config, why) ||
        config_globals(s->config, &s->account, why))
        return why->code;
    /* A log that cannot be written must not keep a message from being sent. */
    if (log_open("orsino", s->account.log, &log_why))
        log_line(LOG_LEVEL_WARNING, "%s: %s", log_why.where, log_why.what);
    if (config_warning(s->config))
        log_line(LOG_LEVEL_WARNING, "%s", config_warning(s->config));
    return CODE_OK;
}

static enum dots choose_dots(const struct submitting *s)
{
    static const enum dots of_mode[] = {
        [DOT_TERMINATES_AUTO] = DOTS_AUTO,
        [DOT_TERMINATES_YES] = DOTS_TERMINATE,
        [DOT_TERMINATES_NO] = DOTS_ARE_DATA,
    };

    return s->options->ignore_dots ? DOTS_ARE_DATA : of_mode[s->account.dot_terminates];
}

static enum code read_message(struct submitting *s, struct status *why)
{
    struct message_limits limits = {
        .max_size = s->account.max_message,
        .dots = choose_dots(s),
    };

    return message_read(&s->message, STDIN_FILENO, &limits, why);
}

/* Whether the user database cannot be asked now. Most of what errno may say means "not in there".
 */
static bool is_trouble(int error)
{
    static const int troubles[] = { ENOMEM, EMFILE, ENFILE, EIO, EAGAIN };

    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (troubles[i] == error)
            return true;
    return false;
}

/* NULL without an entry, or with a reason. glibc crashes when it gets no memory in there. */
static const struct passwd *find_caller(struct status *why)
{
    const struct passwd *entry = NULL;

    if (!memory_suffices(MEMORY_FOR_LOOKUP)) {
        (void)status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
        return NULL;
    }
    errno = 0;
    entry = getpwuid(getuid());
    if (!entry && is_trouble(errno))
        (void)status_set_errno(why, CODE_SYSTEM, STAGE_INPUT, errno,
                               "the caller cannot be looked up in the user database");
    return entry;
}

/* Who calls. Without an entry in the user database, as in a container, there still is a number. */
static enum code look_up_caller(struct submitting *s, struct status *why)
{
    const struct passwd *entry = find_caller(why);

    if (why->code)
        return why->code;
    if (!entry) {
        (void)snprintf(s->login, sizeof s->login, "uid%lu", (unsigned long)getuid());
        return CODE_OK;
    }
    (void)snprintf(s->login, sizeof s->login, "%s", entry->pw_name);
    if (entry->pw_gecos)
        sender_full_name(entry->pw_gecos, entry->pw_name, &s->full_name);
    if (s->full_name.failed)
        return status_set(why, CODE_MEMORY, STAGE_INPUT, "no room for the caller's full name");
    return CODE_OK;
}

static enum code choose_account(struct submitting *s, struct sender_facts *facts,
                                struct status *why)
{
    struct address sender;

    if (sender_to_match(facts, &sender, why) ||
        config_account(s->config, s->options->account, sender.spec, &s->account, why))
        return why->code;
    s->has_account = true;
    facts->from = s->account.from;
    facts->user = s->account.user;
    facts->domain = s->account.domain;
    return CODE_OK;
}

static enum code choose_sender(struct submitting *s, struct status *why)
{
    struct sender_facts facts = {
        .given = s->options->sender,
        .from = "",
        .user = "",
        .domain = s->account.domain,
        .login = s->login,
        .host = s->host,
    };
    struct field from;

    if (header_find(buf_slice(&s->message.header), "From", &from))
        facts.header_from = from.value;
    if (choose_account(s, &facts, why))
        return why->code;
    if (sender_needs_login(&facts)) {
        (void)host_own_name(s->host, sizeof s->host);
        if (look_up_caller(s, why))
            return why->code;
    }
    if (sender_choose(&facts, &s->sender, why))
        return why->code;
    return envelope_set_sender(&s->envelope, &s->sender.reverse_path, why);
}

/* Folding belongs to headers: a line end in an argument is somebody's try at a second line. */
static enum code add_argument(struct submitting *s, const char *list, struct status *why)
{
    if (list[strcspn(list, "\r\n")] != 0)
        return status_set(why, CODE_ADDRESS, STAGE_OPTIONS,
                          "the address \"%.100s\" cannot be used: a line end in it", list);
    return envelope_add_list(&s->envelope, slice_of(list), slice_of(s->account.domain), why);
}

static enum code collect_recipients(struct submitting *s, struct status *why)
{
    const struct options *o = s->options;
    struct slice domain = slice_of(s->account.domain);

    for (size_t i = 0; i < o->recipient_count; i++)
        if (add_argument(s, o->recipients[i], why))
            return why->code;
    if (o->from_header && message_recipients(&s->message, &s->envelope, domain, why))
        return why->code;
    if (s->envelope.forward_count == 0)
        return status_set(why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient%s",
                          o->from_header ? " in To, Cc or Bcc" : "");
    return CODE_OK;
}

static enum code set_notices(struct submitting *s, struct status *why)
{
    const struct options *o = s->options;
    struct envelope *e = &s->envelope;

    e->notify = o->notify;
    e->dsn_return = o->dsn_return;
    if (!o->envelope_id)
        return CODE_OK;
    e->envelope_id = slice_dup(slice_of(o->envelope_id));
    return e->envelope_id ? CODE_OK : status_set(why, CODE_MEMORY, STAGE_OPTIONS, "out of memory");
}

static const char *choose_full_name(struct submitting *s)
{
    const char *name = NULL;

    if (s->options->full_name)
        return s->options->full_name;
    if (s->account.full_name[0] != 0)
        return s->account.full_name;
    name = buf_string(&s->full_name);
    return name ? name : "";
}

static enum code repair(struct submitting *s, struct status *why)
{
    struct repair_policy policy = {
        .domain = s->account.domain,
        .from = s->sender.from.spec,
        .full_name = choose_full_name(s),
        .id_domain = s->sender.from.spec + s->sender.from.at + 1,
        .now = time(NULL),
    };

    return message_repair(&s->message, &policy, why);
}

static enum code make_room_for_outcome(struct submitting *s, struct status *why)
{
    s->outcome.recipients = calloc(s->envelope.forward_count, sizeof *s->outcome.recipients);
    if (s->outcome.recipients)
        return CODE_OK;
    return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
}

/* Everything up to a submission that can be delivered. */
static enum code make_submission(struct submitting *s, struct status *why)
{
    if (s->options->recipient_count == 0 && !s->options->from_header)
        (void)status_set(why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient");
    if (why->code || load_config(s, why)) {
        drain_stdin();
        return why->code;
    }
    if (read_message(s, why) || choose_sender(s, why) || collect_recipients(s, why) ||
        set_notices(s, why) || repair(s, why))
        return why->code;
    return make_room_for_outcome(s, why);
}

/* The worst of what became of the recipients is what became of the message. */
static struct status send_it(struct submitting *s)
{
    struct submission submission = { .envelope = &s->envelope, .message = &s->message };
    const struct status *worst = s->outcome.recipients;
    struct status fault = { 0 };

    /* A fault of the session matters only to those whose status it became. */
    if (deliver(&s->account, &submission, &s->outcome, &fault))
        log_trace("=", slice_of(fault.what));
    report_log_outcome(&s->envelope, &s->outcome);
    for (size_t i = 1; i < s->envelope.forward_count; i++)
        worst = status_worse(worst, &s->outcome.recipients[i]);
    return *worst;
}

/* Here, and nowhere else, a message that is not at the provider meets its end. */
static int not_delivered(const struct submitting *s, const struct status *worst)
{
    if (s->options->error_mode != 'q')
        report_failure(worst, s->has_account ? &s->account : NULL, &s->envelope, &s->outcome);
    return status_exit(worst);
}

static void release(struct submitting *s)
{
    free(s->outcome.recipients);
    envelope_free(&s->envelope);
    message_free(&s->message);
    buf_free(&s->full_name);
    config_free(s->config);
    log_close();
}

static int submit(const struct options *options)
{
    struct submitting s = { .options = options };
    struct status why = { 0 };
    int result = EX_OK;

    message_init(&s.message);
    buf_init(&s.full_name, FULL_NAME_MAX);
    if (options->verbose)
        log_trace_on();
    if (make_submission(&s, &why))
        report_log_failure(&why);
    else
        why = send_it(&s);
    if (why.code)
        result = not_delivered(&s, &why);
    release(&s);
    return result;
}

/*
 * What cannot be done says so, but the message of a caller who hopes for it is read first. Who
 * began a dialogue waits for our greeting instead.
 */
static int refuse(const struct options *options, const struct status *why)
{
    if (!strchr("sdDl", options->mode))
        drain_stdin();
    if (options->error_mode != 'q')
        report_failure(why, NULL, NULL, NULL);
    return status_exit(why);
}

static int refuse_mode(const struct options *options)
{
    struct status why = { 0 };

    (void)status_set(&why, CODE_USAGE, STAGE_OPTIONS, "-b%c is not in this version", options->mode);
    return refuse(options, &why);
}

int sendmail_main(int argc, char **argv)
{
    struct options options;
    struct status why = { 0 };

    if (options_parse(argc, argv, &options, &why))
        return refuse(&options, &why);
    switch (options.mode) {
    case 'm':
        return submit(&options);
    case 'p':
        return mailq_main(argc, argv);
    case 'i':
        return newaliases_main(argc, argv);
    case 'q':
        return EX_OK; /* a run of a queue that is always empty */
    default:
        return refuse_mode(&options);
    }
}
