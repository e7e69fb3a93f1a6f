#include "mail/message.h"

#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

enum {
    PIECE = 64 * 1024, /* of a read */
};

/* A text with its NULs. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static int file_of(struct slice bytes)
{
    int fd = memfd_create("message", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(store_write_file(fd, bytes));
    return fd;
}

static void read_file(int fd, struct buf *out)
{
    char piece[4096];
    ssize_t n;
    off_t at = 0;

    buf_init(out, 16 * 1024 * 1024);
    while ((n = pread(fd, piece, sizeof piece, at)) > 0) {
        buf_add(out, piece, (size_t)n);
        at += n;
    }
    assert_true(n == 0 && !out->failed);
}

static int save(const char *sentence, const struct message *m)
{
    int fd = file_of(slice_of(""));
    struct status why = { 0 };
    uint64_t size = 1;

    check(sentence, message_save(m, fd, &size, &why) == CODE_OK);
    check(sentence, (off_t)size == lseek(fd, 0, SEEK_END));
    return fd;
}

/* What goes out is the same, to the byte. */
static void check_same_wire(const char *sentence, const struct message *a, const struct message *b)
{
    static const enum wire_form forms[] = { WIRE_PLAIN, WIRE_DATA };

    for (size_t i = 0; i < LENGTH(forms); i++) {
        struct buf got, want;

        collect_wire(a, forms[i], 4096, &got);
        collect_wire(b, forms[i], 4096, &want);
        check_text(sentence, buf_slice(&got), buf_slice(&want));
        buf_free(&got);
        buf_free(&want);
    }
}

/* Saves, and loads again; the file holds `want`. The descriptor is closed before it is read. */
static void check_round(const char *sentence, const struct message *m, struct slice want)
{
    int fd = save(sentence, m);
    struct status why = { 0 };
    uint64_t size = 0, wanted = 0;
    struct message loaded;
    struct buf file;

    read_file(fd, &file);
    check_text(sentence, buf_slice(&file), want);
    message_init(&loaded);
    check(sentence, message_load(&loaded, fd, &why) == CODE_OK);
    (void)close(fd);
    check_same_wire(sentence, &loaded, m);
    check(sentence, wire_size(&loaded, &size, &why) == CODE_OK);
    check(sentence, wire_size(m, &wanted, &why) == CODE_OK && size == wanted);
    check(sentence, loaded.read_bytes == file.n);
    buf_free(&file);
    message_free(&loaded);
}

