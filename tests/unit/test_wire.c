#include "mail/wire.h"

#include "sink.h"

#include <string.h>

/* A text with its NULs. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const size_t rooms[] = { WIRE_ROOM_MIN, 65, 77, 100, 999, 1000, 1001, 4096 };

/* What the wire gives must be the same for any room, and as long as wire_size says. */
static void check_wire(const char *sentence, const struct message *m, struct slice plain,
                       struct slice data)
{
    struct status why = { 0 };
    uint64_t size = 0;

    for (size_t i = 0; i < LENGTH(rooms); i++) {
        struct buf got;

        collect_wire(m, WIRE_PLAIN, rooms[i], &got);
        check_text(sentence, buf_slice(&got), plain);
        buf_free(&got);
        collect_wire(m, WIRE_DATA, rooms[i], &got);
        check_text(sentence, buf_slice(&got), data);
        buf_free(&got);
    }
    check(sentence, wire_size(m, &size, &why) == CODE_OK && size == plain.n);
}

static void as_it_is(void **state)
{
    static const struct {
        const char *sentence;
        enum dots dots;
        struct slice input, plain, data;
    } rows[] = {
        { "header and body", DOTS_ARE_DATA, BYTES("A: 1\nB: 2\n 3\n\nx\ny\n"),
          BYTES("A: 1\r\nB: 2\r\n 3\r\n\r\nx\r\ny\r\n"),
          BYTES("A: 1\r\nB: 2\r\n 3\r\n\r\nx\r\ny\r\n.\r\n") },
        { "no body", DOTS_ARE_DATA, BYTES("A: 1\n"), BYTES("A: 1\r\n\r\n"),
          BYTES("A: 1\r\n\r\n.\r\n") },
        { "nothing", DOTS_ARE_DATA, BYTES(""), BYTES("\r\n"), BYTES("\r\n.\r\n") },
        { "no header", DOTS_ARE_DATA, BYTES("\nx"), BYTES("\r\nx\r\n"), BYTES("\r\nx\r\n.\r\n") },
        { "dots are stuffed", DOTS_ARE_DATA, BYTES("A: 1\n\n.\n..\n.x\nx.\n\n."),
          BYTES("A: 1\r\n\r\n.\r\n..\r\n.x\r\nx.\r\n\r\n.\r\n"),
          BYTES("A: 1\r\n\r\n..\r\n...\r\n..x\r\nx.\r\n\r\n..\r\n.\r\n") },
        { "a field that begins with a dot", DOTS_ARE_DATA, BYTES(".A: 1\n\n"),
          BYTES(".A: 1\r\n\r\n"), BYTES("..A: 1\r\n\r\n.\r\n") },
        { "stuffed text loses a dot first", DOTS_AUTO, BYTES("A: 1\n\n..\n...x\ny..\n"),
          BYTES("A: 1\r\n\r\n.\r\n..x\r\ny..\r\n"),
          BYTES("A: 1\r\n\r\n..\r\n...x\r\ny..\r\n.\r\n") },
        { "but the header does not", DOTS_AUTO, BYTES("..A: 1\n\n..\n"),
          BYTES("..A: 1\r\n\r\n.\r\n"), BYTES("...A: 1\r\n\r\n..\r\n.\r\n") },
        { "unstuffed text does not", DOTS_AUTO, BYTES("A: 1\n\n..\n.x\n"),
          BYTES("A: 1\r\n\r\n..\r\n.x\r\n"), BYTES("A: 1\r\n\r\n...\r\n..x\r\n.\r\n") },
        { "some lines do", DOTS_TERMINATE, BYTES("\n..\n.x\n.\nlost\n"), BYTES("\r\n.\r\n.x\r\n"),
          BYTES("\r\n..\r\n..x\r\n.\r\n") },
        { "what might smuggle a command does not", DOTS_ARE_DATA,
          BYTES("A: 1\n\nx\r.\r\ry\n.\r\nMAIL FROM:<a>"),
          BYTES("A: 1\r\n\r\nx\r\n.\r\n\r\ny\r\n.\r\nMAIL FROM:<a>\r\n"),
          BYTES("A: 1\r\n\r\nx\r\n..\r\n\r\ny\r\n..\r\nMAIL FROM:<a>\r\n.\r\n") },
        { "a NUL is a space", DOTS_ARE_DATA, BYTES("A: 1\n\n\0x\0\0\n"),
          BYTES("A: 1\r\n\r\n x  \r\n"), BYTES("A: 1\r\n\r\n x  \r\n.\r\n") },
        { "a signed one is not", DOTS_ARE_DATA, BYTES("DKIM-Signature: 1\n\n\0x\n"),
          BYTES("DKIM-Signature: 1\r\n\r\n\0x\r\n"),
          BYTES("DKIM-Signature: 1\r\n\r\n\0x\r\n.\r\n") },
        { "8-bit bytes stay", DOTS_ARE_DATA, BYTES("A: 1\n\n\xff\xc3\xa9\n"),
          BYTES("A: 1\r\n\r\n\xff\xc3\xa9\r\n"), BYTES("A: 1\r\n\r\n\xff\xc3\xa9\r\n.\r\n") },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct message m;

        read_message(&m, rows[i].input, rows[i].dots);
        check_wire(rows[i].sentence, &m, rows[i].plain, rows[i].data);
        message_free(&m);
    }
}

