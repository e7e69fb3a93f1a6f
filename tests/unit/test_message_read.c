#include "mail/message.h"

#include "sink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A text with its NULs. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const size_t pieces[] = { 1, 2, 3, 5, 1000, 30000 };

static void reading(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
        const char *header;
        struct slice body;
    } rows[] = {
        { "header and body", BYTES("To: a\nX: b\n\nhello\n"), "To: a\nX: b\n", BYTES("hello\n") },
        { "CRLF", BYTES("To: a\r\n\r\nhello\r\n"), "To: a\n", BYTES("hello\n") },
        { "a CRLF header, a LF body", BYTES("To: a\r\n\r\n1\n2\n"), "To: a\n", BYTES("1\n2\n") },
        { "a LF header, a CRLF body", BYTES("To: a\n\n1\r\n2\r\n"), "To: a\n", BYTES("1\n2\n") },
        { "a mixture", BYTES("A: 1\r\nB: 2\n\r\n3\n4\r\n"), "A: 1\nB: 2\n", BYTES("3\n4\n") },
        { "a bare CR in the body", BYTES("A: 1\n\n2\r3\n"), "A: 1\n", BYTES("2\n3\n") },
        { "a bare CR in the header", BYTES("A: 1\rB: 2\n\n"), "A: 1\nB: 2\n", BYTES("") },
        { "bare CRs alone", BYTES("A: 1\r\r2\r"), "A: 1\n", BYTES("2\n") },
        { "two bare CRs", BYTES("A: 1\n\n2\r\r3\n"), "A: 1\n", BYTES("2\n\n3\n") },
        { "CR CR LF is one line end", BYTES("A: 1\r\r\nB: 2\r\r\n\r\r\n3\r\r\n4\r\r\r\n"),
          "A: 1\nB: 2\n", BYTES("3\n4\n") },
        { "LF CR is two", BYTES("A: 1\n\n2\n\r3"), "A: 1\n", BYTES("2\n\n3\n") },
        { "a CR at the very end", BYTES("A: 1\n\n2\r"), "A: 1\n", BYTES("2\n") },
        { "CRs at the very end", BYTES("A: 1\n\n2\r\r"), "A: 1\n", BYTES("2\n\n") },
        { "no final newline", BYTES("A: 1\n\nhello"), "A: 1\n", BYTES("hello\n") },
        { "no newline after the header", BYTES("A: 1"), "A: 1\n", BYTES("") },
        { "only a header", BYTES("A: 1\nB: 2\n"), "A: 1\nB: 2\n", BYTES("") },
        { "a header and its empty line", BYTES("A: 1\n\n"), "A: 1\n", BYTES("") },
        { "nothing", BYTES(""), "", BYTES("") },
        { "a newline", BYTES("\n"), "", BYTES("") },
        { "an empty line first", BYTES("\nA: 1\n"), "", BYTES("A: 1\n") },
        { "no header", BYTES("hello world\nA: 1\n"), "", BYTES("hello world\nA: 1\n") },
        { "no header, no newline", BYTES("hello"), "", BYTES("hello\n") },
        { "a body without an empty line", BYTES("A: 1\nhello world\nB: 2\n"), "A: 1\n",
          BYTES("hello world\nB: 2\n") },
        { "a folded field", BYTES("A: 1\n 2\n\t3\nB: 4\n\n"), "A: 1\n 2\n\t3\nB: 4\n", BYTES("") },
        { "a continuation of nothing", BYTES(" A: 1\nB: 2\n"), "", BYTES(" A: 1\nB: 2\n") },
        { "a line of white space is a continuation", BYTES("A: 1\n \nB: 2\n\n3\n"),
          "A: 1\n \nB: 2\n", BYTES("3\n") },
        { "an mbox line", BYTES("From me Mon Jan  1 00:00:00 2024\nA: 1\n\nx\n"), "A: 1\n",
          BYTES("x\n") },
        { "a quoted mbox line", BYTES(">From me Mon Jan  1\r\nA: 1\r\n\r\nx\r\n"), "A: 1\n",
          BYTES("x\n") },
        { "two of them", BYTES("From a b\n>From c d\nA: 1\n\n"), "A: 1\n", BYTES("") },
        { "an mbox line without a date", BYTES("From me\nA: 1\n\nx\n"), "A: 1\n", BYTES("x\n") },
        { "nothing but an mbox line", BYTES("From a Mon Jan  1 00:00:00 2024"), "", BYTES("") },
        { "an mbox line before an empty one", BYTES("From a Tue Feb 1\n\nFrom b\n"), "",
          BYTES("From b\n") },
        { "an mbox line before text", BYTES("From a Tue Feb 1\nhello\n"), "", BYTES("hello\n") },
        { "text that begins like one", BYTES("From now on\nit works\nA: 1\n"), "",
          BYTES("From now on\nit works\nA: 1\n") },
        { "and nothing else", BYTES("From now on"), "", BYTES("From now on\n") },
        { "and an empty line", BYTES("From now on\n\nA: 1\n"), "", BYTES("From now on\n\nA: 1\n") },
        { "and a line with white space first", BYTES("From a\n b\n"), "", BYTES("From a\n b\n") },
        { "twice", BYTES("From a\n>From b\n\n"), "", BYTES("From a\n>From b\n\n") },
        { "a month or a day alone", BYTES("From Sun to Jan\nx\n"), "",
          BYTES("From Sun to Jan\nx\n") },
        { "text in lower case is no mbox line", BYTES("from now on\n"), "",
          BYTES("from now on\n") },
        { "a later mbox line is text", BYTES("A: 1\nFrom a b\nC: 2\n"), "A: 1\n",
          BYTES("From a b\nC: 2\n") },
        { "From in a body", BYTES("A: 1\n\nFrom here\n"), "A: 1\n", BYTES("From here\n") },
        { "white space before a colon", BYTES("From : a@b\n\n"), "From : a@b\n", BYTES("") },
        { "NUL is data", BYTES("A: 1\0 2\n\n\0x\0\n"), "A: 1", BYTES("\0x\0\n") },
        { "empty lines stay", BYTES("A: 1\n\n\n\nx\n\n"), "A: 1\n", BYTES("\n\nx\n\n") },
        { "dots are data", BYTES("A: 1\n\n.\n..\n.x\n.\n"), "A: 1\n", BYTES(".\n..\n.x\n.\n") },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows) * LENGTH(pieces); i++) {
        size_t row = i / LENGTH(pieces), piece = pieces[i % LENGTH(pieces)];
        struct message_limits limits = { .max_size = 1000, .dots = DOTS_ARE_DATA };
        struct status why = { 0 };
        struct message m;
        struct buf body;

        message_init(&m);
        check(rows[row].sentence,
              read_pieces(&m, rows[row].input, piece, &limits, &why) == CODE_OK);
        collect_store(&m.body, &body);
        check_text(rows[row].sentence,
                   slice_part(buf_slice(&m.header), 0, slice_find(buf_slice(&m.header), 0)),
                   slice_of(rows[row].header));
        check_text(rows[row].sentence, buf_slice(&body), rows[row].body);
        check(rows[row].sentence, m.read_bytes == rows[row].input.n);
        buf_free(&body);
        message_free(&m);
    }
}

