#include "cli/options.h"

#include "unit.h"

#include <stdlib.h>

enum {
    WORDS_MAX = 12,
};

struct row {
    const char *sentence;
    const char *words[WORDS_MAX]; /* behind argv[0] */
    const char *want;
};

/* What was parsed, in one line, so that a row can say all of it. */
static void describe(const struct options *o, struct buf *out)
{
    if (o->mode != 'm')
        buf_addf(out, "mode=%c ", o->mode);
    buf_addf(out, "%s%s%s", o->from_header ? "t " : "", o->ignore_dots ? "i " : "",
             o->verbose ? "v " : "");
    if (o->sender)
        buf_addf(out, "f=<%s> ", o->sender);
    if (o->full_name)
        buf_addf(out, "F=<%s> ", o->full_name);
    if (o->config)
        buf_addf(out, "C=%s ", o->config);
    if (o->account)
        buf_addf(out, "a=%s ", o->account);
    if (o->notify)
        buf_addf(out, "N=%u ", o->notify);
    if (o->dsn_return)
        buf_addf(out, "R=%s ", o->dsn_return == DSN_RETURN_FULL ? "full" : "hdrs");
    if (o->envelope_id)
        buf_addf(out, "V=%s ", o->envelope_id);
    if (o->error_mode != 'p')
        buf_addf(out, "e=%c ", o->error_mode);
    buf_add_string(out, "|");
    for (size_t i = 0; i < o->recipient_count; i++)
        buf_addf(out, " %s", o->recipients[i]);
}

static void expect(const struct row *row)
{
    char *argv[WORDS_MAX + 2] = { 0 }, *words[WORDS_MAX + 2] = { 0 };
    struct options options;
    struct status why = { 0 };
    struct buf got;
    int argc = 1;

    argv[0] = words[0] = slice_dup(slice_of("sendmail"));
    for (; argc <= WORDS_MAX && row->words[argc - 1]; argc++)
        argv[argc] = words[argc] = slice_dup(slice_of(row->words[argc - 1]));
    buf_init(&got, 4096);
    if (options_parse(argc, argv, &options, &why)) {
        check(row->sentence, why.code == CODE_USAGE);
        buf_add_string(&got, why.what);
    } else {
        describe(&options, &got);
    }
    check_text(row->sentence, buf_slice(&got), slice_of(row->want));
    buf_free(&got);
    for (int i = 0; i < argc; i++)
        free(words[i]);
}

