#include "cli/report.h"

#include "base/log.h"
#include "deliver/hint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 4096,
    NAMED_MAX = 600,   /* bytes of addresses in the line for people */
    LOGGED_MAX = 1000, /* bytes of addresses in a line of the log */
};

/* Nothing in this file allocates: it must be said, without memory too, what became of a message. */

void report_line(int fd, struct buf *line)
{
    text_make_printable(line->p, line->n);
    if (line->n == line->max)
        line->n--;
    line->p[line->n++] = '\n';
    log_write(fd, buf_slice(line));
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

static void add_failure(struct buf *line, const char *who, const struct status *why,
                        const struct account *account)
{
    buf_addf(line, "%s: ", who);
    status_describe(why, line);
    add_hint(line, why, account);
}

void report_command_failure(const struct status *why, const struct account *account)
{
    char room[LINE_MAX_BYTES];
    struct buf line;

    buf_over(&line, room, sizeof room);
    add_failure(&line, "orsino", why, account);
    report_line(STDERR_FILENO, &line);
}

int report_finish(const struct status *why, bool is_told)
{
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);

    if (why->code != CODE_OK && !is_told)
        report_command_failure(why, NULL);
    if (why->code != CODE_OK || is_written)
        return status_exit(why);
    (void)fprintf(stderr, "orsino: the output cannot be written: %s\n", strerror(errno));
    return EX_IOERR;
}

void report_failure(const struct status *worst, const struct account *account,
                    const struct envelope *envelope, const struct outcome *outcome,
                    const char *failed_id)
{
    char room[LINE_MAX_BYTES];
    struct buf line;

    buf_over(&line, room, sizeof room);
    add_failure(&line, "sendmail", worst, account);
    if (envelope && outcome && outcome->recipients)
        add_refused(&line, worst, envelope, outcome);
    if (failed_id && failed_id[0] != 0)
        buf_addf(&line, "; kept: orsino queue retry %s puts it back", failed_id);
    report_line(STDERR_FILENO, &line);
}

void report_log_failure(const char *origin, const struct status *why)
{
    char room[LINE_MAX_BYTES];
    struct buf line;

    buf_over(&line, room, sizeof room);
    status_describe(why, &line);
    log_line(LOG_LEVEL_ERROR, "%sexit=%d error=%.*s", origin, status_exit(why), (int)line.n,
             line.p);
}

static bool is_same_result(const struct status *a, const struct status *b)
{
    return a->code == b->code && a->reply == b->reply && strcmp(a->what, b->what) == 0 &&
           strcmp(a->said, b->said) == 0;
}

/* A quoted local part may be written so that it looks like more fields of the line. */
static void add_path(struct buf *to, const char *path)
{
    buf_add_string(to, to->n > 0 ? ",<" : "<");
    for (; *path; path++)
        buf_add_char(to, strchr(" <>", *path) ? '?' : *path);
    buf_add_char(to, '>');
}

/* Where the messages of a delivery came from and went to. */
struct logging {
    const char *origin;
    const struct envelope *envelope;
    const struct outcome *outcome;
};

static void log_accepted(const struct logging *l, struct slice from, struct slice to)
{
    const struct outcome *o = l->outcome;

    log_line(LOG_LEVEL_INFO,
             "%sfrom=%.*s to=%.*s host=%s:%u tls=%s size=%llu seconds=%lld.%02lld said=\"%s\"",
             l->origin, (int)from.n, from.p, (int)to.n, to.p, o->host, o->port, o->tls,
             (unsigned long long)o->size, (long long)(o->millis / 1000),
             (long long)(o->millis % 1000 / 10), o->said);
}

static void log_refused(const struct logging *l, const struct status *result, struct slice from,
                        struct slice to)
{
    const struct outcome *o = l->outcome;
    char room[LINE_MAX_BYTES];
    struct buf error;

    buf_over(&error, room, sizeof room);
    status_describe(result, &error);
    log_line(LOG_LEVEL_ERROR,
             "%sfrom=%.*s to=%.*s host=%s:%u tls=%s seconds=%lld.%02lld exit=%d error=%.*s",
             l->origin, (int)from.n, from.p, (int)to.n, to.p, o->host, o->port, o->tls,
             (long long)(o->millis / 1000), (long long)(o->millis % 1000 / 10), status_exit(result),
             (int)error.n, error.p);
}

static void log_results(const struct logging *l, bool accepted_too)
{
    const struct status *results = l->outcome->recipients;
    size_t count = l->envelope->forward_count;
    char room[LINE_MAX_BYTES], from_room[LOGGED_MAX];
    struct buf to, from;

    buf_over(&to, room, sizeof room);
    buf_over(&from, from_room, sizeof from_room);
    add_path(&from, l->envelope->reverse_path);
    for (size_t i = 0; i < count; i++) {
        add_path(&to, l->envelope->forward_paths[i]);
        if (i + 1 < count && to.n < LOGGED_MAX && is_same_result(&results[i], &results[i + 1]))
            continue;
        if (results[i].code != CODE_OK)
            log_refused(l, &results[i], buf_slice(&from), buf_slice(&to));
        else if (accepted_too)
            log_accepted(l, buf_slice(&from), buf_slice(&to));
        buf_clear(&to);
    }
}

void report_log_outcome(const char *origin, const struct envelope *envelope,
                        const struct outcome *outcome)
{
    struct logging l = { .origin = origin, .envelope = envelope, .outcome = outcome };

    log_results(&l, true);
}

void report_log_kept(const char *origin, const struct envelope *envelope)
{
    char to_room[LINE_MAX_BYTES], from_room[LOGGED_MAX];
    struct buf to, from;

    buf_over(&to, to_room, sizeof to_room);
    buf_over(&from, from_room, sizeof from_room);
    add_path(&from, envelope->reverse_path);
    for (size_t i = 0; i < envelope->forward_count && to.n < LOGGED_MAX; i++)
        add_path(&to, envelope->forward_paths[i]);
    log_line(LOG_LEVEL_INFO, "%skept=queue from=%.*s to=%.*s", origin, (int)from.n, from.p,
             (int)to.n, to.p);
}

void report_log_refused(const char *origin, const struct envelope *envelope,
                        const struct outcome *outcome)
{
    struct logging l = { .origin = origin, .envelope = envelope, .outcome = outcome };

    log_results(&l, false);
}
