/*
 * The text of a record, read. Two tables say which lines there are, those of the message and those
 * of one recipient; orsino-queue(5) tells what they mean.
 */
#include "deliver/record.h"

#include "deliver/record_value.h"
#include "mail/envelope.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACCOUNT_MAX = 1022, /* the INI's longest line */
    REPLY_MAX = 999,    /* three digits */
    PATHS_FIRST = 8,    /* capacity */
};

static const char no_such_word[] = "the word is not known";

struct reader {
    struct record *record;
    struct path_record *path; /* whom lines belong to; NULL before the first recipient */
    size_t capacity;          /* of record->paths */
    size_t line;
    const char *name; /* of the line that something is wrong with, "" */
    unsigned seen;    /* bits for the rows that were there */
};

/* Takes the value of one line; gives what is wrong with it, or NULL. */
struct row {
    const char *name;
    bool required;
    const char *(*read)(struct reader *in, struct slice value);
};

static const char *read_an_id(struct slice value, char out[RECORD_ID_ROOM])
{
    if (!record_id_is_valid(value))
        return "it is no id";
    memcpy(out, value.p, value.n);
    return NULL;
}

static const char *read_id(struct reader *in, struct slice value)
{
    return read_an_id(value, in->record->id);
}

static const char *read_notice(struct reader *in, struct slice value)
{
    return read_an_id(value, in->record->notice);
}

static const char *read_owner(struct reader *in, struct slice value)
{
    uint64_t number = 0;
    const char *problem = record_read_number(value, (uid_t)-1 - 1, &number);

    in->record->owner = (uid_t)number;
    return problem;
}

static const char *read_account(struct reader *in, struct slice value)
{
    return record_read_word(value, ACCOUNT_MAX, &in->record->account);
}

static const char *read_state(struct reader *in, struct slice value)
{
    size_t i = record_find_word(value, record_state_names, RECORD_FAILED + 1);

    in->record->state = (enum record_state)i;
    return i <= RECORD_FAILED ? NULL : no_such_word;
}

static const char *read_arrived(struct reader *in, struct slice value)
{
    return record_read_time(value, &in->record->arrived);
}

static const char *read_size(struct reader *in, struct slice value)
{
    return record_read_number(value, UINT64_MAX, &in->record->size);
}

static const char *read_tries(struct reader *in, struct slice value)
{
    uint64_t number = 0;
    const char *problem = record_read_number(value, UINT_MAX, &number);

    in->record->tries = (unsigned)number;
    return problem;
}

static const char *read_age(struct reader *in, struct slice value)
{
    uint64_t number = 0;
    const char *problem = record_read_number(value, RECORD_AGE_MAX, &number);

    in->record->age = (int64_t)number;
    return problem;
}

static const char *read_seen(struct reader *in, struct slice value)
{
    return record_read_time(value, &in->record->seen);
}

static const char *read_last(struct reader *in, struct slice value)
{
    return record_read_time(value, &in->record->last_try);
}

static const char *read_next(struct reader *in, struct slice value)
{
    return record_read_time(value, &in->record->next_try);
}

static const char *read_error(struct reader *in, struct slice value)
{
    return record_read_text(value, RECORD_ERROR_MAX, &in->record->error);
}

static const char *read_told(struct reader *in, struct slice value)
{
    in->record->told = slice_equal(value, slice_of("yes"));
    return in->record->told || slice_equal(value, slice_of("no")) ? NULL : no_such_word;
}

static const char *read_return(struct reader *in, struct slice value)
{
    in->record->envelope.dsn_return = dsn_parse_return(value);
    return in->record->envelope.dsn_return != DSN_RETURN_UNSET ? NULL : no_such_word;
}

static const char *read_envelope_id(struct reader *in, struct slice value)
{
    if (!dsn_is_envelope_id(value))
        return "it is no envelope id";
    return record_read_word(value, DSN_ENVELOPE_ID_MAX, &in->record->envelope.envelope_id);
}

static const char *read_notify(struct reader *in, struct slice value)
{
    return record_read_notify(value, &in->record->envelope.notify);
}

