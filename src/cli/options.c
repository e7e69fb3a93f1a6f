#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_MAX = 80,                    /* bytes of an argument that are repeated in a sentence */
    INTERVAL_MAX = 366 * 24 * 60 * 60, /* seconds */
};

static enum code complain(struct status *why, const char *option, const char *wanted,
                          const char *value)
{
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s takes %s, not \"%.*s\"", option, wanted,
                      SHOWN_MAX, value);
}

/* As Sendmail reads a boolean: nothing at all means yes. */
static bool is_yes(const char *value)
{
    return value[0] == 0 || strchr("tTyY1", value[0]) != NULL;
}

static enum code set_from_header(struct options *o, const char *value, struct status *why)
{
    (void)value;
    (void)why;
    o->from_header = true;
    return CODE_OK;
}

static enum code set_ignore_dots(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->ignore_dots = is_yes(value);
    return CODE_OK;
}

static enum code set_verbose(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->verbose = is_yes(value);
    return CODE_OK;
}

static enum code set_no_aliases(struct options *o, const char *value, struct status *why)
{
    (void)value;
    (void)why;
    o->no_aliases = true;
    return CODE_OK;
}

/* Of all levels the first is the one that scripts use: Sendmail says then which version it is. */
static enum code set_debug(struct options *o, const char *value, struct status *why)
{
    (void)why;
    if (value[0] == '0' && strcspn(value, ".,") == 1)
        o->wants_version = true;
    return CODE_OK;
}

/* As Sendmail does it: '%' and what cannot be printed become '*', the rest is cut off. */
static enum code set_log_tag(struct options *o, const char *value, struct status *why)
{
    size_t n = 0;

    (void)why;
    for (; n < LOG_TAG_MAX && value[n] != 0; n++)
        o->log_tag[n] = value[n] >= ' ' && value[n] <= '~' && value[n] != '%' ? value[n] : '*';
    o->log_tag[n] = 0;
    return CODE_OK;
}

static enum code set_sender(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->sender = value;
    return CODE_OK;
}

static enum code set_full_name(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->full_name = value;
    return CODE_OK;
}

static enum code set_config(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->config = value;
    return CODE_OK;
}

static enum code set_account(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->account = value;
    return CODE_OK;
}

/* An unknown mode is as good as the default one: cron's mail must not be lost over it. */
static enum code set_error_mode(struct options *o, const char *value, struct status *why)
{
    (void)why;
    o->error_mode = value[0] != 0 && strchr("qmwe", value[0]) ? value[0] : 'p';
    return CODE_OK;
}

/* An unknown one is no reason to lose a message: it is as if it had not been given. */
static enum code set_delivery_mode(struct options *o, const char *value, struct status *why)
{
    (void)why;
    if (value[0] != 0 && strchr("ibqd", value[0]))
        o->delivery_mode = value[0];
    return CODE_OK;
}

/* What each letter of -b comes to; 0 for those of Sendmail that have nothing to do here. */
static const struct mode {
    char letter;
    char mode;
} modes[] = {
    { 'm', 'm' }, /* send the message */
    { 'a', 'm' }, /* with CRLF line ends, which are taken in every mode */
    { 's', 's' }, /* SMTP on stdin and stdout */
    { 'd', 'd' }, /* the relay */
    { 'l', 'd' }, /* the relay, for this machine alone */
    { 'D', 'D' }, /* the relay, which Sendmail keeps in the foreground so */
    { 'v', 'v' }, /* show what becomes of the recipients */
    { 't', 't' }, /* the same for addresses on stdin */
    { 'p', 'p' }, /* show the queue */
    { 'P', 'P' }, /* its length */
    { 'i', 'i' }, /* check the aliases */
    { 'C', 'C' }, /* check the configuration */
    { 'h', 0 },   /* host status */
    { 'H', 0 },   /* forget it */
    { 'z', 0 },   /* freeze the configuration */
};

static enum code set_mode(struct options *o, const char *value, struct status *why)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (value[0] != modes[i].letter)
            continue;
        if (modes[i].mode == 0)
            return status_set(why, CODE_USAGE, STAGE_OPTIONS, "there is nothing that -b%c could do",
                              value[0]);
        o->mode = modes[i].mode;
        return CODE_OK;
    }
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "unknown mode -b%.*s", SHOWN_MAX, value);
}

