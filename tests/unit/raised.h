/*
 * For what is tried with more rights than the caller has: as root, and in a process of its own,
 * since rights that were given up do not come back.
 */
#ifndef ORSINO_TESTS_RAISED_H
#define ORSINO_TESTS_RAISED_H

#include "base/rights.h"

#include "unit.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CALLER = 65534,
    CALLERS_GROUP = 65534,
    OURS = 65533,      /* the group of the set-group-ID bit */
    NOT_POSSIBLE = 77, /* the exit code of a child that this machine does not let be */
};

/* False when the child could not even begin. */
static inline bool in_a_child(const char *sentence, bool (*holds)(const void *row), const void *row)
{
    pid_t child = fork();
    int result;

    assert_true(child >= 0);
    if (child == 0)
        _exit(holds(row) ? 0 : 1);
    assert_int_equal(waitpid(child, &result, 0), child);
    if (WIFEXITED(result) && WEXITSTATUS(result) == NOT_POSSIBLE)
        return false;
    check(sentence, result == 0);
    return true;
}

/* As the kernel starts a program with that bit for the caller, or without it. */
static inline bool become_caller(bool with_bit)
{
    const gid_t group = with_bit ? OURS : CALLERS_GROUP;

    return setgroups(0, NULL) == 0 && setresgid(CALLERS_GROUP, group, group) == 0 &&
           setresuid(CALLER, CALLER, CALLER) == 0 && rights_begin();
}

/* Puts empty folders in the place of those of the machine, for this process alone. */
static inline void hide_folders(const char *const *folders, size_t count)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        _exit(NOT_POSSIBLE);
    for (size_t i = 0; i < count; i++)
        if (mount("none", folders[i], "tmpfs", 0, "mode=755") != 0)
            _exit(NOT_POSSIBLE);
}

#endif
