/*
 * Reading a message: one pass over large pieces. A piece loses its CRs in place, then the header
 * takes lines and the body spans, so that no line needs a buffer of its own length.
 */
#include "mail/header.h"
#include "mail/message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_PIECE = 64 * 1024,
    DRAIN_MAX = 1024 * 1024 * 1024,
};

enum phase {
    PHASE_HEADER,
    PHASE_BODY,
    PHASE_ENDED, /* by a dot */
};

/* What stands at the start of a body line and is not in the body yet: what follows decides. */
enum held {
    HELD_NOTHING,
    HELD_DOT,  /* a dot */
    HELD_LINE, /* a line that is a lone dot */
};

struct message_reader {
    struct message *m;
    int fd; /* -1: the bytes are handed in, and there is no terminal */
    uint64_t max_size;
    enum dots dots;
    enum phase phase;
    enum held held;
    uint64_t carriage_returns; /* read last: whether LF follows decides what they are */
    size_t line;               /* length of the line under way */
    bool judged;               /* the header line under way is known to be one */
    size_t doubtful;           /* bytes at the start of the header: an mbox's lines, or text */
    bool stuffed;              /* the body line under way begins with ".." */
    bool bare_dot;             /* a body line begins with a dot that is not stuffed */
    size_t longest_stuffed;
    struct utf8_check utf8;
};

