#include "base/log.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_file_gets_whole_lines(void **state)
{
    char path[] = "/tmp/orsino-log-XXXXXX", text[4096] = "";
    struct status why = { 0 };
    struct stat st;
    FILE *file;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(log_open("tester", path, &why), CODE_OK);
    log_line(LOG_LEVEL_INFO, "said=%s", "one\r\ntwo\x1b");
    log_line(LOG_LEVEL_ERROR, "second");
    log_close();
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    (void)fclose(file);
    (void)unlink(path);
    assert_non_null(strstr(text, ": said=one??two?\n"));
    assert_non_null(strstr(text, ": second\n"));
    assert_non_null(strstr(text, " tester["));
}

static void a_missing_folder_is_told(void **state)
{
    struct status why = { 0 };

    (void)state;
    assert_int_equal(log_open("tester", "/nonexistent/log", &why), CODE_FILE_CREATE);
    assert_string_equal(why.where, "/nonexistent/log");
    log_close();
}

/* To open one would wait for a reader, who may never come. */
static void a_fifo_nobody_reads_is_told(void **state)
{
    char path[] = "/tmp/orsino-log-XXXXXX";
    struct status why = { 0 };
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(log_open("tester", path, &why), CODE_FILE_CREATE);
    log_close();
    (void)unlink(path);
}

static void none_is_silent(void **state)
{
    struct status why = { 0 };

    (void)state;
    assert_int_equal(log_open("tester", "none", &why), CODE_OK);
    log_line(LOG_LEVEL_ERROR, "nobody reads this");
    log_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gets_whole_lines),
        cmocka_unit_test(a_missing_folder_is_told),
        cmocka_unit_test(a_fifo_nobody_reads_is_told),
        cmocka_unit_test(none_is_silent),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
