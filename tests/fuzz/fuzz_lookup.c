/* An answer of DNS: whatever it is, the rows are few, in order, and their names are names. */
#include "net/lookup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum lookup_type type, struct slice bytes)
{
    struct lookup_answer answer;

    if (!lookup_parse(bytes, type, &answer))
        return;
    if (answer.count > LOOKUP_ROWS_MAX)
        abort();
    for (size_t i = 0; i < answer.count; i++) {
        const struct lookup_row *row = &answer.rows[i];
        struct server_name name;

        if (i > 0 && answer.rows[i - 1].priority > row->priority)
            abort();
        if (row->name[0] != 0 && !server_name_read(row->name, &name))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = { (const char *)data, size };

    check(LOOKUP_SRV, bytes);
    check(LOOKUP_MX, bytes);
    return 0;
}
