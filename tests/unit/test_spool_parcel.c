#include "deliver/spool.h"

#include "spool_folders.h"

static void a_message_is_put_into_the_spool(void **state)
{
    static const struct {
        const char *sentence, *id;
        enum record_state state;
        const char *left; /* by a process that died, or another message */
        enum code code;
        const char *after;
    } rows[] = {
        { "it waits", ID_A, RECORD_QUEUED, NULL, CODE_OK, "body/" ID_A " queue/" ID_A " " },
        { "it waits to be released", ID_A, RECORD_HELD, NULL, CODE_OK,
          "body/" ID_A " queue/" ID_A " " },
        { "it failed", ID_A, RECORD_FAILED, NULL, CODE_OK, "body/" ID_A " failed/" ID_A " " },
        { "its id was begun by a process that died", ID_A, RECORD_QUEUED, "spool/body/" ID_A,
          CODE_OK, "body/" ID_A " queue/" ID_A " " },
        { "a record of its id was begun", ID_A, RECORD_QUEUED, "spool/new/" ID_A, CODE_OK,
          "body/" ID_A " queue/" ID_A " " },
        { "an id that is a path", "../queue/A", RECORD_QUEUED, NULL, CODE_FILE_CREATE, "" },
        { "an id that is in use", ID_B, RECORD_QUEUED, NULL, CODE_FILE_CREATE,
          "body/" ID_B " queue/" ID_B " " },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct parcel *parcel;
        struct spool *s;
        struct place p;

        begin_place(&p);
        s = open_place(&p);
        if (strcmp(rows[i].id, ID_B) == 0)
            keep_message(s, ID_B, RECORD_QUEUED);
        if (rows[i].left)
            put_file(&p, rows[i].left, "x");
        check(rows[i].sentence,
              add_message(s, rows[i].id, rows[i].state, 2, &parcel, &why) == rows[i].code);
        check(rows[i].sentence, (parcel != NULL) == (rows[i].code == CODE_OK));
        check(rows[i].sentence, !parcel || parcel->record.size == 11 + 1 + 20);
        check_files(rows[i].sentence, &p, rows[i].after);
        spool_release(parcel);
        spool_close(s);
        end_place(&p);
    }
}

static void an_id_is_chosen(void **state)
{
    struct status why = { 0 };
    struct parcel *one, *two;
    struct spool *s;
    struct place p;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    assert_int_equal(add_message(s, "", RECORD_QUEUED, 1, &one, &why), CODE_OK);
    assert_int_equal(add_message(s, "", RECORD_QUEUED, 1, &two, &why), CODE_OK);
    check("it is one", record_id_is_valid(slice_of(one->record.id)));
    check("each has its own", strcmp(one->record.id, two->record.id) != 0);
    spool_release(one);
    spool_release(two);
    spool_close(s);
    end_place(&p);
}

static enum code step(struct parcel *parcel, char what, struct status *why)
{
    switch (what) {
    case 's':
        parcel->record.tries++;
        return spool_save(parcel, why);
    case 'f':
        return spool_move(parcel, SPOOL_FAILED, why);
    case 'q':
        return spool_move(parcel, SPOOL_QUEUE, why);
    default:
        return spool_remove(parcel, why);
    }
}

/* The message is there for the next one, with what was written down. */
static void check_there(const char *sentence, struct spool *s, enum spool_folder folder,
                        unsigned tries)
{
    struct status why = { 0 };
    struct parcel *parcel;

    check(sentence, spool_take(s, folder, ID_A, &parcel, &why) == CODE_OK && parcel);
    check(sentence, parcel->record.tries == tries && parcel->folder == folder);
    spool_release(parcel);
}

