#include "cli/queue_words.h"

#include "cli/command_option.h"

#include <stdio.h>
#include <string.h>

enum {
    INTERVAL_ROOM = 32,
};

static const struct rule {
    const char *name;
    size_t least, most; /* ids */
    unsigned flags;
    const char *usage;
} rules[] = {
    [QUEUE_LIST] = { "list", 0, 0, QUEUE_JSON, "list [--json]" },
    [QUEUE_FAILED] = { "failed", 0, 0, QUEUE_JSON, "failed [--json]" },
    [QUEUE_SHOW] = { "show", 1, 1, QUEUE_JSON | QUEUE_MESSAGE, "show [--json | --message] id" },
    [QUEUE_RUN] = { "run", 0, 1, QUEUE_DUE | QUEUE_EVERY, "run [--due] [--every time | id]" },
    [QUEUE_HOLD] = { "hold", 1, SIZE_MAX, 0, "hold id ... | all" },
    [QUEUE_RELEASE] = { "release", 1, SIZE_MAX, 0, "release id ... | all" },
    [QUEUE_RETRY] = { "retry", 1, SIZE_MAX, 0, "retry id ... | failed | all" },
    [QUEUE_REMOVE] = { "remove", 1, SIZE_MAX, 0, "remove id ... | failed | all" },
};
_Static_assert(sizeof rules / sizeof *rules == QUEUE_COMMANDS, "a rule for each command");

static enum code set_command(struct queue_words *w, const char *name, struct status *why)
{
    for (size_t i = 0; i < QUEUE_COMMANDS; i++) {
        if (strcmp(rules[i].name, name) != 0)
            continue;
        w->command = (enum queue_command)i;
        return CODE_OK;
    }
    return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                      "no queue command \"%.80s\"; there are list, failed, show, run, hold, "
                      "release, retry and remove",
                      name);
}

/* Times are read as those of -q. */
static enum code set_interval(struct queue_words *w, const char *value, struct status *why)
{
    char word[INTERVAL_ROOM], *argv[] = { word, word, NULL };
    struct options parsed = { .queue_interval = 0 };
    struct status ignored = { 0 };
    int n = snprintf(word, sizeof word, "-q%s", value);

    if (is_digit(value[0]) && n < INTERVAL_ROOM && !options_parse(2, argv, &parsed, &ignored))
        w->options.queue_interval = parsed.queue_interval;
    if (w->options.queue_interval > 0)
        return CODE_OK;
    return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                      "--every takes a time such as 15m, not \"%.80s\"", value);
}

enum {
    OPTION_FLAG = COMMAND_LONG, /* and on: the bits of enum queue_flag */
    OPTION_HELP = OPTION_FLAG + 2 * QUEUE_EVERY,
};

static const struct option rows[] = {
    { "json", no_argument, NULL, OPTION_FLAG + QUEUE_JSON },
    { "message", no_argument, NULL, OPTION_FLAG + QUEUE_MESSAGE },
    { "due", no_argument, NULL, OPTION_FLAG + QUEUE_DUE },
    { "every", required_argument, NULL, OPTION_FLAG + QUEUE_EVERY },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static enum code take_option(struct queue_words *w, int option, struct status *why)
{
    switch (option) {
    case '?':
        return why->code;
    case 'C':
        w->options.config = optarg;
        return CODE_OK;
    case 'v':
        w->options.verbose = true;
        return CODE_OK;
    case OPTION_HELP:
        w->command = QUEUE_HELP;
        return CODE_OK;
    default:
        w->flags |= (unsigned)(option - OPTION_FLAG);
        return option == OPTION_FLAG + QUEUE_EVERY ? set_interval(w, optarg, why) : CODE_OK;
    }
}

static enum code settle(const struct queue_words *w, struct status *why)
{
    const struct rule *rule = &rules[w->command];
    bool is_wrong = w->id_count < rule->least || w->id_count > rule->most;

    is_wrong |= (w->flags & ~rule->flags) != 0;
    is_wrong |= (w->flags & QUEUE_EVERY) != 0 && w->id_count > 0;
    is_wrong |= (w->flags & QUEUE_MESSAGE) != 0 && (w->flags & QUEUE_JSON) != 0;
    if (!is_wrong)
        return CODE_OK;
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "usage: orsino queue %s", rule->usage);
}

enum code queue_words_parse(int argc, char **argv, struct queue_words *out, struct status *why)
{
    int option;

    *out = (struct queue_words){ .options = { .mode = 'q', .error_mode = 'p' } };
    while ((option = command_option(argc, argv, "C:v", rows, "orsino queue", why)) != -1)
        if (take_option(out, option, why))
            return why->code;
    if (out->command == QUEUE_HELP)
        return CODE_OK;
    if (optind < argc && set_command(out, argv[optind++], why))
        return why->code;
    out->ids = argv + optind;
    out->id_count = (size_t)(argc - optind);
    return settle(out, why);
}

void queue_words_help(void)
{
    for (size_t i = 0; i < QUEUE_COMMANDS; i++)
        (void)printf("%s orsino queue %s\n", i == 0 ? "usage:" : "      ", rules[i].usage);
    (void)puts("  -C FILE    the configuration\n"
               "  -v         run: tell what is said to the server");
}
