/*
 * A message from stdin to the wire: whatever comes in, what goes out must have lines that a server
 * takes, an end that only we wrote, no Bcc, and all of the text.
 */
#include "mail/address.h"
#include "mail/header.h"
#include "mail/repair.h"
#include "mail/wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    OUT_MAX = 64 * 1024 * 1024,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void collect_wire(const struct message *m, enum wire_form form, size_t room, struct buf *out)
{
    struct status why = { 0 };
    struct wire w;
    char piece[2048];
    size_t got;

    buf_init(out, OUT_MAX);
    wire_begin(&w, m, form);
    do {
        must(wire_next(&w, piece, room, &got, &why) == CODE_OK && got <= room);
        buf_add(out, piece, got);
    } while (got > 0);
    must(!out->failed);
}

static void collect_body(const struct message *m, struct buf *out)
{
    struct status why = { 0 };
    char piece[2048];
    size_t got;

    do {
        must(store_read(&m->body, out->n, piece, sizeof piece, &got, &why) == CODE_OK);
        buf_add(out, piece, got);
    } while (got > 0);
    must(!out->failed);
}

/* The line ends of a message as message.h has them, one byte after the other. */
static void turn_line_ends(const uint8_t *data, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size; i++) {
        size_t run = 0;

        while (i + run < size && data[i + run] == '\r')
            run++;
        if (run > 0 && i + run < size && data[i + run] == '\n')
            i += run;
        buf_add_char(out, data[i] == '\r' ? '\n' : (char)data[i]);
    }
    if (out->n > 0 && out->p[out->n - 1] != '\n')
        buf_add_char(out, '\n');
}

/* Takes part off the front of *text, if it stands there. */
static bool take(struct slice *text, struct slice part)
{
    if (part.n > 0 && !slice_equal(slice_part(*text, 0, part.n), part))
        return false;
    *text = slice_part(*text, part.n, text->n);
    return true;
}

/* Mailbox lines, the header, an empty line and the body are the input, and nothing is lost. */
static void check_nothing_lost(const struct message *m, const uint8_t *data, size_t size)
{
    struct slice rest, line;
    struct buf text, body;

    buf_init(&text, OUT_MAX);
    buf_init(&body, OUT_MAX);
    buf_add_char(&text, '\n'); /* so that it never is a NULL pointer */
    turn_line_ends(data, size, &text);
    rest = slice_part(buf_slice(&text), 1, text.n);
    while (slice_equal(slice_part(rest, 0, 5), slice_of("From ")) ||
           slice_equal(slice_part(rest, 0, 6), slice_of(">From "))) {
        if (m->header.n > 0 ? slice_equal(slice_part(rest, 0, m->header.n), buf_slice(&m->header))
                            : rest.n == m->body.size)
            break;
        must(slice_take_line(&rest, &line));
    }
    must(take(&rest, buf_slice(&m->header)));
    if (rest.n != m->body.size)
        must(take(&rest, slice_of("\n")));
    collect_body(m, &body);
    must(slice_equal(rest, buf_slice(&body)));
    buf_free(&body);
    buf_free(&text);
}

/* Only CRLF ends lines, and none is too long. */
static void check_lines(struct slice wire)
{
    while (wire.n > 0) {
        size_t end = slice_find(wire, '\n');

        must(end > 0 && end < wire.n && wire.p[end - 1] == '\r');
        must(end - 1 <= MESSAGE_LINE_MAX);
        must(slice_find(slice_part(wire, 0, end), '\r') == end - 1);
        wire = slice_part(wire, end + 1, wire.n);
    }
}

static void check_no_bcc(struct slice wire)
{
    static const char *const names[] = { "bcc", "resent-bcc" };
    struct slice line;

    while (slice_take_line(&wire, &line) && line.n > 0) {
        struct slice name = slice_trim(slice_part(line, 0, slice_find(line, ':')));

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            must(is_space(line.p[0]) || !slice_equal_nocase(name, slice_of(names[i])));
    }
}

/* The DATA form is the plain one with dots stuffed, and ends where we end it. */
static void check_stuffing(struct slice data, struct slice plain)
{
    while (plain.n > 0) {
        size_t end = slice_find(plain, '\n') + 1;

        if (plain.p[0] == '.')
            must(take(&data, slice_of(".")));
        must(take(&data, slice_part(plain, 0, end)));
        plain = slice_part(plain, end, plain.n);
    }
    must(slice_equal(data, slice_of(".\r\n")));
}

static void check_body(const struct message *m, struct slice wire)
{
    struct buf body, want;
    struct slice rest, line;

    if (m->encoding != ENCODING_AS_IS || m->longest_line > MESSAGE_LINE_MAX || m->body_nul ||
        m->unstuff)
        return;
    buf_init(&body, OUT_MAX);
    buf_init(&want, OUT_MAX);
    collect_body(m, &body);
    buf_add_string(&want, "\r\n");
    for (rest = buf_slice(&body); slice_take_line(&rest, &line);) {
        buf_add_slice(&want, line);
        buf_add_string(&want, "\r\n");
    }
    must(wire.n >= want.n);
    must(slice_equal(slice_part(wire, wire.n - want.n, wire.n), buf_slice(&want)));
    buf_free(&want);
    buf_free(&body);
}