static const char *read_from(struct reader *in, struct slice value)
{
    struct status why = { 0 };
    struct address a;
    const char *problem = record_read_address(value, &a);

    if (problem)
        return problem;
    return envelope_set_sender(&in->record->envelope, &a, &why) ? record_out_of_memory : NULL;
}

static const struct row message_rows[] = {
    { "id", true, read_id },           { "owner", true, read_owner },
    { "account", true, read_account }, { "state", true, read_state },
    { "arrived", true, read_arrived }, { "size", true, read_size },
    { "tries", false, read_tries },    { "age", true, read_age },
    { "seen", true, read_seen },       { "last", false, read_last },
    { "next", false, read_next },      { "error", false, read_error },
    { "told", false, read_told },      { "notice", false, read_notice },
    { "return", false, read_return },  { "envid", false, read_envelope_id },
    { "notify", false, read_notify },  { "from", true, read_from },
};

static const char *read_path_state(struct reader *in, struct slice value)
{
    size_t i = record_find_word(value, record_path_state_names, PATH_FAILED + 1);

    in->path->state = (enum path_state)i;
    return i <= PATH_FAILED ? NULL : no_such_word;
}

static const char *set_options(struct reader *in, unsigned notify, const char *original)
{
    struct envelope *e = &in->record->envelope;
    struct status why = { 0 };

    if (envelope_set_options(e, e->forward_count - 1, notify, original, &why))
        return record_out_of_memory;
    return NULL;
}

static const char *read_path_notify(struct reader *in, struct slice value)
{
    const struct envelope *e = &in->record->envelope;
    unsigned notify;
    const char *problem = record_read_notify(value, &notify);

    if (problem)
        return problem;
    return set_options(in, notify, e->options ? e->options[e->forward_count - 1].original : NULL);
}

static const char *read_original(struct reader *in, struct slice value)
{
    const struct envelope *e = &in->record->envelope;
    struct slice address = value, type = { 0 };
    char copy[RECORD_ORIGINAL_MAX + 1];

    (void)slice_take_until(&address, ";", &type);
    if (value.n > RECORD_ORIGINAL_MAX || !dsn_is_xtext(type) || !dsn_is_xtext(address))
        return "it is no original address as in rfc822;user@example.org";
    memcpy(copy, value.p, value.n);
    copy[value.n] = 0;
    return set_options(in, e->options ? e->options[e->forward_count - 1].notify : DSN_NOTIFY_UNSET,
                       copy);
}

static const char *read_reply(struct reader *in, struct slice value)
{
    uint64_t number = 0;
    const char *problem = record_read_number(value, REPLY_MAX, &number);

    in->path->reply = (int)number;
    return problem;
}

static const char *read_status(struct reader *in, struct slice value)
{
    if (!record_enhanced_is_valid(value))
        return "it is no status as in 5.1.1";
    memcpy(in->path->enhanced, value.p, value.n);
    return NULL;
}

static const char *read_said(struct reader *in, struct slice value)
{
    return record_read_text(value, STATUS_SAID_MAX, &in->path->said);
}

static const char *read_path_error(struct reader *in, struct slice value)
{
    return record_read_text(value, RECORD_ERROR_MAX, &in->path->error);
}

static const struct row path_rows[] = {
    { "state", true, read_path_state },   { "notify", false, read_path_notify },
    { "original", false, read_original }, { "reply", false, read_reply },
    { "status", false, read_status },     { "said", false, read_said },
    { "error", false, read_path_error },
};
_Static_assert(sizeof message_rows / sizeof *message_rows <= sizeof(unsigned) * CHAR_BIT,
               "a bit for each row");

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]))
            return true;
    return false;
}

static const char *read_row(struct reader *in, const struct row *rows, size_t count,
                            struct slice name, struct slice value)
{
    size_t i = 0;

    while (i < count && !slice_equal(name, slice_of(rows[i].name)))
        i++;
    if (i == count)
        return NULL;
    in->name = rows[i].name;
    if (in->seen & 1U << i)
        return "the line is there twice";
    in->seen |= 1U << i;
    return has_control(value) ? "a control character in it" : rows[i].read(in, value);
}

