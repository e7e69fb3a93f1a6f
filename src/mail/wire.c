#include "mail/wire.h"

#include "mail/mime.h"

#include <string.h>

enum {
    LOOKAHEAD = 4,  /* bytes that a step may have to see: the longest UTF-8 sequence */
    STEP_ROOM = 16, /* room that a step needs to do anything, and to end what it does */
    /* Up to here a line may go out unseen; behind it, at most a UTF-8 sequence has room. */
    CARE_COLUMN = MESSAGE_LINE_MAX - (LOOKAHEAD - 1),
    QUOTED_LINE_MAX = 75, /* RFC 2045 section 6.7: 76 with the "=" of a soft break */
};

struct output {
    char *p;
    size_t n, room;
};

static void put(struct output *out, const char *p, size_t n)
{
    memcpy(out->p + out->n, p, n);
    out->n += n;
}

static size_t room_of(const struct output *out)
{
    return out->room - out->n;
}

void wire_begin(struct wire *w, const struct message *m, enum wire_form form)
{
    bool as_is = m->encoding == ENCODING_AS_IS;

    w->message = m;
    w->form = form;
    w->part = WIRE_HEADER;
    w->rest = buf_slice(&m->header);
    w->offset = 0;
    w->column = 0;
    w->line_begins = true;
    w->breaks = as_is && m->longest_line > MESSAGE_LINE_MAX;
    w->blanks_nul = as_is && m->body_nul && !mime_kind_of(buf_slice(&m->header)).is_signed;
}

static void blank_nul(char *p, size_t n)
{
    char *nul;

    for (char *end = p + n; (nul = memchr(p, 0, (size_t)(end - p))); p = nul + 1)
        *nul = ' ';
}

static enum code refill(struct wire *w, struct status *why)
{
    size_t left = w->rest.n, got;

    memmove(w->chunk, w->rest.p, left);
    if (store_read(&w->message->body, w->offset, w->chunk + left, sizeof w->chunk - left, &got,
                   why))
        return why->code;
    if (w->blanks_nul)
        blank_nul(w->chunk + left, got);
    w->rest = (struct slice){ w->chunk, left + got };
    w->offset += got;
    return CODE_OK;
}

static bool more_to_read(const struct wire *w)
{
    return w->part == WIRE_BODY && w->offset < w->message->body.size;
}

static void skip(struct wire *w, size_t n)
{
    w->rest = slice_part(w->rest, n, w->rest.n);
}

/* Takes away the dot that the caller stuffed. */
static void unstuff(struct wire *w)
{
    w->line_begins = false;
    if (w->part == WIRE_BODY && w->message->unstuff && w->rest.n > 1 && w->rest.p[0] == '.' &&
        w->rest.p[1] == '.')
        skip(w, 1);
}

static void end_line(struct wire *w, struct output *out)
{
    put(out, "\r\n", 2);
    skip(w, 1);
    w->column = 0;
    w->line_begins = true;
}

/*
 * Breaks a line that is too long, at CARE_COLUMN. Postfix does it the same way, but for the UTF-8
 * sequence, which moves to the next line whole.
 */
static void break_line(struct wire *w, struct output *out)
{
    size_t n = LOOKAHEAD - 1;

    while (n > 0 && ((unsigned char)w->rest.p[n] & 0xc0) == 0x80)
        n--;
    /* Without a first byte they are no sequence. */
    if (n == 0 && ((unsigned char)w->rest.p[0] & 0xc0) != 0xc0)
        n = LOOKAHEAD - 1;
    put(out, w->rest.p, n);
    put(out, "\r\n ", 3);
    skip(w, n);
    w->column = 1;
}

