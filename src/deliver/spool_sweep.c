#include "deliver/spool_inside.h"

#include "base/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* How many went, 0 with errno. */
static size_t take_away(const struct spool *s, unsigned folder, const char *id)
{
    bool went;
    int error;

    rights_take_up();
    went = unlinkat(s->folders[folder], id, 0) == 0;
    error = errno;
    rights_set_aside();
    errno = error;
    return went ? 1 : 0;
}

/* Whether the file is there still: who had it in hand may have taken it away. */
static bool has_name(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

size_t spool_sweep_id(const struct spool *s, const char *id)
{
    int body = spool_open_file(s, FOLDER_BODY, id, O_RDONLY);
    size_t went = 0;

    if (body < 0)
        return errno == ENOENT ? take_away(s, FOLDER_NEW, id) : 0;
    /* Whether there is a record counts only now that nobody else can write one. */
    if (flock(body, LOCK_EX | LOCK_NB) == 0 && has_name(body)) {
        went += take_away(s, FOLDER_NEW, id);
        if (!spool_has_record(s, id))
            went += take_away(s, FOLDER_BODY, id);
    }
    (void)close(body);
    return went;
}

struct list {
    char (*ids)[RECORD_ID_ROOM];
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, RECORD_ID_ROOM);
}

static bool fill(const struct spool *s, unsigned folder, struct list *list)
{
    struct status why = { 0 };

    if (spool_list_folder(s, folder, &list->ids, &list->count, &why))
        return false;
    if (list->count > 0)
        qsort(list->ids, list->count, sizeof *list->ids, compare);
    return true;
}

static bool holds(const struct list *list, const char *id)
{
    return list->count > 0 &&
           bsearch(id, list->ids, list->count, sizeof *list->ids, compare) != NULL;
}

size_t spool_sweep(struct spool *s)
{
    struct list lists[FOLDER_COUNT] = { { NULL, 0 } };
    const struct list *body = &lists[FOLDER_BODY], *new = &lists[FOLDER_NEW];
    size_t went = 0;
    bool filled = true;

    for (unsigned i = 0; i < FOLDER_COUNT && filled; i++)
        filled = fill(s, i, &lists[i]);
    for (size_t i = 0; filled && i < new->count; i++)
        went += spool_sweep_id(s, new->ids[i]);
    for (size_t i = 0; filled && i < body->count; i++)
        if (!holds(&lists[FOLDER_QUEUE], body->ids[i]) &&
            !holds(&lists[FOLDER_FAILED], body->ids[i]))
            went += spool_sweep_id(s, body->ids[i]);
    for (unsigned i = 0; i < FOLDER_COUNT; i++)
        free(lists[i].ids);
    return went;
}

enum code spool_discard(struct spool *s, enum spool_folder folder, const char *id,
                        struct status *why)
{
    if (spool_is_taken(s, id))
        return status_set(why, CODE_TIMEOUT, STAGE_QUEUE, "%s is being delivered now", id);
    if (take_away(s, folder, id) == 0 || !spool_sync_folder(s->folders[folder]))
        return spool_refuse_write(s, errno, why);
    (void)spool_sweep_id(s, id);
    return CODE_OK;
}
