#include "cli/queue_inside.h"

#include "cli/show.h"

#include <stdio.h>

enum {
    /* The longest string, RECORD_ERROR_MAX or an account's name, with each byte escaped. */
    STRING_ROOM = 8 * 1024,
};

static void print(struct buf *text)
{
    (void)fwrite(text->p, 1, text->n, stdout);
    buf_clear(text);
}

static void print_string(struct buf *text, const char *name, const char *value)
{
    buf_addf(text, "\"%s\": ", name);
    show_json(text, value);
    if (text->failed) { /* a record that somebody else wrote: half a string is no JSON */
        buf_clear(text);
        buf_addf(text, "\"%s\": null", name);
    }
    buf_add_string(text, ", ");
    print(text);
}

static void print_number(struct buf *text, const char *name, int64_t value)
{
    buf_addf(text, "\"%s\": %lld, ", name, (long long)value);
    print(text);
}

/* 0 says that there is none. */
static void print_optional(struct buf *text, const char *name, int64_t value)
{
    if (value != 0)
        print_number(text, name, value);
    else
        print_string(text, name, NULL);
}

static const char *optional(const char *value)
{
    return value[0] != 0 ? value : NULL;
}

static void print_recipient(struct buf *text, const char *address, const struct path_record *path)
{
    static const char *const states[] = {
        [PATH_PENDING] = "pending",
        [PATH_DELIVERED] = "delivered",
        [PATH_FAILED] = "failed",
    };

    (void)putchar('{');
    print_string(text, "address", address);
    print_optional(text, "reply", path->reply);
    print_string(text, "status", optional(path->enhanced));
    print_string(text, "said", path->said);
    print_string(text, "error", path->error);
    (void)printf("\"state\": \"%s\"}", states[path->state]);
}

static const char *state_of(const struct place *place, const struct record *r)
{
    if (place->folder == SPOOL_FAILED)
        return "failed";
    return r->state == RECORD_HELD ? "held" : "queued";
}

static void print_times(struct buf *text, const struct place *place, const struct record *r)
{
    bool has_failed = place->folder == SPOOL_FAILED;

    print_number(text, "size", (int64_t)r->size);
    print_number(text, "arrived", r->arrived);
    print_number(text, "age", r->age);
    print_number(text, "tries", r->tries);
    print_optional(text, "last_try", r->last_try);
    print_optional(text, "next_try", has_failed ? 0 : r->next_try);
}

void queue_print_json(const struct queue *q, const struct place *place, const struct record *r)
{
    char room[STRING_ROOM];
    struct buf text;
    bool is_taken = place->folder == SPOOL_QUEUE && spool_is_taken(q->door.spool, place->id);

    buf_over(&text, room, sizeof room);
    (void)putchar('{');
    print_string(&text, "id", r->id);
    print_string(&text, "state", state_of(place, r));
    buf_addf(&text, "\"active\": %s, ", is_taken ? "true" : "false");
    print_number(&text, "owner", (int64_t)r->owner);
    print_string(&text, "account", r->account);
    print_string(&text, "from", r->envelope.reverse_path);
    print_times(&text, place, r);
    print_string(&text, "error", r->error);
    (void)fputs("\"recipients\": [", stdout);
    for (size_t i = 0; i < r->envelope.forward_count && !ferror(stdout); i++) {
        if (i > 0)
            (void)fputs(", ", stdout);
        print_recipient(&text, r->envelope.forward_paths[i], &r->paths[i]);
    }
    (void)fputs("]}", stdout);
}
