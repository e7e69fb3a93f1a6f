#include "deliver/record.h"

#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

enum {
    DESCRIBED_MAX = 2048, /* more than status_describe ever gives */
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
}

void record_free(struct record *r)
{
    for (size_t i = 0; r->paths && i < r->envelope.forward_count; i++) {
        free(r->paths[i].error);
        free(r->paths[i].said);
    }
    free(r->paths);
    free(r->account);
    free(r->error);
    envelope_free(&r->envelope);
    *r = (struct record){ .state = RECORD_QUEUED };
}

/* What a status says as one text for people; a cut character becomes '?'. */
static char *describe(const struct status *st)
{
    char room[DESCRIBED_MAX];
    struct buf text;

    buf_over(&text, room, sizeof room);
    status_describe(st, &text);
    if (text.n > RECORD_ERROR_MAX)
        text.n = RECORD_ERROR_MAX;
    text_make_printable(room, text.n);
    return slice_dup(buf_slice(&text));
}

/* A server may leave an enhanced status out, or say what is none. */
static void copy_enhanced(struct path_record *path, const struct status *st)
{
    memset(path->enhanced, 0, sizeof path->enhanced);
    if (record_enhanced_is_valid(slice_of(st->enhanced)))
        memcpy(path->enhanced, st->enhanced, strlen(st->enhanced));
}

void record_set_failure(struct path_record *path, const struct status *st)
{
    free(path->error);
    free(path->said);
    path->error = describe(st);
    path->said = st->said[0] != 0 ? slice_dup(slice_of(st->said)) : NULL;
    path->reply = st->reply;
    copy_enhanced(path, st);
}

void record_set_error(struct record *r, const struct status *st)
{
    free(r->error);
    r->error = describe(st);
}

size_t record_count(const struct record *r, enum path_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < r->envelope.forward_count; i++)
        count += r->paths[i].state == state;
    return count;
}

bool record_id_is_valid(struct slice id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!is_digit(id.p[i]) && (id.p[i] < 'A' || id.p[i] > 'Z'))
            return false;
    return id.n == STAMP_ID_LENGTH;
}

/* RFC 3463 section 2: a class, a subject and a detail. */
bool record_enhanced_is_valid(struct slice text)
{
    uint64_t number;
    struct slice part;
    size_t parts = 0;

    if (text.n == 0 || text.n >= sizeof((struct path_record *)NULL)->enhanced ||
        text.p[text.n - 1] == '.')
        return false;
    for (; slice_take_until(&text, ".", &part); parts++)
        if (!slice_number(part, 999, &number))
            return false;
    return parts == 3;
}

static enum code copy_envelope(struct envelope *to, const struct envelope *from, struct status *why)
{
    if (envelope_begin_copy(from, to, why))
        return why->code;
    for (size_t i = 0; i < from->forward_count; i++)
        if (envelope_copy_path(from, i, to, why))
            return why->code;
    if (to->forward_count != from->forward_count)
        return status_set(why, CODE_BUG, STAGE_QUEUE, "a recipient that stands twice");
    return CODE_OK;
}

static void set_outcome(struct path_record *path, const struct status *st,
                        bool (*keeps)(const struct status *))
{
    if (st->code == CODE_OK) {
        path->state = PATH_DELIVERED;
        return;
    }
    path->state = keeps(st) ? PATH_PENDING : PATH_FAILED;
    record_set_failure(path, st);
}

static enum code make_parts(struct record *r, const struct envelope *envelope, const char *account,
                            struct status *why)
{
    if (copy_envelope(&r->envelope, envelope, why))
        return why->code;
    r->account = slice_dup(slice_of(account));
    r->paths = calloc(envelope->forward_count > 0 ? envelope->forward_count : 1, sizeof *r->paths);
    return r->account && r->paths ? CODE_OK : no_memory(why);
}

enum code record_make(struct record *r, const struct envelope *envelope,
                      const struct outcome *outcome, bool (*keeps)(const struct status *),
                      const char *account, struct status *why)
{
    *r = (struct record){ .state = RECORD_QUEUED };
    if (make_parts(r, envelope, account, why)) {
        record_free(r);
        return why->code;
    }
    for (size_t i = 0; outcome && i < envelope->forward_count; i++)
        set_outcome(&r->paths[i], &outcome->recipients[i], keeps);
    if (record_count(r, PATH_PENDING) == 0)
        r->state = RECORD_FAILED;
    return CODE_OK;
}
