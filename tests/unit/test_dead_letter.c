#include "cli/dead_letter.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[64];
static struct passwd entry = { .pw_name = (char[]){ "me" }, .pw_dir = home };
static bool has_entry = true;

/* The user database of this test, in the place of libc's. */
struct passwd *getpwuid(uid_t user)
{
    return has_entry && user == getuid() ? &entry : NULL;
}

static void make_message(struct message *m, const char *text)
{
    const struct message_limits limits = { .max_size = UINT64_MAX };
    struct message_reader *reader;
    struct status why = { 0 };
    char *copy = slice_dup(slice_of(text));

    message_init(m);
    assert_non_null(copy);
    assert_int_equal(message_read_begin(m, &limits, &reader, &why), CODE_OK);
    assert_int_equal(message_read_add(reader, copy, strlen(copy), &why), CODE_OK);
    assert_int_equal(message_read_end(reader, &why), CODE_OK);
    free(copy);
}

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    ssize_t n = (ssize_t)strlen(text);

    assert_true(fd >= 0);
    assert_true(write(fd, text, (size_t)n) == n);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

/* The file as it is; "" without one. */
static void read_file(struct buf *out)
{
    char piece[4096];
    ssize_t n;
    int fd = open(path_of("dead.letter"), O_RDONLY | O_NONBLOCK);

    buf_clear(out);
    while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0)
        buf_add(out, piece, (size_t)n);
    if (fd >= 0)
        (void)close(fd);
}

/* The same, with the date of each separator hidden. */
static void read_without_dates(struct buf *out)
{
    struct buf all;
    struct slice rest, line;

    buf_init(&all, 1024 * 1024);
    read_file(&all);
    buf_clear(out);
    for (rest = buf_slice(&all); slice_take_until(&rest, "\n", &line);) {
        struct slice rows = line, word;

        if (slice_equal(slice_part(line, 0, 5), slice_of("From ")) &&
            slice_take_word(&rows, &word) && slice_take_word(&rows, &word)) {
            assert_int_equal(line.n, 5 + word.n + 25);
            line.n = 5 + word.n;
        }
        buf_add_slice(out, line);
        buf_add_char(out, '\n');
    }
    buf_free(&all);
}

static enum code add(const char *text, const char *reverse_path, const char *error,
                     struct status *why)
{
    char where[DEAD_LETTER_PATH_ROOM];
    struct message m;
    enum code code;

    *why = (struct status){ 0 };
    make_message(&m, text);
    code = dead_letter_add(&m, reverse_path, error, where, why);
    if (has_entry)
        assert_string_equal(where, path_of("dead.letter"));
    else
        assert_string_equal(where, "");
    message_free(&m);
    return code;
}

static int make_home(void **state)
{
    (void)state;
    (void)umask(077);
    has_entry = true;
    (void)snprintf(home, sizeof home, "/tmp/orsino.dead.XXXXXX");
    return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **state)
{
    (void)state;
    (void)unlink(path_of("dead.letter"));
    (void)unlink(path_of("other"));
    return rmdir(home);
}

