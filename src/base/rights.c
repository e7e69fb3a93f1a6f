#include "base/rights.h"

#include <errno.h>
#include <sys/auxv.h>
#include <unistd.h>

bool rights_are_raised(void)
{
    uid_t real_user, user, saved_user;
    gid_t real_group, group, saved_group;

    if (getauxval(AT_SECURE) != 0)
        return true;
    if (getresuid(&real_user, &user, &saved_user) != 0 ||
        getresgid(&real_group, &group, &saved_group) != 0)
        return true;
    return real_user != user || real_user != saved_user || real_group != group ||
           real_group != saved_group;
}

bool rights_drop(void)
{
    uid_t real_user, user, saved_user;
    gid_t real_group, group, saved_group;

    /* The group first: without the user's rights it could not be given up any more. */
    if (setresgid(getgid(), getgid(), getgid()) != 0 ||
        setresuid(getuid(), getuid(), getuid()) != 0)
        return false;
    return getresuid(&real_user, &user, &saved_user) == 0 &&
           getresgid(&real_group, &group, &saved_group) == 0 && real_user == user &&
           real_user == saved_user && real_group == group && real_group == saved_group;
}
