#include "smtp/extensions.h"

#include "smtp/sasl.h"

#include <stdio.h>
#include <string.h>

static bool has_word(struct slice words, struct slice wanted)
{
    struct slice word;

    while (slice_take_word(&words, &word))
        if (slice_equal_nocase(word, wanted))
            return true;
    return false;
}

/* Servers with the old form repeat the same words in both lines. */
static void keep_auth_word(struct extensions *e, struct slice word)
{
    size_t n = strlen(e->auth_words);

    if (word.n == 0 || has_word(slice_of(e->auth_words), word))
        return;
    if (n + 1 + word.n >= sizeof e->auth_words)
        return;
    (void)snprintf(e->auth_words + n, sizeof e->auth_words - n, "%s%.*s", n > 0 ? " " : "",
                   (int)word.n, word.p);
}

static void take_auth(struct slice arguments, struct extensions *e)
{
    struct slice word;

    while (slice_take_word(&arguments, &word)) {
        e->mechanisms |= sasl_mechanism_of(word);
        keep_auth_word(e, word);
    }
}

/* A number that makes no sense is none named: the server then says itself what is too much. */
static void take_size(struct slice arguments, struct extensions *e)
{
    struct slice word;

    if (slice_take_word(&arguments, &word))
        (void)slice_number(word, UINT64_MAX, &e->size_limit);
}

/* THE table of extensions. */
static const struct row {
    const char *keyword;
    enum extension flag;
    void (*take)(struct slice arguments, struct extensions *e);
} rows[] = {
    { "STARTTLS", EXTENSION_STARTTLS, NULL }, { "PIPELINING", EXTENSION_PIPELINING, NULL },
    { "SIZE", EXTENSION_SIZE, take_size },    { "8BITMIME", EXTENSION_8BITMIME, NULL },
    { "SMTPUTF8", EXTENSION_SMTPUTF8, NULL }, { "DSN", EXTENSION_DSN, NULL },
    { "AUTH", EXTENSION_AUTH, take_auth },
};

static void take_line(struct slice line, struct extensions *e)
{
    struct slice keyword;

    line = slice_trim(line);
    /* "AUTH=PLAIN LOGIN" is what servers say for clients older than RFC 2554. */
    if (!slice_take_until(&line, " \t=", &keyword))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!slice_equal_nocase(keyword, slice_of(rows[i].keyword)))
            continue;
        e->offered |= (unsigned)rows[i].flag;
        if (rows[i].take)
            rows[i].take(line, e);
        return;
    }
}

void extensions_parse(struct slice reply_text, struct extensions *out)
{
    struct slice line;

    *out = (struct extensions){ 0 };
    if (!slice_take_until(&reply_text, "\n", &line))
        return;
    while (slice_take_until(&reply_text, "\n", &line))
        take_line(line, out);
}
