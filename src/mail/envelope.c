#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

/*
 * The set: open addressing, a power of two of slots, at most half of them taken. A slot is 0 when
 * it is empty; else the upper half of the path's hash, so that a path is looked at only when it is
 * likely to be the one, and its index plus one. Few recipients, as nearly all messages have, are
 * compared one by one without it.
 */
enum {
    SET_FROM = 32, /* recipients */
    SLOTS_FIRST = 256,
    CAPACITY_FIRST = 8,
};

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
}

void envelope_free(struct envelope *e)
{
    for (size_t i = 0; i < e->forward_count; i++) {
        free(e->forward_paths[i]);
        if (e->options)
            free(e->options[i].original);
    }
    free(e->forward_paths);
    free(e->options);
    free(e->slots);
    free(e->reverse_path);
    free(e->envelope_id);
    *e = (struct envelope){ .forward_count = 0 };
}

enum code envelope_set_sender(struct envelope *e, const struct address *a, struct status *why)
{
    char *copy = slice_dup(address_spec(a));

    if (!copy)
        return no_memory(why);
    free(e->reverse_path);
    e->reverse_path = copy;
    return CODE_OK;
}

enum code envelope_set_notices(struct envelope *e, unsigned notify, enum dsn_return dsn_return,
                               const char *envelope_id, struct status *why)
{
    char *copy = envelope_id ? slice_dup(slice_of(envelope_id)) : NULL;

    if (envelope_id && !copy)
        return no_memory(why);
    free(e->envelope_id);
    e->envelope_id = copy;
    e->notify = notify;
    e->dsn_return = dsn_return;
    return CODE_OK;
}

/*
 * FNV-1a. All of it in lower case: paths that address_equal finds equal must have one hash. Where
 * the set stands in memory goes into it, down to the lowest bits: nobody can then write a list
 * whose hashes are all the same, which would take seconds.
 */
static uint64_t hash_path(const struct envelope *e, struct slice path)
{
    uint64_t place = (uint64_t)(uintptr_t)e->slots * 0x9e3779b97f4a7c15;
    uint64_t hash = 0xcbf29ce484222325 ^ place ^ place >> 32;

    for (size_t i = 0; i < path.n; i++)
        hash = (hash ^ (unsigned char)to_lower(path.p[i])) * 0x100000001b3;
    return hash;
}

/* The slot where the path is, or the empty one where it belongs. */
static uint64_t *find_slot(const struct envelope *e, struct slice path, uint64_t hash)
{
    size_t mask = e->slot_count - 1, i = (size_t)hash & mask;

    for (; e->slots[i] != 0; i = (i + 1) & mask) {
        size_t index = (size_t)(e->slots[i] & UINT32_MAX) - 1;

        if (e->slots[i] >> 32 == hash >> 32 &&
            address_equal(path, slice_of(e->forward_paths[index])))
            break;
    }
    return &e->slots[i];
}

static void enter(struct envelope *e, size_t index)
{
    struct slice path = slice_of(e->forward_paths[index]);
    uint64_t hash = hash_path(e, path);

    *find_slot(e, path, hash) = (hash >> 32 << 32) | (index + 1);
}

static bool is_there(const struct envelope *e, struct slice path)
{
    if (e->slots)
        return *find_slot(e, path, hash_path(e, path)) != 0;
    for (size_t i = 0; i < e->forward_count; i++)
        if (address_equal(path, slice_of(e->forward_paths[i])))
            return true;
    return false;
}

static bool grow_options(struct envelope *e, size_t capacity)
{
    struct forward_options *grown = realloc(e->options, capacity * sizeof *grown);

    if (!grown)
        return false;
    memset(grown + e->forward_count, 0, (capacity - e->forward_count) * sizeof *grown);
    e->options = grown;
    return true;
}

