#include "conf/nearest.h"
#include "conf/pattern.h"
#include "conf/provider.h"

#include <stdio.h>
#include <string.h>

const struct provider *provider_find(struct slice name)
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    for (size_t i = 0; i < count; i++)
        if (slice_equal_nocase(slice_of(rows[i].name), name))
            return &rows[i];
    return NULL;
}

const char *provider_nearest(struct slice name)
{
    struct nearest nearest;
    size_t count;
    const struct provider *rows = provider_all(&count);

    nearest_begin(&nearest, name);
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, rows[i].name);
    return nearest.name;
}

/* A name as DNS gives it may end in the dot of the root. */
static struct slice without_root(struct slice name)
{
    return name.n > 0 && name.p[name.n - 1] == '.' ? slice_part(name, 0, name.n - 1) : name;
}

/* An item is a name or a pattern, with '=' and the region behind it where that is not the usual. */
static bool find_in_list(const char *list, struct slice name, char region[PROVIDER_REGION_ROOM])
{
    struct slice rest = slice_of(list), item, pattern;

    while (slice_take_until(&rest, ",", &item)) {
        item = slice_trim(item);
        if (slice_take_until(&item, "=", &pattern) && pattern.n > 0 && name.n > 0 &&
            pattern_fits(pattern, name)) {
            (void)snprintf(region, PROVIDER_REGION_ROOM, "%.*s", (int)item.n, item.p);
            return true;
        }
    }
    return false;
}

const struct provider *provider_of_domain(struct slice domain, char region[PROVIDER_REGION_ROOM])
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    for (size_t i = 0; i < count; i++)
        if (find_in_list(rows[i].domains, without_root(domain), region))
            return &rows[i];
    return NULL;
}

const struct provider *provider_of_mx(struct slice name, char region[PROVIDER_REGION_ROOM])
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    for (size_t i = 0; i < count; i++)
        if (find_in_list(rows[i].mx, without_root(name), region))
            return &rows[i];
    return NULL;
}

const char *provider_fixed_user(const struct provider *p, char room[PROVIDER_HOST_ROOM])
{
    struct slice user = slice_of(p->user);

    if (user.p[0] != '"')
        return NULL;
    (void)snprintf(room, PROVIDER_HOST_ROOM, "%.*s", (int)(user.n - 2), user.p + 1);
    return room;
}

/* Labels of a name: "eu-west-1", "com.au". */
static bool is_region(struct slice region)
{
    struct slice label;
    size_t n = 0;

    if (region.n == 0 || region.p[region.n - 1] == '.')
        return false;
    while (slice_take_until(&region, ".", &label)) {
        for (n = 0; n < label.n; n++)
            if (!is_alpha(label.p[n]) && !is_digit(label.p[n]) && label.p[n] != '-')
                return false;
        if (n == 0)
            return false;
    }
    return true;
}

bool provider_host(const struct provider *p, const char *region, char out[PROVIDER_HOST_ROOM])
{
    const char *place = strstr(p->host, "%s");
    int n;

    if (!place) {
        (void)snprintf(out, PROVIDER_HOST_ROOM, "%s", p->host);
        return region[0] == 0;
    }
    if (region[0] == 0)
        region = p->region;
    if (!is_region(slice_of(region)))
        return false;
    n = snprintf(out, PROVIDER_HOST_ROOM, "%.*s%s%s", (int)(place - p->host), p->host, region,
                 place + 2);
    return n > 0 && n < PROVIDER_HOST_ROOM;
}

/* The region is what stands where the row has its "%s". */
static bool host_fits(const struct provider *p, struct slice host,
                      char region[PROVIDER_REGION_ROOM])
{
    const char *place = strstr(p->host, "%s");
    struct slice before, behind, middle;

    region[0] = 0;
    if (!place)
        return slice_equal_nocase(slice_of(p->host), host);
    before = slice_part(slice_of(p->host), 0, (size_t)(place - p->host));
    behind = slice_of(place + 2);
    if (host.n < before.n + behind.n ||
        !slice_equal_nocase(slice_part(host, 0, before.n), before) ||
        !slice_equal_nocase(slice_part(host, host.n - behind.n, host.n), behind))
        return false;
    middle = slice_part(host, before.n, host.n - behind.n);
    if (!is_region(middle) || middle.n >= PROVIDER_REGION_ROOM)
        return false;
    if (!slice_equal_nocase(middle, slice_of(p->region)))
        (void)snprintf(region, PROVIDER_REGION_ROOM, "%.*s", (int)middle.n, middle.p);
    return true;
}

static bool is_address(const struct provider *p)
{
    return is_digit(p->host[0]);
}

const struct provider *provider_of_host(struct slice host, unsigned port,
                                        char region[PROVIDER_REGION_ROOM])
{
    size_t count;
    const struct provider *rows = provider_all(&count);

    for (size_t i = 0; i < count; i++)
        if (host_fits(&rows[i], host, region) && (!is_address(&rows[i]) || rows[i].port == port))
            return &rows[i];
    return NULL;
}
