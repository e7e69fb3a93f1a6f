#include "cli/keep.h"

#include "base/log.h"
#include "cli/dead_letter.h"
#include "cli/process.h"
#include "cli/report.h"
#include "deliver/deliver.h"
#include "deliver/queue.h"
#include "mail/envelope.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static bool has_queue(const struct making *m)
{
    const char *queue = m->door->globals.queue;

    return queue && queue[0] != 0;
}

enum delivery_mode keep_mode(const struct making *m)
{
    static const struct {
        char letter;
        enum delivery_mode mode;
    } rows[] = {
        { 'i', DELIVERY_DIRECT },
        { 'b', DELIVERY_BACKGROUND },
        { 'q', DELIVERY_QUEUE },
        { 'd', DELIVERY_QUEUE },
    };
    char letter = m->door->options->delivery_mode;

    if (!has_queue(m))
        return DELIVERY_DIRECT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].letter == letter)
            return rows[i].mode;
    return m->door->globals.delivery;
}

bool keep_patience(const struct making *m, struct deadline *until)
{
    if (!has_queue(m))
        return false;
    *until = deadline_in(m->door->globals.patience);
    return true;
}

enum code keep_message(struct making *m, const char *id, struct envelope *envelope,
                       const struct outcome *outcome, struct parcel **out, struct status *why)
{
    struct door *door = m->door;
    struct submission submission = { .envelope = envelope, .message = &m->message };
    struct queue_note note = {
        .id = id,
        .owner = door->caller.user,
        .account = m->account.name,
        .told = true,
    };

    *out = NULL;
    if (door_open_spool(door, why))
        return why->code;
    if (!door->spool)
        return status_set(why, CODE_CONFIG, STAGE_QUEUE, "there is no queue");
    return queue_keep(door->spool, &door->globals, &note, &submission, outcome, out, why);
}

static void deliver_parcel(struct making *m, struct parcel *p, const char *origin,
                           struct status *why)
{
    struct envelope envelope = { 0 };
    struct submission submission = { .envelope = &envelope, .message = &m->message };
    struct status fault = { 0 };

    if (queue_pending(&p->record, &envelope, why) == CODE_OK) {
        memset(m->outcome.recipients, 0, envelope.forward_count * sizeof *m->outcome.recipients);
        if (deliver(&m->account, &submission, NULL, NULL, &m->outcome, &fault))
            log_trace("=", slice_of(fault.what));
        report_log_outcome(origin, &envelope, &m->outcome);
        if (queue_settle(p, &m->account, &m->outcome, why))
            report_log_failure(origin, why);
    }
    envelope_free(&envelope);
}

void keep_in_background(struct making *m, struct parcel *p, int fd, const char *origin)
{

    struct status why = { 0 };
    pid_t child = fork();

    if (child < 0)
        log_line(LOG_LEVEL_WARNING, "id=%s waits for a run of the queue, no process for it: %s",
                 p->record.id, strerror(errno));
    if (child != 0)
        return;
    (void)setsid();
    process_close_standard();
    if (fd > STDERR_FILENO)
        (void)close(fd);
    deliver_parcel(m, p, origin, &why);
    spool_release(p);
    log_close();
    _exit(EX_OK);
}

/* Who reads what his mail program prints has his message still, and keeps it himself. */
static bool wants_dead_letter(const struct making *m)
{
    return strchr("mwe", m->door->options->error_mode) != NULL;
}

void keep_dead_letter(const struct making *m, const struct status *worst)
{
    const char *path = m->envelope.reverse_path ? m->envelope.reverse_path : "";
    char where[DEAD_LETTER_PATH_ROOM], room[STATUS_WHAT_MAX + STATUS_SAID_MAX];
    struct status why = { 0 };
    struct buf text;

    /* Else it stays with its caller, as the exit status in the log says. */
    if (!wants_dead_letter(m) || (m->message.header.n == 0 && m->message.body.size == 0))
        return;
    buf_over(&text, room, sizeof room - 1);
    status_describe(worst, &text);
    room[text.n] = 0;
    if (dead_letter_add(&m->message, path, room, where, &why))
        report_log_failure("no dead.letter: ", &why);
    else
        log_line(LOG_LEVEL_WARNING, "kept=%s", where);
}
