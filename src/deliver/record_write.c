/* The text of a record, written: the lines that record_parse.c reads, in its tables' order. */
#include "deliver/record.h"

#include "deliver/record_value.h"
#include "mail/envelope.h"

enum {
    NAMES_MAX = 128,        /* the names, line ends and short values of one recipient's lines */
    MESSAGE_MAX = 8 * 1024, /* all lines of the message at their longest */
};

/* Whatever was made or read can be written. */
_Static_assert((RECORD_TEXT_MAX - MESSAGE_MAX) / ENVELOPE_RECIPIENTS_MAX >
                   ADDRESS_MAX + RECORD_ORIGINAL_MAX + RECORD_ERROR_MAX + STATUS_SAID_MAX +
                       NAMES_MAX,
               "room for the worst of all records");

/* Also an empty one. */
static void write_line(struct buf *out, const char *name, const char *word)
{
    buf_addf(out, "%s:%s", name, word && word[0] != 0 ? " " : "");
    record_write_word(out, word);
    buf_add_char(out, '\n');
}

static void write_word(struct buf *out, const char *name, const char *word)
{
    if (!word || word[0] == 0)
        return;
    write_line(out, name, word);
}

static void write_text(struct buf *out, const char *name, const char *text, size_t max)
{
    if (!text || text[0] == 0)
        return;
    buf_addf(out, "%s: ", name);
    record_write_text(out, text, max);
    buf_add_char(out, '\n');
}

static void write_time(struct buf *out, const char *name, int64_t when)
{
    buf_addf(out, "%s: ", name);
    record_write_time(out, when);
    buf_add_char(out, '\n');
}

static void write_number(struct buf *out, const char *name, uint64_t number)
{
    buf_addf(out, "%s: %ju\n", name, (uintmax_t)number);
}

static void write_notify(struct buf *out, unsigned notify)
{
    if (notify == DSN_NOTIFY_UNSET)
        return;
    buf_add_string(out, "notify: ");
    record_write_notify(out, notify);
    buf_add_char(out, '\n');
}

static void write_tries(const struct record *r, struct buf *out)
{
    uint64_t age = r->age < 0 ? 0 : (uint64_t)r->age;

    write_number(out, "tries", r->tries);
    write_number(out, "age", age < RECORD_AGE_MAX ? age : RECORD_AGE_MAX);
    write_time(out, "seen", r->seen);
    if (r->last_try != 0)
        write_time(out, "last", r->last_try);
    if (r->next_try != 0)
        write_time(out, "next", r->next_try);
    write_text(out, "error", r->error, RECORD_ERROR_MAX);
}

static void write_message(const struct record *r, struct buf *out)
{
    const struct envelope *e = &r->envelope;

    write_word(out, "id", r->id);
    write_number(out, "owner", r->owner);
    write_line(out, "account", r->account);
    write_word(out, "state", record_state_names[r->state]);
    write_time(out, "arrived", r->arrived);
    write_number(out, "size", r->size);
    write_tries(r, out);
    write_word(out, "told", r->told ? "yes" : "");
    write_word(out, "notice", r->notice);
    if (e->dsn_return != DSN_RETURN_UNSET)
        write_word(out, "return", e->dsn_return == DSN_RETURN_FULL ? "full" : "hdrs");
    write_word(out, "envid", e->envelope_id);
    write_notify(out, e->notify);
    write_line(out, "from", e->reverse_path);
}

/* Of no use once the message was delivered. */
static void write_failure(const struct path_record *path, struct buf *out)
{
    if (path->reply > 0)
        write_number(out, "reply", (uint64_t)path->reply);
    write_word(out, "status", path->enhanced);
    write_text(out, "said", path->said, STATUS_SAID_MAX);
    write_text(out, "error", path->error, RECORD_ERROR_MAX);
}

void record_write(const struct record *r, struct buf *out)
{
    const struct envelope *e = &r->envelope;

    buf_addf(out, "%s\n", RECORD_FIRST_LINE);
    write_message(r, out);
    for (size_t i = 0; i < e->forward_count; i++) {
        write_word(out, "to", e->forward_paths[i]);
        write_word(out, "state", record_path_state_names[r->paths[i].state]);
        if (e->options) {
            write_notify(out, e->options[i].notify);
            write_word(out, "original", e->options[i].original);
        }
        if (r->paths[i].state != PATH_DELIVERED)
            write_failure(&r->paths[i], out);
    }
    buf_add_string(out, "end\n");
}
