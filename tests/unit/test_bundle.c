#include "net/bundle.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

enum {
    NOBODY = 65534,
};

/* A file of what was appended to `text`. */
static void write_file(char path[32], const struct buf *text)
{
    int fd;

    (void)snprintf(path, 32, "/tmp/orsino-bundle-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text->p, text->n), text->n);
    assert_int_equal(close(fd), 0);
}

/* All certificates' texts in a file, trimmed, with a bar after each. */
static void read_all(const char *path, struct buf *out)
{
    struct status why = { 0 };
    struct bundle bundle = { .fd = -1 };
    struct slice text;

    assert_int_equal(bundle_open(&bundle, path, &why), CODE_OK);
    bundle_rewind(&bundle);
    while (bundle_next(&bundle, &text)) {
        buf_add_slice(out, slice_trim(text));
        buf_add_char(out, '|');
    }
    assert_int_equal(bundle.error, 0);
    bundle_close(&bundle);
}

static void texts(void **state)
{
    static const struct {
        const char *sentence;
        size_t padding; /* bytes before it */
        const char *text, *want;
    } rows[] = {
        { "one", 0, BEGIN "\nAAAA\n" END "\n", "AAAA|" },
        { "two, with words around", 0,
          "# one\n" BEGIN "\nAA\n" END "\ntwo - 2\n" BEGIN "\nBB\n" END, "AA|BB|" },
        { "line ends of DOS", 0, BEGIN "\r\nAA\r\n" END "\r\n" BEGIN "\r\nBB\r\n" END "\r\n",
          "AA|BB|" },
        { "a key is passed over", 0,
          "-----BEGIN PRIVATE KEY-----\nKK\n-----END PRIVATE KEY-----\n" BEGIN "\nAA\n" END,
          "AA|" },
        { "hyphens before it", 0, "---------" BEGIN "\nAA\n" END, "AA|" },
        { "no end", 0, BEGIN "\nAA\n" END "\n" BEGIN "\nBBBB\n", "AA|" },
        { "nothing inside", 0, BEGIN END "\n" BEGIN "\nAA\n" END, "|AA|" },
        { "over the window's end", BUNDLE_WINDOW - 10, BEGIN "\nAA\n" END, "AA|" },
        { "its text over the window's end", BUNDLE_WINDOW - 30, BEGIN "\nAA\n" END, "AA|" },
        { "far behind", 5 * BUNDLE_WINDOW, BEGIN "\nAA\n" END, "AA|" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf text, got;
        char path[32];

        buf_init(&text, 1 << 20);
        buf_init(&got, 1 << 20);
        for (size_t n = 0; n < rows[i].padding; n++)
            buf_add_char(&text, n % 70 == 69 ? '\n' : '#');
        buf_add_string(&text, rows[i].text);
        write_file(path, &text);
        read_all(path, &got);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        assert_int_equal(unlink(path), 0);
        buf_free(&text);
        buf_free(&got);
    }
}

/* One that is longer than the window is passed over, and those around it are found. */
static void overlong(void **state)
{
    struct buf text, got;
    char path[32];

    (void)state;
    buf_init(&text, 1 << 20);
    buf_init(&got, 1 << 20);
    buf_add_string(&text, BEGIN "\nAA\n" END "\n" BEGIN "\n");
    for (size_t n = 0; n < 2 * BUNDLE_WINDOW; n++)
        buf_add_char(&text, 'X');
    buf_add_string(&text, "\n" END "\n" BEGIN "\nBB\n" END "\n");
    write_file(path, &text);
    read_all(path, &got);
    check_text("overlong", buf_slice(&got), slice_of("AA|BB|"));
    assert_int_equal(unlink(path), 0);
    buf_free(&text);
    buf_free(&got);
}

static void decoding(void **state)
{
    static const struct {
        const char *sentence, *text;
        size_t room;
        const char *want;
    } rows[] = {
        { "three bytes", "YWJj", 16, "abc" },
        { "two bytes", "YWI=", 16, "ab" },
        { "one byte", "YQ==", 16, "a" },
        { "without padding", "YWI", 16, "ab" },
        { "line ends", "\nYWJj\r\nZGVm\n", 16, "abcdef" },
        { "line ends inside a group", "Y\nWJ\njZ\nGVm", 16, "abcdef" },
        { "the last two digits", "+/+/", 16, "\xfb\xff\xbf" },
        { "as much as there is room for", "YWJjZGVm", 4, "abcd" },
        { "no room", "YWJj", 0, "" },
        { "a foreign character", "YWJj!GVm", 16, "" },
        { "a byte beyond ASCII", "YWJj\xc3\xa9Vm", 16, "" },
        { "nothing", "", 16, "" },
        { "nothing but padding", "====", 16, "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        unsigned char out[16];
        size_t n = bundle_decode(slice_of(rows[i].text), out, rows[i].room);

        check_text(rows[i].sentence, (struct slice){ (const char *)out, n },
                   slice_of(rows[i].want));
    }
}

static void unusable(void **state)
{
    static const struct {
        const char *sentence, *path;
        enum code want;
        int os;
        const char *words;
    } rows[] = {
        { "a missing file", "/nowhere/ca.pem", CODE_NO_CA, ENOENT, "No such file" },
        { "a folder", "/tmp", CODE_NO_CA, 0, "a folder" },
        { "a device", "/dev/null", CODE_NO_CA, 0, "no file of CA certificates" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct bundle bundle = { .fd = -1 };

        check(rows[i].sentence, bundle_open(&bundle, rows[i].path, &why) == rows[i].want);
        check(rows[i].sentence, why.os == rows[i].os && strstr(why.what, rows[i].words) != NULL);
        check_text(rows[i].sentence, slice_of(why.where), slice_of(rows[i].path));
        check(rows[i].sentence, bundle.fd == -1);
    }
}

static void unreadable(void **state)
{
    struct buf text = { 0 };
    struct status why = { 0 };
    struct bundle bundle = { .fd = -1 };
    uid_t user = geteuid();
    enum code code;
    char path[32];

    (void)state;
    write_file(path, &text);
    assert_int_equal(chmod(path, 0), 0);
    assert_true(user != 0 || seteuid(NOBODY) == 0); /* root may read everything */
    code = bundle_open(&bundle, path, &why);
    assert_true(user != 0 || seteuid(user) == 0);
    assert_int_equal(code, CODE_PERMISSION);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),    cmocka_unit_test(overlong),   cmocka_unit_test(decoding),
        cmocka_unit_test(unusable), cmocka_unit_test(unreadable),
    };

    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
