/* Aliases files: whatever the bytes, each name ends, and what comes out may be sent. */
#include "mail/alias_text.h"
#include "mail/aliases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAMES_MAX = 64, /* looked up in one run */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static enum code visit(void *context, const struct address *address, struct status *why)
{
    struct slice spec = { address->spec, address->length };

    demand(why->code == CODE_OK && spec.n > 0);
    demand(address->at == address->length || address_is_safe(spec));
    ++*(size_t *)context;
    return CODE_OK;
}

static void expand(const struct aliases *a, struct slice name)
{
    struct status why = { 0 };
    size_t visited = 0;
    bool found = false;
    enum code code = aliases_expand(a, name, visit, &visited, &found, &why);

    demand(code == why.code);
    demand(code == CODE_OK || code == CODE_CONFIG || code == CODE_PERMISSION || code == CODE_READ);
    demand(visited <= ALIASES_EXPANDED_MAX && (found || visited == 0));
    demand(code != CODE_OK || !found || visited > 0);
    demand(code == CODE_OK || why.where[0] != 0);
}

static void count(void *context, const struct status *problem)
{
    demand(problem->code != CODE_OK && problem->where[0] != 0 && problem->what[0] != 0);
    ++*(size_t *)context;
}

/* Every line has a name or a problem, and its value ends; gives the number of values. */
static size_t walk(const struct alias_lines *lines)
{
    size_t values = 0;

    for (size_t i = 0; i < lines->count; i++) {
        struct slice rest = lines->rows[i].value;
        struct alias_value value;
        size_t before = rest.n;

        demand((lines->rows[i].name.n == 0) == (lines->rows[i].problem != NULL));
        demand(i == 0 || lines->rows[i].number > lines->rows[i - 1].number);
        for (; alias_value_next(&rest, &value); before = rest.n) {
            demand(rest.n < before && value.source.n > 0);
            values++;
        }
    }
    return values;
}

static void check_file(const char *path, const struct alias_lines *lines, size_t values)
{
    struct aliases *a = NULL;
    struct status why = { 0 };
    size_t problems = 0;

    demand(aliases_load(path, "vm.example.org", &a, &why) == CODE_OK && a);
    for (size_t i = 0; i < lines->count && i < NAMES_MAX; i++)
        expand(a, lines->rows[i].name);
    expand(a, slice_of("root"));
    /* Long rings of many names take their time, which only an administrator could waste. */
    if (values < 100)
        demand(aliases_check(a, count, &problems) + problems >= lines->count);
    aliases_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alias_lines lines;
    char path[64], *text = malloc(size + 1);
    int fd = memfd_create("aliases", 0);

    demand(text && fd >= 0 && write(fd, data, size) == (ssize_t)size);
    demand(fchmod(fd, 0600) == 0); /* what everybody may write is not read */
    if (size > 0)
        memcpy(text, data, size);
    demand(alias_lines_parse(text, size, &lines));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    check_file(path, &lines, walk(&lines));
    (void)close(fd);
    alias_lines_free(&lines);
    free(text);
    return 0;
}
