#include "deliver/spool.h"

#include "spool_folders.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* It ends with us, whatever fails. */
static pid_t fork_child(void)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

/* A child that takes ID_A, says so, and keeps it until it is killed. */
static pid_t take_in_child(struct place *p)
{
    int said[2];
    char word = 0;
    pid_t child;

    assert_int_equal(pipe(said), 0);
    child = fork_child();
    if (child == 0) {
        struct status why = { 0 };
        struct parcel *parcel = NULL;
        struct spool *s = NULL;

        if (spool_open(p->spool, false, &s, &why) == CODE_OK &&
            spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) == CODE_OK)
            word = parcel ? 'y' : 'n';
        (void)!write(said[1], &word, 1);
        for (;;)
            (void)pause();
    }
    (void)close(said[1]);
    assert_int_equal(read(said[0], &word, 1), 1);
    (void)close(said[0]);
    assert_int_equal(word, 'y');
    return child;
}

static void end_child(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void one_process_has_it_at_a_time(void **state)
{
    struct status why = { 0 };
    struct parcel *parcel;
    struct place p;
    struct spool *s;
    pid_t child;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    keep_message(s, ID_A, RECORD_QUEUED);
    check("nobody has it", !spool_is_taken(s, ID_A));
    child = take_in_child(&p);
    check("another has it", spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) == CODE_OK && !parcel);
    check("which can be seen", spool_is_taken(s, ID_A));
    check("it is not swept", spool_sweep(s) == 0);
    end_child(child);
    check("it is free when the other is killed",
          spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) == CODE_OK && parcel);
    check("now we have it", spool_is_taken(s, ID_A));
    spool_release(parcel);
    check("now nobody has it", !spool_is_taken(s, ID_A));
    spool_close(s);
    end_place(&p);
}

/* A message is locked before it can be seen, and until all that read it are done. */
static void who_makes_it_has_it(void **state)
{
    struct status why = { 0 };
    struct parcel *made, *parcel;
    struct message m;
    struct place p;
    struct spool *s;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    assert_int_equal(add_message(s, ID_A, RECORD_QUEUED, 1, &made, &why), CODE_OK);
    check("who made it", spool_is_taken(s, ID_A));
    check("has it", spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) == CODE_OK && !parcel);
    message_init(&m);
    assert_int_equal(spool_load(made, &m, &why), CODE_OK);
    message_free(&m);
    spool_release(made);
    check("nobody has it", !spool_is_taken(s, ID_A));
    spool_close(s);
    end_place(&p);
}

/* A child that looks most of its time, as spool_is_taken does. */
static pid_t look_in_child(struct spool *s)
{
    int fd = spool_open_body(s, ID_A);
    pid_t child = fork_child();

    while (child == 0) {
        (void)flock(fd, LOCK_SH | LOCK_NB);
        (void)flock(fd, LOCK_UN);
    }
    (void)close(fd);
    return child;
}

static void who_looks_is_in_nobodys_way(void **state)
{
    enum {
        TIMES = 200
    };
    struct status why = { 0 };
    unsigned taken = 0;
    struct place p;
    struct spool *s;
    pid_t child;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    keep_message(s, ID_A, RECORD_QUEUED);
    child = look_in_child(s);
    for (int i = 0; i < TIMES; i++) {
        struct parcel *parcel;

        assert_int_equal(spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why), CODE_OK);
        taken += parcel ? 1 : 0;
        spool_release(parcel);
    }
    end_child(child);
    check("taken each time", taken == TIMES);
    spool_close(s);
    end_place(&p);
}

/* One sweeps while another puts messages into the spool: none is lost, nothing is left. */
static void sweeping_takes_nothing_that_is_whole(void **state)
{
    enum {
        MANY = 300
    };
    struct status why = { 0 };
    char(*ids)[RECORD_ID_ROOM];
    size_t count, kept = 0;
    struct place p;
    struct spool *s;
    pid_t child;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    child = fork_child();
    while (child == 0)
        (void)spool_sweep(s);
    for (int i = 0; i < MANY; i++) {
        struct parcel *parcel;

        if (add_message(s, "", RECORD_QUEUED, 1, &parcel, &why))
            fail_msg("message %d: %s", i, why.what);
        spool_release(parcel);
    }
    end_child(child);
    (void)spool_sweep(s);
    assert_int_equal(spool_list(s, SPOOL_QUEUE, &ids, &count, &why), CODE_OK);
    for (size_t i = 0; i < count; i++) {
        struct parcel *parcel;

        assert_int_equal(spool_take(s, SPOOL_QUEUE, ids[i], &parcel, &why), CODE_OK);
        kept += parcel ? 1 : 0;
        if (parcel)
            assert_int_equal(spool_remove(parcel, &why), CODE_OK);
        spool_release(parcel);
    }
    free(ids);
    check("all are there", count == MANY && kept == MANY);
    check_files("and nothing else", &p, "");
    spool_close(s);
    end_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_has_it_at_a_time),
        cmocka_unit_test(who_makes_it_has_it),
        cmocka_unit_test(who_looks_is_in_nobodys_way),
        cmocka_unit_test(sweeping_takes_nothing_that_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