static void send_as_is(struct wire *w, struct output *out)
{
    struct slice window;
    size_t n;
    bool ends;

    if (w->line_begins) {
        unstuff(w);
        if (w->form == WIRE_DATA && w->rest.p[0] == '.')
            put(out, ".", 1);
    }
    window = slice_part(w->rest, 0, MESSAGE_LINE_MAX + 1);
    n = slice_find(window, '\n');
    ends = n < window.n;
    if (w->breaks && w->part == WIRE_BODY && (!ends || w->column + n > MESSAGE_LINE_MAX)) {
        if (w->column >= CARE_COLUMN) {
            break_line(w, out);
            return;
        }
        ends = false;
        if (n > CARE_COLUMN - w->column)
            n = CARE_COLUMN - w->column;
    }
    if (n > room_of(out) - 2) {
        n = room_of(out) - 2;
        ends = false;
    }
    put(out, w->rest.p, n);
    skip(w, n);
    w->column += n;
    if (ends)
        end_line(w, out);
}

/* A space or tab at the end of a line would be lost on the way: RFC 2045 section 6.7, rule 3. */
static bool stands_for_itself(struct slice rest)
{
    if (is_space(rest.p[0]))
        return rest.n > 1 && rest.p[1] != '\n';
    return rest.p[0] > ' ' && rest.p[0] < 0x7f && rest.p[0] != '=';
}

static void send_quoted_byte(struct wire *w, struct output *out)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char c;
    bool literal;

    if (w->line_begins)
        unstuff(w);
    if (w->rest.p[0] == '\n') {
        end_line(w, out);
        return;
    }
    c = (unsigned char)w->rest.p[0];
    literal = stands_for_itself(w->rest);
    if (w->column + (literal ? 1 : 3) > QUOTED_LINE_MAX) {
        put(out, "=\r\n", 3);
        w->column = 0;
    }
    /* No line begins with a dot: nothing is left for a server to stuff or to lose. */
    if (literal && !(c == '.' && w->column == 0)) {
        put(out, w->rest.p, 1);
        w->column++;
    } else {
        put(out, (const char[]){ '=', digits[c >> 4], digits[c & 15] }, 3);
        w->column += 3;
    }
    skip(w, 1);
}

static void send_quoted(struct wire *w, struct output *out)
{
    size_t keep = more_to_read(w) ? LOOKAHEAD - 1 : 0;

    while (w->rest.n > keep && room_of(out) >= STEP_ROOM)
        send_quoted_byte(w, out);
}

static void end_part(struct wire *w, struct output *out)
{
    if (w->part == WIRE_HEADER) {
        put(out, "\r\n", 2);
        w->part = WIRE_BODY;
        w->rest = (struct slice){ w->chunk, 0 };
        return;
    }
    if (w->form == WIRE_DATA)
        put(out, ".\r\n", 3);
    w->part = WIRE_END;
}

static enum code step(struct wire *w, struct output *out, struct status *why)
{
    if (w->rest.n < LOOKAHEAD && more_to_read(w) && refill(w, why))
        return why->code;
    if (w->rest.n == 0)
        end_part(w, out);
    else if (w->part == WIRE_BODY && w->message->encoding == ENCODING_QUOTED_PRINTABLE)
        send_quoted(w, out);
    else
        send_as_is(w, out);
    return CODE_OK;
}

enum code wire_next(struct wire *w, char *p, size_t room, size_t *got, struct status *why)
{
    struct output out = { .p = p, .room = room };

    *got = 0;
    while (w->part != WIRE_END && room_of(&out) >= STEP_ROOM)
        if (step(w, &out, why))
            return why->code;
    *got = out.n;
    return CODE_OK;
}

static enum code count(const struct message *m, uint64_t *size, struct status *why)
{
    struct wire w;
    char piece[1024];
    size_t got;

    wire_begin(&w, m, WIRE_PLAIN);
    *size = 0;
    do {
        if (wire_next(&w, piece, sizeof piece, &got, why))
            return why->code;
        *size += got;
    } while (got > 0);
    return CODE_OK;
}

enum code wire_size(const struct message *m, uint64_t *size, struct status *why)
{
    struct slice header = buf_slice(&m->header), line;

    if (m->encoding != ENCODING_AS_IS || m->longest_line > MESSAGE_LINE_MAX)
        return count(m, size, why);
    *size = header.n + 2 + m->body.size + m->body_lines;
    if (m->unstuff)
        *size -= m->stuffed_lines;
    while (slice_take_line(&header, &line))
        ++*size;
    return CODE_OK;
}