/* read(2), with the patience that a non-blocking socket or a signal needs. */
static ssize_t read_some(int fd, char *p, size_t room)
{
    for (;;) {
        ssize_t n = read(fd, p, room);
        struct pollfd wait = { .fd = fd, .events = POLLIN };

        if (n >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
            return n;
        if (errno != EINTR)
            (void)poll(&wait, 1, -1);
    }
}

void message_drain(int fd)
{
    char piece[4096];
    size_t drained = 0;
    ssize_t n;

    while (drained < DRAIN_MAX && (n = read_some(fd, piece, sizeof piece)) > 0)
        drained += (size_t)n;
}

static bool has_8bit(struct slice s)
{
    uint64_t all = 0, word;
    size_t i = 0;

    for (; i + sizeof word <= s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        all |= word;
    }
    for (; i < s.n; i++)
        all |= (unsigned char)s.p[i];
    return (all & UINT64_C(0x8080808080808080)) != 0;
}

static enum code add_body(struct message_reader *r, struct slice span, struct status *why)
{
    struct message *m = r->m;
    bool high = has_8bit(span);

    if (span.n == 0)
        return CODE_OK;
    m->body_8bit = m->body_8bit || high;
    m->body_nul = m->body_nul || memchr(span.p, 0, span.n);
    if (high || r->utf8.left > 0)
        utf8_check_piece(&r->utf8, span);
    return store_add(&m->body, span, why);
}

static void end_body_line(struct message_reader *r)
{
    size_t *longest = r->stuffed ? &r->longest_stuffed : &r->m->longest_line;

    if (r->line > *longest)
        *longest = r->line;
    r->m->body_lines++;
    r->line = 0;
    r->stuffed = false;
}

/* A lone dot: whether it ends the message may depend on what follows. */
static void judge_lone_dot(struct message_reader *r)
{
    bool ends = r->dots == DOTS_TERMINATE || (r->fd >= 0 && isatty(r->fd));

    r->held = ends ? HELD_NOTHING : HELD_LINE;
    if (ends)
        r->phase = PHASE_ENDED;
}

/* Something follows what was held: *in is not empty. */
static enum code settle_held(struct message_reader *r, struct slice *in, struct status *why)
{
    if (r->held == HELD_LINE) {
        r->held = HELD_NOTHING;
        r->bare_dot = true;
        r->line = 1;
        end_body_line(r);
        return add_body(r, slice_of(".\n"), why);
    }
    if (in->p[0] == '\n') {
        *in = slice_part(*in, 1, in->n);
        judge_lone_dot(r);
        return CODE_OK;
    }
    r->held = HELD_NOTHING;
    r->line = 1;
    r->stuffed = in->p[0] == '.';
    if (r->stuffed)
        r->m->stuffed_lines++;
    else
        r->bare_dot = true;
    return add_body(r, slice_of("."), why);
}

static bool dot_begins_line(const struct message_reader *r, struct slice in)
{
    return r->dots != DOTS_ARE_DATA && r->line == 0 && in.p[0] == '.';
}

/* Counts the lines of *in up to a dot that begins one, and takes what it counted off *in. */
static struct slice take_lines(struct message_reader *r, struct slice *in)
{
    struct slice all = *in;

    while (in->n > 0 && !dot_begins_line(r, *in)) {
        size_t n = slice_find(*in, '\n');

        r->line += n;
        if (n < in->n)
            end_body_line(r);
        *in = slice_part(*in, n + 1, in->n);
    }
    return slice_part(all, 0, all.n - in->n);
}

static enum code take_body(struct message_reader *r, struct slice in, struct status *why)
{
    while (in.n > 0 && r->phase == PHASE_BODY) {
        if (r->held != HELD_NOTHING) {
            if (settle_held(r, &in, why))
                return why->code;
        } else if (dot_begins_line(r, in)) {
            in = slice_part(in, 1, in.n);
            r->held = HELD_DOT;
        } else if (add_body(r, take_lines(r, &in), why)) {
            return why->code;
        }
    }
    return CODE_OK;
}

/* How the line begins that a mailbox file puts before a message; "From : x" is a field. */
static bool begins_as_mbox(struct slice line)
{
    return line.n < MESSAGE_LINE_MAX && (slice_equal(slice_part(line, 0, 5), slice_of("From ")) ||
                                         slice_equal(slice_part(line, 0, 6), slice_of(">From ")));
}

static bool is_short_name(struct slice word, const char *names)
{
    for (; word.n == 3 && *names; names += 3)
        if (slice_equal(word, (struct slice){ names, 3 }))
            return true;
    return false;
}

/* Whether there is a date as in "From root@host Tue Sep  1 10:00:00 2026". */
static bool has_mbox_date(struct slice line)
{
    bool after_day = false;
    struct slice word;

    while (slice_take_word(&line, &word)) {
        if (after_day && is_short_name(word, "JanFebMarAprMayJunJulAugSepOctNovDec"))
            return true;
        after_day = is_short_name(word, "SunMonTueWedThuFriSat");
    }
    return false;
}

/* What was read from byte `from` on is the body's. */
static enum code leave_header(struct message_reader *r, size_t from, struct status *why)
{
    struct slice text = slice_part(buf_slice(&r->m->header), from, r->m->header.n);

    r->m->header.n = from;
    r->doubtful = 0;
    r->line = 0;
    r->phase = PHASE_BODY;
    return take_body(r, text, why);
}

/*
 * Decides what the line at the end of the block is. All of it is there, or MESSAGE_LINE_MAX bytes:
 * a name cannot be longer, and how the bytes were cut into reads must not matter. "From now on" may
 * be text as well as an mbox line: without a date in it, a field behind it decides.
 */
static enum code judge_header_line(struct message_reader *r, struct status *why)
{
    struct buf *header = &r->m->header;
    size_t before = header->n - r->line;
    struct slice line = slice_part(buf_slice(header), before, header->n);
    bool is_first = before == r->doubtful;

    r->judged = true;
    if (header_line_begins_field(line)) {
        buf_drop(header, r->doubtful);
        r->doubtful = 0;
    } else if (is_first && begins_as_mbox(line)) {
        r->judged = !has_mbox_date(line);
        if (r->judged)
            r->doubtful = header->n + 1; /* with its LF */
        else
            header->n = before;
    } else if (is_first || line.n == 0 || !is_space(line.p[0])) {
        return leave_header(r, before - r->doubtful, why);
    }
    return CODE_OK;
}

static enum code check_memory(const struct message_reader *r, struct status *why)
{
    if (!r->m->header.failed)
        return CODE_OK;
    return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
}

static enum code end_header_line(struct message_reader *r, bool empty, struct status *why)
{
    if (r->phase == PHASE_BODY)
        return empty ? CODE_OK : take_body(r, slice_of("\n"), why);
    /* Not judged to be kept and still in the header: an mbox line, and gone. */
    if (r->judged)
        buf_add_char(&r->m->header, '\n');
    r->judged = false;
    r->line = 0;
    return check_memory(r, why);
}

static enum code take_header(struct message_reader *r, struct slice *in, struct status *why)
{
    struct buf *header = &r->m->header;
    size_t n = slice_find(r->judged ? *in : slice_part(*in, 0, MESSAGE_LINE_MAX - r->line), '\n');
    bool whole = n < in->n && in->p[n] == '\n', empty;

    if (n > 0 && n >= MESSAGE_HEADER_MAX - header->n)
        return status_set(why, CODE_MESSAGE, STAGE_INPUT, "the header is longer than %d bytes",
                          MESSAGE_HEADER_MAX);
    buf_add(header, in->p, n);
    if (check_memory(r, why))
        return why->code;
    r->line += n;
    empty = r->line == 0 && r->doubtful == 0;
    *in = slice_part(*in, whole ? n + 1 : n, in->n);
    if (!r->judged && (whole || r->line == MESSAGE_LINE_MAX) && judge_header_line(r, why))
        return why->code;
    return whole ? end_header_line(r, empty, why) : CODE_OK;
}

/* Takes bytes without CR, with LF line ends. */
static enum code take(struct message_reader *r, struct slice in, struct status *why)
{
    while (in.n > 0 && r->phase == PHASE_HEADER)
        if (take_header(r, &in, why))
            return why->code;
    return take_body(r, in, why);
}

/* The CRs read last are line ends: nothing follows, or something but LF. */
static enum code take_carriage_returns(struct message_reader *r, struct status *why)
{
    for (; r->carriage_returns > 0; r->carriage_returns--)
        if (take(r, slice_of("\n"), why))
            return why->code;
    return CODE_OK;
}

/* Turns CRs into line ends, in place, since nothing grows. A run of them at the end is counted
 * instead. Gives the new length. */
static size_t turn_line_ends(char *p, size_t n, uint64_t *carriage_returns)
{
    char *to = p, *from = p, *end = p + n;

    while (from < end) {
        char *cr = memchr(from, '\r', (size_t)(end - from));
        size_t span = (size_t)((cr ? cr : end) - from), run = 0;

        if (to != from)
            memmove(to, from, span);
        to += span;
        from += span;
        while (from + run < end && from[run] == '\r')
            run++;
        from += run;
        if (from == end) {
            *carriage_returns = run;
        } else if (*from != '\n') {
            memset(to, '\n', run);
            to += run;
        }
    }
    return (size_t)(to - p);
}

static enum code take_piece(struct message_reader *r, char *p, size_t n, struct status *why)
{
    while (n > 0 && *p == '\r') {
        r->carriage_returns++;
        p++;
        n--;
    }
    if (n == 0)
        return CODE_OK;
    if (*p == '\n')
        r->carriage_returns = 0;
    if (take_carriage_returns(r, why))
        return why->code;
    n = turn_line_ends(p, n, &r->carriage_returns);
    return take(r, (struct slice){ p, n }, why);
}

static void note_what_is_known(struct message_reader *r)
{
    struct message *m = r->m;
    size_t stuffed = r->longest_stuffed;

    m->header_8bit = has_8bit(buf_slice(&m->header));
    m->body_utf8 = !r->utf8.bad && r->utf8.left == 0;
    m->unstuff = m->stuffed_lines > 0 && (r->dots == DOTS_TERMINATE || !r->bare_dot);
    if (m->unstuff)
        stuffed--;
    if (stuffed > m->longest_line)
        m->longest_line = stuffed;
}

/* The end of the file. What is held is a lone dot with nothing after it, and goes. */
static enum code end_message(struct message_reader *r, struct status *why)
{
    if (take_carriage_returns(r, why))
        return why->code;
    if (r->line > 0 && take(r, slice_of("\n"), why))
        return why->code;
    if (r->doubtful > 0 && leave_header(r, 0, why))
        return why->code;
    note_what_is_known(r);
    return CODE_OK;
}

enum code message_read_add(struct message_reader *r, char *p, size_t n, struct status *why)
{
    if (r->phase == PHASE_ENDED)
        return CODE_OK;
    r->m->read_bytes += n;
    if (r->m->read_bytes > r->max_size)
        return status_set(why, CODE_TOO_BIG, STAGE_INPUT, "the message has more than %llu bytes",
                          (unsigned long long)r->max_size);
    return take_piece(r, p, n, why);
}

enum code message_read_begin(struct message *m, const struct message_limits *limits,
                             struct message_reader **out, struct status *why)
{
    struct message_reader *r = malloc(sizeof *r);

    *out = r;
    if (!r)
        return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
    *r = (struct message_reader){
        .m = m, .fd = -1, .max_size = limits->max_size, .dots = limits->dots
    };
    return CODE_OK;
}

enum code message_read_end(struct message_reader *r, struct status *why)
{
    enum code code = why ? why->code : CODE_OK;

    if (r && why && !code)
        code = end_message(r, why);
    free(r);
    return code;
}

static enum code read_all(struct message_reader *r, struct buf *piece, struct status *why)
{
    while (r->phase != PHASE_ENDED) {
        ssize_t n = read_some(r->fd, piece->p, READ_PIECE);

        if (n < 0)
            return status_set_errno(why, CODE_READ, STAGE_INPUT, errno,
                                    "the message cannot be read");
        if (n == 0)
            break;
        if (message_read_add(r, piece->p, (size_t)n, why))
            return why->code;
    }
    return end_message(r, why);
}

enum code message_read(struct message *m, int fd, const struct message_limits *limits,
                       struct status *why)
{
    struct message_reader r = {
        .m = m, .fd = fd, .max_size = limits->max_size, .dots = limits->dots
    };
    enum code code;
    struct buf piece;

    buf_init(&piece, READ_PIECE);
    buf_reserve(&piece, READ_PIECE);
    code = piece.failed ? status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory")
                        : read_all(&r, &piece, why);
    buf_free(&piece);
    /* On a terminal the dot is the end; a writer must be able to write all it has. */
    if ((code && code != CODE_READ) || (r.phase == PHASE_ENDED && !isatty(fd)))
        message_drain(fd);
    return code;
}
