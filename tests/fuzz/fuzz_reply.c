/* The reply parser: however the bytes are cut, it reads the same replies and refuses the same. */
#include "smtp/reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    RECORD_MAX = 8 * 1024 * 1024,
};

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static void check_reply(const struct reply *r)
{
    struct slice text = buf_slice(&r->text);
    unsigned ends = 0;

    insist(r->code >= 200 && r->code <= 599);
    insist(r->lines >= 1 && r->lines <= REPLY_LINES_MAX);
    insist(text.n <= REPLY_TEXT_MAX && !r->text.failed);
    insist(r->enhanced[0] == 0 || r->enhanced[0] == '0' + r->code / 100);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        ends += c == '\n';
        insist(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f));
    }
    insist(ends == r->lines - 1);
}

static void check_said(const struct status *why)
{
    for (const char *p = why->said; *p; p++)
        insist((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void write_down(const struct reply *r, struct buf *record)
{
    struct status why = { 0 };

    check_reply(r);
    reply_describe(r, &why);
    check_said(&why);
    buf_addf(record, "%d %s %u ", r->code, r->enhanced, r->lines);
    buf_add_slice(record, buf_slice(&r->text));
    buf_addf(record, "\n%s\n", why.said);
}

/* Reads all, in pieces, and writes down what came of it. */
static void read_all(struct slice bytes, size_t piece, struct buf *record)
{
    struct reply_parser p;
    struct status why = { 0 };

    reply_begin(&p);
    for (; bytes.n > 0 && why.code == CODE_OK; bytes = slice_part(bytes, piece, bytes.n)) {
        struct slice cut = slice_part(bytes, 0, piece);

        while (cut.n > 0 && reply_take(&p, &cut, &why) == CODE_OK) {
            insist(p.complete || cut.n == 0);
            if (p.complete)
                write_down(&p.reply, record);
        }
    }
    check_said(&why);
    buf_addf(record, "%d %s %s", (int)why.code, why.what, why.said);
    reply_end(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = { (const char *)data, size };
    struct buf whole;

    buf_init(&whole, RECORD_MAX);
    read_all(bytes, size + 1, &whole);
    for (size_t piece = 1; piece < 8; piece += piece) {
        struct buf cut;

        buf_init(&cut, RECORD_MAX);
        read_all(bytes, piece, &cut);
        insist(slice_equal(buf_slice(&whole), buf_slice(&cut)));
        buf_free(&cut);
    }
    buf_free(&whole);
    return 0;
}