static void a_parcel_goes_its_way(void **state)
{
    static const struct {
        const char *sentence, *steps; /* save, to failed/, to queue/, remove */
        const char *after;
        enum spool_folder folder;
        unsigned tries;
    } rows[] = {
        { "nothing is done", "", "body/" ID_A " queue/" ID_A " ", SPOOL_QUEUE, 0 },
        { "saved", "s", "body/" ID_A " queue/" ID_A " ", SPOOL_QUEUE, 1 },
        { "saved twice", "ss", "body/" ID_A " queue/" ID_A " ", SPOOL_QUEUE, 2 },
        { "given up", "sf", "body/" ID_A " failed/" ID_A " ", SPOOL_FAILED, 1 },
        { "to where it is", "q", "body/" ID_A " queue/" ID_A " ", SPOOL_QUEUE, 0 },
        { "given up, and tried again", "fsq", "body/" ID_A " queue/" ID_A " ", SPOOL_QUEUE, 1 },
        { "removed", "r", "", SPOOL_QUEUE, 0 },
        { "given up, and removed", "fr", "", SPOOL_QUEUE, 0 },
        { "removed again", "rr", "", SPOOL_QUEUE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct parcel *parcel;
        struct spool *s;
        struct place p;

        begin_place(&p);
        s = open_place(&p);
        keep_message(s, ID_A, RECORD_QUEUED);
        assert_int_equal(spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why), CODE_OK);
        assert_non_null(parcel);
        for (const char *at_step = rows[i].steps; *at_step; at_step++)
            check(rows[i].sentence, step(parcel, *at_step, &why) == CODE_OK);
        spool_release(parcel);
        check_files(rows[i].sentence, &p, rows[i].after);
        if (rows[i].after[0] != 0)
            check_there(rows[i].sentence, s, rows[i].folder, rows[i].tries);
        check(rows[i].sentence, spool_sweep(s) == 0);
        spool_close(s);
        end_place(&p);
    }
}

static void the_message_comes_back(void **state)
{
    static const size_t lines[] = { 0, 1, 100 * 1000 };

    (void)state;
    for (size_t i = 0; i < LENGTH(lines); i++) {
        struct status why = { 0 };
        struct parcel *made, *taken;
        struct message m;
        struct spool *s;
        struct place p;

        begin_place(&p);
        s = open_place(&p);
        assert_int_equal(add_message(s, ID_A, RECORD_QUEUED, lines[i], &made, &why), CODE_OK);
        message_init(&m);
        check("to who made it", spool_load(made, &m, &why) == CODE_OK);
        check("whole", m.body.size == 10 * lines[i] && m.body_lines == lines[i]);
        message_free(&m);
        spool_release(made);
        assert_int_equal(spool_take(s, SPOOL_QUEUE, ID_A, &taken, &why), CODE_OK);
        message_init(&m);
        check("to who takes it", spool_load(taken, &m, &why) == CODE_OK);
        check_text("with its header", buf_slice(&m.header), slice_of("Subject: x\n"));
        check("as a whole", m.body.size == 10 * lines[i] && m.body_lines == lines[i]);
        message_free(&m);
        spool_release(taken);
        spool_close(s);
        end_place(&p);
    }
}

static bool has_file(const struct place *p, const char *name)
{
    struct place q = *p;
    struct stat st;

    return lstat(at(&q, name), &st) == 0;
}

/* What damages the message ID_A. */
static void no_body(struct place *p)
{
    assert_int_equal(unlink(at(p, "spool/body/" ID_A)), 0);
}

static void no_record(struct place *p)
{
    assert_int_equal(unlink(at(p, "spool/queue/" ID_A)), 0);
}

static void a_body_that_is_longer(struct place *p)
{
    assert_int_equal(truncate(at(p, "spool/body/" ID_A), 1000), 0);
}

static void the_record_of_another(struct place *p)
{
    struct place q = *p;

    assert_int_equal(rename(at(p, "spool/queue/" ID_B), at(&q, "spool/queue/" ID_A)), 0);
}

static void a_record_that_is_none(struct place *p)
{
    put_file(p, "spool/queue/" ID_A, "hello\n");
}

static void a_record_that_is_a_link(struct place *p)
{
    no_record(p);
    assert_int_equal(symlink(ID_B, at(p, "spool/queue/" ID_A)), 0);
}

static void a_record_that_is_a_pipe(struct place *p)
{
    no_record(p);
    assert_int_equal(mkfifo(at(p, "spool/queue/" ID_A), 0600), 0);
}

static void a_body_that_is_a_link(struct place *p)
{
    no_body(p);
    assert_int_equal(symlink(ID_B, at(p, "spool/body/" ID_A)), 0);
}

static void a_body_that_is_a_pipe(struct place *p)
{
    no_body(p);
    assert_int_equal(mkfifo(at(p, "spool/body/" ID_A), 0600), 0);
}

