#include "base/textfile.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST = 20,
};

static void files(void **state)
{
    static const struct {
        const char *sentence, *text; /* NULL: the path is used as it is */
        const char *path;
        enum code want;
        const char *said;
    } rows[] = {
        { "a text", "hello\n", NULL, CODE_OK, "" },
        { "an empty one", "", NULL, CODE_OK, "" },
        { "as long as may be", "0123456789012345678", NULL, CODE_OK, "" },
        { "one byte more", "01234567890123456789", NULL, CODE_CONFIG, "too big" },
        { "no file", NULL, "/nonexistent", CODE_FILE_MISSING, "No such file" },
        { "below a file", NULL, "/etc/passwd/x", CODE_FILE_MISSING, "Not a directory" },
        { "a folder", NULL, "/", CODE_CONFIG, "not a regular file" },
        { "a device", NULL, "/dev/zero", CODE_CONFIG, "not a regular file" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char path[] = "/tmp/orsino-test-XXXXXX";
        struct status why = { 0 };
        struct buf got;
        int fd = mkstemp(path);
        size_t n = rows[i].text ? strlen(rows[i].text) : 0;

        assert_true(fd >= 0 && write(fd, rows[i].text ? rows[i].text : "", n) == (ssize_t)n);
        (void)close(fd);
        buf_init(&got, MOST);
        check(rows[i].sentence,
              textfile_read(rows[i].text ? path : rows[i].path, &got, &why) == rows[i].want);
        check(rows[i].sentence, strstr(why.what, rows[i].said) != NULL);
        if (rows[i].want == CODE_OK)
            check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].text));
        buf_free(&got);
        assert_int_equal(unlink(path), 0);
    }
}

static void not_for_us(void **state)
{
    char path[] = "/tmp/orsino-test-XXXXXX";
    const bool becomes_nobody = geteuid() == 0; /* root may read everything */
    struct status why = { 0 };
    struct buf got;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0 && fchmod(fd, 0) == 0);
    (void)close(fd);
    buf_init(&got, MOST);
    assert_true(!becomes_nobody || seteuid(65534) == 0);
    assert_int_equal(textfile_read(path, &got, &why), CODE_PERMISSION);
    assert_true(!becomes_nobody || seteuid(0) == 0);
    assert_non_null(strstr(why.what, "may not be read by user"));
    buf_free(&got);
    assert_int_equal(unlink(path), 0);
}

static void others_may_write(void **state)
{
    static const struct {
        mode_t mode;
        enum code want;
    } rows[] = {
        { 0602, CODE_PERMISSION }, { 0666, CODE_PERMISSION }, { 0664, CODE_OK }, { 0644, CODE_OK }
    };
    char path[] = "/tmp/orsino-test-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct buf got;

        assert_int_equal(fchmod(fd, rows[i].mode), 0);
        buf_init(&got, MOST);
        assert_int_equal(textfile_read(path, &got, &why), rows[i].want);
        buf_free(&got);
    }
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(others_may_write),
        cmocka_unit_test(not_for_us),
    };

    return cmocka_run_group_tests_name("textfile", tests, NULL, NULL);
}
