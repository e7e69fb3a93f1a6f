/* A configuration from a text, and from an environment. */
#ifndef ORSINO_TESTS_LOADING_H
#define ORSINO_TESTS_LOADING_H

#include "conf/config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loads the text from a file, which is gone afterwards. */
static inline enum code load(const char *text, mode_t mode, struct config **out, struct status *why)
{
    char path[] = "/tmp/orsino-test-XXXXXX";
    int fd = mkstemp(path);
    enum code code;

    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    code = config_load(path, out, why);
    if (code && strncmp(why->where, "ORSINO_", 7) != 0)
        assert_memory_equal(why->where, path, strlen(path));
    if (*out)
        assert_string_equal(config_path(*out), path);
    (void)unlink(path);
    return code;
}

static inline void load_well(const char *text, struct config **out)
{
    struct status why = { 0 };

    if (load(text, 0600, out, &why))
        print_error("%s: %s\n", why.where, why.what);
    assert_non_null(*out);
    assert_null(config_warning(*out));
}

/* What the environment adds: up to three entries, which live as long as the program. */
static inline void set_environment(const char *const entries[3])
{
    assert_int_equal(clearenv(), 0);
    for (size_t i = 0; i < 3 && entries[i]; i++)
        assert_int_equal(putenv((char *)(uintptr_t)entries[i]), 0);
}

#endif
