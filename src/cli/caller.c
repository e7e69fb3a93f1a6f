#include "cli/caller.h"

#include "base/memory.h"
#include "cli/sender.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum {
    FULL_NAME_MAX = 1024,
};

void caller_init(struct caller *c)
{
    *c = (struct caller){ .user = getuid() };
    buf_init(&c->full_name, FULL_NAME_MAX);
}

void caller_free(struct caller *c)
{
    buf_free(&c->full_name);
}

/* Whether the user database cannot be asked now. Most of what errno may say means "not in there".
 */
static bool is_trouble(int error)
{
    static const int troubles[] = { ENOMEM, EMFILE, ENFILE, EIO, EAGAIN };

    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (troubles[i] == error)
            return true;
    return false;
}

/* NULL without an entry, or with a reason. glibc crashes when it gets no memory in there. */
static const struct passwd *find_entry(uid_t user, struct status *why)
{
    const struct passwd *entry = NULL;

    if (!memory_suffices(MEMORY_FOR_LOOKUP)) {
        (void)status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
        return NULL;
    }
    errno = 0;
    entry = getpwuid(user);
    if (!entry && is_trouble(errno))
        (void)status_set_errno(why, CODE_SYSTEM, STAGE_INPUT, errno,
                               "the caller cannot be looked up in the user database");
    return entry;
}

enum code caller_look_up(struct caller *c, struct status *why)
{
    const struct passwd *entry;

    if (c->known)
        return CODE_OK;
    (void)host_own_name(c->host, sizeof c->host);
    entry = find_entry(c->user, why);
    if (why->code)
        return why->code;
    if (!entry) {
        (void)snprintf(c->login, sizeof c->login, "uid%lu", (unsigned long)c->user);
    } else {
        (void)snprintf(c->login, sizeof c->login, "%s", entry->pw_name);
        if (entry->pw_gecos)
            sender_full_name(entry->pw_gecos, entry->pw_name, &c->full_name);
    }
    if (c->full_name.failed)
        return status_set(why, CODE_MEMORY, STAGE_INPUT, "no room for the caller's full name");
    c->known = true;
    return CODE_OK;
}
