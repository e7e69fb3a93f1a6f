/* What the server side says: RFC 5321 section 4.2, RFC 3463 for the enhanced codes. */
#include "smtp/server_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LINE_MAX_TEXT = 480, /* RFC 5321 section 4.5.3.1.5: 512 with codes and CR LF */
    WORDS_MAX = 1536,    /* status_describe: where, what and said */
};

/*
 * THE table: what a failure without a reply of the provider means to a client. A fault of ours,
 * in the configuration or on the way, is not the message's, so it is temporary.
 */
static const struct row {
    int code;
    char enhanced[6];
} rows[] = {
    [CODE_OK] = { 250, "2.0.0" },
    [CODE_USAGE] = { 451, "4.3.0" },
    [CODE_NO_RECIPIENT] = { 554, "5.5.1" },
    [CODE_ADDRESS] = { 553, "5.1.3" },
    [CODE_MESSAGE] = { 554, "5.6.0" },
    [CODE_READ] = { 451, "4.3.0" },
    [CODE_FILE_MISSING] = { 451, "4.3.5" },
    [CODE_FILE_CREATE] = { 452, "4.3.1" },
    [CODE_MEMORY] = { 451, "4.3.0" },
    [CODE_SYSTEM] = { 451, "4.3.0" },
    [CODE_BUG] = { 451, "4.3.0" },
    [CODE_CONFIG] = { 451, "4.3.5" },
    [CODE_PERMISSION] = { 451, "4.3.5" },
    [CODE_RESOLVE] = { 451, "4.4.4" },
    [CODE_RESOLVE_LATER] = { 451, "4.4.3" },
    [CODE_REFUSED] = { 451, "4.4.1" },
    [CODE_UNREACHABLE] = { 451, "4.4.1" },
    [CODE_TIMEOUT] = { 451, "4.4.1" },
    [CODE_CLOSED] = { 451, "4.4.2" },
    [CODE_UNKNOWN_END] = { 451, "4.4.2" },
    [CODE_NOT_TLS] = { 451, "4.7.5" },
    [CODE_TLS_AT_ONCE] = { 451, "4.7.5" },
    [CODE_TLS_MISMATCH] = { 451, "4.7.5" },
    [CODE_TLS] = { 451, "4.7.5" },
    [CODE_NO_CA] = { 451, "4.3.5" },
    [CODE_UNTRUSTED] = { 451, "4.7.5" },
    [CODE_NO_STARTTLS] = { 451, "4.7.5" },
    [CODE_INJECTED] = { 451, "4.7.5" },
    [CODE_GREETING] = { 451, "4.3.2" },
    [CODE_NO_AUTH] = { 451, "4.7.0" },
    [CODE_LOGIN] = { 451, "4.7.0" },
    [CODE_SENDER] = { 550, "5.7.1" },
    [CODE_RECIPIENT] = { 550, "5.1.1" },
    [CODE_CONTENT] = { 550, "5.6.0" },
    [CODE_TOO_BIG] = { 552, "5.3.4" },
    [CODE_NO_8BITMIME] = { 554, "5.6.3" },
    [CODE_NO_SMTPUTF8] = { 553, "5.6.7" },
    [CODE_PROTOCOL] = { 451, "4.5.0" },
};
_Static_assert(sizeof rows / sizeof *rows == CODE_END, "a row for each code");

/* RFC 6531 section 3.7.4.3: beyond ASCII only to a client that asked for it. */
static void make_speakable(const struct server *d, char *p, size_t n)
{
    text_make_printable(p, n);
    if (d->mail.declared.utf8)
        return;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] >= 0x80)
            p[i] = '?';
}

void server_say(struct server *d, const char *format, ...)
{
    char line[LINE_MAX_TEXT + 1];
    va_list arguments;
    size_t n;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    n = strlen(line);
    make_speakable(d, line, n);
    buf_add(&d->out, line, n);
    buf_add(&d->out, "\r\n", 2);
}

