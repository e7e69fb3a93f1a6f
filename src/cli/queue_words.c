#include "cli/queue_words.h"

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

static enum code set_config(struct queue_words *w, const char *value, struct status *why)
{
    (void)why;
    w->options.config = value;
    return CODE_OK;
}

static enum code set_verbose(struct queue_words *w, const char *value, struct status *why)
{
    (void)value;
    (void)why;
    w->options.verbose = true;
    return CODE_OK;
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

static const struct option {
    const char *name;
    bool takes_value;
    unsigned flag;
    enum code (*set)(struct queue_words *w, const char *value, struct status *why);
} table[] = {
    { "-C", true, 0, set_config },         { "-v", false, 0, set_verbose },
    { "--json", false, QUEUE_JSON, NULL }, { "--message", false, QUEUE_MESSAGE, NULL },
    { "--due", false, QUEUE_DUE, NULL },   { "--every", true, QUEUE_EVERY, set_interval },
};

/* The option that a word begins with, and the value attached to it: -Cfile, --every=15m. NULL
 * for the value when there is none. */
static const struct option *find(const char *word, const char **value)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t n = strlen(table[i].name);
        bool is_long = table[i].name[1] == '-';

        *value = NULL;
        if (strncmp(word, table[i].name, n) != 0)
            continue;
        if (word[n] == 0)
            return &table[i];
        *value = word + n + is_long;
        if (table[i].takes_value && (!is_long || word[n] == '='))
            return &table[i];
    }
    return NULL;
}

static enum code parse_option(struct queue_words *w, const char *word, const char *next,
                              bool *took_next, struct status *why)
{
    const char *value;
    const struct option *option = find(word, &value);

    if (!option)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "unknown option %.80s", word);
    if (option->takes_value && !value) {
        if (!next)
            return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s needs an argument", option->name);
        *took_next = true;
        value = next;
    }
    w->flags |= option->flag;
    return option->set ? option->set(w, value, why) : CODE_OK;
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
    bool has_command = false, no_more = false;

    *out = (struct queue_words){ .options = { .mode = 'q', .error_mode = 'p' }, .ids = argv };
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool took_next = false;

        if (!no_more && strcmp(word, "--") == 0) {
            no_more = true;
        } else if (!no_more && word[0] == '-') {
            if (parse_option(out, word, argv[i + 1], &took_next, why))
                return why->code;
            i += took_next;
        } else if (has_command) {
            argv[out->id_count++] = argv[i];
        } else {
            has_command = true;
            if (set_command(out, word, why))
                return why->code;
        }
    }
    return settle(out, why);
}