static void check_wire(const struct message *m, size_t room)
{
    struct status why = { 0 };
    struct buf plain, data;
    uint64_t size;

    collect_wire(m, WIRE_PLAIN, room, &plain);
    collect_wire(m, WIRE_DATA, 2048, &data);
    check_lines(buf_slice(&plain));
    check_no_bcc(buf_slice(&plain));
    check_stuffing(buf_slice(&data), buf_slice(&plain));
    check_body(m, buf_slice(&plain));
    must(wire_size(m, &size, &why) == CODE_OK && size == plain.n);
    buf_free(&data);
    buf_free(&plain);
}

static bool keeps_one(const void *context, const char *spec)
{
    (void)context;
    return strcmp(spec, "one@example.it") == 0;
}

/* from_header = keep, fill and force, one for each mode of dots. */
static struct repair_policy policy_for(enum dots dots)
{
    return (struct repair_policy){
        .domain = dots == DOTS_AUTO ? "" : "example.it",
        .from = "me@example.it",
        .full_name = "Me",
        .replaces_local = dots != DOTS_ARE_DATA,
        .keeps_from = dots == DOTS_AUTO ? keeps_one : NULL,
        .received = dots == DOTS_ARE_DATA ? NULL : "from a (local)\n\tby b with SMTP id C",
        .id_domain = "example.it",
        .now = 1700000000,
    };
}

/* Whoever reads the field as a list of addresses finds none but ours and the one that is kept. */
static void check_senders(const struct message *m)
{
    static const char *const names[] = { "From", "Sender", "Resent-From", "Resent-Sender" };
    struct slice rest = buf_slice(&m->header);
    struct field field;

    while (header_next(&rest, &field))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct slice list = field.value;
            struct address a;

            if (!slice_equal_nocase(field.name, slice_of(names[i])))
                continue;
            do {
                struct status why = { 0 };

                must(address_next(&list, &a, &why) == CODE_OK);
                must(a.length == 0 || strcmp(a.spec, "one@example.it") == 0 ||
                     address_equal((struct slice){ a.spec, a.length }, slice_of("me@example.it")));
            } while (a.length > 0);
        }
}

/* The bytes handed in, in pieces, are the message that was read. */
static void check_push(const struct message *m, const uint8_t *data, size_t size)
{
    struct message_limits limits = { .max_size = UINT64_MAX, .dots = DOTS_ARE_DATA };
    struct message_reader *r = NULL;
    size_t piece = 1 + size % 77;
    struct status why = { 0 };
    struct buf body, want;
    struct message pushed;

    message_init(&pushed);
    buf_init(&body, OUT_MAX);
    buf_init(&want, OUT_MAX);
    must(message_read_begin(&pushed, &limits, &r, &why) == CODE_OK);
    for (size_t at = 0; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        char copy[77];

        memcpy(copy, data + at, n);
        must(message_read_add(r, copy, n, &why) == CODE_OK);
    }
    must(message_read_end(r, &why) == CODE_OK);
    must(slice_equal(buf_slice(&pushed.header), buf_slice(&m->header)));
    collect_body(&pushed, &body);
    collect_body(m, &want);
    must(slice_equal(buf_slice(&body), buf_slice(&want)));
    must(pushed.longest_line == m->longest_line && pushed.body_utf8 == m->body_utf8);
    buf_free(&body);
    buf_free(&want);
    message_free(&pushed);
}

static void try_mode(const uint8_t *data, size_t size, enum dots dots)
{
    struct repair_policy policy = policy_for(dots);
    struct message_limits limits = { .max_size = UINT64_MAX, .dots = dots };
    struct status why = { 0 };
    struct message m;
    int fd = file_of(data, size);

    message_init(&m);
    if (message_read(&m, fd, &limits, &why) == CODE_OK) {
        if (dots == DOTS_ARE_DATA) {
            check_nothing_lost(&m, data, size);
            check_push(&m, data, size);
        }
        if (message_repair(&m, &policy, &why) == CODE_OK) {
            if (policy.keeps_from)
                check_senders(&m);
            check_wire(&m, WIRE_ROOM_MIN + size % 1900);
            if (message_make_7bit(&m, &why) == CODE_OK)
                check_wire(&m, WIRE_ROOM_MIN + size % 7);
        }
    }
    message_free(&m);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_mode(data, size, DOTS_ARE_DATA);
    try_mode(data, size, DOTS_TERMINATE);
    try_mode(data, size, DOTS_AUTO);
    return 0;
}
