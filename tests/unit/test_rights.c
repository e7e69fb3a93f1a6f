#include "base/rights.h"

#include "raised.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    USER = CALLER,
    GROUP = CALLERS_GROUP,
    OUTPUT_ROOM = 200,
};

static const char *program; /* our own file */

static bool user_is(uid_t real, uid_t effective, uid_t saved)
{
    uid_t r, e, s;

    return getresuid(&r, &e, &s) == 0 && r == real && e == effective && s == saved;
}

static bool group_is(gid_t real, gid_t effective, gid_t saved)
{
    gid_t r, e, s;

    return getresgid(&r, &e, &s) == 0 && r == real && e == effective && s == saved;
}

struct beginning {
    const char *sentence;
    uid_t user, other_user; /* real; effective and saved */
    gid_t group, other_group;
    bool is_raised;
};

static bool become(const struct beginning *row)
{
    return setgroups(0, NULL) == 0 &&
           setresgid(row->group, row->other_group, row->other_group) == 0 &&
           setresuid(row->user, row->other_user, row->other_user) == 0 &&
           prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool nobody_looks(void)
{
    struct rlimit core;

    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &core) == 0 &&
           core.rlim_cur == 0 && core.rlim_max == 0;
}

static bool begins(const void *context)
{
    const struct beginning *row = context;

    return become(row) && rights_begin() && user_is(row->user, row->user, row->user) &&
           group_is(row->group, row->group, row->other_group) &&
           rights_are_raised() == row->is_raised && (!row->is_raised || nobody_looks()) &&
           rights_include(OURS) == (row->other_group == OURS) && !rights_include(row->group);
}

static bool takes_up_and_sets_aside(const void *context)
{
    const struct beginning *row = context;
    const gid_t g = row->group, o = row->other_group;
    bool holds = become(row) && rights_begin();

    errno = ENOTTY;
    rights_take_up();
    holds = holds && group_is(g, o, o) && rights_are_raised() == row->is_raised;
    holds = holds && (!row->is_raised || nobody_looks());
    rights_take_up();
    holds = holds && group_is(g, o, o);
    rights_set_aside();
    holds = holds && group_is(g, o, o);
    rights_set_aside();
    holds = holds && group_is(g, g, o) && (!row->is_raised || nobody_looks()) && errno == ENOTTY;
    rights_set_aside(); /* once too often */
    rights_take_up();
    holds = holds && group_is(g, o, o);
    rights_set_aside();
    return holds && group_is(g, g, o);
}

static bool drops(const void *context)
{
    const struct beginning *row = context;
    const gid_t g = row->group;

    if (!become(row) || !rights_begin() || !rights_drop() || rights_are_raised() ||
        rights_include(OURS) || (row->is_raised && !nobody_looks()))
        return false;
    rights_take_up();
    return group_is(g, g, g) && user_is(row->user, row->user, row->user) &&
           (row->user == 0 || setresgid(g, OURS, g) != 0);
}

static bool drops_what_is_in_force(const void *context)
{
    const struct beginning *row = context;
    const gid_t g = row->group;
    bool holds = become(row) && rights_begin();

    rights_take_up();
    holds = holds && rights_drop() && group_is(g, g, g);
    rights_set_aside();
    rights_take_up();
    return holds && group_is(g, g, g) && !rights_are_raised();
}

static const struct beginning beginnings[] = {
    { "no more rights", USER, USER, GROUP, GROUP, false },
    { "a group", USER, USER, GROUP, OURS, true },
    { "a user", USER, 0, GROUP, GROUP, false },
    { "a user and a group", USER, 0, GROUP, OURS, true },
    { "a user who is not root", USER, USER - 1, GROUP, GROUP, false },
    { "root, whom nothing is kept from", 0, 0, 0, OURS, false },
    { "root as another user", 0, USER, 0, OURS, false },
};

static void what_is_done_with_rights(void **state)
{
    static const struct {
        const char *sentence;
        bool (*holds)(const void *row);
    } rows[] = {
        { "at the beginning", begins },
        { "in force and not", takes_up_and_sets_aside },
        { "given up", drops },
        { "given up while they are in force", drops_what_is_in_force },
    };

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < LENGTH(rows); i++)
        for (size_t j = 0; j < LENGTH(beginnings); j++) {
            char sentence[120];

            (void)snprintf(sentence, sizeof sentence, "%s: %s", rows[i].sentence,
                           beginnings[j].sentence);
            assert_true(in_a_child(sentence, rows[i].holds, &beginnings[j]));
        }
}

