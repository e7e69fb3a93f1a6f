/*
 * Transcripts of tests/dialogues, read for test_dialogues.c; tests/dialogues/README says what may
 * stand in one.
 */
#ifndef ORSINO_TESTS_TRANSCRIPT_H
#define ORSINO_TESTS_TRANSCRIPT_H

#include "unit.h"

#include "conf/account.h"
#include "mail/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRANSCRIPT_LINES = 1024,
    TRANSCRIPT_RECIPIENTS = 1024,
    TRANSCRIPT_TEXT_MAX = 4 * 1024 * 1024,
};

struct transcript_line {
    unsigned number;   /* in the file */
    struct slice word; /* "S", "C", "TLS", "exit", "error", "tls", … */
    struct buf text;   /* what follows, expanded */
};

struct transcript {
    const char *path;
    struct buf file;
    struct transcript_line lines[TRANSCRIPT_LINES];
    size_t count;
    struct account account;
    struct envelope envelope;
    char *forward_paths[TRANSCRIPT_RECIPIENTS];
    const char *password, *message;
    uint64_t repeat, messages;
    struct declared declared;
    bool held;
    bool whole; /* pieces = whole */
};

static inline bool line_is(const struct transcript_line *line, const char *word)
{
    return slice_equal(line->word, slice_of(word));
}

static inline void transcript_fail(const struct transcript *t, const struct transcript_line *line,
                                   const char *sentence, struct slice got)
{
    struct slice want = line ? buf_slice(&line->text) : (struct slice){ "", 0 };

    print_error("%s:%u: %s\n got: %.*s\nwant: %.*s\n", t->path, line ? line->number : 0, sentence,
                (int)got.n, got.n ? got.p : "", (int)want.n, want.n ? want.p : "");
    fail();
}

/* A whole file; tests are small enough for that. */
static inline void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t n;

    if (!file)
        print_error("%s: cannot be opened\n", path);
    assert_non_null(file);
    buf_init(out, TRANSCRIPT_TEXT_MAX);
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(out, piece, n);
    (void)fclose(file);
    assert_false(out->failed);
}

static inline unsigned hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, to_lower(c));

    assert_true(c && at);
    return (unsigned)(at - digits);
}

/* Appends s with \r \n \t \\ and \xHH made bytes. */
static inline void unescape(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c != '\\' || i + 1 == s.n) {
            buf_add_char(out, c);
            continue;
        }
        c = s.p[++i];
        if (c == 'x' && i + 2 < s.n) {
            buf_add_char(out, (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2])));
            i += 2;
        } else {
            buf_add_char(out, c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c);
        }
    }
}

/* The same, with "{text*count}" for a text many times. */
static inline void expand(struct slice s, struct buf *out)
{
    while (s.n > 0) {
        size_t open = slice_find(s, '{'), close = slice_find(s, '}'), star = close;
        uint64_t times = 0;

        unescape(slice_part(s, 0, open), out);
        if (open == s.n)
            return;
        while (star > open && s.p[star] != '*')
            star--;
        assert_true(close < s.n && star > open);
        assert_true(slice_number(slice_part(s, star + 1, close), 1000000, &times));
        while (times-- > 0)
            unescape(slice_part(s, open + 1, star), out);
        s = slice_part(s, close + 1, s.n);
    }
}

/* The word of a line ends at ": ", " = " or the line's end. */
static inline void take_transcript_line(struct transcript *t, struct slice whole, unsigned number)
{
    struct transcript_line *line = &t->lines[t->count];
    struct slice text = whole;

    if (whole.n == 0 || whole.p[0] == '#')
        return;
    assert_true(t->count++ < TRANSCRIPT_LINES);
    line->number = number;
    assert_true(slice_take_until(&text, ":=", &line->word));
    line->word = slice_trim(line->word);
    buf_init(&line->text, TRANSCRIPT_TEXT_MAX);
    expand(text.n > 0 && text.p[0] == ' ' ? slice_part(text, 1, text.n) : text, &line->text);
    assert_false(line->text.failed);
}

static inline const char *text_of(struct transcript_line *line)
{
    const char *text = buf_string(&line->text);

    assert_non_null(text);
    return text;
}

/* The value of a word in a table that ends with a NULL word. */
struct transcript_word {
    const char *word;
    unsigned value;
};

static inline unsigned value_of(const struct transcript *t, const struct transcript_line *line,
                                struct slice word, const struct transcript_word *words)
{
    for (; words->word; words++)
        if (slice_equal(word, slice_of(words->word)))
            return words->value;
    transcript_fail(t, line, "a word that no test knows", word);
    return 0;
}

static inline unsigned notify_of(const struct transcript *t, const struct transcript_line *line,
                                 struct slice list)
{
    static const struct transcript_word words[] = {
        { "never", DSN_NOTIFY_NEVER },
        { "success", DSN_NOTIFY_SUCCESS },
        { "failure", DSN_NOTIFY_FAILURE },
        { "delay", DSN_NOTIFY_DELAY },
        { 0 },
    };
    struct slice word;
    unsigned notify = 0;

