/*
 * DATA and BDAT: RFC 5321 section 4.1.1.4, RFC 3030.
 *
 * The end of DATA is CR LF "." CR LF and nothing that looks like it. A CR or LF alone refuses the
 * message, in BDAT too: the provider gets it by DATA perhaps, and servers that take a bare LF for a
 * line end would read a second message, with any sender, out of the first (SMTP smuggling,
 * CVE-2023-51764). It is refused at its real end, so that what follows is not taken for commands.
 */
#include "smtp/server_inside.h"

static const char bare_line_end[] =
    "550 5.5.2 Lines must end in CR LF; a CR or LF alone is refused";
static const char too_big[] = "552 5.3.4 The message is too big";

/* The first who knows is right. What came so far is of no use to anybody. */
static void spoil(struct server *d, const char *refusal)
{
    struct server_message *m = &d->message;

    if (!m->refusal)
        m->refusal = refusal;
    buf_clear(&m->content);
    m->due = false;
}

static void begin_message(struct server *d, bool chunked)
{
    struct server_message *m = &d->message;

    buf_clear(&m->content);
    m->at = TEXT_START;
    m->due = false;
    m->size = 0;
    m->refusal = NULL;
    m->chunked = chunked;
}

/* Bytes of the message, a CR LF always together. There is room: has_room says so. */
static void keep(struct server *d, struct slice piece)
{
    struct server_message *m = &d->message;
    uint64_t max = d->params.max_message;

    m->size += piece.n;
    if (max > 0 && m->size > max)
        spoil(d, too_big);
    if (!m->refusal)
        buf_add_slice(&m->content, piece);
    else if (max > 0 && m->size > max && m->size - max > SERVER_EATEN_MAX)
        server_leave(d, m->refusal);
}

static enum server_text after_middle(struct server *d, char c)
{
    if (c == '\r')
        return TEXT_CR;
    if (c == '\n')
        spoil(d, bare_line_end);
    else
        keep(d, (struct slice){ &c, 1 });
    return TEXT_MIDDLE;
}

static enum server_text after_start(struct server *d, char c)
{
    return c == '.' && !d->message.chunked ? TEXT_DOT : after_middle(d, c);
}

static enum server_text after_cr(struct server *d, char c)
{
    if (c == '\n') {
        keep(d, (struct slice){ "\r\n", 2 });
        return TEXT_START;
    }
    spoil(d, bare_line_end);
    return c == '\r' ? TEXT_CR : TEXT_MIDDLE;
}

/* The dot itself is dropped: RFC 5321 section 4.5.2. */
static enum server_text after_dot(struct server *d, char c)
{
    return c == '\r' ? TEXT_DOT_CR : after_middle(d, c);
}

static enum server_text after_dot_cr(struct server *d, char c)
{
    if (c == '\n')
        return TEXT_END;
    spoil(d, bare_line_end);
    return c == '\r' ? TEXT_CR : TEXT_MIDDLE;
}

static enum server_text (*const after[])(struct server *, char) = {
    [TEXT_START] = after_start, [TEXT_MIDDLE] = after_middle, [TEXT_CR] = after_cr,
    [TEXT_DOT] = after_dot,     [TEXT_DOT_CR] = after_dot_cr,
};
_Static_assert(sizeof after / sizeof *after == TEXT_END, "a way on from each place");

/* Room for a CR LF; else what is there has to be fetched first. */
static bool has_room(const struct server_message *m)
{
    return m->content.max - m->content.n >= 2;
}

/* Length of what has nothing in it that needs a look, and has room. */
static size_t plain_length(const struct server_message *m, struct slice in)
{
    size_t room = m->content.max - m->content.n, n = 0;

    if (m->at != TEXT_MIDDLE)
        return 0;
    if (room > in.n)
        room = in.n;
    while (n < room && in.p[n] != '\r' && in.p[n] != '\n')
        n++;
    return n;
}