static void dots(void **state)
{
    static const struct {
        const char *sentence, *input; /* after an empty header */
        const char *terminate;        /* the body when a dot ends the message */
        bool terminate_unstuff;
        const char *automatic;
        bool automatic_unstuff;
    } rows[] = {
        { "no dots", "a\nb\n", "a\nb\n", false, "a\nb\n", false },
        { "a dot at the end", "a\n.\n", "a\n", false, "a\n", false },
        { "a CRLF dot at the end", "a\r\n.\r\n", "a\n", false, "a\n", false },
        { "a dot without a newline", "a\n.", "a\n", false, "a\n", false },
        { "a dot and a CR", "a\n.\r", "a\n", false, "a\n", false },
        { "nothing but a dot", ".\n", "", false, "", false },
        { "a dot in the middle", "a\n.\nb\n", "a\n", false, "a\n.\nb\n", false },
        { "an empty line after the dot", "a\n.\n\n", "a\n", false, "a\n.\n\n", false },
        { "two lone dots", "a\n.\n.\n", "a\n", false, "a\n.\n", false },
        { "a dot in the middle and at the end", ".\nb\n.\n", "", false, ".\nb\n", false },
        { "a stuffed line", "a\n..b\n", "a\n..b\n", true, "a\n..b\n", true },
        { "a stuffed lone dot", "a\n..\nb\n", "a\n..\nb\n", true, "a\n..\nb\n", true },
        { "stuffed, and ended by a dot", "..a\n.\n", "..a\n", true, "..a\n", true },
        { "unstuffed", "a\n.b\n", "a\n.b\n", false, "a\n.b\n", false },
        { "both", "..a\n.b\n", "..a\n.b\n", true, "..a\n.b\n", false },
        { "both the other way", ".a\n..b\n", ".a\n..b\n", true, ".a\n..b\n", false },
        { "stuffed, with a lone dot", "..a\n.\nb\n", "..a\n", true, "..a\n.\nb\n", false },
        { "dots within lines", "a.\nb..c\n", "a.\nb..c\n", false, "a.\nb..c\n", false },
        { "three dots", "...\n", "...\n", true, "...\n", true },
        { "a dot and a space", ". \n", ". \n", false, ". \n", false },
        { "stuffed and no newline", "..", "..\n", true, "..\n", true },
    };

    (void)state;
    for (size_t i = 0; i < 2 * LENGTH(rows) * LENGTH(pieces); i++) {
        size_t row = i / 2 / LENGTH(pieces), piece = pieces[i / 2 % LENGTH(pieces)];
        bool automatic = i % 2;
        struct message_limits limits = { 1000, automatic ? DOTS_AUTO : DOTS_TERMINATE };
        struct status why = { 0 };
        struct message m;
        struct buf input, body;

        buf_init(&input, 1000);
        buf_addf(&input, "\n%s", rows[row].input);
        message_init(&m);
        check(rows[row].sentence,
              read_pieces(&m, buf_slice(&input), piece, &limits, &why) == CODE_OK);
        collect_store(&m.body, &body);
        check_text(rows[row].sentence, buf_slice(&body),
                   slice_of(automatic ? rows[row].automatic : rows[row].terminate));
        check(rows[row].sentence,
              m.unstuff == (automatic ? rows[row].automatic_unstuff : rows[row].terminate_unstuff));
        buf_free(&body);
        buf_free(&input);
        message_free(&m);
    }
}

