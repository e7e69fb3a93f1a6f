#include "deliver/spool.h"

#include "spool_folders.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* What makes each step of putting a message into the spool fail, once it is open. */
static bool take_folder_away(struct place *p, const char *name)
{
    return rmdir(at(p, name)) == 0;
}

static bool no_body_folder(struct place *p)
{
    return take_folder_away(p, "spool/body");
}

static bool no_new_folder(struct place *p)
{
    return take_folder_away(p, "spool/new");
}

static bool no_queue_folder(struct place *p)
{
    return take_folder_away(p, "spool/queue");
}

static bool limit(int what, rlim_t most)
{
    struct rlimit limits;

    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || getrlimit(what, &limits) != 0)
        return false;
    limits.rlim_cur = most;
    return setrlimit(what, &limits) == 0;
}

static bool small_files(struct place *p)
{
    (void)p;
    return limit(RLIMIT_FSIZE, 1000);
}

/* The message has room, its record has not. */
static bool tiny_files(struct place *p)
{
    (void)p;
    return limit(RLIMIT_FSIZE, 30);
}

static bool no_descriptors(struct place *p)
{
    int fd = open(p->base, O_RDONLY | O_CLOEXEC);

    return limit(RLIMIT_NOFILE, (rlim_t)fd);
}

/* The descriptor that is left is the body's. */
static bool one_descriptor(struct place *p)
{
    int fd = open(p->base, O_RDONLY | O_CLOEXEC);

    return close(fd) == 0 && limit(RLIMIT_NOFILE, (rlim_t)fd + 1);
}

static bool folders_that_may_not_be_written(struct place *p)
{
    return chmod(at(p, "spool/body"), 0500) == 0 &&
           (geteuid() != 0 || (chmod(p->base, 0755) == 0 && setuid(65534) == 0));
}

/* In a child whose limits and rights are spoilt. Gives 0 when all is as the row wants it. */
static int add_spoilt(struct place *p, bool (*spoil)(struct place *p), size_t lines, enum code want,
                      const char *words)
{
    struct status why = { 0 };
    struct parcel *parcel = NULL;
    struct spool *s = open_place(p);
    struct message m;
    struct record r;

    make_record(&r, "", RECORD_QUEUED);
    make_message(&m, lines);
    if (!spoil(p))
        return 1;
    if (spool_add(s, &r, &m, &parcel, &why) != want || parcel)
        return 2;
    if (!strstr(why.what, "/spool cannot be written: ") || !strstr(why.what, words))
        return 3;
    message_free(&m);
    spool_close(s);
    return why.stage == STAGE_QUEUE ? 0 : 4;
}

static void check_spoilt(const char *sentence, struct place *p, bool (*spoil)(struct place *p),
                         size_t lines, enum code code, const char *words)
{
    pid_t child = fork();
    int end;

    assert_true(child >= 0);
    if (child == 0)
        _exit(add_spoilt(p, spoil, lines, code, words));
    assert_int_equal(waitpid(child, &end, 0), child);
    if (!WIFEXITED(end) || WEXITSTATUS(end) != 0)
        print_error("the child ended with %d\n", end);
    check(sentence, WIFEXITED(end) && WEXITSTATUS(end) == 0);
}

static void what_fails_leaves_nothing(void **state)
{
    static const struct {
        const char *sentence;
        bool (*spoil)(struct place *p);
        size_t lines;
        enum code code;
        const char *words;
    } rows[] = {
        { "no folder for the body", no_body_folder, 1, CODE_FILE_CREATE, "No such file" },
        { "none for the new record", no_new_folder, 1, CODE_FILE_CREATE, "No such file" },
        { "none for the record", no_queue_folder, 1, CODE_FILE_CREATE, "No such file" },
        { "the body is too big a file", small_files, 1000, CODE_FILE_CREATE, "File too large" },
        { "the record is", tiny_files, 1, CODE_FILE_CREATE, "File too large" },
        { "no descriptor", no_descriptors, 1, CODE_SYSTEM, "Too many open files" },
        { "none for the record's file", one_descriptor, 1, CODE_SYSTEM, "Too many open files" },
        { "no right to write", folders_that_may_not_be_written, 1, CODE_FILE_CREATE,
          "Permission denied" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct place p;

        begin_place(&p);
        check_spoilt(rows[i].sentence, &p, rows[i].spoil, rows[i].lines, rows[i].code,
                     rows[i].words);
        check_files(rows[i].sentence, &p, "");
        end_place(&p);
    }
}

/* Runs in a child, with mounts of its own: 0 when nothing was left on the full disk. */
static int fill_disk(struct place *p)
{
    struct status why = { 0 };
    struct parcel *parcel;
    struct spool *s;
    enum code code;

    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", p->base, "tmpfs", 0, "size=64k") != 0)
        return 77;
    s = open_place(p);
    code = add_message(s, "", RECORD_QUEUED, 50 * 1000, &parcel, &why);
    if (code != CODE_FILE_CREATE || why.os != ENOSPC || parcel)
        return 1;
    check_files("nothing is left", p, "");
    spool_close(s);
    return 0;
}

static void a_full_disk_is_told_of(void **state)
{
    struct place p;
    pid_t child;
    int end;

    (void)state;
    begin_place(&p);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fill_disk(&p));
    assert_int_equal(waitpid(child, &end, 0), child);
    check("a full disk", WIFEXITED(end) && (WEXITSTATUS(end) == 0 || WEXITSTATUS(end) == 77));
    end_place(&p);
}

/* In a child: 0 when the new record had no room. */
static int save_spoilt(struct place *p)
{
    struct status why = { 0 };
    struct spool *s = open_place(p);
    struct parcel *parcel;

    if (spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) != CODE_OK || !parcel || !tiny_files(p))
        return 1;
    parcel->record.tries = 7;
    if (spool_save(parcel, &why) != CODE_FILE_CREATE || why.os != EFBIG)
        return 2;
    spool_release(parcel);
    spool_close(s);
    return 0;
}

static void a_record_without_room_leaves_the_old_one(void **state)
{
    struct status why = { 0 };
    struct parcel *parcel;
    struct spool *s;
    struct place p;
    pid_t child;
    int end;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    keep_message(s, ID_A, RECORD_QUEUED);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(save_spoilt(&p));
    assert_int_equal(waitpid(child, &end, 0), child);
    check("it fails", WIFEXITED(end) && WEXITSTATUS(end) == 0);
    check_files("nothing is left of it", &p, "body/" ID_A " queue/" ID_A " ");
    check("the old one can be read",
          spool_take(s, SPOOL_QUEUE, ID_A, &parcel, &why) == CODE_OK && parcel);
    check("and is as it was", parcel->record.tries == 0);
    spool_release(parcel);
    spool_close(s);
    end_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_told_of),
        cmocka_unit_test(a_record_without_room_leaves_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