static bool grow_list(struct envelope *e)
{
    size_t capacity = e->forward_capacity > 0 ? e->forward_capacity * 2 : CAPACITY_FIRST;
    char **grown;

    if (e->forward_count < e->forward_capacity)
        return true;
    if (e->options && !grow_options(e, capacity))
        return false;
    grown = realloc(e->forward_paths, capacity * sizeof *grown);
    if (!grown)
        return false;
    e->forward_paths = grown;
    e->forward_capacity = capacity;
    return true;
}

/* Makes the set, or makes it twice as large, when one recipient more needs it. */
static bool grow_set(struct envelope *e)
{
    size_t count = e->slot_count > 0 ? e->slot_count * 2 : SLOTS_FIRST;
    uint64_t *slots;

    if (e->forward_count < SET_FROM || (e->forward_count + 1) * 2 <= e->slot_count)
        return true;
    slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(e->slots);
    e->slots = slots;
    e->slot_count = count;
    for (size_t i = 0; i < e->forward_count; i++)
        enter(e, i);
    return true;
}

static enum code append(struct envelope *e, struct slice path, struct status *why)
{
    char *copy;

    if (e->forward_count == ENVELOPE_RECIPIENTS_MAX)
        return status_set(why, CODE_MESSAGE, STAGE_INPUT, "more than %d recipients",
                          ENVELOPE_RECIPIENTS_MAX);
    if (!grow_list(e) || !grow_set(e) || !(copy = slice_dup(path)))
        return no_memory(why);
    e->forward_paths[e->forward_count++] = copy;
    if (e->slots)
        enter(e, e->forward_count - 1);
    return CODE_OK;
}

enum code envelope_add(struct envelope *e, const struct address *a, struct slice domain,
                       struct status *why)
{
    struct address whole = *a;
    struct slice path;

    if (a->length == 0)
        return status_set(why, CODE_ADDRESS, STAGE_INPUT, "the null path \"<>\" is no recipient");
    if (address_qualify(&whole, domain, why))
        return why->code;
    path = address_spec(&whole);
    return is_there(e, path) ? CODE_OK : append(e, path, why);
}

enum code envelope_set_options(struct envelope *e, size_t index, unsigned notify,
                               const char *original, struct status *why)
{
    char *copy = NULL;

    if (index >= e->forward_count)
        return status_set(why, CODE_BUG, STAGE_INPUT, "options of no recipient");
    if (original)
        copy = slice_dup(slice_of(original));
    if (original && !copy)
        return no_memory(why);
    if (!e->options)
        e->options = calloc(e->forward_capacity, sizeof *e->options);
    if (!e->options) {
        free(copy);
        return no_memory(why);
    }
    free(e->options[index].original);
    e->options[index] = (struct forward_options){ .notify = notify, .original = copy };
    return CODE_OK;
}

enum code envelope_begin_copy(const struct envelope *from, struct envelope *to, struct status *why)
{
    struct address sender;

    if (address_parse(slice_of(from->reverse_path), &sender, why) ||
        envelope_set_sender(to, &sender, why))
        return why->code;
    return envelope_set_notices(to, from->notify, from->dsn_return, from->envelope_id, why);
}

enum code envelope_copy_path(const struct envelope *from, size_t index, struct envelope *to,
                             struct status *why)
{
    const struct forward_options *options = from->options ? &from->options[index] : NULL;
    size_t before = to->forward_count;
    struct slice nothing = { 0 };
    struct address a;

    if (address_parse(slice_of(from->forward_paths[index]), &a, why) ||
        envelope_add(to, &a, nothing, why))
        return why->code;
    if (before == to->forward_count || !options ||
        (options->notify == DSN_NOTIFY_UNSET && !options->original))
        return CODE_OK;
    return envelope_set_options(to, before, options->notify, options->original, why);
}

bool envelope_needs_utf8(const struct envelope *e)
{
    if (e->reverse_path && !slice_is_ascii(slice_of(e->reverse_path)))
        return true;
    for (size_t i = 0; i < e->forward_count; i++)
        if (!slice_is_ascii(slice_of(e->forward_paths[i])))
            return true;
    return false;
}