static void callers(void **state)
{
    static const struct row rows[] = {
        { "no words at all", { NULL }, "|" },
        { "PHP", { "-t", "-i" }, "t i |" },
        { "PHP with a fifth argument", { "-t", "-i", "-fa@x" }, "t i f=<a@x> |" },
        { "cron of Debian",
          { "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root" },
          "i F=<CronDaemon> | root" },
        { "cronie",
          { "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root" },
          "t i f=<root> F=<CronDaemon> |" },
        { "crond of busybox", { "-ti" }, "t i |" },
        { "GNU mailutils", { "-oi", "-f", "a@x", "-t" }, "t i f=<a@x> |" },
        { "Symfony", { "-fa@x", "--", "b@x", "c@x" }, "f=<a@x> | b@x c@x" },
        { "mutt, a list in one word", { "-oem", "-oi", "--", "a@x,b@x" }, "i | a@x,b@x" },
        { "an SMTP dialogue", { "-bs", "-i" }, "mode=s i |" },
        { "a script with options behind", { "root", "-f", "x" }, "f=<x> | root" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void words(void **state)
{
    static const struct row rows[] = {
        { "a cluster with an argument at its end", { "-tif", "x" }, "t i f=<x> |" },
        { "a cluster with it attached", { "-tvfx@y" }, "t v f=<x@y> |" },
        { "the null path, separate", { "-f", "", "root" }, "f=<> | root" },
        { "the null path in brackets", { "-f<>", "root" }, "f=<<>> | root" },
        { "-r is -f, and the last one counts", { "-fa", "-r", "b" }, "f=<b> |" },
        { "an argument that looks like an option", { "-F", "-t" }, "F=<-t> |" },
        { "a name with spaces", { "-F", "Full Name", "a" }, "F=<Full Name> | a" },
        { "options and recipients mixed", { "a", "-i", "b", "-t", "c" }, "t i | a b c" },
        { "no options behind --", { "--", "-t", "--", "-f" }, "| -t -- -f" },
        { "a lone hyphen is nothing", { "-", "a" }, "| a" },
        { "an empty word is nobody", { "", "a", "", "b" }, "| a b" },
        { "a configuration and an account", { "-C", "/x.ini", "-a", "work" }, "C=/x.ini a=work |" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void settings(void **state)
{
    static const struct row rows[] = {
        { "-o with its value in the next word", { "-o", "i", "a" }, "i | a" },
        { "-oi with a boolean", { "-oiTRUE" }, "i |" },
        { "-oi taken back", { "-i", "-oiF" }, "|" },
        { "-oeq is silent", { "-oeq" }, "e=q |" },
        { "-e q", { "-e", "q" }, "e=q |" },
        { "a later mode counts", { "-oeq", "-em" }, "|" },
        { "an error mode nobody knows", { "-eX" }, "|" },
        { "-O by name", { "-O", "IgnoreDots=True" }, "i |" },
        { "-O without regard to case", { "-Oignoredots=y" }, "i |" },
        { "-O that says no", { "-i", "-OIgnoreDots=False" }, "|" },
        { "-O ErrorMode", { "-OErrorMode=quiet" }, "e=q |" },
        { "-O of Sendmail's others", { "-OQueueDirectory=/tmp", "-O", "Timeout.x=5d" }, "|" },
        { "-o of Sendmail's others", { "-odb", "-oMs", "-or0s", "-oA/aliases", "-om" }, "|" },
        { "8 bits", { "-B", "8bitmime" }, "|" },
        { "7 bits", { "-B7BIT" }, "|" },
        { "notices", { "-N", "success,Failure,delay" }, "N=14 |" },
        { "no notices", { "-Nnever" }, "N=1 |" },
        { "what to return", { "-R", "hdrs" }, "R=hdrs |" },
        { "all of it, and the last one counts", { "-Rhdrs", "-R", "FULL" }, "R=full |" },
        { "an envelope id", { "-V", "id+2B1@x" }, "V=id+2B1@x |" },
        { "letters without effect",
          { "-cmnsxGITUS", "-Ac", "-h", "5", "-L", "tag", "-p", "x:y", "-X", "/log", "a" },
          "| a" },
        { "more of them", { "-D", "/d", "-M", "id", "-Ac" }, "|" },
        { "attached only: the next word is a recipient",
          { "-d", "a", "-E", "b", "-J", "c", "-Q", "d" },
          "| a b c d" },
        { "attached", { "-d0-99.1", "-Exyz", "-J1", "-Qwhy", "a" }, "| a" },
        { "a queue run", { "-q15m" }, "mode=q |" },
        { "a bare -q takes no word", { "-q", "a" }, "mode=q | a" },
        { "a daemon that runs the queue", { "-bd", "-q15m" }, "mode=d |" },
        { "the same the other way round", { "-q15m", "-bd" }, "mode=d |" },
        { "-bm is the default", { "-bm", "a" }, "| a" },
        { "-ba is the same here", { "-ba", "a" }, "| a" },
        { "-bp", { "-bp" }, "mode=p |" },
        { "-b with a word of its own", { "-b", "i" }, "mode=i |" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void refusals(void **state)
{
    static const struct row rows[] = {
        { "a letter that no sendmail has", { "-Z", "a" }, "unknown option -Z" },
        { "one in a cluster", { "-tiZ" }, "unknown option -Z" },
        { "a long option", { "--account=x" }, "unknown option --account=x" },
        { "an argument that is not there", { "-t", "-f" }, "-f needs an argument" },
        { "and none for -o", { "-o" }, "-o needs an argument" },
        { "a body type", { "-B9BIT" }, "-B takes 7BIT or 8BITMIME, not \"9BIT\"" },
        { "a notice",
          { "-N", "success,maybe" },
          "-N takes never, or a list of success, failure and delay, not \"success,maybe\"" },
        { "never and something else",
          { "-Nnever,delay" },
          "-N takes never, or a list of success, failure and delay, not \"never,delay\"" },
        { "no notice",
          { "-N", "" },
          "-N takes never, or a list of success, failure and delay, not \"\"" },
        { "a return", { "-R", "headers" }, "-R takes hdrs or full, not \"headers\"" },
        { "a mode", { "-bX" }, "unknown mode -bX" },
        { "no mode", { "-b", "" }, "unknown mode -b" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void envelope_ids(void **state)
{
    static char longest[101], too_long[102];
    const struct {
        const char *sentence, *id;
        bool want;
    } rows[] = {
        { "plain", "QQ314159", true },
        { "an encoded space", "a+20b", true },
        { "a plus that encodes nothing", "a+b", false },
        { "lower case digits", "a+2b", false },
        { "cut off", "a+2", false },
        { "an encoded line end", "a+0D+0A", false },
        { "an encoded DEL", "a+7F", false },
        { "encoded, beyond ASCII", "a+E9", false },
        { "an equals sign", "a=b", false },
        { "a space", "a b", false },
        { "a line end", "a\r\nRCPT", false },
        { "beyond ASCII", "\xc3\xa9", false },
        { "nothing", "", false },
        { "100 characters", longest, true },
        { "101 characters", too_long, false },
    };

    (void)state;
    for (size_t i = 0; i < 101; i++)
        longest[i] = too_long[i] = 'x';
    longest[100] = too_long[101] = 0;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char *argv[] = { (char *)"sendmail", (char *)"-V", (char *)rows[i].id, NULL };
        struct options options;
        struct status why = { 0 };
        enum code code = options_parse(3, argv, &options, &why);

        check(rows[i].sentence, code == (rows[i].want ? CODE_OK : CODE_USAGE));
    }
}

static void posix(void **state)
{
    static const struct row row = { "no options behind a recipient",
                                    { "-t", "a", "-i", "--" },
                                    "t | a -i --" };

    (void)state;
    assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
    expect(&row);
    assert_int_equal(unsetenv("POSIXLY_CORRECT"), 0);
}

static void no_arguments_at_all(void **state)
{
    char *argv[] = { NULL };
    struct options options;
    struct status why = { 0 };

    (void)state;
    assert_int_equal(options_parse(0, argv, &options, &why), CODE_OK);
    assert_int_equal(options.recipient_count, 0);
}

static void each_letter_once(void **state)
{
    size_t count;
    const struct option_row *rows = options_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true((rows[i].argument == ARGUMENT_NONE) == (rows[i].value == NULL));
        for (size_t j = 0; j < i; j++)
            assert_true(rows[i].letter != rows[j].letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers),
        cmocka_unit_test(words),
        cmocka_unit_test(settings),
        cmocka_unit_test(refusals),
        cmocka_unit_test(envelope_ids),
        cmocka_unit_test(posix),
        cmocka_unit_test(no_arguments_at_all),
        cmocka_unit_test(each_letter_once),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
