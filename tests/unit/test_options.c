#include "cli/options.h"

#include "command_line.h"
#include "unit.h"

#include <stdlib.h>

static void callers(void **state)
{
    static const struct row rows[] = {
        { "no words at all", { NULL }, "|" },
        { "PHP", { "-t", "-i" }, "t i |" },
        { "PHP with a fifth argument", { "-t", "-i", "-fa@x" }, "t i f=<a@x> |" },
        { "cron of Debian",
          { "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root" },
          "i F=<CronDaemon> e=m | root" },
        { "cronie",
          { "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root" },
          "t i f=<root> F=<CronDaemon> e=m od=i |" },
        { "crond of busybox", { "-ti" }, "t i |" },
        { "GNU mailutils", { "-oi", "-f", "a@x", "-t" }, "t i f=<a@x> |" },
        { "Symfony", { "-fa@x", "--", "b@x", "c@x" }, "f=<a@x> | b@x c@x" },
        { "mutt, a list in one word", { "-oem", "-oi", "--", "a@x,b@x" }, "i e=m | a@x,b@x" },
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
        { "a later mode counts", { "-oeq", "-em" }, "e=m |" },
        { "an error mode nobody knows", { "-eX" }, "|" },
        { "-O by name", { "-O", "IgnoreDots=True" }, "i |" },
        { "-O without regard to case", { "-Oignoredots=y" }, "i |" },
        { "-O that says no", { "-i", "-OIgnoreDots=False" }, "|" },
        { "-O ErrorMode", { "-OErrorMode=quiet" }, "e=q |" },
        { "-O of Sendmail's others", { "-OQueueDirectory=/tmp", "-O", "Timeout.x=5d" }, "|" },
        { "-o of Sendmail's others", { "-odb", "-oMs", "-or0s", "-oA/aliases", "-om" }, "od=b |" },
        { "8 bits", { "-B", "8bitmime" }, "|" },
        { "7 bits", { "-B7BIT" }, "|" },
        { "notices", { "-N", "success,Failure,delay" }, "N=14 |" },
        { "no notices", { "-Nnever" }, "N=1 |" },
        { "what to return", { "-R", "hdrs" }, "R=hdrs |" },
        { "all of it, and the last one counts", { "-Rhdrs", "-R", "FULL" }, "R=full |" },
        { "an envelope id", { "-V", "id+2B1@x" }, "V=id+2B1@x |" },
        { "letters without effect",
          { "-cmsxGITUS", "-Ac", "-h", "5", "-p", "x:y", "-X", "/log", "a" },
          "| a" },
        { "more of them", { "-D", "/d", "-M", "id", "-Ac" }, "|" },
        { "hops that are no number", { "-hx", "a" }, "| a" },
        { "a macro in each form", { "-Mrsmtp", "-oMrsmtp", "-M", "id", "a" }, "| a" },
        { "attached only: the next word is a recipient",
          { "-d", "a", "-E", "b", "-J", "c", "-Q", "d" },
          "| a b c d" },
        { "attached", { "-d99.1", "-Exyz", "-J1", "-Qwhy", "a" }, "| a" },
        { "the level that prints the version", { "-d0.1", "-bt" }, "mode=t version |" },
        { "level 0 alone", { "-d0" }, "version |" },
        { "level 0 and another", { "-d0,8.3" }, "version |" },
        { "all levels", { "-d0-99.1", "-d", "-d8.0" }, "|" },
        { "how to deliver", { "-odi" }, "od=i |" },
        { "the last one counts", { "-odi", "-odq" }, "od=q |" },
        { "one that nobody knows", { "-odb", "-odx", "-od" }, "od=b |" },
        { "by its name", { "-O", "DeliveryMode=background" }, "od=b |" },
        { "a name for the log", { "-Lbackup" }, "L=<backup> |" },
        { "an empty one", { "-Lbackup", "-L", "" }, "|" },
        { "one that plays tricks", { "-L", "a%n\nb\xc3\xa9" }, "L=<a*n*b**> |" },
        { "one that is too long",
          { "-L", "abcdefghijklmnopqrstuvwxyz0123456789" },
          "L=<abcdefghijklmnopqrstuvwxyz012345> |" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void queue_runs(void **state)
{
    static const struct row rows[] = {
        { "once", { "-q" }, "mode=q |" },
        { "once, as a number", { "-q0" }, "mode=q |" },
        { "again and again", { "-q15m" }, "mode=q q=900 |" },
        { "minutes are understood", { "-q90" }, "mode=q q=5400 |" },
        { "several units", { "-q1h30m15s" }, "mode=q q=5415 |" },
        { "days and weeks", { "-q1W1d" }, "mode=q q=691200 |" },
        { "as long as it gets", { "-q527040m" }, "mode=q q=31622400 |" },
        { "with processes that stay", { "-qp15m" }, "mode=q q=900 |" },
        { "these, once", { "-qp" }, "mode=q |" },
        { "in the foreground", { "-qf" }, "mode=q |" },
        { "a group", { "-qGfast" }, "mode=q |" },
        { "an id", { "-qIab12" }, "mode=q qI=ab12 |" },
        { "a recipient", { "-qRexample.org" }, "mode=q qR=example.org |" },
        { "not a sender",
          { "-q!Sroot" },
          "-q takes I and an id, or R and part of a recipient, not \"!Sroot\"" },
        { "what is in quarantine",
          { "-qQ" },
          "-q takes I and an id, or R and part of a recipient, not \"Q\"" },
        { "what was lost",
          { "-qL" },
          "-q takes I and an id, or R and part of a recipient, not \"L\"" },
        { "a daemon that runs it", { "-bd", "-q15m" }, "mode=d q=900 |" },
        { "the same the other way round", { "-q15m", "-bd" }, "mode=d q=900 |" },
        { "the older option for a recipient", { "-Rexample.org" }, "mode=q qR=example.org |" },
        { "the same in two words", { "-R", "example.org" }, "mode=q qR=example.org |" },
        { "the same for a list", { "-bp", "-Rroot" }, "mode=p qR=root |" },
        { "the last -R counts", { "-Rroot", "-Rhdrs", "a" }, "R=hdrs | a" },
        { "no unit of time", { "-q15x" }, "-q takes a time such as 15m, not \"15x\"" },
        { "no number", { "-qm" }, "-q takes a time such as 15m, not \"m\"" },
        { "a negative one", { "-q-1m" }, "-q takes a time such as 15m, not \"-1m\"" },
        { "too long", { "-q527041" }, "-q takes a time such as 15m, not \"527041\"" },
        { "a number beyond all",
          { "-q99999999999999999999999w" },
          "-q takes a time such as 15m, not \"99999999999999999999999w\"" },
        { "a sum beyond all", { "-q52w52w" }, "-q takes a time such as 15m, not \"52w52w\"" },
        { "a message besides", { "-q", "-t" }, "a run of the queue takes no recipient" },
        { "a bare -q takes no word", { "-q", "a" }, "a run of the queue takes no recipient" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
}

static void modes(void **state)
{
    static const struct row rows[] = {
        { "-bm is the default", { "-bm", "a" }, "| a" },
        { "-ba is the same here", { "-ba", "a" }, "| a" },
        { "SMTP on stdin", { "-bs" }, "mode=s |" },
        { "the same with -t", { "-t", "-bs" }, "t mode=s |" },
        { "the relay", { "-bd" }, "mode=d |" },
        { "the relay for this machine", { "-bl" }, "mode=d |" },
        { "the relay in the foreground", { "-bD" }, "mode=D |" },
        { "only look", { "-bv", "a" }, "mode=v | a" },
        { "look at addresses on stdin", { "-bt" }, "mode=t |" },
        { "the queue", { "-bp" }, "mode=p |" },
        { "its length", { "-bP" }, "mode=P |" },
        { "the aliases", { "-bi", "-oA/aliases" }, "mode=i |" },
        { "the configuration", { "-bC" }, "mode=C |" },
        { "the last one counts", { "-bs", "-bm", "a" }, "| a" },
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
        { "a return", { "-R", "headers", "a" }, "-R takes hdrs or full, not \"headers\"" },
        { "a return, with -t", { "-tR", "headers" }, "-R takes hdrs or full, not \"headers\"" },
        { "an envelope id", { "-Va b" }, "-V takes up to 100 characters of xtext, not \"a b\"" },
        { "a list that does not end",
          { "-Ndelay," },
          "-N takes never, or a list of success, failure and delay, not \"delay,\"" },
        { "a mode of Sendmail's host status", { "-bh" }, "there is nothing that -bh could do" },
        { "one that purges it", { "-bH" }, "there is nothing that -bH could do" },
        { "one of old", { "-bz" }, "there is nothing that -bz could do" },
        { "a mode", { "-bX" }, "unknown mode -bX" },
        { "no mode", { "-b", "" }, "unknown mode -b" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        expect(&rows[i]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers),  cmocka_unit_test(words),
        cmocka_unit_test(settings), cmocka_unit_test(queue_runs),
        cmocka_unit_test(modes),    cmocka_unit_test(refusals),
        cmocka_unit_test(posix),    cmocka_unit_test(no_arguments_at_all),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