static void message_is_appended(void **state)
{
    static const struct {
        const char *sentence;
        const char *before; /* NULL: no file */
        mode_t mode;
        const char *message, *reverse_path, *error, *want;
    } rows[] = {
        { "the first one", NULL, 0, "Subject: x\n\nbody\n", "me@example.org", "no answer in time",
          "From me@example.org\nX-Orsino-Error: no answer in time\nSubject: x\n\nbody\n\n" },
        { "the null reverse-path", NULL, 0, "Subject: x\n\nbody\n", "", "e",
          "From MAILER-DAEMON\nX-Orsino-Error: e\nSubject: x\n\nbody\n\n" },
        { "an empty file", "", 0600, "Subject: x\n\nbody\n", "me", "e",
          "From me\nX-Orsino-Error: e\nSubject: x\n\nbody\n\n" },
        { "behind another", "old\n\n", 0600, "Subject: x\n\nbody\n", "me", "e",
          "old\n\nFrom me\nX-Orsino-Error: e\nSubject: x\n\nbody\n\n" },
        { "behind one without an empty line", "old\n", 0644, "Subject: x\n\nbody\n", "me", "e",
          "old\n\nFrom me\nX-Orsino-Error: e\nSubject: x\n\nbody\n\n" },
        { "behind one without a line end", "old", 0666, "Subject: x\n\nbody\n", "me", "e",
          "old\n\nFrom me\nX-Orsino-Error: e\nSubject: x\n\nbody\n\n" },
        { "behind a single line end", "\n", 0600, "Subject: x\n\nbody\n", "me", "e",
          "\n\nFrom me\nX-Orsino-Error: e\nSubject: x\n\nbody\n\n" },
        { "lines that look like a separator", NULL, 0,
          "Subject: x\n\nFrom here\n>From there\n>>From\nFro\n From y\nFromm z\nFFrom a\nx From b\n"
          ">From \nFrom",
          "me", "e",
          "From me\nX-Orsino-Error: e\nSubject: x\n\n>From here\n>>From there\n>>From\nFro\n"
          " From y\nFromm z\nFFrom a\nx From b\n>>From \nFrom\n\n" },
        { "dots and CRLF", NULL, 0, "Subject: x\r\n\r\n.\r\n..\r\n", "me", "e",
          "From me\nX-Orsino-Error: e\nSubject: x\n\n.\n..\n\n" },
        { "no body", NULL, 0, "Subject: x\n", "me", "e",
          "From me\nX-Orsino-Error: e\nSubject: x\n\n\n" },
        { "a field that looks like a separator", NULL, 0, "From : a@x\nSubject: x\n\ny\n", "me",
          "e", "From me\nX-Orsino-Error: e\n>From : a@x\nSubject: x\n\ny\n\n" },
        { "no header", NULL, 0, "\nbody\n", "me", "e", "From me\nX-Orsino-Error: e\n\nbody\n\n" },
        { "words that would break the header", NULL, 0, "Subject: x\n\nbody\n", "me\n\nx",
          "a\nBcc: b\033", "From me??x\nX-Orsino-Error: a?Bcc: b?\nSubject: x\n\nbody\n\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why;
        struct stat st;
        struct buf got;

        (void)unlink(path_of("dead.letter"));
        if (rows[i].before)
            write_file("dead.letter", rows[i].before, rows[i].mode);
        check(rows[i].sentence,
              add(rows[i].message, rows[i].reverse_path, rows[i].error, &why) == CODE_OK);
        buf_init(&got, 65536);
        read_without_dates(&got);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        check(rows[i].sentence,
              stat(path_of("dead.letter"), &st) == 0 && (st.st_mode & 07777) == 0600);
        buf_free(&got);
    }
}

/* What stands in the place of the file. */
static void put_link(void)
{
    write_file("other", "x\n", 0600);
    assert_int_equal(symlink("other", path_of("dead.letter")), 0);
}

static void put_dangling_link(void)
{
    assert_int_equal(symlink("other", path_of("dead.letter")), 0);
}

static void put_second_name(void)
{
    char other[128];

    write_file("other", "x\n", 0600);
    (void)snprintf(other, sizeof other, "%s", path_of("other"));
    assert_int_equal(link(other, path_of("dead.letter")), 0);
}

static void put_fifo(void)
{
    assert_int_equal(mkfifo(path_of("dead.letter"), 0600), 0);
}

static void put_foreign(void)
{
    write_file("dead.letter", "x\n", 0666);
    assert_int_equal(chown(path_of("dead.letter"), 1, 1), 0);
}

static void take_home(void)
{
    assert_int_equal(rmdir(home), 0);
}

static void take_entry(void)
{
    has_entry = false;
}

static void strange_files_are_refused(void **state)
{
    static const struct {
        const char *sentence;
        void (*put)(void);
        enum code want;
        const char *words;
        bool is_roots; /* takes root to be tried */
    } rows[] = {
        { "a link", put_link, CODE_PERMISSION, "symbolic link", false },
        { "a link to nothing", put_dangling_link, CODE_PERMISSION, "symbolic link", false },
        { "a second name", put_second_name, CODE_PERMISSION, "has a second name", false },
        { "a FIFO", put_fifo, CODE_PERMISSION, "is not a regular file", false },
        { "a file of another user", put_foreign, CODE_PERMISSION, "belongs to another user", true },
        { "a home that is not there", take_home, CODE_FILE_MISSING, "is missing", false },
        { "a user that nobody knows", take_entry, CODE_FILE_MISSING, "no home", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why;
        struct stat st;

        if (rows[i].is_roots && geteuid() != 0)
            continue;
        assert_int_equal(make_home(NULL), 0);
        rows[i].put();
        check(rows[i].sentence, add("Subject: x\n\ny\n", "me", "e", &why) == rows[i].want);
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
        if (stat(path_of("other"), &st) == 0)
            check(rows[i].sentence, st.st_size == 2);
        (void)remove_home(NULL);
    }
}

/* In a child, so that the limit is the child's alone. */
static void fill_disk(const char *before, size_t size, rlim_t limit)
{
    const struct rlimit most = { limit, limit };
    struct status why;
    char *text = malloc(size + 64);
    pid_t child;
    int left;

    assert_non_null(text);
    (void)unlink(path_of("dead.letter"));
    if (before)
        write_file("dead.letter", before, 0600);
    memset(text, 'a', size + 63);
    memcpy(text, "Subject: x\n\n", 12);
    for (size_t i = 80; i < size + 60; i += 80)
        text[i] = '\n';
    text[size + 63] = 0;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        enum code code;

        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &most);
        code = add(text, "me", "e", &why);
        _exit(code == CODE_FILE_CREATE && why.os == EFBIG ? 0 : 1);
    }
    free(text);
    assert_true(waitpid(child, &left, 0) == child && WIFEXITED(left) && WEXITSTATUS(left) == 0);
}

