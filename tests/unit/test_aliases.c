#include "mail/aliases.h"

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROOM = 200,
};

/* A folder for each test. In a text '$' stands for its path. */
static char folder[ROOM];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/orsino-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "aliases", "list", "more", "pipe" };
    char path[ROOM + 20];

    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* Writes the text to a file of the folder, and gives its path. */
static const char *write_file(const char *name, struct slice text)
{
    static char path[ROOM + 20];
    struct buf whole;
    int fd;

    buf_init(&whole, 8 * 1024 * 1024);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '$')
            buf_add_string(&whole, folder);
        else
            buf_add_char(&whole, text.p[i]);
    assert_false(whole.failed);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_true(write(fd, whole.p, whole.n) == (ssize_t)whole.n);
    assert_int_equal(close(fd), 0);
    buf_free(&whole);
    return path;
}

static struct aliases *load(const char *text)
{
    struct status why = { 0 };
    struct aliases *a = NULL;
    const char *path = write_file("aliases", slice_of(text));

    assert_int_equal(aliases_load(path, "vm.example.org", &a, &why), CODE_OK);
    assert_non_null(a);
    return a;
}

static enum code collect(void *context, const struct address *address, struct status *why)
{
    struct buf *got = context;

    (void)why;
    buf_addf(got, "%s%s", got->n > 0 ? "|" : "", address->spec);
    return CODE_OK;
}

/* What `name` becomes, parted by '|'; "-" without an alias. */
static void check_expansion(const char *sentence, const char *text, const char *name,
                            const char *want)
{
    struct aliases *a = load(text);
    struct status why = { 0 };
    struct buf got;
    bool found = false;

    buf_init(&got, 10000);
    if (aliases_expand(a, slice_of(name), collect, &got, &found, &why))
        print_error("%s: %s: %s\n", sentence, why.where, why.what);
    check(sentence, why.code == CODE_OK);
    if (!found)
        buf_add_string(&got, "-");
    check_text(sentence, buf_slice(&got), slice_of(want));
    buf_free(&got);
    aliases_free(a);
}