static bool is_raised_before_the_beginning(const void *context)
{
    return become(context) && rights_are_raised();
}

static void before_the_beginning(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(in_a_child("a group", is_raised_before_the_beginning, &beginnings[1]));
    assert_true(in_a_child("a user", is_raised_before_the_beginning, &beginnings[2]));
}

/* Without root, and as every test is run. */
static bool has_no_more_rights(const void *unused)
{
    const gid_t group = getgid();

    (void)unused;
    if (!rights_begin() || rights_are_raised() || rights_include(group))
        return false;
    rights_take_up();
    rights_set_aside();
    return group_is(group, group, group) && rights_drop() && !rights_are_raised() &&
           !rights_hindrance();
}

static void no_more_rights(void **state)
{
    (void)state;
    assert_true(in_a_child("our own rights", has_no_more_rights, NULL));
}

/* How a copy of this program, with the set-group-ID bit, is started. */
struct hindering {
    const char *sentence;
    uid_t user;
    gid_t group, another_group;
    mode_t mode;
    bool no_new_privileges;
    const char *want; /* what it prints */
};

static void start(const struct hindering *row, const char *path, int output)
{
    if (setgroups(1, &row->another_group) || setresgid(row->group, row->group, row->group) ||
        setresuid(row->user, row->user, row->user) || dup2(output, STDOUT_FILENO) < 0)
        _exit(2);
    if (row->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(2);
    (void)execl(path, path, "hindrance", (char *)NULL);
    _exit(2);
}

/* What the copy prints. */
static void run_copy(const struct hindering *row, const char *path, char output[OUTPUT_ROOM])
{
    int ends[2], result;
    size_t n = 0;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        start(row, path, ends[1]);
    assert_int_equal(close(ends[1]), 0);
    while ((got = read(ends[0], output + n, OUTPUT_ROOM - 1 - n)) > 0)
        n += (size_t)got;
    output[n] = 0;
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    check(row->sentence, result == 0);
}

static void copy_program(const char *path)
{
    int from = open(program, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    char room[65536];
    ssize_t n;

    assert_true(from >= 0 && to >= 0);
    while ((n = read(from, room, sizeof room)) > 0)
        assert_true(write(to, room, (size_t)n) == n);
    assert_int_equal(n, 0);
    assert_int_equal(close(from), 0);
    assert_int_equal(fchown(to, 0, OURS), 0);
    assert_int_equal(close(to), 0);
}

static void hindrances(void **state)
{
    static const char nnp[] = "NoNewPrivileges is set";
    static const struct hindering rows[] = {
        { "the bit has its effect", USER, GROUP, GROUP, 02755, false, "raised" },
        { "no new privileges", USER, GROUP, GROUP, 02755, true, nnp },
        { "no new privileges, and no bit", USER, GROUP, GROUP, 0755, true, "none" },
        { "our group all the same", USER, OURS, GROUP, 02755, true, "none" },
        { "our group among others", USER, GROUP, OURS, 02755, true, "none" },
        { "root", 0, 0, 0, 02755, true, "none" },
        { "another meaning of the bit", USER, GROUP, GROUP, 02745, true, "none" },
    };
    char folder[] = "/tmp/orsino-test-XXXXXX", path[sizeof folder + 2];

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/p", folder);
    copy_program(path);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char output[OUTPUT_ROOM];

        assert_int_equal(chmod(path, rows[i].mode), 0);
        run_copy(&rows[i], path, output);
        check_text(rows[i].sentence, slice_of(output), slice_of(rows[i].want));
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* The copy: it says what its bit came to. */
static int say_hindrance(void)
{
    const char *why = rights_begin() ? rights_hindrance() : "no beginning";

    (void)printf("%s", why ? why : rights_are_raised() ? "raised" : "none");
    (void)fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_done_with_rights),
        cmocka_unit_test(before_the_beginning),
        cmocka_unit_test(no_more_rights),
        cmocka_unit_test(hindrances),
    };

    if (argc > 1 && strcmp(argv[1], "hindrance") == 0)
        return say_hindrance();
    program = argv[0];
    return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}