static void half_a_message_is_taken_back(void **state)
{
    static const struct {
        const char *sentence, *before;
        size_t size;
        rlim_t limit;
    } rows[] = {
        { "a file that was not there goes", NULL, 100000, 50000 },
        { "one that was empty stays empty", "", 100000, 50000 },
        { "one with a message has that alone", "old\n\n", 100000, 50000 },
        { "no room for a byte", "old\n\n", 100, 5 },
        { "no room for the last bytes", "old\n\n", 100000, 100060 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct stat st;
        struct buf got;

        fill_disk(rows[i].before, rows[i].size, rows[i].limit);
        check(rows[i].sentence,
              (stat(path_of("dead.letter"), &st) == 0) == (rows[i].before != NULL));
        buf_init(&got, 1024 * 1024);
        read_file(&got);
        check_text(rows[i].sentence, buf_slice(&got),
                   slice_of(rows[i].before ? rows[i].before : ""));
        buf_free(&got);
    }
}

/* A message that takes many writes. */
static char *large(void)
{
    enum {
        LINES = 40000,
    };
    struct buf text;

    buf_init(&text, 1024 * 1024);
    buf_add_string(&text, "Subject: x\n\nbegin\n");
    for (size_t i = 0; i < LINES; i++)
        buf_add_string(&text, "x\n");
    buf_add_string(&text, "end\n");
    assert_non_null(buf_string(&text));
    return text.p;
}

/* Several at once: each message is there, whole, one behind the other. */
static void writers_wait_for_each_other(void **state)
{
    enum {
        WRITERS = 6,
    };
    size_t begun = 0, ended = 0;
    char *text = large();
    struct buf got;
    struct slice rest, line;

    (void)state;
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            struct status why;

            _exit(add(text, "me", "e", &why) == CODE_OK ? 0 : 1);
        }
    }
    for (int i = 0, left; i < WRITERS; i++)
        assert_true(wait(&left) > 0 && WIFEXITED(left) && WEXITSTATUS(left) == 0);
    buf_init(&got, 8 * 1024 * 1024);
    read_file(&got);
    for (rest = buf_slice(&got); slice_take_until(&rest, "\n", &line);) {
        begun += slice_equal(line, slice_of("begin"));
        ended += slice_equal(line, slice_of("end"));
        check("none begins before the last has its end", begun - ended <= 1);
    }
    check("all are there", begun == WRITERS && ended == WRITERS);
    buf_free(&got);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(message_is_appended, make_home, remove_home),
        cmocka_unit_test(strange_files_are_refused),
        cmocka_unit_test_setup_teardown(half_a_message_is_taken_back, make_home, remove_home),
        cmocka_unit_test_setup_teardown(writers_wait_for_each_other, make_home, remove_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
