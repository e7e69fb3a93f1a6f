/* Records of the queue: whatever the bytes, what is read can be written, and is then the same. */
#include "deliver/record.h"
#include "deliver/retry.h"
#include "mail/address.h"
#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_address(const char *spec, bool may_be_null)
{
    demand((may_be_null && spec[0] == 0) ||
           (address_is_safe(slice_of(spec)) && strchr(spec, '@') != NULL));
}

static void check_text(const char *text, size_t max)
{
    demand(!text || strlen(text) <= max);
    for (; text && *text != 0; text++)
        demand(!is_control(*text));
}

static void check_paths(const struct record *r)
{
    const struct envelope *e = &r->envelope;

    demand(e->forward_count > 0 && e->forward_count <= ENVELOPE_RECIPIENTS_MAX);
    demand(record_count(r, PATH_PENDING) + record_count(r, PATH_DELIVERED) +
               record_count(r, PATH_FAILED) ==
           e->forward_count);
    for (size_t i = 0; i < e->forward_count; i++) {
        const struct path_record *path = &r->paths[i];

        check_address(e->forward_paths[i], false);
        check_text(path->error, RECORD_ERROR_MAX);
        check_text(path->said, STATUS_SAID_MAX);
        demand(path->reply >= 0 && path->reply <= 999);
        demand(path->enhanced[0] == 0 || record_enhanced_is_valid(slice_of(path->enhanced)));
    }
}

static void check_record(const struct record *r)
{
    demand(record_id_is_valid(slice_of(r->id)));
    demand(r->notice[0] == 0 || record_id_is_valid(slice_of(r->notice)));
    demand(r->account && r->state <= RECORD_FAILED);
    demand(r->age >= 0 && r->arrived >= 0 && r->seen >= 0 && r->last_try >= 0 && r->next_try >= 0);
    check_text(r->account, SIZE_MAX);
    check_text(r->error, RECORD_ERROR_MAX);
    check_address(r->envelope.reverse_path, true);
    demand(!r->envelope.envelope_id || dsn_is_envelope_id(slice_of(r->envelope.envelope_id)));
    check_paths(r);
}

/* What was read can be written and read, and then written as it was. */
static void check_round_trip(const struct record *r)
{
    struct record again;
    struct status why = { 0 };
    struct buf first, second;

    buf_init(&first, RECORD_TEXT_MAX);
    buf_init(&second, RECORD_TEXT_MAX);
    record_write(r, &first);
    demand(!first.failed);
    demand(record_parse(buf_slice(&first), &again, &why) == CODE_OK);
    check_record(&again);
    record_write(&again, &second);
    demand(slice_equal(buf_slice(&first), buf_slice(&second)));
    record_free(&again);
    buf_free(&first);
    buf_free(&second);
}

/* Times from a file, however far apart, and every clock. */
static void check_retry(struct record *r)
{
    static const int64_t clocks[] = { 0, 60, 1795553122, 253402300799 };

    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        int64_t age = r->age;

        (void)retry_is_due(r, clocks[i]);
        retry_note(r, clocks[i], (uint32_t)r->size);
        demand(r->age >= age && r->age <= age + RETRY_LEAP && r->next_try > clocks[i]);
        demand(!retry_is_due(r, clocks[i]) && retry_is_due(r, r->next_try));
    }
    check_round_trip(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct status why = { 0 };
    struct record r;
    enum code code = record_parse(text, &r, &why);

    demand(code == why.code && (code == CODE_OK || code == CODE_MESSAGE));
    demand(code == CODE_OK || (!r.paths && !r.account && why.what[0] != 0));
    if (code == CODE_OK) {
        check_record(&r);
        check_round_trip(&r);
        check_retry(&r);
    }
    record_free(&r);
    return 0;
}
