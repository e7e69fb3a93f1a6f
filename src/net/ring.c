#include "net/ring.h"

#include "base/text.h"

#include <stdio.h>

static bool is_loopback(struct slice host)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "::1" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_nocase(host, slice_of(names[i])))
            return true;
    return false;
}

static struct slice without_brackets(struct slice host)
{
    bool has = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

    return has ? slice_part(host, 1, host.n - 1) : host;
}

static bool is_at(const struct listener *l, struct slice host, unsigned port)
{
    struct slice name = slice_of(l->name), end;
    char room[16];

    (void)snprintf(room, sizeof room, ":%u", port);
    end = slice_of(room);
    if (l->is_unix || name.n < end.n || !slice_equal(slice_part(name, name.n - end.n, name.n), end))
        return false;
    name = without_brackets(slice_part(name, 0, name.n - end.n));
    if (is_loopback(host))
        return l->is_local || slice_equal(name, slice_of("0.0.0.0")) ||
               slice_equal(name, slice_of("::"));
    return slice_equal(host, name);
}

bool ring_leads_to(const struct listener *listeners, size_t count, const char *host, unsigned port)
{
    for (size_t i = 0; i < count; i++)
        if (is_at(&listeners[i], without_brackets(slice_of(host)), port))
            return true;
    return false;
}
