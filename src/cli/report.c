#include "cli/report.h"

#include "base/log.h"
#include "deliver/hint.h"

#include <string.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 4096,
    NAMED_MAX = 600,   /* bytes of addresses in the line for people */
    LOGGED_MAX = 1000, /* bytes of addresses in a line of the log */
};

/* Nothing in this file allocates: it must be said, without memory too, what became of a message. */

static void say(struct buf *line)
{
    /* A server, a header or an argument that had a hand in it must not make it look like two. */
    text_make_printable(line->p, line->n);
    if (line->n == line->max)
        line->n--;
    line->p[line->n++] = '\n';
    log_write(STDERR_FILENO, buf_slice(line));
}

static void add_hint(struct buf *line, const struct status *st, const struct account *account)
{
    char room[LINE_MAX_BYTES];
    struct buf hint;

    buf_over(&hint, room, sizeof room);
    if (hint_for(st, account, &hint) && !hint.failed)
        buf_addf(line, " (%.*s)", (int)hint.n, hint.p);
}

static size_t count_failed(const struct envelope *envelope, const struct outcome *outcome)
{
    size_t failed = 0;

    for (size_t i = 0; i < envelope->forward_count; i++)
        failed += outcome->recipients[i].code != CODE_OK;
    return failed;
}

/* Who did not get it, when that is not everybody for one reason. */
static void add_refused(struct buf *line, const struct status *worst,
                        const struct envelope *envelope, const struct outcome *outcome)
{
    size_t failed = count_failed(envelope, outcome), named = 0, start;

    if (envelope->forward_count < 2 ||
        (failed == envelope->forward_count && worst->code != CODE_RECIPIENT))
        return;
    buf_addf(line, "; %zu of %zu recipients refused: ", failed, envelope->forward_count);
    start = line->n;
    for (size_t i = 0; i < envelope->forward_count && !line->failed; i++) {
        if (outcome->recipients[i].code == CODE_OK)
            continue;
        if (named > 0 && line->n - start + strlen(envelope->forward_paths[i]) > NAMED_MAX) {
            buf_addf(line, " and %zu more", failed - named);
            return;
        }
        buf_addf(line, "%s<%s>", named++ > 0 ? ", " : "", envelope->forward_paths[i]);
    }
}

void report_failure(const struct status *worst, const struct account *account,
                    const struct envelope *envelope, const struct outcome *outcome)
{
    char room[LINE_MAX_BYTES];
    struct buf line;

    buf_over(&line, room, sizeof room);
    buf_add_string(&line, "sendmail: ");
    status_describe(worst, &line);
    add_hint(&line, worst, account);
    if (envelope && outcome && outcome->recipients)
        add_refused(&line, worst, envelope, outcome);
    say(&line);
}

void report_log_failure(const struct status *why)
{
    char room[LINE_MAX_BYTES];
    struct buf line;

    buf_over(&line, room, sizeof room);
    status_describe(why, &line);
    log_line(LOG_LEVEL_ERROR, "exit=%d error=%.*s", status_exit(why), (int)line.n, line.p);
}

static bool is_same_result(const struct status *a, const struct status *b)
{
    return a->code == b->code && a->reply == b->reply && strcmp(a->what, b->what) == 0 &&
           strcmp(a->said, b->said) == 0;
}

static void log_group(const struct envelope *envelope, const struct outcome *outcome,
                      const struct status *result, struct slice to)
{
    char room[LINE_MAX_BYTES];
    struct buf error;

    if (result->code == CODE_OK) {
        log_line(LOG_LEVEL_INFO,
                 "from=<%s> to=%.*s host=%s:%u tls=%s size=%llu seconds=%lld.%02lld said=\"%s\"",
                 envelope->reverse_path, (int)to.n, to.p, outcome->host, outcome->port,
                 outcome->tls, (unsigned long long)outcome->size,
                 (long long)(outcome->millis / 1000), (long long)(outcome->millis % 1000 / 10),
                 outcome->said);
        return;
    }
    buf_over(&error, room, sizeof room);
    status_describe(result, &error);
    log_line(LOG_LEVEL_ERROR,
             "from=<%s> to=%.*s host=%s:%u tls=%s seconds=%lld.%02lld exit=%d error=%.*s",
             envelope->reverse_path, (int)to.n, to.p, outcome->host, outcome->port, outcome->tls,
             (long long)(outcome->millis / 1000), (long long)(outcome->millis % 1000 / 10),
             status_exit(result), (int)error.n, error.p);
}

void report_log_outcome(const struct envelope *envelope, const struct outcome *outcome)
{
    const struct status *results = outcome->recipients;
    size_t count = envelope->forward_count;
    char room[LINE_MAX_BYTES];
    struct buf to;

    buf_over(&to, room, sizeof room);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&to, "%s<%s>", to.n > 0 ? "," : "", envelope->forward_paths[i]);
        if (i + 1 < count && to.n < LOGGED_MAX && is_same_result(&results[i], &results[i + 1]))
            continue;
        log_group(envelope, outcome, &results[i], buf_slice(&to));
        buf_clear(&to);
    }
}
