#include "cli/commands.h"

#include "cli/options.h"
#include "conf/nearest.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    TEXT_MAX = 4096,
    COLUMN = 16, /* of the help's second half */
};

static const char version[] = "orsino 0.1\n";

static int put(int fd, struct slice text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);

        if (n <= 0)
            return EX_IOERR;
        text = slice_part(text, (size_t)n, text.n);
    }
    return EX_OK;
}

static void add_option(struct buf *out, const struct option_row *row)
{
    size_t start = out->n;

    buf_addf(out, "  -%c %s", row->letter, row->value ? row->value : "");
    while (!out->failed && out->n - start < COLUMN)
        buf_add_char(out, ' ');
    buf_addf(out, "%s\n", row->help);
}

static void add_help(struct buf *out)
{
    size_t count;
    const struct option_row *rows = options_all(&count);

    buf_add_string(out,
                   "usage: sendmail [options] [recipient ...] < message\n"
                   "       orsino send [options] [recipient ...] < message\n"
                   "       orsino serve [-C file]\n"
                   "       orsino queue [list | failed | show | run | hold | release | retry |\n"
                   "                     remove] [options] [id ...]\n"
                   "       orsino probe host | user@domain\n"
                   "       orsino check [account] | setup [you@domain]\n"
                   "       orsino mailq | newaliases | version | help\n\n");
    for (size_t i = 0; i < count; i++)
        if (rows[i].help)
            add_option(out, &rows[i]);
    buf_add_string(out, "\nThe account is read from /etc/orsino.ini. More: man 8 orsino, "
                        "man 5 orsino.ini\n");
}

static int put_help(int fd)
{
    struct buf text;
    int result = EX_OSERR;

    buf_init(&text, TEXT_MAX);
    add_help(&text);
    if (!text.failed)
        result = put(fd, buf_slice(&text));
    buf_free(&text);
    return result;
}

int help_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return put_help(STDOUT_FILENO);
}

int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return put(STDOUT_FILENO, slice_of(version));
}

int usage_main(const char *word, const char *const *names)
{
    struct nearest nearest;

    nearest_begin(&nearest, slice_of(word));
    for (; *names; names++)
        nearest_offer(&nearest, *names);
    if (word && nearest.name)
        (void)fprintf(stderr, "orsino: no command \"%.80s\", did you mean %s?\n", word,
                      nearest.name);
    else if (word)
        (void)fprintf(stderr, "orsino: no command \"%.80s\" in this version; see orsino help\n",
                      word);
    else
        (void)put_help(STDERR_FILENO);
    return EX_USAGE;
}