static void quoted_printable(void **state)
{
    static const char seventy[] =
        "1234567890123456789012345678901234567890123456789012345678901234567890";
    static const struct {
        const char *sentence, *before;
        struct slice after; /* `before` and seventy digits */
        const char *want;   /* after them */
    } rows[] = {
        { "plain text", "", BYTES("\nabc\n"), "\r\nabc\r\n" },
        { "no final newline", "", BYTES("\nabc"), "\r\nabc\r\n" },
        { "8-bit bytes", "", BYTES("\ncaf\xc3\xa9\xff\n"), "\r\ncaf=C3=A9=FF\r\n" },
        { "the equals sign", "", BYTES("\na=b\n"), "\r\na=3Db\r\n" },
        { "a NUL and other controls", "", BYTES("\n\0\x01\x7f\n"), "\r\n=00=01=7F\r\n" },
        { "white space within a line", "", BYTES("\na b\tc\n"), "\r\na b\tc\r\n" },
        { "white space at its end", "", BYTES("\na \nb\t\n \n"), "\r\na=20\r\nb=09\r\n=20\r\n" },
        { "white space at the end of all", "", BYTES("\na "), "\r\na=20\r\n" },
        { "a dot at the start of a line", "", BYTES("\n.\n..x\n"), "\r\n=2E\r\n=2E.x\r\n" },
        { "empty lines", "", BYTES("\n\n\n"), "\r\n\r\n\r\n" },
        { "75 columns", "", BYTES("12345\n"), "12345\r\n" },
        { "76 columns", "", BYTES("123456\n"), "12345=\r\n6\r\n" },
        { "an octet that fits", "", BYTES("12\xff\n"), "12=FF\r\n" },
        { "an octet that does not", "", BYTES("123\xff\n"), "123=\r\n=FF\r\n" },
        { "a dot after a soft break", "", BYTES("12345.\n"), "12345=\r\n=2E\r\n" },
        { "a space before a soft break", "", BYTES("1234 x\n"), "1234 =\r\nx\r\n" },
        { "a space after a soft break, at the end", "", BYTES("12345 \n"), "12345=\r\n=20\r\n" },
        { "a second soft break", "12345",
          BYTES("1234567890123456789012345678901234567890123456789012345678901234567890123456\n"),
          "=\r\n123456789012345678901234567890123456789012345678901234567890123456789012345=\r\n"
          "6\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf input, want;
        struct message m;

        buf_init(&input, 10000);
        buf_init(&want, 10000);
        buf_addf(&input, "A: 1=2\n\n%s%s", rows[i].before, seventy);
        buf_add_slice(&input, rows[i].after);
        buf_addf(&want, "A: 1=2\r\n\r\n%s%s%s", rows[i].before, seventy, rows[i].want);
        read_message(&m, buf_slice(&input), DOTS_ARE_DATA);
        m.encoding = ENCODING_QUOTED_PRINTABLE;
        buf_add_string(&want, ".\r\n");
        check_wire(rows[i].sentence, &m, slice_part(buf_slice(&want), 0, want.n - 3),
                   buf_slice(&want));
        message_free(&m);
        buf_free(&want);
        buf_free(&input);
    }
}

static void repeat(struct buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add_string(b, text);
}

/* Adds a line that is broken in any case, as it comes and as it goes. */
static void add_long_line(struct buf *input, struct buf *plain)
{
    repeat(input, "y", 2000);
    buf_add_char(input, '\n');
    repeat(plain, "y", 998);
    buf_add_string(plain, "\r\n ");
    repeat(plain, "y", 997);
    buf_add_string(plain, "\r\n yyyyy\r\n");
}

static void add_broken(struct buf *out, struct slice line, const size_t breaks[4])
{
    size_t from = 0;

    for (size_t i = 0; i < 4 && breaks[i] > 0; i++) {
        buf_add_slice(out, slice_part(line, from, breaks[i]));
        buf_add_string(out, "\r\n ");
        from = breaks[i];
    }
    buf_add_slice(out, slice_part(line, from, line.n));
    buf_add_string(out, "\r\n");
}

/* A line of `first` and n times `again`, after one that makes sure that lines are broken. */
static void broken_lines(void **state)
{
    static const struct {
        const char *sentence, *first, *again;
        size_t n;
        size_t breaks[4]; /* after so many bytes of the line, which has lost its stuffed dot */
    } rows[] = {
        { "998 is not too long", "", "x", 998, { 0 } },
        { "999 is", "", "x", 999, { 998 } },
        { "a space takes a place", "", "x", 998 + 997, { 998 } },
        { "a second break", "", "x", 998 + 997 + 1, { 998, 998 + 997 } },
        { "a third", "", "x", 998 + 2 * 997 + 1, { 998, 998 + 997, 998 + 2 * 997 } },
        { "two bytes, at an even place", "", "\xc3\xa9", 600, { 998 } },
        { "two bytes, at an odd one", "x", "\xc3\xa9", 600, { 997 } },
        { "three bytes", "", "\xe2\x82\xac", 400, { 996 } },
        { "three bytes, one further", "x", "\xe2\x82\xac", 400, { 997 } },
        { "three bytes, two further", "xx", "\xe2\x82\xac", 400, { 998 } },
        { "four bytes", "", "\xf0\x9f\x90\xbb", 300, { 996 } },
        { "four bytes, one further", "x", "\xf0\x9f\x90\xbb", 300, { 997 } },
        { "four bytes, two further", "xx", "\xf0\x9f\x90\xbb", 300, { 998 } },
        { "four bytes, three further", "xxx", "\xf0\x9f\x90\xbb", 300, { 995 } },
        { "998 bytes that end in four", "xx", "\xf0\x9f\x90\xbb", 249, { 0 } },
        { "continuation bytes alone", "", "\x80", 1000, { 998 } },
        { "a dot does not count when it is stuffed", ".", "x", 997, { 0 } },
        { "nor when it goes", "..", "x", 997, { 0 } },
        { "a dot after a break needs no stuffing", "", ".", 999, { 998 } },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        bool unstuffed = strcmp(rows[i].first, "..") == 0;
        struct buf input, plain, data, line;
        struct message m;

        buf_init(&input, 100000);
        buf_init(&plain, 100000);
        buf_init(&data, 100000);
        buf_init(&line, 100000);
        buf_add_char(&input, '\n');
        buf_add_string(&plain, "\r\n");
        add_long_line(&input, &plain);
        buf_add_slice(&data, buf_slice(&plain));
        buf_add_string(&line, rows[i].first);
        repeat(&line, rows[i].again, rows[i].n);
        buf_add_slice(&input, buf_slice(&line));
        buf_drop(&line, unstuffed ? 1 : 0);
        buf_add_string(&data, line.p[0] == '.' ? "." : "");
        add_broken(&plain, buf_slice(&line), rows[i].breaks);
        add_broken(&data, buf_slice(&line), rows[i].breaks);
        buf_add_string(&data, ".\r\n");
        read_message(&m, buf_slice(&input), unstuffed ? DOTS_AUTO : DOTS_ARE_DATA);
        check_wire(rows[i].sentence, &m, buf_slice(&plain), buf_slice(&data));
        message_free(&m);
        buf_free(&line);
        buf_free(&data);
        buf_free(&plain);
        buf_free(&input);
    }
}

/* No line too long, no character cut, and nothing lost: the breaks taken out, it is the input. */
static void check_unbroken(const char *sentence, struct slice wire, struct slice input)
{
    struct buf whole;
    struct slice line;

    buf_init(&whole, 1000000);
    for (bool first = true; slice_take_line(&wire, &line); first = false) {
        check(sentence, line.n <= MESSAGE_LINE_MAX && slice_is_utf8(line));
        if (line.n > 0 && line.p[0] == ' ')
            buf_add_slice(&whole, slice_part(line, 1, line.n));
        else
            buf_addf(&whole, "%s%.*s", first ? "" : "\n", (int)line.n, line.n ? line.p : "");
    }
    check_text(sentence, buf_slice(&whole), input);
    buf_free(&whole);
}

/* Wherever the reads of the wire cut the body. */
static void broken_lines_at_any_place(void **state)
{
    static const char *const letters[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xbb" };

    (void)state;
    for (size_t i = 0; i < 4 * 100; i++) {
        size_t before = WIRE_CHUNK - 1050 + i / 4;
        struct buf input, got;
        struct message m;

        buf_init(&input, 100000);
        buf_add_char(&input, '\n');
        while (input.n + 2 < before)
            buf_add_string(&input, "x\n");
        repeat(&input, "x", before - input.n);
        repeat(&input, letters[i % 4], 3000);
        read_message(&m, buf_slice(&input), DOTS_ARE_DATA);
        collect_wire(&m, WIRE_PLAIN, i % 2 ? 4096 : 71, &got);
        check_unbroken(letters[i % 4], buf_slice(&got), buf_slice(&input));
        buf_free(&got);
        message_free(&m);
        buf_free(&input);
    }
}

/* A message that does not fit in memory comes back from its file. */
static void a_large_message(void **state)
{
    struct buf input, plain, data;
    struct message m;

    (void)state;
    buf_init(&input, 10000000);
    buf_init(&plain, 10000000);
    buf_init(&data, 10000000);
    buf_add_string(&input, "A: 1\n\n");
    buf_add_string(&plain, "A: 1\r\n\r\n");
    buf_add_slice(&data, buf_slice(&plain));
    for (unsigned i = 0; i < 30000; i++) {
        buf_addf(&input, ".line %u\n", i);
        buf_addf(&plain, ".line %u\r\n", i);
        buf_addf(&data, "..line %u\r\n", i);
    }
    buf_add_string(&data, ".\r\n");
    read_message(&m, buf_slice(&input), DOTS_AUTO);
    check("it is in a file", m.body.fd >= 0);
    check_wire("all of it comes back", &m, buf_slice(&plain), buf_slice(&data));
    message_free(&m);
    buf_free(&data);
    buf_free(&plain);
    buf_free(&input);
}

static void a_body_that_cannot_be_read(void **state)
{
    struct status why = { 0 };
    struct buf input;
    struct message m;
    struct wire w;
    char piece[4096];
    size_t got, pieces = 0;

    (void)state;
    buf_init(&input, 1000000);
    buf_add_char(&input, '\n');
    repeat(&input, "a line\n", 60000);
    read_message(&m, buf_slice(&input), DOTS_AUTO);
    assert_int_equal(ftruncate(m.body.fd, 100000), 0);
    wire_begin(&w, &m, WIRE_DATA);
    while (wire_next(&w, piece, sizeof piece, &got, &why) == CODE_OK && got > 0)
        pieces++;
    check("the wire says so, and does not end as if it were whole",
          why.code == CODE_READ && pieces > 10 && pieces < 60);
    message_free(&m);
    buf_free(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_is),        cmocka_unit_test(quoted_printable),
        cmocka_unit_test(broken_lines),    cmocka_unit_test(broken_lines_at_any_place),
        cmocka_unit_test(a_large_message), cmocka_unit_test(a_body_that_cannot_be_read),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