/* Only the other message is left, of which one damage took the record. */
static void check_discarded(const char *sentence, struct spool *s, const struct place *p)
{
    struct status why = { 0 };

    check(sentence, spool_discard(s, SPOOL_QUEUE, ID_A, &why) == CODE_OK);
    check(sentence, !has_file(p, "spool/queue/" ID_A) && !has_file(p, "spool/body/" ID_A));
    check(sentence, has_file(p, "spool/body/" ID_B));
    check(sentence, spool_discard(s, SPOOL_QUEUE, ID_A, &why) == CODE_FILE_CREATE);
}

static void what_is_damaged_is_not_taken(void **state)
{
    static const struct {
        const char *sentence;
        void (*damage)(struct place *p);
        enum code code;
        const char *words;
    } rows[] = {
        { "no record: it is gone", no_record, CODE_OK, "" },
        { "no body", no_body, CODE_MESSAGE, "the message is missing" },
        { "another size", a_body_that_is_longer, CODE_MESSAGE, "not that of the record" },
        { "the record of another", the_record_of_another, CODE_MESSAGE, "the record of " ID_B },
        { "no record's text", a_record_that_is_none, CODE_MESSAGE, "" },
        { "a link for a record", a_record_that_is_a_link, CODE_READ, "symbolic links" },
        { "a pipe for a record", a_record_that_is_a_pipe, CODE_MESSAGE, "not a regular file" },
        { "a link for a body", a_body_that_is_a_link, CODE_READ, "symbolic links" },
        { "a pipe for a body", a_body_that_is_a_pipe, CODE_MESSAGE, "not a regular file" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct parcel *parcel;
        struct spool *s;
        struct place p;

        begin_place(&p);
        s = open_place(&p);
        keep_message(s, ID_A, RECORD_QUEUED);
        keep_message(s, ID_B, RECORD_QUEUED);
        rows[i].damage(&p);
        check(rows[i].sentence,
              spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) == rows[i].code && !parcel);
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
        check(rows[i].sentence, rows[i].code == CODE_OK || strstr(why.where, ID_A) != NULL);
        check(rows[i].sentence, !spool_is_taken(s, ID_A));
        if (rows[i].code == CODE_MESSAGE)
            check_discarded(rows[i].sentence, s, &p);
        spool_close(s);
        end_place(&p);
    }
}

static void the_old_record_stands_when_the_new_one_cannot_be_written(void **state)
{
    struct status why = { 0 };
    struct parcel *parcel;
    struct place p;
    struct spool *s;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    assert_int_equal(add_message(s, ID_A, RECORD_QUEUED, 1, &parcel, &why), CODE_OK);
    parcel->record.tries = 7;
    assert_int_equal(rmdir(at(&p, "spool/new")), 0);
    check("it fails", spool_save(parcel, &why) == CODE_FILE_CREATE);
    spool_release(parcel);
    check_files("it is there", &p, "body/" ID_A " queue/" ID_A " ");
    check_there("as it was", s, SPOOL_QUEUE, 0);
    spool_close(s);
    end_place(&p);
}

/* What a process left that died while it saved is in nobody's way. */
static void a_record_is_saved_over_one_that_was_begun(void **state)
{
    struct status why = { 0 };
    struct parcel *parcel;
    struct place p, q;
    struct spool *s;
    struct stat st;

    (void)state;
    begin_place(&p);
    q = p;
    s = open_place(&p);
    assert_int_equal(add_message(s, ID_A, RECORD_QUEUED, 1, &parcel, &why), CODE_OK);
    put_file(&p, "spool/victim", "safe");
    assert_int_equal(link(at(&p, "spool/victim"), at(&q, "spool/new/" ID_A)), 0);
    parcel->record.tries = 7;
    check("it is saved", spool_save(parcel, &why) == CODE_OK);
    spool_release(parcel);
    check_there("it is there", s, SPOOL_QUEUE, 7);
    assert_int_equal(stat(at(&p, "spool/victim"), &st), 0);
    check("what the old name was a link to is as it was", st.st_size == 4);
    spool_close(s);
    end_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_put_into_the_spool),
        cmocka_unit_test(an_id_is_chosen),
        cmocka_unit_test(a_parcel_goes_its_way),
        cmocka_unit_test(the_message_comes_back),
        cmocka_unit_test(what_is_damaged_is_not_taken),
        cmocka_unit_test(the_old_record_stands_when_the_new_one_cannot_be_written),
        cmocka_unit_test(a_record_is_saved_over_one_that_was_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
