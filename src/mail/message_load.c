/*
 * A message in a file, between two processes. The file is the message as it goes out, but with LF
 * line ends: what is read from it goes out again to the byte, with nothing left to be encoded.
 */
#include "mail/message.h"

#include "mail/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOAD_PIECE = 64 * 1024,
    SAVE_PIECE = 64 * 1024,
    LOADED_HEADER_MAX = 2 * MESSAGE_HEADER_MAX, /* repairs may have made it longer */
};

struct loader {
    struct message *m;
    size_t line; /* length of the line under way */
    bool in_body;
    uint64_t body_start;
    struct utf8_check utf8;
};

static enum code refuse(struct status *why, const char *what)
{
    return status_set(why, CODE_MESSAGE, STAGE_INPUT, "the file of the message is damaged: %s",
                      what);
}

static enum code no_memory(struct status *why)
{
    return status_set(why, CODE_MEMORY, STAGE_INPUT, "out of memory");
}

/* Takes a line of the header, or what there is of it, off *in; an empty one ends it. */
static enum code take_header(struct loader *l, struct slice *in, struct status *why)
{
    struct buf *header = &l->m->header;
    size_t n = slice_find(*in, '\n');
    bool ends = n < in->n;

    if (ends)
        n++;
    l->body_start += n;
    l->in_body = n == 1 && ends && l->line == 0;
    if (!l->in_body) {
        if (n > LOADED_HEADER_MAX - header->n)
            return refuse(why, "its header has no end");
        buf_add(header, in->p, n);
        l->line = ends ? 0 : l->line + n;
    }
    *in = slice_part(*in, n, in->n);
    return header->failed ? no_memory(why) : CODE_OK;
}

/* Notes what is known of a body once it is read. */
static void note_body(struct loader *l, struct slice in)
{
    struct message *m = l->m;
    bool high = !slice_is_ascii(in);

    m->body_8bit = m->body_8bit || high;
    m->body_nul = m->body_nul || slice_find(in, 0) < in.n;
    if (high || l->utf8.left > 0)
        utf8_check_piece(&l->utf8, in);
    while (in.n > 0) {
        size_t n = slice_find(in, '\n');

        l->line += n;
        if (l->line > m->longest_line)
            m->longest_line = l->line;
        if (n < in.n) {
            m->body_lines++;
            l->line = 0;
        }
        in = slice_part(in, n + 1, in.n);
    }
}

static enum code take(struct loader *l, struct slice in, struct status *why)
{
    /* One that stood alone would be a line end for some servers, and end the message for them. */
    if (slice_find(in, '\r') < in.n)
        return refuse(why, "it holds a carriage return");
    while (in.n > 0 && !l->in_body)
        if (take_header(l, &in, why))
            return why->code;
    note_body(l, in);
    return CODE_OK;
}

/* All of a file of that size, in pieces. */
static enum code read_file(struct loader *l, int fd, uint64_t size, struct buf *piece,
                           struct status *why)
{
    uint64_t offset = 0;

    while (offset < size) {
        size_t room = size - offset < LOAD_PIECE ? (size_t)(size - offset) : LOAD_PIECE;
        ssize_t n = pread(fd, piece->p, room, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return status_set_errno(why, CODE_READ, STAGE_INPUT, n < 0 ? errno : EIO,
                                    "the file of the message cannot be read");
        if (take(l, (struct slice){ piece->p, (size_t)n }, why))
            return why->code;
        offset += (size_t)n;
    }
    if (!l->in_body)
        return refuse(why, "its header has no end");
    if (l->line > 0)
        return refuse(why, "its last line has no end");
    return CODE_OK;
}

static enum code load(struct loader *l, int fd, struct buf *piece, struct status *why)
{
    struct message *m = l->m;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return status_set_errno(why, CODE_READ, STAGE_INPUT, errno,
                                "the file of the message cannot be read");
    m->read_bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (read_file(l, fd, m->read_bytes, piece, why))
        return why->code;
    m->header_8bit = !slice_is_ascii(buf_slice(&m->header));
    m->body_utf8 = !l->utf8.bad && l->utf8.left == 0;
    return store_lend(&m->body, fd, l->body_start, m->read_bytes - l->body_start, why);
}

enum code message_load(struct message *m, int fd, struct status *why)
{
    struct loader l = { .m = m };
    struct buf piece;
    enum code code;

    buf_init(&piece, LOAD_PIECE);
    buf_reserve(&piece, LOAD_PIECE);
    code = piece.failed ? no_memory(why) : load(&l, fd, &piece, why);
    buf_free(&piece);
    return code;
}

/* Takes the CRs away, in place: the wire has none but those before its LFs. Gives the new length.
 */
static size_t drop_carriage_returns(char *p, size_t n)
{
    char *to = p, *from = p, *end = p + n;

    while (from < end) {
        char *cr = memchr(from, '\r', (size_t)(end - from));
        size_t span = (size_t)((cr ? cr : end) - from);

        memmove(to, from, span);
        to += span;
        from += span + 1;
    }
    return (size_t)(to - p);
}

static enum code save(struct wire *w, int fd, struct buf *piece, uint64_t *size, struct status *why)
{
    size_t got;

    do {
        struct slice bytes;

        if (wire_next(w, piece->p, SAVE_PIECE, &got, why))
            return why->code;
        bytes = (struct slice){ piece->p, drop_carriage_returns(piece->p, got) };
        if (!store_write_file(fd, bytes))
            return status_set_errno(why, CODE_FILE_CREATE, STAGE_QUEUE, errno,
                                    "the message cannot be written");
        *size += bytes.n;
    } while (got > 0);
    return CODE_OK;
}

enum code message_save(const struct message *m, int fd, uint64_t *size, struct status *why)
{
    struct wire w;
    struct buf piece;
    enum code code;

    *size = 0;
    wire_begin(&w, m, WIRE_PLAIN);
    buf_init(&piece, SAVE_PIECE);
    buf_reserve(&piece, SAVE_PIECE);
    code = piece.failed ? no_memory(why) : save(&w, fd, &piece, size, why);
    buf_free(&piece);
    return code;
}
