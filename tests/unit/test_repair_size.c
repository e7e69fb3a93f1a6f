/* Repairs of headers that are near the megabyte that they may have: each line must fit,
 * and the time must not grow with the square of the length. */
#include "unit.h"

#include "mail/repair.h"

#define COMPLETE                                                                                   \
    "From: me@example.it\nDate: Tue, 24 Nov 2026 20:45:22 +0000\nMessage-ID: <1@example.it>\n"

static const struct repair_policy usual = {
    .domain = "example.it",
    .from = "me@example.it",
    .full_name = "",
    .id_domain = "mail.example.it",
    .now = 1795553122,
};

static void set_header(struct message *m, struct slice block)
{
    message_init(m);
    buf_add_slice(&m->header, block);
}

static void repair(const char *sentence, struct message *m)
{
    struct status why = { 0 };

    check(sentence, message_repair(m, &usual, &why) == CODE_OK);
}

/* No line too long, none blank, each a field or folded. */
static void check_lines(const char *sentence, struct slice block)
{
    struct slice line;

    check(sentence, block.n > 0 && block.p[block.n - 1] == '\n');
    while (slice_take_until(&block, "\n", &line)) {
        check(sentence, line.n <= MESSAGE_LINE_MAX);
        check(sentence, slice_trim(line).n > 0);
    }
}

static void add_times(struct buf *b, size_t times, const char *unit)
{
    for (size_t i = 0; i < times; i++)
        buf_add_string(b, unit);
}

static void long_blocks(void **state)
{
    static const struct {
        const char *sentence, *name, *unit;
        size_t times;
    } rows[] = {
        { "a megabyte of recipients on one line", "To:", " someone@example.com,", 45000 },
        { "without white space", "To: ", "someone@example.com,", 45000 },
        { "bare ones", "To:", " abcdefghijklmnopq,", 45000 },
        { "with names beyond ASCII", "Cc:", " Ren\xc3\xa9 Smith <a@x.it>,", 30000 },
        { "each on a line", "To:", " someone@example.com,\n", 40000 },
        { "one word", "X-Long: ", "abcdefghij", 90000 },
        { "many words beyond ASCII", "Subject:", " per\xc3\xb2", 90000 },
        { "one word beyond ASCII", "Subject: ", "\xc3\xb2", 300000 },
        { "one word of bytes", "Subject: ", "\xb2", 300000 },
        { "white space", "Subject: a", "          ", 90000 },
        { "control characters", "Subject: a", "\x01\x02\x03\x04", 90000 },
        { "quotes that are never closed", "To: \"", "a, b, c, ", 90000 },
        { "open parentheses", "To: ", "(((((((((", 90000 },
        { "opening brackets", "To: ", "<<<<<", 90000 },
        { "colons", "To: ", "a:b:c:", 90000 },
        { "backslashes", "Content-Type: text/plain; name=\"", "\\\\\xc3\xa9", 90000 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct message m;
        struct slice block;

        set_header(&m, slice_of(COMPLETE));
        buf_add_string(&m.header, rows[i].name);
        add_times(&m.header, rows[i].times, rows[i].unit);
        buf_add_string(&m.header, "end\n");
        check(rows[i].sentence, !m.header.failed);
        repair(rows[i].sentence, &m);
        block = buf_slice(&m.header);
        check_lines(rows[i].sentence, block);
        message_free(&m);
    }
}

static void many_fields(void **state)
{
    struct message m;

    (void)state;
    set_header(&m, slice_of(""));
    add_times(&m.header, 40000, "To: someone@example.com\n");
    repair("forty thousand To", &m);
    check_lines("forty thousand To", buf_slice(&m.header));
    check("all of them are there", m.header.n > (size_t)40000 * 20);
    message_free(&m);

    set_header(&m, slice_of("X"));
    add_times(&m.header, 1200, "x");
    buf_add_string(&m.header, ": value\n" COMPLETE);
    repair("a name that fills a line", &m);
    check_text("it goes", buf_slice(&m.header), slice_of(COMPLETE));
    message_free(&m);
}

static void too_much(void **state)
{
    struct status why = { 0 };
    struct message m;

    (void)state;
    set_header(&m, slice_of("To: "));
    add_times(&m.header, 400000, "a,");
    buf_add_string(&m.header, "b\n");
    check("a header that grows beyond all measure is refused",
          message_repair(&m, &usual, &why) == CODE_MESSAGE && why.code == CODE_MESSAGE);
    check("and is left as it was",
          slice_starts_nocase(buf_slice(&m.header), slice_of("To: a,a,a,")));
    message_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_blocks),
        cmocka_unit_test(many_fields),
        cmocka_unit_test(too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