static void what_is_noted(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
        bool header_8bit, body_8bit, nul, utf8;
        size_t longest;
        uint64_t lines;
    } rows[] = {
        { "plain", BYTES("A: 1\n\nabc\nde\n"), false, false, false, true, 3, 2 },
        { "no body", BYTES("A: 1\n"), false, false, false, true, 0, 0 },
        { "no final newline", BYTES("\nab\nabc"), false, false, false, true, 3, 2 },
        { "an 8-bit header", BYTES("A: \xc3\xa9\n\nabc\n"), true, false, false, true, 3, 1 },
        { "an 8-bit body", BYTES("A: 1\n\ncaf\xc3\xa9\n"), false, true, false, true, 5, 1 },
        { "four bytes", BYTES("\n\xf0\x9f\x90\xbb\n"), false, true, false, true, 4, 1 },
        { "Latin-1", BYTES("A: 1\n\ncaf\xe9 x\n"), false, true, false, false, 6, 1 },
        { "a cut sequence", BYTES("\n\xe2\x82"), false, true, false, false, 2, 1 },
        { "a letter within a sequence",
          BYTES("\n\xc3"
                "a\xa9\n"),
          false, true, false, false, 3, 1 },
        { "an overlong sequence", BYTES("\n\xe0\x80\x80\n"), false, true, false, false, 3, 1 },
        { "a surrogate", BYTES("\n\xed\xa0\x80\n"), false, true, false, false, 3, 1 },
        { "too large", BYTES("\n\xf4\x90\x80\x80\n"), false, true, false, false, 4, 1 },
        { "a continuation byte", BYTES("\n\x80\n"), false, true, false, false, 1, 1 },
        { "a NUL", BYTES("\na\0b\n"), false, false, true, true, 3, 1 },
        { "a line of stuffed dots is one shorter", BYTES("\n..ab\nabc\n"), false, false, false,
          true, 3, 2 },
        { "a lone dot that is data counts", BYTES("\n.\nb\n"), false, false, false, true, 1, 2 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows) * LENGTH(pieces); i++) {
        size_t row = i / LENGTH(pieces), piece = pieces[i % LENGTH(pieces)];
        struct message_limits limits = { 1000, DOTS_AUTO };
        struct status why = { 0 };
        struct message m;

        message_init(&m);
        check(rows[row].sentence,
              read_pieces(&m, rows[row].input, piece, &limits, &why) == CODE_OK);
        check(rows[row].sentence, m.header_8bit == rows[row].header_8bit);
        check(rows[row].sentence, m.body_8bit == rows[row].body_8bit);
        check(rows[row].sentence, m.body_nul == rows[row].nul);
        check(rows[row].sentence, m.body_utf8 == rows[row].utf8);
        check(rows[row].sentence, m.longest_line == rows[row].longest);
        check(rows[row].sentence, m.body_lines == rows[row].lines);
        message_free(&m);
    }
}