static void take_text(struct server *d, struct slice *in)
{
    struct server_message *m = &d->message;

    while (in->n > 0 && has_room(m) && m->at != TEXT_END && d->asked == SERVER_WANTS_INPUT) {
        size_t n = plain_length(m, *in);

        if (n > 0)
            keep(d, slice_part(*in, 0, n));
        else
            m->at = after[m->at](d, in->p[0]);
        *in = slice_part(*in, n > 0 ? n : 1, in->n);
    }
    m->due = !has_room(m);
}

/* The message is whole: it is delivered, or refused for what was found in it. */
static void end_message(struct server *d)
{
    struct server_message *m = &d->message;

    if (m->refusal) {
        d->refused = true; /* chunks that were sent ahead will be out of order */
        server_say(d, "%s", m->refusal);
        server_abandon(d, SERVER_WANTS_INPUT);
        return;
    }
    d->phase = PHASE_COMMAND;
    m->due = m->content.n > 0;
    d->asked = SERVER_WANTS_DELIVERY;
}

void server_do_data(struct server *d, struct slice arguments)
{
    if (arguments.n > 0) {
        server_refuse(d, "501 5.5.4 DATA takes nothing behind it");
        return;
    }
    begin_message(d, false);
    d->phase = PHASE_DATA;
    server_say(d, "354 End data with <CR><LF>.<CR><LF>");
}

void server_take_data(struct server *d, struct slice *in)
{
    take_text(d, in);
    if (d->message.at == TEXT_END)
        end_message(d);
}

static void end_chunk(struct server *d)
{
    struct server_message *m = &d->message;

    d->phase = PHASE_COMMAND;
    if (m->chunk_refusal) {
        server_refuse_order(d, m->chunk_refusal);
        return;
    }
    if (m->chunk_last && m->at == TEXT_CR)
        spoil(d, bare_line_end);
    if (m->chunk_last || m->refusal)
        end_message(d);
    else
        server_say(d, "250 2.0.0 Ok");
}

/* "count", or "count LAST". */
static bool take_count(struct server *d, struct slice arguments)
{
    struct server_message *m = &d->message;
    struct slice count = { 0 }, last = { 0 };

    (void)slice_take_word(&arguments, &count);
    (void)slice_take_word(&arguments, &last);
    m->chunk_last = slice_equal_nocase(last, slice_of("LAST"));
    return slice_number(count, UINT64_MAX, &m->chunk_left) && arguments.n == 0 &&
           (last.n == 0 || m->chunk_last);
}

void server_do_bdat(struct server *d, struct slice arguments)
{
    struct server_message *m = &d->message;
    uint64_t max = d->params.max_message;

    if (!take_count(d, arguments)) {
        /* Nobody knows what comes next, bytes of a message or a command. */
        server_leave(d, "501 5.5.4 BDAT and a number of bytes, LAST behind the last of them");
        return;
    }
    m->chunk_refusal = server_lacks(d, NEEDS_MAIL | NEEDS_RECIPIENT);
    if (!m->chunk_refusal && !m->chunked)
        begin_message(d, true);
    if (!m->chunk_refusal && max > 0 && (m->size > max || m->chunk_left > max - m->size))
        spoil(d, too_big);
    if ((m->chunk_refusal || m->refusal) && m->chunk_left > SERVER_EATEN_MAX) {
        server_leave(d, m->chunk_refusal ? m->chunk_refusal : m->refusal);
        return;
    }
    d->phase = PHASE_CHUNK;
    if (m->chunk_left == 0)
        end_chunk(d);
}

void server_take_chunk(struct server *d, struct slice *in)
{
    struct server_message *m = &d->message;
    struct slice piece = slice_part(*in, 0, m->chunk_left < in->n ? (size_t)m->chunk_left : in->n);
    struct slice rest = piece;

    /* What is refused already is eaten unseen. */
    if (m->chunk_refusal || m->refusal)
        rest = slice_part(piece, piece.n, piece.n);
    else
        take_text(d, &rest);
    *in = slice_part(*in, piece.n - rest.n, in->n);
    m->chunk_left -= piece.n - rest.n;
    if (m->chunk_left == 0 && d->asked == SERVER_WANTS_INPUT)
        end_chunk(d);
}