static void syntax(void **state)
{
    static const struct {
        const char *sentence, *text, *name, *want;
    } rows[] = {
        { "an address", "root: me@x\n", "root", "me@x" },
        { "without a last line end", "root: me@x", "root", "me@x" },
        { "CR LF", "root: me@x,\r\n you@x\r\nb: c@x\r\n", "root", "me@x|you@x" },
        { "a blank before the colon", "root : me@x\n", "root", "me@x" },
        { "no blank behind it", "root:me@x\n", "root", "me@x" },
        { "any case", "Root: me@x\n", "rOOT", "me@x" },
        { "the case of an address is kept", "root: Me@X\n", "root", "Me@X" },
        { "a list", "root: a@x, b@x,c@x ,\n", "root", "a@x|b@x|c@x" },
        { "a folded list", "root: a@x,\n\tb@x,\n c@x\nb: d@x\n", "root", "a@x|b@x|c@x" },
        { "a value on the next line", "root:\n  a@x\n", "root", "a@x" },
        { "comments and empty lines", "# root: b@x\n\n \nroot: a@x\n", "root", "a@x" },
        { "a comment inside a list", "root: a@x,\n# no, c@x:\n  # \"no\n\n b@x\n", "root",
          "a@x|b@x" },
        { "a name with a space", "\"john smith\": a@x\n", "\"john smith\"", "a@x" },
        { "a name with marks", "\"a:#@\\\"b\" : a@x\n", "a:#@\"b", "a@x" },
        { "a needless quote", "\"root\": a@x\n", "root", "a@x" },
        { "a value in quotes", "root: \"a@x\"\n", "root", "a@x" },
        { "a comma in quotes", "root: \"Smith, John\" <a@x>, b@x\n", "root", "a@x|b@x" },
        { "a comma in a comment", "root: a@x (one, two), b@x\n", "root", "a@x|b@x" },
        { "a local part in quotes", "root: \"a b\"@x\n", "root", "\"a b\"@x" },
        { "angle brackets", "root: <a@x>\n", "root", "a@x" },
        { "the first of two counts", "root: a@x\nROOT: b@x\n", "root", "a@x" },
        { "no alias", "root: a@x\n", "toor", "-" },
        { "the beginning of a name", "root: a@x\n", "roo", "-" },
        { "a name with a domain is none", "root@localhost: a@x\n", "root", "-" },
        { "an empty file", "", "root", "-" },
        { "owner- is nothing special", "owner-list: a@x\n", "owner-list", "a@x" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check_expansion(rows[i].sentence, rows[i].text, rows[i].name, rows[i].want);
}

static void nesting(void **state)
{
    static const struct {
        const char *sentence, *text, *name, *want;
    } rows[] = {
        { "Debian's default", "postmaster:    root\nroot: me@x\n", "postmaster", "me@x" },
        { "three deep", "MAILER-DAEMON: postmaster\npostmaster: root\nroot: me@x\n",
          "mailer-daemon", "me@x" },
        { "a name without an alias", "root: anna\n", "root", "anna" },
        { "in any case", "postmaster: ROOT\nroot: me@x\n", "postmaster", "me@x" },
        { "in quotes", "root: \"john smith\"\n\"john smith\": me@x\n", "root", "me@x" },
        { "at localhost", "postmaster: root@localhost\nroot: me@x\n", "postmaster", "me@x" },
        { "at the host's name", "postmaster: root@VM.example.org\nroot: me@x\n", "postmaster",
          "me@x" },
        { "at its first part", "postmaster: root@vm\nroot: me@x\n", "postmaster", "me@x" },
        { "not at another host", "postmaster: root@x\nroot: me@x\n", "postmaster", "root@x" },
        { "itself", "root: root, me@x\n", "root", "root|me@x" },
        { "itself here", "root: root@localhost, me@x\n", "root", "root@localhost|me@x" },
        { "itself, second", "a: root\nroot: me@x, root\n", "a", "me@x|root" },
        { "behind a backslash", "a: \\root\nroot: me@x\n", "a", "root" },
        { "behind one in quotes", "a: \"\\root\", me@x\nroot: you@x\n", "a", "root|me@x" },
        { "a backslash and an address", "root: \\root, me@x\n", "root", "root|me@x" },
        { "the same twice, in turn", "a: b, c\nb: d@x\nc: b\n", "a", "d@x|d@x" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check_expansion(rows[i].sentence, rows[i].text, rows[i].name, rows[i].want);
}

static void included_files(void **state)
{
    static const struct {
        const char *sentence, *text, *list, *want;
    } rows[] = {
        { "a line each", "l: :include:$/list\n", "a@x\nb@x\n", "a@x|b@x" },
        { "lists and comments", "l: :include:$/list\n", "# no@x\na@x, b@x\n\n  c@x",
          "a@x|b@x|c@x" },
        { "in quotes", "l: \":include:$/list\"\n", "a@x\n", "a@x" },
        { "with a blank, in capitals", "l: :INCLUDE: $/list, b@x\n", "a@x\n", "a@x|b@x" },
        { "names in it", "l: :include:$/list\nroot: me@x\n", "root\nanna\n", "me@x|anna" },
        { "the name itself", "l: :include:$/list\n", "l\na@x\n", "l|a@x" },
        { "a file in a file", "l: :include:$/list\n", ":include:$/more\na@x\n", "m@x|a@x" },
    };

    (void)state;
    (void)write_file("more", slice_of("m@x\n"));
    for (size_t i = 0; i < LENGTH(rows); i++) {
        (void)write_file("list", slice_of(rows[i].list));
        check_expansion(rows[i].sentence, rows[i].text, "l", rows[i].want);
    }
}

/* All but where the file is: "aliases:1". */
static const char *place(const struct status *why)
{
    const char *slash = strrchr(why->where, '/');

    return slash ? slash + 1 : why->where;
}

static void check_refusal(const char *sentence, const char *text, const char *name,
                          const char *where, const char *said)
{
    struct aliases *a = load(text);
    struct status why = { 0 };
    struct buf got;
    bool found;
    enum code code;

    buf_init(&got, 10000);
    code = aliases_expand(a, slice_of(name), collect, &got, &found, &why);
    check(sentence, code == CODE_CONFIG && why.code == code);
    check_text(sentence, slice_of(place(&why)), slice_of(where));
    if (!slice_contains_nocase(slice_of(why.what), slice_of(said)))
        print_error("%s: said \"%s\"\n", sentence, why.what);
    check(sentence, slice_contains_nocase(slice_of(why.what), slice_of(said)));
    buf_free(&got);
    aliases_free(a);
}

static void refusals(void **state)
{
    static const struct {
        const char *sentence, *text, *name, *where, *said;
    } rows[] = {
        { "a command", "a: \"|/bin/x y, z\"\n", "a", "aliases:1",
          "\"a\" runs the command /bin/x y, z: nothing is delivered here" },
        { "a command without quotes", "a: |/bin/x\n", "a", "aliases:1", "runs the command /bin/x" },
        { "a file", "\n\na: /var/mail/a\n", "a", "aliases:3", "writes to the file /var/mail/a" },
        { "the file that is none", "nobody: /dev/null\n", "nobody", "aliases:1",
          "the alias \"nobody\" writes to the file /dev/null" },
        { "a file two aliases further, in a folded list", "r: s\ns: a@x,\n#\n b@x,\n /f\n", "r",
          "aliases:5", "the alias \"s\" writes to the file /f" },
        { "a file in an included file", "a: :include:$/list\n", "a", "list:2",
          "\"a\" includes a line that cannot be used" },
        { "a file that is not there", "a: :include:$/none\n", "a", "aliases:1",
          "/none: it cannot be opened: No such file" },
        { "a pipe", "a: :include:$/pipe\n", "a", "aliases:1", "it is not a regular file" },
        { "a folder", "a: :include:/\n", "a", "aliases:1", "it is not a regular file" },
        { "a relative path", "a: :include:list\n", "a", "aliases:1", "no path from '/' on" },
        { "a file that includes itself", "a: :include:$/more\n", "a", "aliases:1",
          "\"a\" includes too many files" },
        { "a ring of two", "a: b\nb: a\n", "a", "aliases:1", "back to one another: \"b\", \"a\"" },
        { "a ring of three that is led to", "x: b\nc: d\nb: c\nd: b@vm\n", "x", "aliases:2",
          "back to one another: \"d\", \"c\", \"b\"" },
        { "a value that is no address", "a: b@@c\n", "a", "aliases:1", "\"b@@c\" cannot be used" },
        { "a remark behind it", "a: b@c # me\n", "a", "aliases:1", "cannot be used" },
        { "words", "a: john smith\n", "a", "aliases:1", "several words" },
        { "words in quotes without an alias", "a: \"john smith\"\n", "a", "aliases:1",
          "cannot be used" },
        { "another special word", "a: :fail: no\n", "a", "aliases:1", "cannot be used" },
        { "a quote that is not closed", "a: \"b@c\n", "a", "aliases:1", "is not closed" },
        { "nothing in quotes", "a: \"\"\n", "a", "aliases:1", "is empty" },
        { "empty brackets", "a: <>\n", "a", "aliases:1", "nobody" },
        { "nobody", "b: c@x\na:\n", "a", "aliases:2", "the alias \"a\" leads to nobody" },
        { "commas alone", "a: , ,\n", "a", "aliases:1", "leads to nobody" },
        { "an included file of nobody", "a: :include:/dev/../etc/hostname-none\n", "a", "aliases:1",
          "cannot be opened" },
        { "a line without a name, and no alias", "a: b@c\nroot me@x\n", "root", "aliases:2",
          "no ':' behind a name; whether \"root\" has an alias" },
        { "the same for a name that an alias leads to", "a: b\nroot me@x\n", "a", "aliases:2",
          "whether \"b\" has an alias" },
        { "a first line that goes on", " a: b@c\n", "a", "aliases:1", "none before it" },
        { "two words as a name", "a b: c@x\n", "b", "aliases:1", "in double quotes" },
        { "no name", ": c@x\n", "b", "aliases:1", "no name before" },
        { "an empty name", "\"\": c@x\n", "b", "aliases:1", "no name before" },
        { "a name that is half quoted", "\"a\"b: c@x\n", "b", "aliases:1", "more text" },
        { "a name whose quote is not closed", "\"a: c@x\n", "a", "aliases:1", "not closed" },
    };
    char path[ROOM + 20];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)write_file("list", slice_of("a@x\n/f\n"));
    (void)write_file("more", slice_of(":include:$/more\n"));
    for (size_t i = 0; i < LENGTH(rows); i++)
        check_refusal(rows[i].sentence, rows[i].text, rows[i].name, rows[i].where, rows[i].said);
}

static void a_broken_line_harms_no_other(void **state)
{
    (void)state;
    check_expansion("a name that is found", "root me@x\na: b@x\n", "a", "b@x");
    check_expansion("whose value is final", "root me@x\na: \\root\n", "a", "root");
}

static void names_with_nul(void **state)
{
    static const char text[] = "ro\0ot: a@x\nb: c@x\n";
    const char *path = write_file("aliases", (struct slice){ text, sizeof text - 1 });
    struct status why = { 0 };
    struct aliases *a = NULL;
    struct buf got;
    bool found;

    (void)state;
    buf_init(&got, 100);
    assert_int_equal(aliases_load(path, "", &a, &why), CODE_OK);
    assert_int_equal(aliases_expand(a, slice_of("b"), collect, &got, &found, &why), CODE_OK);
    check_text("others are found", buf_slice(&got), slice_of("c@x"));
    assert_int_equal(aliases_expand(a, slice_of("ro"), collect, &got, &found, &why), CODE_CONFIG);
    assert_non_null(strstr(why.what, "a NUL in it"));
    buf_free(&got);
    aliases_free(a);
}

static enum code count(void *context, const struct address *address, struct status *why)
{
    (void)address;
    (void)why;
    ++*(size_t *)context;
    return CODE_OK;
}

/* Each of these doubles what the one before becomes. */
static void bounds(void **state)
{
    struct buf text;
    struct aliases *a;
    size_t visited = 0;

    (void)state;
    buf_init(&text, 100000);
    for (unsigned i = 0; i < 30; i++)
        buf_addf(&text, "a%u: a%u, a%u\n", i, i + 1, i + 1);
    buf_addf(&text, "a30: x@y\n");
    a = load(buf_string(&text));
    for (unsigned depth = 1; depth <= 30; depth++) {
        struct status why = { 0 };
        char name[8];
        bool found;

        (void)snprintf(name, sizeof name, "a%u", 30 - depth);
        check(name, aliases_expand(a, slice_of(name), count, &visited, &found, &why) ==
                        (depth <= 14 ? CODE_OK : CODE_CONFIG));
        check(name, depth <= 14 || depth >= 20 || strstr(why.what, "too many addresses"));
        check(name, depth < 20 || strstr(why.what, "too deep"));
    }
    aliases_free(a);
    buf_free(&text);
}

static enum code refuse_second(void *context, const struct address *address, struct status *why)
{
    (void)context;
    return address->spec[0] == 'b' ? status_set(why, CODE_ADDRESS, STAGE_INPUT, "not b") : CODE_OK;
}

static void an_error_of_the_visitor(void **state)
{
    struct aliases *a = load("a: a@x,\n b@x,\n c@x\n");
    struct status why = { 0 };
    bool found;

    (void)state;
    assert_int_equal(aliases_expand(a, slice_of("a"), refuse_second, NULL, &found, &why),
                     CODE_ADDRESS);
    check_text("is placed", slice_of(place(&why)), slice_of("aliases:2"));
    aliases_free(a);
}

static void machines_without_aliases(void **state)
{
    struct status why = { 0 };
    struct aliases *a = NULL;
    bool found = true;

    (void)state;
    assert_int_equal(aliases_load("", "", &a, &why), CODE_OK);
    assert_null(a);
    assert_int_equal(aliases_load("/nonexistent/aliases", "", &a, &why), CODE_OK);
    assert_null(a);
    assert_int_equal(aliases_expand(NULL, slice_of("root"), collect, NULL, &found, &why), CODE_OK);
    assert_false(found);
    assert_int_equal(aliases_check(NULL, NULL, NULL), 0);
    aliases_free(NULL);
    assert_int_equal(aliases_load("/", "", &a, &why), CODE_CONFIG);
    assert_null(a);
    assert_non_null(strstr(why.what, "the aliases cannot be read: it is not a regular file"));
    assert_string_equal(why.where, "/");
}

static void too_big(void **state)
{
    struct status why = { 0 };
    struct aliases *a = NULL;
    const char *path = write_file("aliases", slice_of("a: b\n"));

    (void)state;
    assert_int_equal(truncate(path, ALIASES_FILE_MAX), 0);
    assert_int_equal(aliases_load(path, "", &a, &why), CODE_CONFIG);
    assert_non_null(strstr(why.what, "too big"));
}

static void note(void *context, const struct status *problem)
{
    buf_addf(context, "%s %.20s\n", place(problem), problem->what);
}

static void checks(void **state)
{
    static const struct {
        const char *sentence, *text;
        size_t count;
        const char *want;
    } rows[] = {
        { "nothing wrong", "postmaster: root\nroot: me@x, \\root\n", 2, "" },
        { "no colon", "root me@x\na: b\n", 1, "aliases:1 no ':' behind a name\n" },
        { "a name twice", "root: a@x\nroot: b@x\n", 1, "aliases:2 \"root\" has an alias \n" },
        { "a name with a domain", "root@x: a@x\n", 1, "aliases:1 \"root@x\" never count\n" },
        { "told once, where it stands", "a: b\nb: c\nc: /f\n", 3,
          "aliases:3 the alias \"c\" writes\n" },
        { "a ring once", "x: b\na: b\nb: c\nc: a\n", 4, "aliases:2 these aliases lead b\n" },
        { "in the order of the file", "z: |x\na: /f\nb\n", 2,
          "aliases:1 the alias \"z\" runs t\naliases:2 the alias \"a\" writes\naliases:3 no ':' "
          "behind a name\n" },
        { "an included file", "a: :include:$/list\n", 1, "list:1 the alias \"a\" includ\n" },
        { "nobody", "a:\n", 1, "aliases:1 the alias \"a\" leads \n" },
    };

    (void)state;
    (void)write_file("list", slice_of("/f\n"));
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct aliases *a = load(rows[i].text);
        struct buf got;

        buf_init(&got, 10000);
        check(rows[i].sentence, aliases_check(a, note, &got) == rows[i].count);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
        aliases_free(a);
    }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(syntax),
        WITH_FOLDER(nesting),
        WITH_FOLDER(included_files),
        WITH_FOLDER(refusals),
        WITH_FOLDER(a_broken_line_harms_no_other),
        WITH_FOLDER(names_with_nul),
        WITH_FOLDER(bounds),
        WITH_FOLDER(an_error_of_the_visitor),
        cmocka_unit_test(machines_without_aliases),
        WITH_FOLDER(too_big),
        WITH_FOLDER(checks),
    };

    return cmocka_run_group_tests_name("aliases", tests, NULL, NULL);
}
