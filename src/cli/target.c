#include "cli/target.h"

#include "base/text.h"
#include "conf/provider.h"

#include <stdio.h>
#include <string.h>

enum {
    PORT_MAX = 65535,
};

/* Without the path of a URL, too. */
static struct slice without_scheme(struct slice text)
{
    const char *end = memmem(text.p, text.n, "://", 3);

    if (!end)
        return text;
    text = slice_part(text, (size_t)(end + 3 - text.p), text.n);
    return slice_part(text, 0, slice_find(text, '/'));
}

static bool is_number(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!is_digit(text.p[i]))
            return false;
    return text.n > 0;
}

/* Where the port begins, behind its colon; or the end. */
static size_t find_port(struct slice text)
{
    size_t colon = slice_find(text, ':');
    bool is_bracketed = text.n > 0 && text.p[0] == '[';

    if (is_bracketed) {
        size_t bracket = slice_find(text, ']');

        return bracket + 1 < text.n && text.p[bracket + 1] == ':' ? bracket + 2 : text.n;
    }
    if (colon == text.n ||
        slice_find(slice_part(text, colon + 1, text.n), ':') + colon + 1 < text.n)
        return text.n;
    return colon + 1;
}

void target_read(const char *text, struct target *out)
{
    struct slice rest = without_scheme(slice_of(text));
    size_t at = find_port(rest);
    uint64_t port;

    *out = (struct target){ .port = 0 };
    if (at > 1 && is_number(slice_part(rest, at, rest.n))) {
        out->is_wrong = !slice_number(slice_part(rest, at, rest.n), PORT_MAX, &port) || port == 0;
        out->port = out->is_wrong ? 0 : (unsigned)port;
        rest = slice_part(rest, 0, at - 1);
    }
    (void)snprintf(out->host, sizeof out->host, "%.*s", (int)rest.n, rest.n > 0 ? rest.p : "");
}

const char *target_meant(const char *text, const struct status *why)
{
    bool is_none = why->code == CODE_RESOLVE || why->code == CODE_RESOLVE_LATER;

    return is_none && !strpbrk(text, ".@:") ? provider_nearest(slice_of(text)) : NULL;
}
