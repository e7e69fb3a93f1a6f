/* A message whose bytes are handed in: however they are cut, it is the one that message_read finds
 * in a file. */
#include "mail/message.h"

#include "sink.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* Adds a copy that ends where its memory does, so that a byte too far is noticed. */
static enum code add(struct message_reader *r, struct slice piece, struct status *why)
{
    char *copy = malloc(piece.n + 1);
    enum code code;

    assert_non_null(copy);
    memcpy(copy + 1, piece.p, piece.n);
    code = message_read_add(r, copy + 1, piece.n, why);
    free(copy);
    return code;
}

/* Two pieces, or single bytes when cut is the length. */
static enum code push(struct message *m, struct slice input, size_t cut,
                      const struct message_limits *limits, struct status *why)
{
    struct message_reader *r = NULL;
    size_t second = cut < input.n ? input.n - cut : 1;

    if (message_read_begin(m, limits, &r, why))
        return why->code;
    if (cut < input.n && add(r, slice_part(input, 0, cut), why))
        return message_read_end(r, why);
    for (size_t at = cut < input.n ? cut : 0; at < input.n; at += second)
        if (add(r, slice_part(input, at, at + second), why))
            break;
    return message_read_end(r, why);
}

static void check_same(const char *sentence, const struct message *got, const struct message *want,
                       bool whole)
{
    struct buf got_body, want_body;

    collect_store(&got->body, &got_body);
    collect_store(&want->body, &want_body);
    check_text(sentence, buf_slice(&got->header), buf_slice(&want->header));
    check_text(sentence, buf_slice(&got_body), buf_slice(&want_body));
    check(sentence, got->header_8bit == want->header_8bit && got->body_8bit == want->body_8bit);
    check(sentence, got->body_nul == want->body_nul && got->body_utf8 == want->body_utf8);
    check(sentence, got->unstuff == want->unstuff && got->stuffed_lines == want->stuffed_lines);
    check(sentence, got->longest_line == want->longest_line && got->body_lines == want->body_lines);
    check(sentence, !whole || got->read_bytes == want->read_bytes);
    buf_free(&got_body);
    buf_free(&want_body);
}

static void cutting(void **state)
{
    static const struct {
        const char *sentence;
        struct slice input;
    } rows[] = {
        { "header and body", BYTES("To: a\nX: b\n\nhello\n") },
        { "CRLF", BYTES("To: a\r\nX: b\r\n\r\nhello\r\nyou\r\n") },
        { "runs of CR", BYTES("A: 1\r\r\n\r\n2\r\r3\n\r4\r\r") },
        { "no empty line", BYTES("A: 1\nhello\nB: 2") },
        { "an mbox line", BYTES(">From me Mon Jan  1 00:00:00 2024\nA: 1\n\nx\n") },
        { "text that begins like one", BYTES("From now on\nit works\n") },
        { "folded fields", BYTES("A: 1\n 2\n\t3\n \nB: 4\n\n\n\nx") },
        { "dots", BYTES("A: 1\n\n.\n..\n...\n.x\n.\r\n") },
        { "stuffed dots", BYTES("A: 1\r\n\r\n..\r\n..x\r\n.\r\n") },
        { "text after a dot", BYTES("A: 1\n\nx\n.\nB: 2\n") },
        { "bytes beyond ASCII", BYTES("A: \xc3\xa9\n\n\xf0\x9f\x90\xbb\xe2\x82\xac\n\xe9") },
        { "NUL", BYTES("A: 1\0\n\n\0x\0") },
        { "nothing", BYTES("") },
        { "a newline", BYTES("\n") },
    };
    static const enum dots modes[] = { DOTS_ARE_DATA, DOTS_TERMINATE, DOTS_AUTO };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows) * LENGTH(modes); i++) {
        size_t row = i / LENGTH(modes);
        struct message_limits limits = { .max_size = 1000, .dots = modes[i % LENGTH(modes)] };
        struct status why = { 0 };
        struct message want;

        message_init(&want);
        assert_int_equal(read_pieces(&want, rows[row].input, 1000, &limits, &why), CODE_OK);
        for (size_t cut = 0; cut <= rows[row].input.n; cut++) {
            struct message got;

            message_init(&got);
            check(rows[row].sentence, push(&got, rows[row].input, cut, &limits, &why) == CODE_OK);
            check_same(rows[row].sentence, &got, &want, limits.dots == DOTS_ARE_DATA);
            message_free(&got);
        }
        message_free(&want);
    }
}

static void limits_hold(void **state)
{
    static const struct {
        const char *sentence;
        size_t header, body;
        uint64_t max_size;
        enum code want;
    } rows[] = {
        { "at the limit", 10, 990, 1000, CODE_OK },
        { "one above it", 10, 991, 1000, CODE_TOO_BIG },
        { "a header that is too long", MESSAGE_HEADER_MAX + 1, 10, UINT64_MAX, CODE_MESSAGE },
        { "a body that memory does not hold", 10, 3 * STORE_MEMORY_MAX, UINT64_MAX, CODE_OK },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct message_limits limits = { rows[i].max_size, DOTS_ARE_DATA };
        struct status why = { 0 };
        struct message m;
        struct buf input;

        buf_init(&input, 10000000);
        buf_add_string(&input, "A:");
        while (input.n + 1 < rows[i].header)
            buf_add_char(&input, 'x');
        buf_add_string(&input, "\n\n");
        while (input.n + 1 < rows[i].header + rows[i].body)
            buf_add_char(&input, 'y');
        buf_add_char(&input, '\n');
        message_init(&m);
        check(rows[i].sentence, push(&m, buf_slice(&input), 700, &limits, &why) == rows[i].want);
        check(rows[i].sentence, why.code == rows[i].want);
        check(rows[i].sentence, rows[i].want || m.read_bytes == input.n);
        message_free(&m);
        buf_free(&input);
    }
}

static void ending(void **state)
{
    struct message_limits limits = { .max_size = 1000, .dots = DOTS_ARE_DATA };
    struct status why = { 0 }, earlier = { .code = CODE_CLOSED };
    struct message_reader *r = NULL;
    struct message m;

    (void)state;
    check("there is nothing to end", message_read_end(NULL, NULL) == CODE_OK);
    check("nothing, and no failure", message_read_end(NULL, &why) == CODE_OK);
    check("nothing, and a failure", message_read_end(NULL, &earlier) == CODE_CLOSED);

    message_init(&m);
    assert_int_equal(message_read_begin(&m, &limits, &r, &why), CODE_OK);
    assert_int_equal(add(r, slice_of("A: 1\n\nhalf a li"), &why), CODE_OK);
    check("a message that is not wanted", message_read_end(r, NULL) == CODE_OK);
    check("is not ended", m.body_lines == 0);
    message_free(&m);

    message_init(&m);
    assert_int_equal(message_read_begin(&m, &limits, &r, &why), CODE_OK);
    check("a failure of others is handed back", message_read_end(r, &earlier) == CODE_CLOSED);
    message_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(ending),
    };

    return cmocka_run_group_tests_name("message_push", tests, NULL, NULL);
}
