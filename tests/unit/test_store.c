#include "mail/store.h"

#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The byte at an offset: no period that divides the sizes used. */
static char byte_at(size_t offset)
{
    return (char)(offset * 31 % 251);
}

/* Adds bytes up to `size`, `piece` at a time. */
static void fill(struct store *s, size_t size, size_t piece)
{
    struct status why = { 0 };
    char *bytes = malloc(piece);
    size_t at = 0;

    assert_non_null(bytes);
    while (at < size) {
        size_t n = size - at < piece ? size - at : piece;

        for (size_t i = 0; i < n; i++)
            bytes[i] = byte_at(at + i);
        assert_int_equal(store_add(s, (struct slice){ bytes, n }, &why), CODE_OK);
        at += n;
    }
    free(bytes);
}

static bool holds(const struct store *s, size_t size, size_t room)
{
    struct status why = { 0 };
    char piece[9000];
    size_t offset = 0, got;

    for (;;) {
        if (store_read(s, offset, piece, room, &got, &why) || got > room)
            return false;
        for (size_t i = 0; i < got; i++)
            if (piece[i] != byte_at(offset + i))
                return false;
        if (got == 0)
            return offset == size && s->size == size;
        offset += got;
    }
}

static void bytes_come_back(void **state)
{
    static const struct {
        const char *sentence;
        size_t size, piece, room;
        bool in_file;
    } rows[] = {
        { "nothing", 0, 1, 10, false },
        { "one byte", 1, 1, 10, false },
        { "a small message", 1000, 17, 100, false },
        { "all that fits in memory", STORE_MEMORY_MAX, 4096, 8192, false },
        { "one byte more", STORE_MEMORY_MAX + 1, 4096, 8192, true },
        { "one byte more, in odd pieces", STORE_MEMORY_MAX + 1, 7777, 8191, true },
        { "exactly two memories", 2 * STORE_MEMORY_MAX, 65536, 9000, true },
        { "a piece larger than the memory", 3 * STORE_MEMORY_MAX + 5, 600000, 9000, true },
        { "many memories", 9 * STORE_MEMORY_MAX + 99, 65536, 8192, true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct store s;

        store_init(&s);
        fill(&s, rows[i].size, rows[i].piece);
        check(rows[i].sentence, (s.fd >= 0) == rows[i].in_file);
        check(rows[i].sentence, holds(&s, rows[i].size, rows[i].room));
        check(rows[i].sentence, s.memory.capacity <= STORE_MEMORY_MAX);
        store_free(&s);
        check(rows[i].sentence, s.fd == -1 && s.size == 0 && s.memory.p == NULL);
    }
}

static void the_file_has_no_name(void **state)
{
    char folder[] = "/tmp/orsino-store-XXXXXX";
    struct stat st, of_folder;
    struct store s;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    store_init(&s);
    fill(&s, STORE_MEMORY_MAX + 1, 65536);
    assert_int_equal(fstat(s.fd, &st), 0);
    assert_int_equal(stat(folder, &of_folder), 0);
    check("it is where TMPDIR says", st.st_dev == of_folder.st_dev);
    check("nobody else may read it", (st.st_mode & 0777) == 0600);
    check("it has no name", st.st_nlink == 0);
    check("it does not live on in another program", fcntl(s.fd, F_GETFD) == FD_CLOEXEC);
    check("its folder is empty while it is open", rmdir(folder) == 0);
    store_free(&s);
    assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    store_init(&s);
    fill(&s, STORE_MEMORY_MAX + 1, 65536);
    check("a TMPDIR that does not exist is passed over", s.fd >= 0);
    store_free(&s);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

static void a_file_that_cannot_grow(void **state)
{
    struct rlimit before, small = { .rlim_cur = STORE_MEMORY_MAX + 1000 };
    struct status why = { 0 };
    struct store s;
    char bytes[4096] = { 0 };
    enum code code = CODE_OK;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    store_init(&s);
    for (size_t i = 0; i < 200 && code == CODE_OK; i++)
        code = store_add(&s, (struct slice){ bytes, sizeof bytes }, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    check("it says so", code == CODE_FILE_CREATE && why.os != 0 && why.what[0] != 0);
    store_free(&s);
}

static void a_file_that_cannot_be_read(void **state)
{
    struct status why = { 0 };
    struct store s;
    char bytes[10];
    size_t got = 1;

    (void)state;
    store_init(&s);
    fill(&s, STORE_MEMORY_MAX + 1, 65536);
    assert_int_equal(ftruncate(s.fd, 10), 0);
    check("what was written is gone",
          store_read(&s, 10, bytes, sizeof bytes, &got, &why) == CODE_READ && got == 0);
    check("and it says so", why.code == CODE_READ && why.what[0] != 0);
    store_free(&s);
}

static void an_all_zero_store_is_freeable(void **state)
{
    struct store s = { 0 };
    int before = fcntl(STDIN_FILENO, F_GETFD);

    (void)state;
    store_free(&s);
    check("standard input stays open", fcntl(STDIN_FILENO, F_GETFD) == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(the_file_has_no_name),
        cmocka_unit_test(a_file_that_cannot_grow),
        cmocka_unit_test(a_file_that_cannot_be_read),
        cmocka_unit_test(an_all_zero_store_is_freeable),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