/* How much of words goes into one line: not half a word, and not half a character. */
static size_t line_length(struct slice words)
{
    size_t n = LINE_MAX_TEXT;

    if (words.n <= n)
        return words.n;
    while (n > LINE_MAX_TEXT / 2 && words.p[n] != ' ')
        n--;
    if (words.p[n] == ' ')
        return n;
    n = LINE_MAX_TEXT;
    while (n > 1 && ((unsigned char)words.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

void server_say_words(struct server *d, int code, const char *enhanced, struct slice words)
{
    do {
        struct slice line = slice_part(words, 0, line_length(words));
        size_t start = d->out.n;

        words = slice_trim(slice_part(words, line.n, words.n));
        buf_addf(&d->out, "%d%c%s%s", code, words.n > 0 ? '-' : ' ', enhanced,
                 enhanced[0] != 0 ? " " : "");
        buf_add_slice(&d->out, line);
        if (!d->out.failed)
            make_speakable(d, d->out.p + start, d->out.n - start);
        buf_add(&d->out, "\r\n", 2);
    } while (words.n > 0);
}

/* What the provider thinks of OUR login: a client would take it for an answer to its own. */
static bool is_about_login(const struct status *why)
{
    static const int replies[] = { 334, 432, 454, 530, 534, 535, 538 };

    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        if (why->reply == replies[i])
            return true;
    return why->code == CODE_LOGIN || why->code == CODE_NO_AUTH;
}

/* Whether `said` is a refusal with its code in front, as reply_describe writes it. */
static bool is_refusal(const struct status *why)
{
    uint64_t code = 0;

    return slice_number(slice_part(slice_of(why->said), 0, 3), 599, &code) && code >= 400 &&
           (int)code == why->reply;
}

/* Whether it was said of this message, and not of our connection to the provider. */
static bool is_about_message(const struct status *why)
{
    switch (why->stage) {
    case STAGE_NONE:
    case STAGE_MAIL:
    case STAGE_RCPT:
    case STAGE_DATA:
    case STAGE_BODY:
        return is_refusal(why) && !is_about_login(why);
    default:
        return false;
    }
}

/* The provider's code as we may say it. 421 would mean that we close; and that it did not
 * understand our command does not mean that we did not understand the client's. */
static int own_code(int reply)
{
    if (reply == 421)
        return 451;
    if ((reply >= 500 && reply <= 504) || reply == 555)
        return 554;
    return reply;
}

/* The enhanced code of our own for a failure, in the class that the provider's code has. */
static const char *own_enhanced(const struct status *why, char room[6])
{
    const char *detail = rows[why->code].enhanced + 1;

    (void)snprintf(room, 6, "%c%s", why->reply < 500 ? '4' : '5',
                   why->code == CODE_OK ? ".0.0" : detail);
    return room;
}

static void pass_on(struct server *d, const struct status *why)
{
    struct slice words = slice_trim(slice_part(slice_of(why->said), 4, SIZE_MAX));
    struct slice given = slice_of(why->enhanced);
    const char *enhanced = why->enhanced;
    char room[6];

    if (given.n > 0 && slice_starts_nocase(words, given))
        words = slice_trim(slice_part(words, given.n, words.n));
    else
        enhanced = own_enhanced(why, room);
    server_say_words(d, own_code(why->reply), enhanced, words.n > 0 ? words : slice_of("Refused"));
}

void server_say_status(struct server *d, const struct status *why)
{
    static const struct row not_logged_in = { 451, "4.7.0" };
    const struct row *row = is_about_login(why) ? &not_logged_in : &rows[why->code];
    char room[WORDS_MAX];
    struct buf words;

    if (is_about_message(why)) {
        pass_on(d, why);
        return;
    }
    buf_over(&words, room, sizeof room);
    status_describe(why, &words);
    server_say_words(d, row->code, row->enhanced,
                     words.n > 0 ? buf_slice(&words) : slice_of("Local error"));
}