static unsigned seconds_of_unit(char letter)
{
    static const struct {
        char letter;
        unsigned seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (to_lower(letter) == units[i].letter)
            return units[i].seconds;
    return 0;
}

/* As Sendmail reads times: "90", "15m", "1h30m"; a number without a unit is minutes. */
static bool parse_interval(const char *text, unsigned *seconds)
{
    uint64_t total = 0;

    while (*text != 0) {
        size_t digits = strspn(text, "0123456789");
        char unit = text[digits];
        uint64_t number;

        if (!slice_number((struct slice){ text, digits }, INTERVAL_MAX, &number))
            return false;
        if (unit != 0 && seconds_of_unit(unit) == 0)
            return false;
        total += number * seconds_of_unit(unit != 0 ? unit : 'm');
        if (total > INTERVAL_MAX)
            return false;
        text += unit != 0 ? digits + 1 : digits;
    }
    *seconds = (unsigned)total;
    return true;
}

/*
 * -q, -q15m, -qp15m; -qf, and those that choose some of the queue: -qIid, -qRpart, and -qGname,
 * whose group is all. Of the others, -qSpart, -qQpart, -qL, and each with '!', nothing is made:
 * more would be sent than was asked for.
 */
static enum code set_queue_run(struct options *o, const char *value, struct status *why)
{
    bool chooses = value[0] != 0 && strchr("fGIRSQLl!", value[0]) != NULL;

    if (!chooses && !parse_interval(value + (value[0] == 'p'), &o->queue_interval))
        return complain(why, "-q", "a time such as 15m", value);
    if (value[0] == 'R')
        o->queue_match = value + 1;
    else if (value[0] == 'I')
        o->queue_id = value + 1;
    else if (chooses && !strchr("fG", value[0]))
        return complain(why, "-q", "I and an id, or R and part of a recipient", value);
    if (o->mode == 'm') /* -bd -q15m is a daemon still */
        o->mode = 'q';
    return CODE_OK;
}

/* Nothing follows from it: what the body holds is looked at. */
static enum code check_body(struct options *o, const char *value, struct status *why)
{
    struct slice word = slice_of(value);

    (void)o;
    if (slice_equal_nocase(word, slice_of("7BIT")) ||
        slice_equal_nocase(word, slice_of("8BITMIME")))
        return CODE_OK;
    return complain(why, "-B", "7BIT or 8BITMIME", value);
}

static enum code set_notify(struct options *o, const char *value, struct status *why)
{
    o->notify = dsn_parse_notify(slice_of(value));
    if (o->notify != DSN_NOTIFY_UNSET)
        return CODE_OK;
    return complain(why, "-N", "never, or a list of success, failure and delay", value);
}

/* Two options in one letter: whether it is the older one can be told at the end only. */
static enum code set_return(struct options *o, const char *value, struct status *why)
{
    enum dsn_return what = dsn_parse_return(slice_of(value));

    (void)why;
    o->queue_match = what == DSN_RETURN_UNSET ? value : NULL;
    if (what != DSN_RETURN_UNSET)
        o->dsn_return = what;
    return CODE_OK;
}

static enum code set_envelope_id(struct options *o, const char *value, struct status *why)
{
    if (!dsn_is_envelope_id(slice_of(value)))
        return complain(why, "-V", "up to 100 characters of xtext", value);
    o->envelope_id = value;
    return CODE_OK;
}

/* Sendmail's own options that have an effect here, with the letter -o knows them by. */
static const struct setting {
    char letter;
    const char *name;
    enum code (*set)(struct options *o, const char *value, struct status *why);
} settings[] = {
    { 'd', "DeliveryMode", set_delivery_mode },
    { 'e', "ErrorMode", set_error_mode },
    { 'i', "IgnoreDots", set_ignore_dots },
    { 'v', "Verbose", set_verbose },
};

/* All others are taken without a word: Sendmail has two hundred, and callers pass old ones. */
static enum code set_setting(struct options *o, const char *value, struct status *why)
{
    struct slice rest = slice_of(value), name = { 0 };

    (void)slice_take_until(&rest, "=", &name);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (slice_equal_nocase(slice_trim(name), slice_of(settings[i].name)))
            return settings[i].set(o, rest.n > 0 ? rest.p : "", why);
    return CODE_OK;
}

static enum code set_short_setting(struct options *o, const char *value, struct status *why)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (value[0] == settings[i].letter)
            return settings[i].set(o, value + 1, why);
    return CODE_OK;
}