static void comes_back_as_it_goes_out(void **state)
{
    static const struct {
        const char *sentence;
        enum dots dots;
        enum encoding encoding;
        struct slice input, file;
    } rows[] = {
        { "header and body", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: 1\nB: 2\n 3\n\nx\n\ny\n"),
          BYTES("A: 1\nB: 2\n 3\n\nx\n\ny\n") },
        { "line ends of all kinds", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: 1\r\n\r\nx\ry\r\n"),
          BYTES("A: 1\n\nx\ny\n") },
        { "no body", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: 1\n"), BYTES("A: 1\n\n") },
        { "nothing", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES(""), BYTES("\n") },
        { "no header", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("\nx\n"), BYTES("\nx\n") },
        { "no header, and a body that begins with an empty line", DOTS_ARE_DATA, ENCODING_AS_IS,
          BYTES("\n\nx\n"), BYTES("\n\nx\n") },
        { "a body of empty lines", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: 1\n\n\n\n"),
          BYTES("A: 1\n\n\n\n") },
        { "a body that looks like an mbox", DOTS_ARE_DATA, ENCODING_AS_IS,
          BYTES("A: 1\n\nFrom a Tue Sep  1 10:00:00 2026\n"),
          BYTES("A: 1\n\nFrom a Tue Sep  1 10:00:00 2026\n") },
        { "dots as they are", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: 1\n\n.\n..\n...x\n"),
          BYTES("A: 1\n\n.\n..\n...x\n") },
        { "dots unstuffed", DOTS_AUTO, ENCODING_AS_IS, BYTES("A: 1\n\n..\n...x\n.\n"),
          BYTES("A: 1\n\n.\n..x\n") },
        { "8-bit bytes", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: \xc3\xa9\n\n\xff\xc3\xa9\n"),
          BYTES("A: \xc3\xa9\n\n\xff\xc3\xa9\n") },
        { "a NUL, which becomes a space", DOTS_ARE_DATA, ENCODING_AS_IS, BYTES("A: 1\n\nx\0y\n"),
          BYTES("A: 1\n\nx y\n") },
        { "a NUL that is signed", DOTS_ARE_DATA, ENCODING_AS_IS,
          BYTES("DKIM-Signature: 1\n\nx\0y\n"), BYTES("DKIM-Signature: 1\n\nx\0y\n") },
        { "a body that is encoded", DOTS_ARE_DATA, ENCODING_QUOTED_PRINTABLE,
          BYTES("A: 1\n\n\xc3\xa9=\n.\n\0\n"), BYTES("A: 1\n\n=C3=A9=3D\n=2E\n=00\n") },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct message m;

        read_message(&m, rows[i].input, rows[i].dots);
        m.encoding = rows[i].encoding;
        check_round(rows[i].sentence, &m, rows[i].file);
        message_free(&m);
    }
}

static void add_bytes(struct buf *out, char c, size_t n)
{
    while (n-- > 0)
        buf_add_char(out, c);
}

/* Each byte is at its place, wherever the reads are cut. */
static void whatever_the_length(void **state)
{
    static const struct {
        const char *sentence;
        size_t header, line; /* bytes of the field, of the body's first line */
    } rows[] = {
        { "a header's line ends with the read", PIECE - 1, 10 },
        { "the empty line begins the next read", PIECE, 10 },
        { "the empty line ends the read", PIECE - 2, 10 },
        { "a header of more than two reads", 2 * PIECE + 1, 10 },
        { "a body's line breaks where a read ends", 10, 998 },
        { "a line that is broken, of 1 MB", 10, 1024 * 1024 },
        { "a character is cut", 10, PIECE - 15 },
        { "a character is cut later", 10, PIECE - 16 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf text, wire;
        struct message m;

        buf_init(&text, 8 * 1024 * 1024);
        buf_add_string(&text, "A: ");
        add_bytes(&text, 'a', rows[i].header - 4);
        buf_add_string(&text, "\n\n");
        add_bytes(&text, 'b', rows[i].line);
        buf_add_string(&text, "\xe2\x82\xac\nlast\n");
        read_message(&m, buf_slice(&text), DOTS_ARE_DATA);
        collect_wire(&m, WIRE_PLAIN, 4096, &wire);
        buf_clear(&text);
        for (size_t k = 0; k < wire.n; k++)
            if (wire.p[k] != '\r')
                buf_add_char(&text, wire.p[k]);
        check_round(rows[i].sentence, &m, buf_slice(&text));
        message_free(&m);
        buf_free(&wire);
        buf_free(&text);
    }
}

/* A message that is loaded is known as one that is read. */
static void is_known_as_when_read(void **state)
{
    static const struct {
        const char *sentence;
        struct slice file;
    } rows[] = {
        { "plain", BYTES("A: 1\n\nx\nlonger\nx\n") },
        { "8-bit header", BYTES("A: \xc3\xa9\n\nx\n") },
        { "UTF-8 body", BYTES("A: 1\n\n\xc3\xa9\n") },
        { "a body in Latin-1", BYTES("A: 1\n\n\xe9\n") },
        { "a character that has no end", BYTES("A: 1\n\nx\xc3\n") },
        { "NUL", BYTES("A: 1\n\nx\0\n") },
        { "empty", BYTES("A: 1\n\n") },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        int fd = file_of(rows[i].file);
        struct status why = { 0 };
        struct message got, want;

        message_init(&got);
        check(rows[i].sentence, message_load(&got, fd, &why) == CODE_OK);
        read_message(&want, rows[i].file, DOTS_ARE_DATA);
        check(rows[i].sentence, got.header_8bit == want.header_8bit);
        check(rows[i].sentence, got.body_8bit == want.body_8bit);
        check(rows[i].sentence, got.body_nul == want.body_nul);
        check(rows[i].sentence, got.body_utf8 == want.body_utf8);
        check(rows[i].sentence, got.longest_line == want.longest_line);
        check(rows[i].sentence, got.body_lines == want.body_lines);
        check(rows[i].sentence, got.body.size == want.body.size && !got.unstuff);
        message_free(&got);
        message_free(&want);
        (void)close(fd);
    }
}

static void a_damaged_file_is_refused(void **state)
{
    static const struct {
        const char *sentence;
        struct slice file;
        const char *words;
    } rows[] = {
        { "nothing in it", BYTES(""), "its header has no end" },
        { "the header stops", BYTES("A: 1\nB"), "its header has no end" },
        { "no empty line", BYTES("A: 1\nB: 2\n"), "its header has no end" },
        { "the last line stops", BYTES("A: 1\n\nx\ny"), "its last line has no end" },
        { "CR LF", BYTES("A: 1\r\n\r\nx\r\n"), "it holds a carriage return" },
        { "a CR alone", BYTES("A: 1\n\nx\r.\r"), "it holds a carriage return" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        int fd = file_of(rows[i].file);
        struct status why = { 0 };
        struct message m;

        message_init(&m);
        check(rows[i].sentence, message_load(&m, fd, &why) == CODE_MESSAGE);
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
        message_free(&m);
        (void)close(fd);
    }
}

static void a_header_has_a_bound(void **state)
{
    static const struct {
        const char *sentence;
        size_t size;
        enum code code;
    } rows[] = {
        { "as long as repairs may make it", 2 * MESSAGE_HEADER_MAX, CODE_OK },
        { "a byte more", 2 * MESSAGE_HEADER_MAX + 1, CODE_MESSAGE },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct message m;
        struct buf text;
        int fd;

        buf_init(&text, 4 * MESSAGE_HEADER_MAX);
        add_bytes(&text, 'a', rows[i].size - 1);
        buf_add_string(&text, "\n\nx\n");
        fd = file_of(buf_slice(&text));
        message_init(&m);
        check(rows[i].sentence, message_load(&m, fd, &why) == rows[i].code);
        message_free(&m);
        buf_free(&text);
        (void)close(fd);
    }
}

/* The body is that of the file, however the file goes on behind it. */
static void a_lent_store_ends_where_it_should(void **state)
{
    int fd = file_of(slice_of("0123456789"));
    struct status why = { 0 };
    struct store s;
    struct buf got;

    (void)state;
    store_init(&s);
    assert_int_equal(store_lend(&s, fd, 3, 4, &why), CODE_OK);
    (void)close(fd);
    collect_store(&s, &got);
    check_text("four bytes from the third on", buf_slice(&got), slice_of("3456"));
    buf_free(&got);
    store_free(&s);
}

static void what_cannot_be_written_or_read(void **state)
{
    struct status full = { 0 }, closed = { 0 }, folder = { 0 };
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), root = open("/", O_RDONLY | O_CLOEXEC);
    struct message m, none;
    uint64_t size;

    (void)state;
    assert_true(fd >= 0 && root >= 0);
    read_message(&m, slice_of("A: 1\n\nx\n"), DOTS_ARE_DATA);
    check("a full disk", message_save(&m, fd, &size, &full) == CODE_FILE_CREATE);
    check("is told", full.os == ENOSPC && full.stage == STAGE_QUEUE);
    (void)close(fd);
    check("no file", message_save(&m, -1, &size, &closed) == CODE_FILE_CREATE);
    check("is told as well", closed.os == EBADF);
    message_free(&m);
    message_init(&none);
    check("a folder", message_load(&none, root, &folder) != CODE_OK);
    message_free(&none);
    (void)close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_goes_out),
        cmocka_unit_test(whatever_the_length),
        cmocka_unit_test(is_known_as_when_read),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(a_header_has_a_bound),
        cmocka_unit_test(a_lent_store_ends_where_it_should),
        cmocka_unit_test(what_cannot_be_written_or_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
