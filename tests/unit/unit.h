/* What every unit test needs: cmocka, the length of a table, and a check that names its row. */
#ifndef ORSINO_TESTS_UNIT_H
#define ORSINO_TESTS_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "base/text.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Fails with the row's sentence when it does not hold. */
static inline void check(const char *sentence, bool holds)
{
    if (!holds)
        print_error("failed: %s\n", sentence);
    assert_true(holds);
}

/* Fails with the row's sentence, and both texts, when they differ. */
static inline void check_text(const char *sentence, struct slice got, struct slice want)
{
    if (!slice_equal(got, want))
        print_error("failed: %s\n got: %.*s\nwant: %.*s\n", sentence, (int)got.n,
                    got.n > 0 ? got.p : "", (int)want.n, want.n > 0 ? want.p : "");
    assert_true(slice_equal(got, want));
}

#endif
