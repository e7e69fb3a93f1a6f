/* A command line as a row of a test, and what was parsed of it as one line of text. */
#ifndef ORSINO_TESTS_COMMAND_LINE_H
#define ORSINO_TESTS_COMMAND_LINE_H

#include "cli/options.h"

#include "unit.h"

#include <stdlib.h>

enum {
    WORDS_MAX = 12,
};

struct row {
    const char *sentence;
    const char *words[WORDS_MAX]; /* behind argv[0] */
    const char *want;
};

/* What was parsed, in one line, so that a row can say all of it. */
static inline void describe(const struct options *o, struct buf *out)
{
    if (o->from_header)
        buf_add_string(out, "t ");
    if (o->mode != 'm')
        buf_addf(out, "mode=%c ", o->mode);
    buf_addf(out, "%s%s%s%s", o->ignore_dots ? "i " : "", o->verbose ? "v " : "",
             o->no_aliases ? "n " : "", o->wants_version ? "version " : "");
    if (o->sender)
        buf_addf(out, "f=<%s> ", o->sender);
    if (o->full_name)
        buf_addf(out, "F=<%s> ", o->full_name);
    if (o->config)
        buf_addf(out, "C=%s ", o->config);
    if (o->account)
        buf_addf(out, "a=%s ", o->account);
    if (o->notify)
        buf_addf(out, "N=%u ", o->notify);
    if (o->dsn_return)
        buf_addf(out, "R=%s ", o->dsn_return == DSN_RETURN_FULL ? "full" : "hdrs");
    if (o->envelope_id)
        buf_addf(out, "V=%s ", o->envelope_id);
    if (o->error_mode != 'p')
        buf_addf(out, "e=%c ", o->error_mode);
    if (o->delivery_mode)
        buf_addf(out, "od=%c ", o->delivery_mode);
    if (o->queue_interval)
        buf_addf(out, "q=%u ", o->queue_interval);
    if (o->queue_match)
        buf_addf(out, "qR=%s ", o->queue_match);
    if (o->queue_id)
        buf_addf(out, "qI=%s ", o->queue_id);
    if (o->log_tag[0])
        buf_addf(out, "L=<%s> ", o->log_tag);
    buf_add_string(out, "|");
    for (size_t i = 0; i < o->recipient_count; i++)
        buf_addf(out, " %s", o->recipients[i]);
}

static inline void expect(const struct row *row)
{
    char *argv[WORDS_MAX + 2] = { 0 }, *words[WORDS_MAX + 2] = { 0 };
    struct options options;
    struct status why = { 0 };
    struct buf got;
    int argc = 1;

    argv[0] = words[0] = slice_dup(slice_of("sendmail"));
    for (; argc <= WORDS_MAX && row->words[argc - 1]; argc++)
        argv[argc] = words[argc] = slice_dup(slice_of(row->words[argc - 1]));
    buf_init(&got, 4096);
    if (options_parse(argc, argv, &options, &why)) {
        check(row->sentence, why.code == CODE_USAGE);
        buf_add_string(&got, why.what);
    } else {
        describe(&options, &got);
    }
    check_text(row->sentence, buf_slice(&got), slice_of(row->want));
    buf_free(&got);
    for (int i = 0; i < argc; i++)
        free(words[i]);
}

#endif
