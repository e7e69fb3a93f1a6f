#include "cli/waiting.h"

#include "unit.h"

static void lines(void **state)
{
    static const struct {
        enum stage stage;
        uint64_t sent, size;
        const char *want;
    } rows[] = {
        { STAGE_NONE, 0, 0, "looking up mx:465" },
        { STAGE_RESOLVE, 0, 0, "looking up mx:465" },
        { STAGE_CONNECT, 0, 0, "connecting to mx:465" },
        { STAGE_TLS, 0, 0, "talking to mx:465" },
        { STAGE_DATA, 0, 100, "talking to mx:465" },
        { STAGE_BODY, 0, 26214400, "sending 0.0 of 25.0 MB" },
        { STAGE_BODY, 13002343, 26214400, "sending 12.4 of 25.0 MB" },
        { STAGE_BODY, 26214400, 26214400, "sent, waiting for the answer of mx:465" },
        { STAGE_BODY, 30000000, 26214400, "sent, waiting for the answer of mx:465" },
        { STAGE_BODY, UINT64_MAX - 1, UINT64_MAX,
          "sending 17592186044415.9 of 17592186044415.9 MB" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[100];
        struct buf got;

        buf_over(&got, room, sizeof room);
        waiting_draw(&got, rows[i].stage, "mx:465", rows[i].sent, rows[i].size);
        check_text(rows[i].want, buf_slice(&got), slice_of(rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
