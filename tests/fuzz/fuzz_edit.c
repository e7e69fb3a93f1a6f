/*
 * Changing a section of an INI: the edited text loads and gives back the values, and what is
 * outside the section is the same, byte for byte. The input is a user, a password and a text, with
 * a NUL behind each of the first two.
 */
#include "conf/config.h"
#include "conf/edit.h"
#include "conf/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTION "a"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static bool take_string(struct slice *in, const char **out)
{
    size_t end = slice_find(*in, 0);

    if (end == in->n)
        return false;
    *out = in->p;
    *in = slice_part(*in, end + 1, in->n);
    return true;
}

static bool loads(struct slice text)
{
    struct status why = { 0 };
    struct scan scan;
    const enum code code = scan_text(&scan, "x", text, &why);

    scan_free(&scan);
    return code == CODE_OK;
}

/* Where the section begins and ends; at the end of the text when it is not there. */
static void find_place(struct slice text, size_t *begin, size_t *end)
{
    struct slice rest = text, line;
    bool is_inside = false;

    *begin = *end = text.n;
    while (rest.n > 0) {
        const size_t at = text.n - rest.n;

        line = slice_part(rest, 0, slice_find(rest, '\n'));
        rest = slice_part(rest, line.n + 1, rest.n);
        line = slice_trim(line);
        if (line.n == 0 || line.p[0] != '[')
            continue;
        if (is_inside) {
            *end = at;
            return;
        }
        is_inside =
            slice_equal_nocase(slice_trim(slice_part(line, 1, line.n - 1)), slice_of(SECTION));
        if (is_inside)
            *begin = at;
    }
}

static void check_outside(struct slice before, struct slice after)
{
    size_t begin, end;
    struct slice tail;

    find_place(before, &begin, &end);
    tail = slice_part(before, end, before.n);
    demand(after.n >= begin + tail.n);
    demand(slice_equal(slice_part(after, 0, begin), slice_part(before, 0, begin)));
    demand(slice_equal(slice_part(after, after.n - tail.n, after.n), tail));
}

static void check_loaded(struct slice text, const char *user, const char *password)
{
    struct config *config = NULL;
    struct status why = { 0 };
    struct account account;
    char path[64];
    int fd = memfd_create("ini", 0);

    demand(fd >= 0 && fchmod(fd, 0600) == 0);
    demand(write(fd, text.p, text.n) == (ssize_t)text.n);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (config_load(path, &config, &why) == CODE_OK &&
        config_account(config, SECTION, "", &account, &why) == CODE_OK) {
        demand(strcmp(account.user, user) == 0 && strcmp(account.host, "h.example") == 0);
        demand(strcmp(account.password, password) == 0);
    } else {
        /* A value elsewhere may be wrong, or not fit these. */
        demand(why.code == CODE_CONFIG);
    }
    config_free(config);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct edit_change changes[] = {
        { "host", "h.example" }, { "user", NULL }, { "password", NULL }, { "password_file", NULL }
    };
    struct status why = { 0 };
    struct buf out;
    enum code code;

    if (!take_string(&text, &changes[1].value) || !take_string(&text, &changes[2].value))
        return 0;
    buf_init(&out, (size_t)SCAN_FILE_MAX * 2);
    code = edit_section(text, SECTION, changes, 4, &out, &why);
    demand(code == why.code && (code == CODE_OK || code == CODE_CONFIG));
    demand(code != CODE_OK || loads(buf_slice(&out)));
    if (code == CODE_OK && loads(text)) {
        check_outside(text, buf_slice(&out));
        check_loaded(buf_slice(&out), changes[1].value, changes[2].value);
    }
    buf_wipe(&out);
    return 0;
}
