#include "cli/queue.h"

#include "base/rights.h"
#include "cli/queue_inside.h"
#include "cli/report.h"

#include <stdio.h>
#include <unistd.h>

/* Monitors ask for the queue of a machine that has no INI yet, which has no place in its status. */
static bool is_missing(const struct options *options, const struct status *why)
{
    return !options->config && why->code == CODE_CONFIG && why->where[0] == 0;
}

enum code queue_begin(struct queue *q, const struct options *options, struct status *why)
{
    q->options = options;
    if (door_open(&q->door, options, why) == CODE_OK)
        return door_open_spool(&q->door, why);
    if (is_missing(options, why))
        *why = (struct status){ .code = CODE_OK };
    return why->code;
}

void queue_end(struct queue *q)
{
    door_close(&q->door);
}

void queue_pause(struct queue *q)
{
    door_discard(&q->door);
}

void queue_print(struct buf *line)
{
    text_make_printable(line->p, line->n);
    (void)fwrite(line->p, 1, line->n, stdout);
    (void)putchar('\n');
    buf_clear(line);
}

bool queue_is_visible(const struct record *r)
{
    return !rights_are_raised() || r->owner == getuid();
}

static enum code print_length(const struct queue *q, struct status *why)
{
    struct places places = { .rows = NULL };

    if (q->door.spool && places_add(&places, q, SPOOL_QUEUE, why))
        return why->code;
    (void)printf("%zu\n", places.count);
    (void)places_judge(&places, why);
    places_free(&places);
    return why->code;
}

int queue_show_with(const struct options *options)
{
    struct queue q;
    struct status why = { 0 };
    int result;

    if (queue_begin(&q, options, &why) == CODE_OK)
        (void)queue_list(&q, LISTING_MAILQ, SPOOL_QUEUE, &why);
    result = report_finish(&why, false);
    queue_end(&q);
    return result;
}

int queue_length_with(const struct options *options)
{
    struct queue q;
    struct status why = { 0 };
    int result;

    if (queue_begin(&q, options, &why) == CODE_OK)
        (void)print_length(&q, &why);
    result = report_finish(&why, false);
    queue_end(&q);
    return result;
}

int queue_run_with(const struct options *options)
{
    struct queue_round round = {
        .id = options->queue_id,
        .only_due = options->queue_interval > 0,
        .in_background = options->queue_interval > 0,
    };

    return queue_run(options, &round);
}

static int with_options(int argc, char **argv, int (*run)(const struct options *options))
{
    struct options options;
    struct status why = { 0 };

    if (options_parse(argc, argv, &options, &why) == CODE_OK)
        return run(&options);
    return report_finish(&why, false);
}

int mailq_main(int argc, char **argv)
{
    return with_options(argc, argv, queue_show_with);
}

int runq_main(int argc, char **argv)
{
    return with_options(argc, argv, queue_run_with);
}

static enum code run_command(const struct queue *q, const struct queue_words *words,
                             struct status *why)
{
    enum listing listing = words->flags & QUEUE_JSON ? LISTING_JSON : LISTING_TABLE;

    switch (words->command) {
    case QUEUE_LIST:
        return queue_list(q, listing, SPOOL_QUEUE, why);
    case QUEUE_FAILED:
        return queue_list(q, listing, SPOOL_FAILED, why);
    case QUEUE_SHOW:
        return queue_show(q, words->ids[0], words->flags, why);
    default:
        return queue_steer(q, words, why);
    }
}

static int run_words(const struct queue_words *words)
{
    struct queue_round round = {
        .id = words->id_count > 0 ? words->ids[0] : NULL,
        .only_due = (words->flags & (QUEUE_DUE | QUEUE_EVERY)) != 0,
    };

    return queue_run(&words->options, &round);
}

int queue_main(int argc, char **argv)
{
    struct queue_words words;
    struct queue q;
    struct status why = { 0 };
    int result;

    if (queue_words_parse(argc, argv, &words, &why))
        return report_finish(&why, false);
    if (words.command == QUEUE_HELP) {
        queue_words_help();
        return report_finish(&why, false);
    }
    if (words.command == QUEUE_RUN)
        return run_words(&words);
    if (queue_begin(&q, &words.options, &why) == CODE_OK)
        (void)run_command(&q, &words, &why);
    result = report_finish(&why, false);
    queue_end(&q);
    return result;
}