    while (slice_take_until(&list, ",", &word))
        notify |= value_of(t, line, word, words);
    return notify;
}

static inline void add_recipients(struct transcript *t, const struct transcript_line *line)
{
    struct slice rest = buf_slice(&line->text), word;

    while (slice_take_until(&rest, ",", &word)) {
        assert_true(t->envelope.forward_count < TRANSCRIPT_RECIPIENTS);
        t->forward_paths[t->envelope.forward_count++] = slice_dup(slice_trim(word));
    }
}

static inline bool set_text(struct transcript *t, struct transcript_line *line)
{
    if (line_is(line, "user"))
        t->account.user = text_of(line);
    else if (line_is(line, "password"))
        t->password = text_of(line);
    else if (line_is(line, "message"))
        t->message = text_of(line);
    else if (line_is(line, "from"))
        t->envelope.reverse_path = slice_dup(buf_slice(&line->text));
    else if (line_is(line, "envid"))
        t->envelope.envelope_id = slice_dup(buf_slice(&line->text));
    else if (line_is(line, "to"))
        add_recipients(t, line);
    else if (line_is(line, "notify"))
        t->envelope.notify = notify_of(t, line, buf_slice(&line->text));
    else
        return false;
    return true;
}

static inline void set_choice(struct transcript *t, struct transcript_line *line)
{
    static const struct transcript_word tls[] = {
        { "implicit", TLS_IMPLICIT }, { "starttls", TLS_STARTTLS }, { "none", TLS_NONE }, { 0 }
    };
    static const struct transcript_word auth[] = {
        { "auto", AUTH_AUTO },
        { "plain", AUTH_PLAIN },
        { "login", AUTH_LOGIN },
        { "none", AUTH_NONE },
        { 0 },
    };
    static const struct transcript_word yes[] = { { "yes", 1 }, { "no", 0 }, { 0 } };
    static const struct transcript_word parts[] = { { "hdrs", DSN_RETURN_HEADERS },
                                                    { "full", DSN_RETURN_FULL },
                                                    { 0 } };
    struct slice text = buf_slice(&line->text);

    if (line_is(line, "tls"))
        t->account.tls = (enum tls_mode)value_of(t, line, text, tls);
    else if (line_is(line, "auth"))
        t->account.auth = (enum auth_mode)value_of(t, line, text, auth);
    else if (line_is(line, "pipelining"))
        t->account.pipelining = value_of(t, line, text, yes);
    else if (line_is(line, "pieces"))
        t->whole = slice_equal(text, slice_of("whole"));
    else if (line_is(line, "ret"))
        t->envelope.dsn_return = (enum dsn_return)value_of(t, line, text, parts);
    else if (line_is(line, "held"))
        t->held = value_of(t, line, text, yes);
    else if (line_is(line, "utf8"))
        t->declared.utf8 = value_of(t, line, text, yes);
    else if (line_is(line, "size"))
        assert_true(slice_number(text, UINT64_MAX, &t->declared.size));
    else if (line_is(line, "repeat"))
        assert_true(slice_number(text, 1000000, &t->repeat));
    else if (line_is(line, "messages"))
        assert_true(slice_number(text, 10, &t->messages));
}

/* Reads a transcript; what is not said in it has the value that tests/dialogues/README names. */
static inline void transcript_open(struct transcript *t, const char *path)
{
    struct slice rest, line;
    unsigned number = 0;

    *t = (struct transcript){ .path = path, .password = "", .message = "plain" };
    t->account = (struct account){ .tls = TLS_IMPLICIT, .user = "", .pipelining = true };
    t->account.timeout = 300000;
    t->repeat = t->messages = 1;
    read_file(path, &t->file);
    rest = buf_slice(&t->file);
    while (slice_take_line(&rest, &line))
        take_transcript_line(t, line, ++number);
    for (size_t i = 0; i < t->count; i++)
        if (!set_text(t, &t->lines[i]))
            set_choice(t, &t->lines[i]);
    if (!t->envelope.reverse_path)
        t->envelope.reverse_path = slice_dup(slice_of("sender@example.org"));
    if (t->envelope.forward_count == 0)
        t->forward_paths[t->envelope.forward_count++] = slice_dup(slice_of("one@example.org"));
    t->envelope.forward_paths = t->forward_paths;
}

static inline void transcript_close(struct transcript *t)
{
    for (size_t i = 0; i < t->count; i++)
        buf_free(&t->lines[i].text);
    for (size_t i = 0; i < t->envelope.forward_count; i++)
        free(t->forward_paths[i]);
    free(t->envelope.reverse_path);
    free(t->envelope.envelope_id);
    buf_free(&t->file);
}

#endif
