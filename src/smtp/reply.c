#include "smtp/reply.h"

#include <stdio.h>
#include <string.h>

void reply_begin(struct reply_parser *p)
{
    *p = (struct reply_parser){ 0 };
    buf_init(&p->line, REPLY_LINE_MAX);
    buf_init(&p->reply.text, REPLY_TEXT_MAX);
}

void reply_end(struct reply_parser *p)
{
    buf_free(&p->line);
    buf_free(&p->reply.text);
}

static void forget_reply(struct reply_parser *p)
{
    buf_clear(&p->line);
    buf_clear(&p->reply.text);
    p->reply.code = 0;
    p->reply.enhanced[0] = 0;
    p->reply.lines = 0;
    p->complete = false;
}

static enum code refuse(struct reply_parser *p, const char *sentence, struct status *why)
{
    (void)status_set(why, CODE_PROTOCOL, STAGE_NONE, "%s", sentence);
    status_said(why, buf_slice(&p->line));
    return why->code;
}

/* Whether c, with `last` before it on its line, is none of a text's. A CR is when LF follows. */
static bool is_foreign(char last, char c)
{
    if (last == '\r')
        return true;
    return is_control(c) && c != '\t' && c != '\r';
}

/*
 * Adds a piece of the line under way. It is judged byte by byte, not when the line ends: what
 * speaks another protocol may never send a LF, and how the network cut the bytes must not matter.
 */
static enum code add_piece(struct reply_parser *p, struct slice piece, struct status *why)
{
    char last = p->line.n > 0 ? p->line.p[p->line.n - 1] : 0;
    size_t room = REPLY_LINE_MAX - p->line.n, i = 0;

    while (i < piece.n && i < room && !is_foreign(last, piece.p[i]))
        last = piece.p[i++];
    buf_add_slice(&p->line, slice_part(piece, 0, i));
    if (p->line.failed)
        return status_set(why, CODE_MEMORY, STAGE_NONE, "out of memory");
    if (i == piece.n)
        return CODE_OK;
    if (i == room)
        return refuse(p, "a line of the answer is too long", why);
    buf_add(&p->line, piece.p + i, 1);
    return refuse(p, "a control character in the answer: this is not SMTP", why);
}

/* "250", "250 text" or "250-text": RFC 5321 section 4.2 has clients take a code alone. */
static bool parse_line(struct slice line, int *code, bool *last, struct slice *text)
{
    uint64_t number = 0;

    if (!slice_number(slice_part(line, 0, 3), 599, &number) || number < 200 || line.n < 3)
        return false;
    if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
        return false;
    *code = (int)number;
    *last = line.n == 3 || line.p[3] == ' ';
    *text = slice_part(line, 4, line.n);
    return true;
}

/* Takes "." and one to three digits off *in: RFC 3463 section 2. */
static bool take_enhanced_part(struct slice *in)
{
    size_t n = 1;

    if (in->n == 0 || in->p[0] != '.')
        return false;
    while (n < in->n && n < 4 && is_digit(in->p[n]))
        n++;
    *in = slice_part(*in, n, in->n);
    return n > 1;
}

/* The enhanced code that text begins with, empty when there is none. Its class must agree with
 * the code's (RFC 2034 section 4): other words may begin with digits and dots. */
static struct slice find_enhanced(int code, struct slice text)
{
    static const struct slice none = { 0 };
    struct slice rest = slice_part(text, 1, text.n);
    int class = code / 100;

    if (text.n == 0 || class == 3 || text.p[0] != '0' + class)
        return none;
    if (!take_enhanced_part(&rest) || !take_enhanced_part(&rest))
        return none;
    if (rest.n > 0 && !is_space(rest.p[0]))
        return none;
    return slice_part(text, 0, text.n - rest.n);
}

static void keep_enhanced(struct reply *r, struct slice text)
{
    struct slice enhanced = find_enhanced(r->code, text);

    if (r->enhanced[0] == 0 && enhanced.n > 0)
        (void)snprintf(r->enhanced, sizeof r->enhanced, "%.*s", (int)enhanced.n, enhanced.p);
}

static enum code end_line(struct reply_parser *p, struct status *why)
{
    struct reply *r = &p->reply;
    struct slice text = { 0 };
    int code = 0;

    if (p->line.n > 0 && p->line.p[p->line.n - 1] == '\r')
        p->line.n--;
    if (!parse_line(buf_slice(&p->line), &code, &p->complete, &text))
        return refuse(p, "an answer that is not SMTP", why);
    if (r->lines > 0 && code != r->code)
        return refuse(p, "an answer whose lines have different codes", why);
    if (r->lines == REPLY_LINES_MAX || text.n + 1 > REPLY_TEXT_MAX - r->text.n)
        return refuse(p, "the answer is too long", why);
    r->code = code;
    if (r->lines++ > 0)
        buf_add_char(&r->text, '\n');
    buf_add_slice(&r->text, text);
    if (r->text.failed)
        return status_set(why, CODE_MEMORY, STAGE_NONE, "out of memory");
    keep_enhanced(r, text);
    buf_clear(&p->line);
    return CODE_OK;
}

enum code reply_take(struct reply_parser *p, struct slice *in, struct status *why)
{
    if (p->complete)
        forget_reply(p);
    while (in->n > 0 && !p->complete) {
        size_t end = slice_find(*in, '\n');
        bool whole = end < in->n;

        if (add_piece(p, slice_part(*in, 0, end), why))
            return why->code;
        *in = slice_part(*in, whole ? end + 1 : end, in->n);
        if (whole && end_line(p, why))
            return why->code;
    }
    return CODE_OK;
}

/* Adds to a C string in said[], as much as there is room for; gives the new length. */
static size_t add_words(char said[STATUS_SAID_MAX], size_t n, struct slice words)
{
    size_t room = STATUS_SAID_MAX - 1 - n;

    words = slice_part(words, 0, room);
    if (words.n > 0)
        memcpy(said + n, words.p, words.n);
    return n + words.n;
}

void reply_describe(const struct reply *r, struct status *why)
{
    struct slice text = buf_slice(&r->text), line;
    char said[STATUS_SAID_MAX];
    size_t n = (size_t)snprintf(said, sizeof said, "%d", r->code);
    bool first = true;

    while (slice_take_until(&text, "\n", &line)) {
        struct slice enhanced = find_enhanced(r->code, line);

        /* RFC 2034 repeats the code on every line; people need it once. */
        if (!first && slice_equal(enhanced, slice_of(r->enhanced)))
            line = slice_part(line, enhanced.n, line.n);
        line = slice_trim(line);
        if (line.n > 0)
            n = add_words(said, n, slice_of(" "));
        n = add_words(said, n, line);
        first = false;
    }
    why->reply = r->code;
    memcpy(why->enhanced, r->enhanced, sizeof why->enhanced);
    status_said(why, (struct slice){ said, n });
}
