#include "net/bundle.h"

#include "base/textfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";

enum {
    BEGIN_LENGTH = sizeof begin_line - 1,
};

void bundle_close(struct bundle *b)
{
    if (b->fd >= 0)
        (void)close(b->fd);
    b->fd = -1;
}

void bundle_rewind(struct bundle *b)
{
    b->offset = 0;
    b->from = b->end = 0;
    b->error = 0;
}

/* Moves what is left to the front and fills the window up. False when nothing came. */
static bool refill(struct bundle *b)
{
    ssize_t n;

    memmove(b->window, b->window + b->from, b->end - b->from);
    b->end -= b->from;
    b->from = 0;
    if (b->end == sizeof b->window || b->offset > BUNDLE_FILE_MAX)
        return false;
    do {
        n = pread(b->fd, b->window + b->end, sizeof b->window - b->end, (off_t)b->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        b->error = errno;
    if (n <= 0)
        return false;
    b->end += (size_t)n;
    b->offset += (size_t)n;
    return true;
}

/* Puts `from` behind the next BEGIN line. Base64 has no hyphens, so they are quickly found. */
static bool find_begin(struct bundle *b)
{
    for (;;) {
        size_t left = b->end - b->from;
        const char *at = left > 0 ? memchr(b->window + b->from, '-', left) : NULL;

        b->from = at ? (size_t)(at - b->window) : b->end;
        if (b->end - b->from < BEGIN_LENGTH) {
            if (!refill(b))
                return false;
            continue;
        }
        if (memcmp(b->window + b->from, begin_line, BEGIN_LENGTH) == 0) {
            b->from += BEGIN_LENGTH;
            return true;
        }
        b->from++;
    }
}

bool bundle_next(struct bundle *b, struct slice *text)
{
    while (find_begin(b)) {
        const char *end = memchr(b->window + b->from, '-', b->end - b->from);

        while (!end && refill(b))
            end = memchr(b->window, '-', b->end);
        if (!end)
            continue;
        *text = (struct slice){ b->window + b->from, (size_t)(end - b->window) - b->from };
        b->from = (size_t)(end - b->window);
        return true;
    }
    return false;
}

/* What a character of base64 stands for, RFC 4648 section 4, plus one; 0 for any other. */
static const unsigned char values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static bool is_blank(unsigned char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* Four characters at a time, up to the next that is none of base64: a bundle is 200 KB of them. */
static size_t decode_run(struct slice text, size_t *at, unsigned char *out, size_t room)
{
    size_t n = 0;

    for (; text.n - *at >= 4 && room - n >= 3; *at += 4) {
        const unsigned char *p = (const unsigned char *)text.p + *at;
        unsigned a = values[p[0]], b = values[p[1]], c = values[p[2]], d = values[p[3]], bits;

        if (a == 0 || b == 0 || c == 0 || d == 0)
            break;
        bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        out[n++] = (unsigned char)(bits >> 16);
        out[n++] = (unsigned char)(bits >> 8);
        out[n++] = (unsigned char)bits;
    }
    return n;
}

size_t bundle_decode(struct slice text, unsigned char *out, size_t room)
{
    unsigned bits = 0, held = 0;
    size_t n = 0;

    for (size_t i = 0; i < text.n && n < room; i++) {
        unsigned char c;

        if (held == 0)
            n += decode_run(text, &i, out + n, room - n);
        if (i == text.n || n == room)
            break;
        c = (unsigned char)text.p[i];
        if (is_blank(c))
            continue;
        if (c == '=')
            break;
        if (values[c] == 0)
            return 0;
        bits = bits << 6 | (values[c] - 1u);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (unsigned char)(bits >> held);
        }
    }
    return n;
}

static enum code refuse(const char *path, int error, struct status *why)
{
    enum code code = textfile_code(error); /* CODE_READ is perhaps not for ever */

    status_at(why, "%s", path);
    return status_set_errno(why, code == CODE_FILE_MISSING ? CODE_NO_CA : code, STAGE_CONFIG, error,
                            "the CA certificates cannot be read");
}

static enum code check(struct bundle *b, const char *path, struct status *why)
{
    struct slice text;
    struct stat st;

    /* Never a pipe or a terminal, which would keep us waiting. */
    if (fstat(b->fd, &st) != 0)
        return refuse(path, errno, why);
    if (!S_ISREG(st.st_mode) || st.st_size > BUNDLE_FILE_MAX) {
        status_at(why, "%s", path);
        return status_set(why, CODE_NO_CA, STAGE_CONFIG, "no file of CA certificates%s",
                          S_ISREG(st.st_mode)   ? ", it is too big"
                          : S_ISDIR(st.st_mode) ? ", but a folder"
                                                : "");
    }
    if (bundle_next(b, &text))
        return CODE_OK;
    if (b->error)
        return refuse(path, b->error, why);
    status_at(why, "%s", path);
    return status_set(why, CODE_NO_CA, STAGE_CONFIG, "there is no PEM CERTIFICATE in this file");
}

enum code bundle_open(struct bundle *b, const char *path, struct status *why)
{
    bundle_rewind(b);
    b->fd = textfile_open(path);
    if (b->fd < 0)
        return refuse(path, errno, why);
    if (check(b, path, why)) {
        bundle_close(b);
        return why->code;
    }
    return CODE_OK;
}
