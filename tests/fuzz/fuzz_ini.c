/* The INI: what the scan takes, iniparser must read in the same way, and every account is sound. */
#include "conf/config.h"
#include "conf/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* In the section itself; NULL when the key does not stand there. */
static const struct scan_entry *find_entry(const struct scan *scan, struct slice section,
                                           const char *key)
{
    for (size_t i = 0; i < scan->count; i++)
        if (scan->entries[i].key.p && slice_equal_nocase(scan->entries[i].section, section) &&
            slice_equal_nocase(scan->entries[i].key, slice_of(key)))
            return &scan->entries[i];
    return NULL;
}

static void check_value(const struct scan *scan, struct slice section, const char *key,
                        const char *value)
{
    const struct scan_entry *entry = find_entry(scan, section, key);

    /* An empty host and user may come from the provider. */
    demand(!entry || entry->value.n == 0 || slice_equal(entry->value, slice_of(value)));
    demand(!entry || scan_line(scan, section, key) == entry->line);
}

static void check_account(struct config *config, const struct scan *scan, struct slice section)
{
    char name[SCAN_NAME_MAX + 1] = "";
    struct status why = { 0 };
    struct account account;
    enum code code;

    memcpy(name, section.p, section.n);
    code = config_account(config, name, "me@example.org", &account, &why);
    demand(code == why.code && (code == CODE_OK || code == CODE_CONFIG));
    if (code)
        return;
    demand(account.host[0] != 0 && account.port > 0 && account.port <= 65535);
    demand(strlen(account.fingerprint) == 64 || account.fingerprint[0] == 0);
    demand(account.tls != TLS_UNSET && account.timeout > 0 && account.connect_timeout > 0);
    check_value(scan, section, "host", account.host);
    check_value(scan, section, "user", account.user);
    check_value(scan, section, "from", account.from);
    check_value(scan, section, "full_name", account.full_name);
    check_value(scan, section, "match", account.match);
    check_value(scan, section, "password", account.password);
}

static void check_file(const char *path, const struct scan *scan)
{
    struct config *config = NULL;
    struct status why = { 0 };
    enum code code = config_load(path, &config, &why);

    /* CODE_READ: iniparser saw other values than the scan. */
    demand(code == CODE_OK || code == CODE_CONFIG);
    demand(code == why.code && (config != NULL) == (code == CODE_OK));
    for (size_t i = 0; config && i < scan->count; i++)
        if (!scan->entries[i].key.p)
            check_account(config, scan, scan->entries[i].section);
    config_free(config);
}

static void check_scan(const struct scan *scan)
{
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_entry *entry = &scan->entries[i];

        demand(entry->section.n > 0 && entry->section.n <= SCAN_NAME_MAX);
        demand(entry->line > 0 && (i == 0 || entry->line > scan->entries[i - 1].line));
        demand(!entry->value.p || !memchr(entry->value.p, '\n', entry->value.n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct status why = { 0 };
    struct scan scan;
    enum code code = scan_text(&scan, "x", text, &why);

    demand(code == why.code && (code == CODE_OK || code == CODE_CONFIG));
    check_scan(&scan);
    if (code == CODE_OK) {
        char path[64];
        int fd = memfd_create("ini", 0);

        demand(fd >= 0 && fchmod(fd, 0600) == 0);
        demand(write(fd, data, size) == (ssize_t)size);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        check_file(path, &scan);
        (void)close(fd);
    }
    scan_free(&scan);
    return 0;
}
