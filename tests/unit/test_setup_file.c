#include "cli/setup_file.h"

#include "unit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROOM = 200,
    TEXT_ROOM = 1000,
};

struct place {
    char folder[ROOM - 40], path[ROOM], backup[ROOM];
};

static int set_up(void **state)
{
    static struct place place;

    (void)snprintf(place.folder, sizeof place.folder, "/tmp/orsino-test-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    (void)snprintf(place.path, sizeof place.path, "%s/orsino.ini", place.folder);
    (void)snprintf(place.backup, sizeof place.backup, "%s/orsino.ini.bak", place.folder);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    const struct place *place = *state;

    (void)remove(place->path);
    (void)remove(place->backup);
    assert_int_equal(rmdir(place->folder), 0);
    return 0;
}

static void put(const struct place *place, const char *text)
{
    FILE *file = fopen(place->path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(place->path, 0640), 0);
}

static void check_file(const char *sentence, const char *path, const char *want)
{
    char text[TEXT_ROOM];
    FILE *file = fopen(path, "r");
    size_t n;

    check(sentence, file != NULL);
    n = fread(text, 1, sizeof text, file);
    assert_int_equal(fclose(file), 0);
    check_text(sentence, (struct slice){ text, n }, slice_of(want));
}

static size_t count_files(const struct place *place)
{
    DIR *folder = opendir(place->folder);
    size_t count = 0;

    assert_non_null(folder);
    for (const struct dirent *one; (one = readdir(folder));)
        count += one->d_name[0] != '.';
    assert_int_equal(closedir(folder), 0);
    return count;
}

static const char two[] = "[orsino]\nlog = none\n[work]\nhost = a.example\nuser = boss@a.example\n"
                          "password = x\n[Home]\nhost = b.example\nuser = login\npassword = y\n"
                          "from = me@b.example\n";

static void section_is_chosen(void **state)
{
    static const struct {
        const char *sentence, *text, *address, *word, *want;
    } rows[] = {
        { "no file", "", "me@b.example", "b", "orsino" },
        { "globals alone", "[orsino]\nhost = a\n", "me@b.example", "b", "orsino" },
        { "the one by user", two, "boss@a.example", "b", "work" },
        { "the one by from, in another case", two, "ME@B.example", "b", "Home" },
        { "a login that is no address", two, "login", "b", "Home" },
        { "a new one", two, "new@c.example", "c", "c" },
        { "a name that is taken", two, "new@work.example", "work", "work-2" },
        { "taken in another case", two, "new@home.example", "home", "home-2" },
        { "both are taken", "[c]\nhost = a\n[c-2]\nhost = a\n", "new@c.example", "c", "c-3" },
        { "a word that can be no name", two, "new@c.example", "a]b", "account" },
        { "an address of the globals is no account's",
          "[orsino]\nfrom = me@b.example\n[work]\nhost = a\n", "me@b.example", "b", "b" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct setup_file file = { .exists = true };
        struct status why = { 0 };
        char got[SETUP_NAME_ROOM];

        check(rows[i].sentence,
              scan_text(&file.scan, "x.ini", slice_of(rows[i].text), &why) == CODE_OK);
        setup_file_section(&file, rows[i].address, rows[i].word, got);
        check_text(rows[i].sentence, slice_of(got), slice_of(rows[i].want));
        setup_file_free(&file);
    }
}

static enum code change(const struct place *place, const char *key, const char *value)
{
    struct setup_file file;
    struct status why = { 0 };
    const struct edit_change changes[] = { { key, value } };
    enum code code = setup_file_open(&file, place->path, &why);

    if (code == CODE_OK)
        code = setup_file_write(&file, "work", changes, LENGTH(changes), NULL, 0, &why);
    setup_file_free(&file);
    return code;
}

static void old_one_stays_beside_it(void **state)
{
    static const char text[] = "# mine\n[work]\nhost = a.example ; old\n";
    const struct place *place = *state;
    struct stat st;

    put(place, text);
    assert_int_equal(change(place, "host", "b.example"), CODE_OK);
    check_file("the new one", place->path, "# mine\n[work]\nhost = b.example ; old\n");
    check_file("the old one", place->backup, text);
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(count_files(place), 2);
}

static void what_cannot_be_leaves_it(void **state)
{
    static const struct {
        const char *sentence, *text, *key, *value;
    } rows[] = {
        { "a value that the key does not take", "[work]\nhost = a\n", "port", "many" },
        { "an account that nobody could use", "[work]\nhost = a\n", "user", "me@a.example" },
        { "a file that is wrong already", "[work]\nhost = a\nhost = b\n", "host", "c" },
    };
    const struct place *place = *state;

    for (size_t i = 0; i < LENGTH(rows); i++) {
        put(place, rows[i].text);
        check(rows[i].sentence, change(place, rows[i].key, rows[i].value) == CODE_CONFIG);
        check_file(rows[i].sentence, place->path, rows[i].text);
        check(rows[i].sentence, count_files(place) == 1);
    }
}

/* It comes while the file is made, since it was held back before: what is left of it is nothing,
 * and it does its work in the end. */
static void signal_leaves_nothing(void **state)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    static const char text[] = "[work]\nhost = a.example\n";
    const struct place *place = *state;

    for (size_t i = 0; i < LENGTH(numbers); i++) {
        int ended;
        pid_t child;

        put(place, text);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            sigset_t one;

            (void)signal(numbers[i], SIG_DFL);
            (void)sigemptyset(&one);
            (void)sigaddset(&one, numbers[i]);
            (void)sigprocmask(SIG_BLOCK, &one, NULL);
            (void)raise(numbers[i]);
            if (change(place, "host", "b.example") == CODE_SYSTEM)
                (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == numbers[i]);
        check_file("the old one", place->path, text);
        assert_int_equal(count_files(place), 1);
    }
}

/* As nohup has it. */
static void ignored_signal_changes_nothing(void **state)
{
    const struct place *place = *state;
    sigset_t one;

    put(place, "[work]\nhost = a.example\n");
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &one, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)raise(SIGHUP);
    assert_int_equal(change(place, "host", "b.example"), CODE_OK);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
    (void)signal(SIGHUP, SIG_DFL);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_is_chosen),        WITH_PLACE(old_one_stays_beside_it),
        WITH_PLACE(what_cannot_be_leaves_it),       WITH_PLACE(signal_leaves_nothing),
        WITH_PLACE(ignored_signal_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
