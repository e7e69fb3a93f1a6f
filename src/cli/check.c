#include "cli/check.h"

#include "base/log.h"
#include "base/rights.h"
#include "cli/check_inside.h"
#include "cli/command_option.h"
#include "cli/report.h"
#include "deliver/deliver.h"
#include "mail/recipients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: orsino check [options] [account]\n"
                            "  --send ADDRESS  send a test message to it in the end\n"
                            "  --json          for programs\n"
                            "  -C FILE         the configuration\n";

static const char test_message[] =
    "Subject: orsino works\n\nThis message was sent by orsino check --send: the account works.\n";

enum {
    PASSWORD_MAX = 4096,
    ANSWER_MAX = 30 * 1000, /* milliseconds: who looks at it does not wait longer */
};

struct words {
    struct options options;
    const char *send; /* NULL: nothing is sent */
    bool only_sends;  /* the way was gone already */
    bool json, help;
};

enum {
    OPTION_SEND = COMMAND_LONG,
    OPTION_JSON,
    OPTION_HELP,
};

static void take_option(struct words *w, int option)
{
    switch (option) {
    case 'C':
        w->options.config = optarg;
        break;
    case 'a':
        w->options.account = optarg;
        break;
    case OPTION_SEND:
        w->send = optarg;
        break;
    case OPTION_JSON:
        w->json = true;
        break;
    default:
        w->help = true;
    }
}

static enum code parse(int argc, char **argv, struct words *w, struct status *why)
{
    static const struct option rows[] = {
        { "send", required_argument, NULL, OPTION_SEND },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
    };
    int option;

    *w = (struct words){ .options = { .mode = 'm', .error_mode = 'p' } };
    while ((option = command_option(argc, argv, "C:a:", rows, "orsino check", why)) != -1) {
        if (option == '?')
            return why->code;
        take_option(w, option);
    }
    if (argc - optind > 1)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "one account at most is checked; see orsino check --help");
    if (optind < argc)
        w->options.account = argv[optind];
    return CODE_OK;
}

static enum code check_password(const struct account *account, struct status *why)
{
    struct buf password;

    if (account->user[0] == 0 || account->auth == AUTH_NONE)
        return CODE_OK;
    buf_init(&password, PASSWORD_MAX);
    if (account_password(account, &password, why) == CODE_OK && password.n == 0)
        (void)status_set(why, CODE_CONFIG, STAGE_CONFIG, "the password is empty");
    buf_wipe(&password);
    return why->code;
}

static enum code check_config(struct door *door, struct making *m, const struct words *w,
                              struct steps *steps, struct status *why)
{
    if (door_open(door, &w->options, why) == CODE_OK)
        making_begin(m, door);
    if (why->code || making_choose_sender(m, NULL, why) || check_password(&m->account, why)) {
        steps_fail(steps, "configuration", why, NULL);
        return why->code;
    }
    steps_tell(steps, STEP_OK, "configuration", "%s, account %s, from %s",
               config_path(door->config), m->account.name, m->envelope.reverse_path);
    if (config_warning(door->config))
        steps_tell(steps, STEP_WARNING, "configuration", "%s", config_warning(door->config));
    return CODE_OK;
}

/* An installation that has a group for it had a queue, too. */
static void tell_no_queue(const struct door *door, struct steps *steps)
{
    bool is_dropped;
    gid_t group;

    if (strcmp(config_path(door->config), SYSTEM_CONFIG) == 0 && access(QUEUE_FOLDER, F_OK) != 0 &&
        rights_group(&group, &is_dropped))
        steps_tell(steps, STEP_WARNING, "queue",
                   "none: " QUEUE_FOLDER " is not there, which install.sh makes");
    else
        steps_tell(steps, STEP_OK, "queue", "none: what fails for now stays with its caller");
}

