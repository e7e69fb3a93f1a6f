#include "base/rights.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Of this process, as the group in force is; the kernel can be asked for neither. */
static bool dropped, had_group;
static gid_t group_had; /* what was given up */
static unsigned depth;  /* of rights_take_up */

struct groups {
    gid_t real, effective, saved;
};

static bool read_groups(struct groups *g)
{
    return getresgid(&g->real, &g->effective, &g->saved) == 0;
}

static bool has_one_user(void)
{
    uid_t real, user, saved;

    return getresuid(&real, &user, &saved) == 0 && real == user && real == saved;
}

/* Asked for only when there is something to give up: a sandbox may forbid the call itself. */
static bool drop_user(void)
{
    const uid_t real = getuid();

    return has_one_user() || (setresuid(real, real, real) == 0 && has_one_user());
}

/* With fs.suid_dumpable = 1 every change of the group in force lets debuggers in again. */
static bool put_in_force(gid_t group)
{
    const int error = errno;

    if (setresgid((gid_t)-1, group, (gid_t)-1) != 0)
        return false;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    errno = error;
    return true;
}

/* The password and other users' messages stand in our memory. */
static bool forbid_looking(void)
{
    const struct rlimit none = { 0, 0 };

    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

bool rights_begin(void)
{
    struct groups g;

    if (!read_groups(&g) || (g.effective != g.real && !put_in_force(g.real)))
        return false;
    return drop_user() && (!rights_are_raised() || forbid_looking());
}

bool rights_are_raised(void)
{
    struct groups g;

    if (dropped || getuid() == 0)
        return false;
    if (getauxval(AT_SECURE) != 0 || !has_one_user() || !read_groups(&g))
        return true;
    return g.real != g.effective || g.real != g.saved;
}

bool rights_include(gid_t group)
{
    struct groups g;

    return !dropped && read_groups(&g) && g.saved == group && g.saved != g.real;
}

bool rights_group(gid_t *group, bool *is_dropped)
{
    struct groups g;

    *is_dropped = dropped;
    *group = group_had;
    if (dropped || !read_groups(&g))
        return had_group;
    *group = g.saved;
    return g.saved != g.real;
}

void rights_take_up(void)
{
    struct groups g;

    if (depth++ == 0 && !dropped && read_groups(&g) && g.effective != g.saved)
        (void)put_in_force(g.saved); /* else the file is refused, as it is to the caller */
}

void rights_set_aside(void)
{
    struct groups g;

    if (depth > 0 && --depth > 0)
        return;
    /* It can fail for want of memory in the kernel. To go on would be to parse with the group. */
    if (!dropped && (!read_groups(&g) || (g.effective != g.real && !put_in_force(g.real))))
        __builtin_trap();
}

bool rights_drop(void)
{
    const gid_t group = getgid();
    struct groups g;
    bool is_dropped;

    had_group = rights_group(&group_had, &is_dropped);
    /* The group first: without the user's rights it could not be given up any more. */
    if (setresgid(group, group, group) != 0 || !drop_user())
        return false;
    dropped = read_groups(&g) && g.real == g.effective && g.real == g.saved;
    return dropped;
}

static bool is_among_others(gid_t group)
{
    int count = getgroups(0, NULL);
    gid_t *groups = count > 0 ? calloc((size_t)count, sizeof *groups) : NULL;
    bool found = false;

    count = groups ? getgroups(count, groups) : 0;
    for (int i = 0; i < count; i++)
        found = found || groups[i] == group;
    free(groups);
    return found;
}

static bool has_group(gid_t group)
{
    struct groups g;

    return !read_groups(&g) || g.real == group || g.saved == group || is_among_others(group);
}

const char *rights_hindrance(void)
{
    const mode_t bits = S_ISGID | S_IXGRP; /* the first alone means another thing */
    const char *own = "/proc/self/exe";
    struct statvfs mount;
    struct stat st;

    if (dropped || getuid() == 0 || stat(own, &st) != 0 || (st.st_mode & bits) != bits ||
        has_group(st.st_gid))
        return NULL;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return "NoNewPrivileges is set";
    if (statvfs(own, &mount) == 0 && (mount.f_flag & ST_NOSUID))
        return "its file system is mounted nosuid";
    return "the kernel did not grant it (a user namespace, a debugger or a sandbox)";
}
