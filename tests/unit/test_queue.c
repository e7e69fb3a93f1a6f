/* What is kept after a delivery, and what becomes of it after another. */
#include "deliver/queue.h"

#include "unit.h"

#include "deliver/bounce.h"
#include "mail/address.h"
#include "mail/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROWS_MAX = 4,
    DAY = 24 * 60 * 60 * 1000,
};

static const struct status ok = { .code = CODE_OK };
static const struct status refused = { .code = CODE_RECIPIENT,
                                       .stage = STAGE_RCPT,
                                       .reply = 550,
                                       .enhanced = "5.1.1",
                                       .said = "550 5.1.1 nobody" };
static const struct status later = {
    .code = CODE_RECIPIENT, .stage = STAGE_RCPT, .reply = 450, .said = "450 come back"
};
static const struct status dead = { .code = CODE_REFUSED, .stage = STAGE_CONNECT };
static const struct status login = {
    .code = CODE_LOGIN, .stage = STAGE_LOGIN, .reply = 535, .said = "535 wrong"
};
static const struct status slow = { .code = CODE_TIMEOUT, .stage = STAGE_BODY };
static const struct status unknown = { .code = CODE_UNKNOWN_END, .stage = STAGE_BODY };
static const struct status content = { .code = CODE_CONTENT, .stage = STAGE_BODY, .reply = 554 };

