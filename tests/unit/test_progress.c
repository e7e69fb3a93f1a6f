#include "cli/progress.h"

#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

enum {
    ROOM = 256,
    MINUTE = 60 * 1000, /* milliseconds: long enough for a slow machine */
};

static void bars(void **state)
{
    static const struct {
        const char *sentence;
        size_t done, total, failed;
        const char *want;
    } rows[] = {
        { "the beginning", 0, 10, 0, "[                              ] 0/10" },
        { "half way", 5, 10, 0, "[###############               ] 5/10" },
        { "not full before the end", 999, 1000, 0, "[############################# ] 999/1000" },
        { "the end", 10, 10, 0, "[##############################] 10/10" },
        { "failures", 120, 1000, 3, "[###                           ] 120/1000  3 not sent" },
        { "more than there was to do", 11, 10, 0, "[##############################] 11/10" },
        { "nothing to do", 0, 0, 0, "[##############################] 0/0" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char room[ROOM];
        struct buf out;

        buf_over(&out, room, sizeof room);
        progress_draw(&out, rows[i].done, rows[i].total, rows[i].failed);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].want));
    }
}

/* Work on a terminal, in steps; what it shows afterwards. */
static void terminals(void **state)
{
    static const struct {
        const char *sentence;
        bool clears;
        size_t total;
        const char *want;
    } rows[] = {
        { "one piece has no bar", false, 1, "" },
        { "drawn over itself, and not at each step", false, 3,
          "\r[##########                    ] 1/3\r[##############################] 3/3" },
        { "taken away", true, 3,
          "\r[##########                    ] 1/3\r[##############################] 3/3"
          "\r                                    \r" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct progress p;
        char room[ROOM];
        int pair[2];
        ssize_t n;

        assert_int_equal(pipe2(pair, O_NONBLOCK), 0);
        progress_begin(&p, pair[1]);
        check("a pipe is no terminal", p.fd == -1);
        p.fd = pair[1];
        for (size_t done = 1; done <= rows[i].total; done++) {
            progress_step(&p, done, rows[i].total, 0);
            p.next = deadline_in(MINUTE);
        }
        if (rows[i].clears)
            progress_clear(&p);
        n = read(pair[0], room, sizeof room);
        check_text(rows[i].sentence, (struct slice){ room, n > 0 ? (size_t)n : 0 },
                   slice_of(rows[i].want));
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars),
        cmocka_unit_test(terminals),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
