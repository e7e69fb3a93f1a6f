#include "base/host.h"

#include <string.h>
#include <unistd.h>

/* A label of RFC 1123 section 2.1; underscores, which some hosts have, are refused in EHLO. */
static bool is_label(struct slice label)
{
    if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (!is_digit(label.p[i]) && !is_alpha(label.p[i]) && label.p[i] != '-')
            return false;
    return true;
}

bool host_name_is_local(struct slice name)
{
    static const char *const locals[] = { "localhost", "localdomain" };
    struct slice label = { 0 };

    if (slice_find(name, '.') == name.n)
        return true;
    while (slice_take_until(&name, ".", &label))
        continue;
    for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
        if (slice_equal_nocase(label, slice_of(locals[i])))
            return true;
    return false;
}

bool host_name_is_public(const char *name)
{
    struct slice rest = slice_of(name), label;

    if (rest.n == 0 || rest.n >= HOST_NAME_ROOM || rest.p[rest.n - 1] == '.')
        return false;
    while (slice_take_until(&rest, ".", &label))
        if (!is_label(label))
            return false;
    return !host_name_is_local(slice_of(name));
}

void host_any_name(char *out, size_t room)
{
    out[0] = 0;
    if (gethostname(out, room) != 0)
        out[0] = 0;
    out[room - 1] = 0;
}

bool host_is_ours(const char *own, struct slice domain)
{
    struct slice name = slice_of(own);

    return slice_equal_nocase(domain, slice_of("localhost")) ||
           slice_equal_nocase(domain, slice_of("localhost.localdomain")) ||
           (name.n > 0 && domain.n > 0 &&
            (slice_equal_nocase(domain, name) ||
             slice_equal_nocase(domain, slice_part(name, 0, slice_find(name, '.')))));
}

bool host_own_name(char *out, size_t room)
{
    host_any_name(out, room);
    if (host_name_is_public(out))
        return true;
    out[0] = 0;
    return false;
}