static void whether_a_failure_is_kept(void **state)
{
    static const struct row {
        const char *sentence;
        const struct status *st;
        bool at_first, waiting;
    } rows[] = {
        { "a 5yz to RCPT is final", &refused, false, false },
        { "a 4yz to RCPT is not", &later, true, true },
        { "a server that is down comes back", &dead, true, true },
        { "a refused login is told at first, and waits for the administrator", &login, false,
          true },
        { "a timeout in the message", &slow, true, true },
        { "an outcome that nobody knows", &unknown, true, true },
        { "a refused message", &content, false, false },
        { "no failure", &ok, false, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        check(rows[i].sentence, queue_keeps(rows[i].st) == rows[i].at_first);
        check(rows[i].sentence, queue_keeps_waiting(rows[i].st) == rows[i].waiting);
    }
}

struct place {
    char path[64];
    struct spool *spool;
    struct account account;
    struct message message;
    struct envelope envelope;
    struct outcome outcome;
};

static void begin(struct place *p)
{
    struct status why = { 0 };

    *p = (struct place){ .account = { .name = "a",
                                      .from = "info@example.it",
                                      .user = "",
                                      .keep_failed = true,
                                      .queue_lifetime = DAY } };
    (void)snprintf(p->path, sizeof p->path, "/tmp/orsino-queue.XXXXXX");
    assert_non_null(mkdtemp(p->path));
    assert_int_equal(spool_open(p->path, true, &p->spool, &why), CODE_OK);
    message_init(&p->message);
    buf_add_string(&p->message.header, "From: a@example.org\nSubject: s\n");
    assert_int_equal(store_add(&p->message.body, slice_of("hello\n"), &why), CODE_OK);
    p->message.body_lines = 1;
    p->message.longest_line = 5;
    p->outcome.recipients = calloc(ROWS_MAX, sizeof(struct status));
    assert_non_null(p->outcome.recipients);
}

static void add_path(struct place *p, const char *path, const struct status *st)
{
    struct status why = { 0 };
    struct slice nothing = { 0 };
    struct address a;

    if (!p->envelope.reverse_path) {
        assert_int_equal(address_parse(slice_of("me@example.it"), &a, &why), CODE_OK);
        assert_int_equal(envelope_set_sender(&p->envelope, &a, &why), CODE_OK);
    }
    p->outcome.recipients[p->envelope.forward_count] = *st;
    assert_int_equal(address_parse(slice_of(path), &a, &why), CODE_OK);
    assert_int_equal(envelope_add(&p->envelope, &a, nothing, &why), CODE_OK);
}

static void end(struct place *p)
{
    char command[128];

    spool_close(p->spool);
    message_free(&p->message);
    envelope_free(&p->envelope);
    free(p->outcome.recipients);
    for (size_t i = 0; i < 4; i++) {
        static const char *const folders[] = { "new", "body", "queue", "failed" };

        (void)snprintf(command, sizeof command, "%s/%s", p->path, folders[i]);
        check(folders[i], rmdir(command) == 0);
    }
    check("nothing else in the spool", rmdir(p->path) == 0);
}

static size_t count(struct place *p, enum spool_folder folder)
{
    struct status why = { 0 };
    char(*ids)[RECORD_ID_ROOM] = NULL;
    size_t n = 0;

    assert_int_equal(spool_list(p->spool, folder, &ids, &n, &why), CODE_OK);
    free(ids);
    return n;
}

static struct parcel *keep(struct place *p, const struct outcome *outcome, bool told)
{
    struct submission submission = { .envelope = &p->envelope, .message = &p->message };
    struct queue_note note = { .id = "", .owner = getuid(), .account = "a", .told = told };
    struct status why = { 0 };
    struct parcel *parcel = NULL;

    assert_int_equal(queue_keep(p->spool, &p->account, &note, &submission, outcome, &parcel, &why),
                     CODE_OK);
    return parcel;
}

static void clear(struct place *p, struct parcel *parcel)
{
    struct status why = { 0 };

    if (parcel && (count(p, SPOOL_QUEUE) > 0 || count(p, SPOOL_FAILED) > 0))
        assert_int_equal(spool_remove(parcel, &why), CODE_OK);
    spool_release(parcel);
}

static void what_is_kept_of_a_delivery(void **state)
{
    static const struct row {
        const char *sentence;
        const struct status *first, *second;
        bool keep_failed;
        size_t queue, failed, pending;
    } rows[] = {
        { "both wait", &dead, &dead, true, 1, 0, 2 },
        { "one was taken, the other waits", &ok, &later, true, 1, 0, 1 },
        { "one was refused, the other waits", &refused, &later, true, 1, 0, 1 },
        { "one was refused, the other taken", &refused, &ok, true, 0, 1, 0 },
        { "both were refused", &refused, &content, true, 0, 1, 0 },
        { "refusals are not kept", &refused, &ok, false, 0, 0, 0 },
        { "not kept, but one waits", &refused, &later, false, 1, 0, 1 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct parcel *parcel;
        struct place p;

        begin(&p);
        p.account.keep_failed = rows[i].keep_failed;
        add_path(&p, "u@example.org", rows[i].first);
        add_path(&p, "v@example.org", rows[i].second);
        parcel = keep(&p, &p.outcome, true);
        check(rows[i].sentence, count(&p, SPOOL_QUEUE) == rows[i].queue);
        check(rows[i].sentence, count(&p, SPOOL_FAILED) == rows[i].failed);
        check(rows[i].sentence,
              !parcel || record_count(&parcel->record, PATH_PENDING) == rows[i].pending);
        check(rows[i].sentence, (parcel != NULL) == (rows[i].queue + rows[i].failed > 0));
        clear(&p, parcel);
        end(&p);
    }
}

static void what_becomes_of_it_after_a_try(void **state)
{
    static const struct row {
        const char *sentence;
        const struct status *first, *second;
        bool bounce, over;
        size_t queue, failed;
    } rows[] = {
        { "both arrive, and nothing is left", &ok, &ok, true, false, 0, 0 },
        { "one waits on", &ok, &later, true, false, 1, 0 },
        { "a login that fails waits on", &login, &login, true, false, 1, 0 },
        { "refused, and nobody hears of it", &ok, &refused, false, false, 0, 1 },
        { "refused, and the sender hears of it", &ok, &refused, true, false, 1, 1 },
        { "the lifetime is over", &later, &later, false, true, 0, 1 },
        { "the lifetime is over, and the sender hears of it", &later, &ok, true, true, 1, 1 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct parcel *parcel;
        struct place p;

        begin(&p);
        p.account.bounce = rows[i].bounce;
        add_path(&p, "u@example.org", rows[i].first);
        add_path(&p, "v@example.org", rows[i].second);
        parcel = keep(&p, NULL, false);
        assert_non_null(parcel);
        if (rows[i].over)
            parcel->record.age = DAY / 1000;
        check(rows[i].sentence, queue_settle(parcel, &p.account, &p.outcome, &why) == CODE_OK);
        check(rows[i].sentence, count(&p, SPOOL_QUEUE) == rows[i].queue);
        check(rows[i].sentence, count(&p, SPOOL_FAILED) == rows[i].failed);
        check(rows[i].sentence, parcel->record.tries == 1);
        if (rows[i].failed > 0 && rows[i].bounce) {
            struct parcel *notice = NULL;

            check(rows[i].sentence, spool_take(p.spool, SPOOL_QUEUE, parcel->record.notice, &notice,
                                               &why) == CODE_OK);
            assert_non_null(notice);
            check_text("from nobody", slice_of(notice->record.envelope.reverse_path), slice_of(""));
            check_text("to the sender", slice_of(notice->record.envelope.forward_paths[0]),
                       slice_of("me@example.it"));
            check("none about a notification", !bounce_is_wanted(&notice->record));
            clear(&p, notice);
        }
        clear(&p, parcel);
        end(&p);
    }
}

/* Only those that are pending have a row. */
static void only_the_others_are_tried_again(void **state)
{
    struct envelope pending = { 0 };
    struct status why = { 0 };
    struct parcel *parcel;
    struct place p;

    (void)state;
    begin(&p);
    add_path(&p, "u@example.org", &ok);
    add_path(&p, "v@example.org", &later);
    add_path(&p, "w@example.org", &refused);
    add_path(&p, "x@example.org", &dead);
    parcel = keep(&p, &p.outcome, true);
    assert_int_equal(queue_pending(&parcel->record, &pending, &why), CODE_OK);
    assert_int_equal(pending.forward_count, 2);
    assert_string_equal(pending.forward_paths[0], "v@example.org");
    assert_string_equal(pending.forward_paths[1], "x@example.org");
    p.outcome.recipients[0] = ok;
    p.outcome.recipients[1] = later;
    assert_int_equal(queue_settle(parcel, &p.account, &p.outcome, &why), CODE_OK);
    assert_int_equal(parcel->record.paths[1].state, PATH_DELIVERED);
    assert_int_equal(parcel->record.paths[2].state, PATH_FAILED);
    assert_int_equal(parcel->record.paths[3].state, PATH_PENDING);
    envelope_free(&pending);
    clear(&p, parcel);
    end(&p);
}

/* The process died between the two folders: what was promised is done, and once. */
static void one_notification_whenever_a_process_dies(void **state)
{
    (void)state;
    for (int step = 0; step < 2; step++) {
        struct status why = { 0 };
        struct parcel *parcel, *notice = NULL;
        struct place p;

        begin(&p);
        p.account.bounce = true;
        add_path(&p, "u@example.org", &refused);
        parcel = keep(&p, NULL, false);
        parcel->record.state = RECORD_FAILED;
        parcel->record.paths[0].state = PATH_FAILED;
        assert_int_equal(spool_save(parcel, &why), CODE_OK);
        if (step == 1) { /* all but the move was done */
            assert_int_equal(queue_finish(parcel, &p.account, &why), CODE_OK);
            assert_int_equal(spool_move(parcel, SPOOL_QUEUE, &why), CODE_OK);
        }
        assert_int_equal(queue_finish(parcel, &p.account, &why), CODE_OK);
        assert_int_equal(count(&p, SPOOL_QUEUE), 1);
        assert_int_equal(count(&p, SPOOL_FAILED), 1);
        assert_int_equal(spool_take(p.spool, SPOOL_QUEUE, parcel->record.notice, &notice, &why),
                         CODE_OK);
        assert_non_null(notice);
        clear(&p, notice);
        clear(&p, parcel);
        end(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whether_a_failure_is_kept),
        cmocka_unit_test(what_is_kept_of_a_delivery),
        cmocka_unit_test(what_becomes_of_it_after_a_try),
        cmocka_unit_test(only_the_others_are_tried_again),
        cmocka_unit_test(one_notification_whenever_a_process_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