/* Whether all lines of a part were there that must be. */
static const char *check_part(struct reader *in)
{
    const struct row *rows = in->path ? path_rows : message_rows;
    size_t count = in->path ? sizeof path_rows / sizeof *path_rows
                            : sizeof message_rows / sizeof *message_rows;

    for (size_t i = 0; i < count; i++) {
        if (!rows[i].required || in->seen & 1U << i)
            continue;
        in->name = rows[i].name;
        return "the line is missing before this one";
    }
    in->seen = 0;
    return NULL;
}

static bool grow_paths(struct reader *in)
{
    size_t count = in->record->envelope.forward_count;
    size_t capacity = in->capacity > 0 ? in->capacity * 2 : PATHS_FIRST;
    struct path_record *grown;

    if (count < in->capacity)
        return true;
    grown = reallocarray(in->record->paths, capacity, sizeof *grown);
    if (!grown)
        return false;
    in->record->paths = grown;
    in->capacity = capacity;
    return true;
}

static const char *add_path(struct reader *in, const struct address *a)
{
    struct envelope *e = &in->record->envelope;
    struct slice no_domain = { 0 };
    struct status why = { 0 };
    size_t before = e->forward_count;

    if (!grow_paths(in))
        return record_out_of_memory;
    in->record->paths[before] = (struct path_record){ .state = PATH_PENDING };
    if (envelope_add(e, a, no_domain, &why))
        return why.code == CODE_MEMORY ? record_out_of_memory : "too many recipients";
    if (e->forward_count == before)
        return "the recipient is there twice";
    in->path = &in->record->paths[before];
    return NULL;
}

static const char *read_to(struct reader *in, struct slice value)
{
    struct address a;
    const char *problem = check_part(in);

    if (problem)
        return problem;
    in->name = "to";
    problem = record_read_address(value, &a);
    if (!problem && a.length == 0)
        problem = "it is no address";
    return problem ? problem : add_path(in, &a);
}

static const char *read_line(struct reader *in, struct slice line)
{
    size_t colon = slice_find(line, ':');
    struct slice name = slice_part(line, 0, colon), value = slice_part(line, colon + 1, line.n);

    if (value.n > 0 && value.p[0] == ' ')
        value = slice_part(value, 1, value.n);
    if (slice_equal(name, slice_of("to")))
        return read_to(in, value);
    if (in->path)
        return read_row(in, path_rows, sizeof path_rows / sizeof *path_rows, name, value);
    return read_row(in, message_rows, sizeof message_rows / sizeof *message_rows, name, value);
}

static const char *read_end(struct reader *in, struct slice rest)
{
    if (rest.n > 0)
        return "more text after the end";
    if (!in->path)
        return "there is no recipient";
    return check_part(in);
}

static const char *read_lines(struct reader *in, struct slice text)
{
    struct slice line;
    const char *problem = NULL;

    if (!slice_take_line(&text, &line) || !slice_equal(line, slice_of(RECORD_FIRST_LINE)))
        return "it is not \"orsino-queue 1\"";
    while (!problem && slice_take_line(&text, &line)) {
        in->line++;
        in->name = "";
        if (slice_equal(line, slice_of("end")))
            return read_end(in, text);
        problem = read_line(in, line);
    }
    if (problem)
        return problem;
    in->name = "";
    return "the text breaks off here";
}

enum code record_parse(struct slice text, struct record *r, struct status *why)
{
    struct reader in = { .record = r, .line = 1, .name = "" };
    const char *problem = "it is too long";

    *r = (struct record){ .state = RECORD_QUEUED };
    if (text.n <= RECORD_TEXT_MAX)
        problem = read_lines(&in, text);
    if (!problem)
        return CODE_OK;
    record_free(r);
    if (problem == record_out_of_memory)
        return status_set(why, CODE_MEMORY, STAGE_QUEUE, "%s", problem);
    return status_set(why, CODE_MESSAGE, STAGE_QUEUE, "line %zu: %s%s%s", in.line, in.name,
                      in.name[0] != 0 ? ": " : "", problem);
}