static void repeat(struct buf *b, char c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add_char(b, c);
}

/* Lines around the length where a line is judged, whatever the pieces. */
static void long_lines(void **state)
{
    static const struct {
        const char *sentence, *start;
        size_t length; /* of the line, start with it */
        const char *rest;
        size_t header; /* bytes of it */
    } rows[] = {
        { "a long field", "A: 1\nB: ", 5000, "\nC: 3\n\nx\n", 5011 },
        { "a long continuation", "A: 1\n ", 5000, "\nC: 3\n\nx\n", 5011 },
        { "a long first line of text", "", 5000, "\nC: 3\n\nx\n", 0 },
        { "a name that ends at 997", "", 997, ": a\nB: b\n\n", 1006 },
        { "a name that ends at 998", "", 998, ": a\nB: b\n\n", 0 },
        { "text of 997", "A: 1\n", 997, "\nB: b\n\n", 5 },
        { "text of 998", "A: 1\n", 998, "\nB: b\n\n", 5 },
        { "text of 999", "A: 1\n", 999, "\nB: b\n\n", 5 },
        { "a field of 998", "A: 1\nB:", 998, "\nC: c\n\n", 5 + 999 + 5 },
        { "an mbox line of 997", "From a ", 997, "\nA: 1\n\n", 5 },
        { "an mbox line too long for one", "From a ", 998, "\nA: 1\n\n", 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows) * LENGTH(pieces); i++) {
        size_t row = i / LENGTH(pieces), piece = pieces[i % LENGTH(pieces)];
        struct message_limits limits = { 100000, DOTS_AUTO };
        size_t before = slice_find(slice_of(rows[row].start), '\n') + 1;
        struct status why = { 0 };
        struct message m;
        struct buf input;

        if (before > strlen(rows[row].start))
            before = 0;
        buf_init(&input, 100000);
        buf_add_string(&input, rows[row].start);
        repeat(&input, 'y', rows[row].length + before - input.n);
        buf_add_string(&input, rows[row].rest);
        message_init(&m);
        check(rows[row].sentence,
              read_pieces(&m, buf_slice(&input), piece, &limits, &why) == CODE_OK);
        check(rows[row].sentence, m.header.n == rows[row].header);
        buf_free(&input);
        message_free(&m);
    }
}

static void sizes(void **state)
{
    static const struct {
        const char *sentence;
        size_t header, body;
        uint64_t max_size;
        enum code want;
    } rows[] = {
        { "at the limit", 100, 900, 1000, CODE_OK },
        { "one above it", 100, 901, 1000, CODE_TOO_BIG },
        { "far above it", 100, 3000000, 1000, CODE_TOO_BIG },
        { "no limit", 100, 3000000, UINT64_MAX, CODE_OK },
        { "a header as large as may be", MESSAGE_HEADER_MAX, 10, UINT64_MAX, CODE_OK },
        { "a larger one", MESSAGE_HEADER_MAX + 1, 2000000, UINT64_MAX, CODE_MESSAGE },
    };

    (void)state;
    for (size_t i = 0; i < 2 * LENGTH(rows); i++) {
        size_t row = i / 2, piece = i % 2 ? 30000 : 1021;
        struct message_limits limits = { rows[row].max_size, DOTS_AUTO };
        struct status why = { 0 };
        struct message m;
        struct buf input;

        buf_init(&input, 10000000);
        buf_add_string(&input, "A:");
        repeat(&input, 'x', rows[row].header - 3);
        buf_add_string(&input, "\n\n");
        while (input.n + 50 < rows[row].header + rows[row].body)
            buf_add_string(&input, "a line of the body, which is not a long one\n");
        repeat(&input, 'x', rows[row].header + rows[row].body - input.n);
        message_init(&m);
        check(rows[row].sentence,
              read_pieces(&m, buf_slice(&input), piece, &limits, &why) == rows[row].want);
        check(rows[row].sentence, why.code == rows[row].want);
        if (rows[row].want == CODE_OK)
            check(rows[row].sentence,
                  m.header.n == rows[row].header && m.body.size == rows[row].body);
        check(rows[row].sentence, m.body.memory.capacity <= STORE_MEMORY_MAX);
        buf_free(&input);
        message_free(&m);
    }
}