/* THE table, in the order of the manual. Rows without a function are taken and have no effect. */
static const struct option_row rows[] = {
    { 't', ARGUMENT_NONE, NULL, set_from_header, "send to those in To, Cc and Bcc as well" },
    { 'i', ARGUMENT_NONE, NULL, set_ignore_dots, "a lone dot does not end the message" },
    { 'f', ARGUMENT_NEXT, "address", set_sender, "envelope sender; '' for none" },
    { 'r', ARGUMENT_NEXT, "address", set_sender, NULL },
    { 'F', ARGUMENT_NEXT, "name", set_full_name, "full name, when From has to be made" },
    { 'a', ARGUMENT_NEXT, "account", set_account, "section of the configuration to use" },
    { 'C', ARGUMENT_NEXT, "file", set_config, "configuration file" },
    { 'v', ARGUMENT_NONE, NULL, set_verbose, "show the dialogue with the server" },
    { 'n', ARGUMENT_NONE, NULL, set_no_aliases, NULL },
    { 'B', ARGUMENT_NEXT, "type", check_body, NULL },
    { 'N', ARGUMENT_NEXT, "list", set_notify, "notify of: never, or success,failure,delay" },
    { 'R', ARGUMENT_NEXT, "what", set_return, "return with a notice: hdrs or full" },
    { 'V', ARGUMENT_NEXT, "id", set_envelope_id, "envelope id for notices" },
    { 'b', ARGUMENT_NEXT, "mode", set_mode, "-bs SMTP on stdin, -bd relay, -bv show, -bp queue" },
    { 'q', ARGUMENT_ATTACHED, "time", set_queue_run, NULL },
    { 'e', ARGUMENT_NEXT, "mode", set_error_mode, NULL },
    { 'd', ARGUMENT_ATTACHED, "level", set_debug, NULL },
    { 'L', ARGUMENT_NEXT, "tag", set_log_tag, NULL },
    { 'O', ARGUMENT_NEXT, "name=value", set_setting, NULL },
    { 'o', ARGUMENT_NEXT, "setting", set_short_setting, "-oi is -i; -oeq prints no errors" },
    { 'A', ARGUMENT_NEXT, "which", NULL, NULL },
    { 'c', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'D', ARGUMENT_NEXT, "file", NULL, NULL },
    { 'E', ARGUMENT_ATTACHED, "value", NULL, NULL },
    { 'G', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'h', ARGUMENT_NEXT, "hops", NULL, NULL },
    { 'I', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'J', ARGUMENT_ATTACHED, "value", NULL, NULL },
    { 'm', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'M', ARGUMENT_NEXT, "value", NULL, NULL },
    { 'p', ARGUMENT_NEXT, "protocol", NULL, NULL },
    { 'Q', ARGUMENT_ATTACHED, "reason", NULL, NULL },
    { 's', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'S', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'T', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'U', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'x', ARGUMENT_NONE, NULL, NULL, NULL },
    { 'X', ARGUMENT_NEXT, "file", NULL, NULL },
};

const struct option_row *options_all(size_t *count)
{
    *count = sizeof rows / sizeof *rows;
    return rows;
}

static const struct option_row *find(char letter)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

/*
 * One word: letters without an argument, and at most one with, at its end. `next` is the word
 * behind it, NULL when there is none; *took_next tells whether it was the argument.
 */
static enum code parse_word(struct options *o, const char *word, const char *next, bool *took_next,
                            struct status *why)
{
    for (const char *p = word + 1; *p; p++) {
        const struct option_row *row = find(*p);
        const char *value = "";

        if (!row)
            return status_set(why, CODE_USAGE, STAGE_OPTIONS, "unknown option -%c", *p);
        if (row->argument != ARGUMENT_NONE)
            value = p + 1;
        if (row->argument == ARGUMENT_NEXT && *value == 0) {
            if (!next)
                return status_set(why, CODE_USAGE, STAGE_OPTIONS, "-%c needs an argument", *p);
            *took_next = true;
            value = next;
        }
        if (row->set && row->set(o, value, why))
            return why->code;
        if (row->argument != ARGUMENT_NONE)
            return CODE_OK;
    }
    return CODE_OK;
}

/* Both ways to ask for a run of the queue; neither may swallow a message. */
static enum code settle_queue_run(struct options *o, struct status *why)
{
    bool sends = o->from_header || o->recipient_count > 0;

    if (o->queue_match && sends)
        return complain(why, "-R", "hdrs or full", o->queue_match);
    if (o->queue_match && o->mode == 'm')
        o->mode = 'q';
    if (o->mode == 'q' && sends)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "a run of the queue takes no recipient");
    return CODE_OK;
}

enum code options_parse(int argc, char **argv, struct options *out, struct status *why)
{
    bool stop_early = getenv("POSIXLY_CORRECT") != NULL, no_more = false;

    *out = (struct options){ .mode = 'm', .error_mode = 'p', .recipients = argv };
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool took_next = false;

        if (!no_more && strcmp(word, "--") == 0) {
            no_more = true;
        } else if (!no_more && strncmp(word, "--", 2) == 0) {
            return status_set(why, CODE_USAGE, STAGE_OPTIONS, "unknown option %.*s", SHOWN_MAX,
                              word);
        } else if (!no_more && word[0] == '-') {
            if (parse_word(out, word, next, &took_next, why))
                return why->code;
            i += took_next;
        } else if (word[0] != 0) {
            argv[out->recipient_count++] = argv[i];
            no_more = no_more || stop_early;
        }
    }
    return settle_queue_run(out, why);
}
