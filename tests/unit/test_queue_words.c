#include "cli/queue_words.h"

#include "unit.h"

#include <getopt.h>
#include <stdlib.h>

enum {
    WORDS = 8,
    ROOM = 512,
};

static const char *const names[] = {
    [QUEUE_LIST] = "list",   [QUEUE_FAILED] = "failed", [QUEUE_SHOW] = "show",
    [QUEUE_RUN] = "run",     [QUEUE_HOLD] = "hold",     [QUEUE_RELEASE] = "release",
    [QUEUE_RETRY] = "retry", [QUEUE_REMOVE] = "remove",
};

static const struct row {
    const char *sentence;
    const char *words[WORDS];
    const char *want; /* what came of it, or the sentence of the error */
} rows[] = {
    { "nothing", { NULL }, "list |" },
    { "a command", { "failed" }, "failed |" },
    { "JSON, without a command", { "--json" }, "list json |" },
    { "an option in front", { "--json", "failed" }, "failed json |" },
    { "a file", { "-C", "f", "list" }, "list C=f |" },
    { "a file, attached", { "list", "-Cf" }, "list C=f |" },
    { "an id", { "show", "AB" }, "show | AB" },
    { "the message alone", { "show", "AB", "--message" }, "show message | AB" },
    { "all that are due", { "run", "--due" }, "run due |" },
    { "one", { "run", "AB", "-v" }, "run v | AB" },
    { "again and again", { "run", "--every", "15m" }, "run every=900 |" },
    { "the same in one word", { "run", "--every=1h30m" }, "run every=5400 |" },
    { "several ids", { "hold", "AB", "CD", "-v" }, "hold v | AB CD" },
    { "all of them", { "remove", "all" }, "remove | all" },
    { "no options behind --", { "retry", "--", "--json" }, "retry | --json" },
    { "no such command",
      { "purge" },
      "no queue command \"purge\"; there are list, failed, show, run, hold, release, retry and "
      "remove" },
    { "the beginning of an option", { "list", "--js" }, "list json |" },
    { "two letters", { "-vCf" }, "list v C=f |" },
    { "help", { "show", "--json", "--help" }, "help" },
    { "no such option", { "list", "--xml" }, "no option --xml; see orsino queue --help" },
    { "an option that takes nothing",
      { "list", "--json=yes" },
      "no option --json=yes; see orsino queue --help" },
    { "no such letter", { "-q" }, "no option -q; see orsino queue --help" },
    { "no such letter behind another", { "-vq" }, "no option -q; see orsino queue --help" },
    { "letters of which one lacks its file", { "-vC" }, "-vC needs an argument" },
    { "a lone dash", { "show", "-" }, "show | -" },
    { "a file that is missing", { "list", "-C" }, "-C needs an argument" },
    { "a time that is missing", { "run", "--every" }, "--every needs an argument" },
    { "no time", { "run", "--every", "soon" }, "--every takes a time such as 15m, not \"soon\"" },
    { "never", { "run", "--every", "0" }, "--every takes a time such as 15m, not \"0\"" },
    { "an empty one", { "run", "--every=" }, "--every takes a time such as 15m, not \"\"" },
    { "what -q takes besides",
      { "run", "--every", "f" },
      "--every takes a time such as 15m, not \"f\"" },
    { "a time beyond all words",
      { "run", "--every", "00000000000000000000000000000000001m" },
      "--every takes a time such as 15m, not \"00000000000000000000000000000000001m\"" },
    { "list takes no id", { "list", "AB" }, "usage: orsino queue list [--json]" },
    { "show needs one", { "show" }, "usage: orsino queue show [--json | --message] id" },
    { "and one only", { "show", "A", "B" }, "usage: orsino queue show [--json | --message] id" },
    { "one of two",
      { "show", "A", "--json", "--message" },
      "usage: orsino queue show [--json | --message] id" },
    { "hold needs one", { "hold" }, "usage: orsino queue hold id ... | all" },
    { "run knows no JSON",
      { "run", "--json" },
      "usage: orsino queue run [--due] [--every time | id]" },
    { "one again and again",
      { "run", "AB", "--every", "1m" },
      "usage: orsino queue run [--due] [--every time | id]" },
};

static void describe(const struct queue_words *w, struct buf *out)
{
    buf_add_string(out, names[w->command]);
    if (w->flags & QUEUE_JSON)
        buf_add_string(out, " json");
    if (w->flags & QUEUE_MESSAGE)
        buf_add_string(out, " message");
    if (w->flags & QUEUE_DUE)
        buf_add_string(out, " due");
    if (w->flags & QUEUE_EVERY)
        buf_addf(out, " every=%u", w->options.queue_interval);
    if (w->options.verbose)
        buf_add_string(out, " v");
    if (w->options.config)
        buf_addf(out, " C=%s", w->options.config);
    buf_add_string(out, " |");
    for (size_t i = 0; i < w->id_count; i++)
        buf_addf(out, " %s", w->ids[i]);
}

static void parse(const struct row *row)
{
    char program[] = "queue", *argv[WORDS + 2] = { program }, *copies[WORDS] = { NULL };
    char room[ROOM];
    struct queue_words words;
    struct status why = { 0 };
    struct buf got;
    int argc = 1;

    for (; row->words[argc - 1]; argc++)
        argv[argc] = copies[argc - 1] = slice_dup(slice_of(row->words[argc - 1]));
    buf_over(&got, room, sizeof room);
    optind = 0; /* anew */
    if (queue_words_parse(argc, argv, &words, &why)) {
        check(row->sentence, why.code == CODE_USAGE);
        buf_add_string(&got, why.what);
    } else if (words.command == QUEUE_HELP) {
        buf_add_string(&got, "help");
    } else {
        describe(&words, &got);
    }
    check_text(row->sentence, buf_slice(&got), slice_of(row->want));
    for (size_t i = 0; i < WORDS; i++)
        free(copies[i]);
}

static void words(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        parse(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests_name("queue_words", tests, NULL, NULL);
}