/* The writer must be able to write all it has: who stops reading kills it. */
static void the_rest_is_drained(void **state)
{
    static const struct {
        const char *sentence;
        struct message_limits limits;
        enum code want;
    } rows[] = {
        { "after a dot", { UINT64_MAX, DOTS_TERMINATE }, CODE_OK },
        { "after too many bytes", { 100, DOTS_AUTO }, CODE_TOO_BIG },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct message m;
        struct buf input;
        char left;
        int fds[2];

        buf_init(&input, 60000);
        buf_add_string(&input, "A: 1\n\nhello\n.\n");
        repeat(&input, 'x', 50000);
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], input.p, input.n), input.n);
        assert_int_equal(close(fds[1]), 0);
        message_init(&m);
        check(rows[i].sentence, message_read(&m, fds[0], &rows[i].limits, &why) == rows[i].want);
        check(rows[i].sentence, read(fds[0], &left, 1) == 0);
        assert_int_equal(close(fds[0]), 0);
        buf_free(&input);
        message_free(&m);
    }
}

static void bytes_of_a_file(void **state)
{
    char path[] = "/tmp/orsino-message-XXXXXX";
    struct message_limits limits = { UINT64_MAX, DOTS_AUTO };
    struct status why = { 0 };
    struct message m;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(fd, "skipped\nA: 1\n\nx\n", 16), 16);
    assert_int_equal(lseek(fd, 8, SEEK_SET), 8);
    message_init(&m);
    assert_int_equal(message_read(&m, fd, &limits, &why), CODE_OK);
    check_text("reading begins at the offset", buf_slice(&m.header), slice_of("A: 1\n"));
    message_free(&m);
    assert_int_equal(close(fd), 0);
}

static void a_read_that_fails(void **state)
{
    struct message_limits limits = { UINT64_MAX, DOTS_AUTO };
    struct status why = { 0 };
    struct message m;
    int fd = open("/", O_RDONLY | O_DIRECTORY);

    (void)state;
    assert_true(fd >= 0);
    message_init(&m);
    check("a folder is no message", message_read(&m, fd, &limits, &why) == CODE_READ);
    check("and it is said why", why.stage == STAGE_INPUT && why.os != 0);
    message_free(&m);
    assert_int_equal(close(fd), 0);
    why = (struct status){ 0 };
    message_init(&m);
    check("a closed descriptor", message_read(&m, fd, &limits, &why) == CODE_READ);
    message_drain(fd);
    message_free(&m);
}

static void a_socket_that_does_not_block(void **state)
{
    struct message_limits limits = { UINT64_MAX, DOTS_AUTO };
    struct status why = { 0 };
    struct message m;
    pid_t writer;
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        (void)close(fds[0]);
        /* The other side runs ahead of so many small writes, and finds nothing to read. */
        for (size_t i = 0; i < 20000; i++)
            if (send(fds[1], "a\n", 2, MSG_NOSIGNAL) != 2)
                break;
        _exit(0);
    }
    assert_int_equal(close(fds[1]), 0);
    message_init(&m);
    check("it is waited for", message_read(&m, fds[0], &limits, &why) == CODE_OK);
    check("and read to its end", m.body.size == 40000);
    message_free(&m);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

static void a_terminal(void **state)
{
    struct message_limits limits = { UINT64_MAX, DOTS_AUTO };
    struct status why = { 0 };
    struct message m;
    struct buf body;
    int master = posix_openpt(O_RDWR | O_NOCTTY), fd;

    (void)state;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip();
    fd = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(fd >= 0);
    assert_int_equal(write(master, "A: 1\n\nhello\n.\n", 14), 14);
    (void)alarm(10); /* waiting for more would be for ever */
    message_init(&m);
    check("a dot ends a message that is typed", message_read(&m, fd, &limits, &why) == CODE_OK);
    (void)alarm(0);
    collect_store(&m.body, &body);
    check_text("without what follows", buf_slice(&body), slice_of("hello\n"));
    buf_free(&body);
    message_free(&m);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(master), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(dots),
        cmocka_unit_test(what_is_noted),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(sizes),
        cmocka_unit_test(the_rest_is_drained),
        cmocka_unit_test(bytes_of_a_file),
        cmocka_unit_test(a_read_that_fails),
        cmocka_unit_test(a_socket_that_does_not_block),
        cmocka_unit_test(a_terminal),
    };

    return cmocka_run_group_tests_name("message_read", tests, NULL, NULL);
}
