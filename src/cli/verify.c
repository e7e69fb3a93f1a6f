#include "cli/verify.h"

#include "cli/door.h"
#include "cli/report.h"

#include <stdio.h>
#include <sysexits.h>

enum {
    LINE_ROOM = 4096,
};

/* What was written may be anything, and so may what is said of it. */
static void print(struct buf *line)
{
    text_make_printable(line->p, line->n);
    (void)printf("%.*s\n", (int)line->n, line->p);
    buf_clear(line);
}

/* The exit code. */
static int verify(struct making *m, struct slice written)
{
    struct status why = { 0 };
    struct envelope e = { 0 };
    char room[LINE_ROOM];
    struct buf line;

    buf_over(&line, room, sizeof room);
    written = slice_part(written, 0, sizeof room / 4);
    if (recipients_add_list(&e, &m->door->rules, written, &why)) {
        buf_addf(&line, "%.*s... %s", (int)written.n, written.p, why.what);
        print(&line);
    }
    for (size_t i = 0; i < e.forward_count && why.code == CODE_OK; i++) {
        buf_addf(&line, "%.*s... deliverable: mailer smtp, host %s, user %s", (int)written.n,
                 written.p, m->account.host, e.forward_paths[i]);
        print(&line);
    }
    envelope_free(&e);
    return status_exit(&why);
}

static int verify_arguments(struct making *m, const struct options *o)
{
    int result = EX_OK;

    for (size_t i = 0; i < o->recipient_count; i++) {
        int one = verify(m, slice_of(o->recipients[i]));

        result = one != EX_OK ? one : result;
    }
    return result;
}

static int verify_lines(struct making *m)
{
    char line[LINE_ROOM / 4]; /* a longer one is looked at in pieces */
    int result = EX_OK;

    while (fgets(line, sizeof line, stdin)) {
        struct slice written = slice_trim(slice_of(line));
        int one = written.n > 0 ? verify(m, written) : EX_OK;

        result = one != EX_OK ? one : result;
    }
    return result;
}

int verify_main(const struct options *options)
{
    struct door door;
    struct making m;
    struct status why = { 0 };
    int result = EX_OK;

    if (door_open(&door, options, &why) == CODE_OK) {
        making_begin(&m, &door);
        if (making_choose_sender(&m, options->sender, &why) == CODE_OK)
            result = options->mode == 't' ? verify_lines(&m) : verify_arguments(&m, options);
        making_end(&m);
    }
    if (options->mode == 'v' && options->recipient_count == 0)
        (void)status_set(&why, CODE_NO_RECIPIENT, STAGE_OPTIONS, "no recipient");
    if (why.code) {
        report_failure(&why, NULL, NULL, NULL, NULL);
        result = status_exit(&why);
    }
    door_close(&door);
    if (fflush(stdout) != 0 && result == EX_OK)
        result = EX_IOERR;
    return result;
}