/* That nothing can be kept is told, though a message that is sent at once would not notice. */
static void check_queue(struct door *door, struct steps *steps)
{
    struct status why = { 0 };

    steps_start(steps);
    if (door_open_spool(door, &why) || (door->spool && spool_try(door->spool, &why)))
        steps_fail(steps, "queue", &why, NULL);
    else if (door->spool)
        steps_tell(steps, STEP_OK, "queue", "%s can be written", spool_path(door->spool));
    else
        tell_no_queue(door, steps);
}

static enum code read_text(struct message *m, struct status *why)
{
    struct message_limits limits = { .max_size = sizeof test_message };
    struct message_reader *reader = NULL;
    char text[sizeof test_message];
    enum code code;

    memcpy(text, test_message, sizeof text);
    if (message_read_begin(m, &limits, &reader, why))
        return why->code;
    code = message_read_add(reader, text, sizeof text - 1, why);
    return message_read_end(reader, why) ? why->code : code;
}

/* As a send would address it: a bare name, too, goes where local = and aliases lead. */
static enum code make_message(struct making *m, const char *address, struct status *why)
{
    if (recipients_add_list(&m->envelope, &m->door->rules, slice_of(address), why) ||
        read_text(&m->message, why) || making_repair(m, NULL, why))
        return why->code;
    if (m->envelope.forward_count == 0)
        return status_set(why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient");
    return making_add_rows(m, m->envelope.forward_count, why);
}

static enum code send_test(struct making *m, const char *address, struct steps *steps,
                           struct status *why)
{
    struct submission submission = { .envelope = &m->envelope, .message = &m->message };
    struct status fault = { 0 };

    steps_start(steps);
    steps_expect(steps, "test message");
    if (make_message(m, address, why) == CODE_OK) {
        if (deliver(&m->account, &submission, NULL, NULL, &m->outcome, &fault))
            log_trace("=", slice_of(fault.what));
        *why = making_worst(m);
        report_log_outcome("", &m->envelope, &m->outcome);
    }
    if (why->code)
        steps_fail(steps, "test message", why, &m->account);
    else
        steps_tell(steps, STEP_OK, "test message", "to <%s>, it said \"%s\"", address,
                   m->outcome.said);
    return why->code;
}

static void check(const struct words *w, struct status *why)
{
    struct door door = { .options = NULL };
    struct making m = { .door = NULL };
    struct steps steps;

    steps_begin(&steps, w->json);
    steps.is_silent = w->only_sends;
    if (check_config(&door, &m, w, &steps, why) == CODE_OK) {
        steps.is_silent = false;
        if (m.account.timeout > ANSWER_MAX)
            m.account.timeout = ANSWER_MAX;
        if ((w->only_sends || check_way(&m, &steps, why) == CODE_OK) && w->send)
            (void)send_test(&m, w->send, &steps, why);
        if (!w->only_sends)
            check_queue(&door, &steps);
    }
    steps_end(&steps);
    making_end(&m);
    door_close(&door);
}

static int check_file(const char *config, const char *account, const char *send, enum code *code)
{
    const struct words words = {
        .options = { .mode = 'm', .error_mode = 'p', .config = config, .account = account },
        .send = send,
        .only_sends = send != NULL,
    };
    struct status why = { 0 };

    check(&words, &why);
    *code = why.code;
    return status_exit(&why);
}

int check_with(const char *config, const char *account, enum code *code)
{
    return check_file(config, account, NULL, code);
}

int check_by_message(const char *config, const char *account, const char *address)
{
    enum code ignored;

    return check_file(config, account, address, &ignored);
}

int check_main(int argc, char **argv)
{
    struct words words;
    struct status why = { 0 };
    bool is_told = false;

    if (parse(argc, argv, &words, &why) == CODE_OK && words.help) {
        (void)fputs(usage, stdout);
    } else if (why.code == CODE_OK) {
        check(&words, &why);
        is_told = true;
    }
    return report_finish(&why, is_told);
}
