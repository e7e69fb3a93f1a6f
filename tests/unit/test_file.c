#include "conf/file.h"

#include "conf/config.h"
#include "conf/scan.h"

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROOM = 200,
};

/* A home of its own for every test: root/.config/orsino and root/xdg/orsino. */
struct home {
    char root[ROOM];
};

static void make_path(char out[ROOM], const struct home *home, const char *name)
{
    assert_true(snprintf(out, ROOM, "%s/%s", home->root, name) < ROOM);
}

static void make_folder(const struct home *home, const char *name)
{
    char path[ROOM];

    make_path(path, home, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void write_file(const struct home *home, const char *name, const char *text)
{
    char path[ROOM];
    int fd;

    make_path(path, home, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static const char *const folders[] = { ".config", ".config/orsino", "xdg", "xdg/orsino" };
static const char *const places[] = { "xdg/orsino/orsino.ini", ".config/orsino/orsino.ini",
                                      ".orsino.ini" };

static int set_up(void **state)
{
    static struct home home;

    (void)snprintf(home.root, sizeof home.root, "/tmp/orsino-test-XXXXXX");
    assert_non_null(mkdtemp(home.root));
    for (size_t i = 0; i < LENGTH(folders); i++)
        make_folder(&home, folders[i]);
    assert_int_equal(setenv("HOME", home.root, 1), 0);
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    *state = &home;
    return 0;
}

static int tear_down(void **state)
{
    char path[ROOM];

    for (size_t i = 0; i < LENGTH(places); i++) {
        make_path(path, *state, places[i]);
        (void)remove(path);
    }
    for (size_t i = LENGTH(folders); i > 0; i--) {
        make_path(path, *state, folders[i - 1]);
        (void)rmdir(path);
    }
    return rmdir(((struct home *)*state)->root);
}

/* The last part of the path that was read must be `want`. */
static void check_found(const char *sentence, const struct home *home, const char *want)
{
    struct status why = { 0 };
    struct ini_file file;
    char path[ROOM];

    make_path(path, home, want);
    check(sentence, ini_file_read(&file, NULL, &why) == CODE_OK);
    check_text(sentence, slice_of(file.path), slice_of(path));
    check_text(sentence, buf_slice(&file.text), slice_of(want));
    ini_file_free(&file);
}

static void order_of_places(void **state)
{
    const struct home *home = *state;
    char xdg[ROOM];

    write_file(home, ".orsino.ini", ".orsino.ini");
    check_found("a dot file", home, ".orsino.ini");
    write_file(home, places[1], places[1]);
    check_found("~/.config comes first", home, places[1]);
    make_path(xdg, home, "xdg");
    assert_int_equal(setenv("XDG_CONFIG_HOME", xdg, 1), 0);
    check_found("with the variable ~/.config is not looked at", home, ".orsino.ini");
    write_file(home, places[0], places[0]);
    check_found("the variable comes first", home, places[0]);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "xdg", 1), 0);
    check_found("a relative variable means nothing", home, places[1]);
}

/* None of these may be read; what follows depends on whether this machine has a SYSTEM_CONFIG. */
static void check_not_ours(const char *sentence)
{
    struct status why = { 0 };
    struct ini_file file;
    enum code code = ini_file_read(&file, NULL, &why);

    if (access(SYSTEM_CONFIG, F_OK) != 0) {
        check(sentence, code == CODE_CONFIG);
        check(sentence, strstr(why.what, "no configuration: orsino setup writes one") != NULL);
    } else {
        check(sentence, !file.path || strcmp(file.path, SYSTEM_CONFIG) == 0);
    }
    ini_file_free(&file);
}

static void homes_that_lie(void **state)
{
    const struct home *home = *state;
    static const char *const homes[] = { "/", "/nonexistent", "", "relative", "/etc/passwd" };
    char path[ROOM];

    check_not_ours("an empty home");
    for (size_t i = 0; i < LENGTH(homes); i++) {
        assert_int_equal(setenv("HOME", homes[i], 1), 0);
        check_not_ours(homes[i]);
    }
    assert_int_equal(unsetenv("HOME"), 0);
    check_not_ours("no home");
    if (geteuid() != 0)
        return;
    assert_int_equal(setenv("HOME", home->root, 1), 0);
    write_file(home, ".orsino.ini", "x");
    make_path(path, home, ".orsino.ini");
    assert_int_equal(chown(path, 65534, 65534), 0);
    check_not_ours("another user's file");
}

static void all_places_are_named(void **state)
{
    struct status why = { 0 };
    struct ini_file file;

    (void)state;
    if (access(SYSTEM_CONFIG, F_OK) == 0)
        skip();
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    assert_int_equal(ini_file_read(&file, NULL, &why), CODE_CONFIG);
    ini_file_free(&file);
    assert_non_null(strstr(why.what, "looked for /nonexistent/.config/orsino/orsino.ini, "
                                     "/nonexistent/.orsino.ini, " SYSTEM_CONFIG));
}

static void named_files(void **state)
{
    const struct home *home = *state;
    const struct {
        const char *sentence, *name;
        enum code want;
    } rows[] = {
        { "a file", ".orsino.ini", CODE_OK },
        { "none", "none.ini", CODE_CONFIG },
        { "below a file", ".orsino.ini/x", CODE_CONFIG },
        { "a folder", "xdg", CODE_CONFIG },
        { "a pipe", places[0], CODE_CONFIG },
        { "too big", places[1], CODE_CONFIG },
    };
    char path[ROOM];

    write_file(home, ".orsino.ini", "[a]\n");
    make_path(path, home, places[0]);
    assert_int_equal(mkfifo(path, 0600), 0);
    write_file(home, places[1], "");
    make_path(path, home, places[1]);
    assert_int_equal(truncate(path, SCAN_FILE_MAX + 1), 0);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct ini_file file;

        make_path(path, home, rows[i].name);
        check(rows[i].sentence, ini_file_read(&file, path, &why) == rows[i].want);
        check(rows[i].sentence, !rows[i].want || strcmp(why.where, path) == 0);
        ini_file_free(&file);
    }
}

/* Becomes nobody for good, in a process of its own, and looks for the sentence there. */
static void check_as_nobody(const char *sentence, const char *path, const char *want)
{
    struct status why = { 0 };
    struct ini_file file;
    pid_t child = fork();
    int result;

    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
            _exit(2);
        if (ini_file_read(&file, path, &why) != CODE_PERMISSION || !strstr(why.what, want)) {
            print_error("%s: got \"%s\"\n", sentence, why.what);
            _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    check(sentence, result == 0);
}

static void unreadable_files(void **state)
{
    const struct home *home = *state;
    const bool is_root = geteuid() == 0; /* who may read everything */
    const uid_t reader = is_root ? 65534 : geteuid();
    char path[ROOM], of_owner[ROOM], of_root[ROOM];

    (void)snprintf(of_owner, sizeof of_owner, "not be read by its own user %lu",
                   (unsigned long)reader);
    (void)snprintf(of_root, sizeof of_root,
                   "not be read by user %lu: it is for user 0 and group 0, mode 600",
                   (unsigned long)reader);
    write_file(home, ".orsino.ini", "[a]\n");
    make_path(path, home, ".orsino.ini");
    assert_int_equal(chmod(home->root, 0755), 0);
    if (is_root)
        check_as_nobody("root's file", path, of_root);
    assert_int_equal(chmod(path, 0), 0);
    if (is_root)
        assert_int_equal(chown(path, reader, reader), 0);
    check_as_nobody("our own file, by its name", path, of_owner);
    check_as_nobody("our own file, found", NULL, of_owner);
    assert_int_equal(chmod(home->root, 0), 0);
    check_as_nobody("a folder that is closed", path, "is in a folder that user");
    assert_int_equal(chmod(home->root, 0700), 0);
}

static void who_else_can_read(void **state)
{
    const uid_t ours = getuid(), other = getuid() + 1;
    char own[] = "/home/a/.orsino.ini", whole_system[] = SYSTEM_CONFIG;
    const struct {
        const char *sentence;
        char *path;
        uid_t owner;
        mode_t mode;
        enum code want;
        bool warning;
    } rows[] = {
        { "nobody", own, ours, 0600, CODE_OK, false },
        { "all", own, ours, 0644, CODE_PERMISSION, false },
        { "all but the group", own, ours, 0604, CODE_PERMISSION, false },
        { "the group of our file", own, ours, 0640, ours == 0 ? CODE_OK : CODE_PERMISSION, false },
        { "the group of another's file", own, other, 0640, CODE_OK, false },
        { "all of another's file", own, other, 0644, CODE_PERMISSION, false },
        { "all of the system's file", whole_system, 0, 0644, CODE_OK, true },
        { "the group of the system's file", whole_system, 0, 0640, CODE_OK, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct ini_file file = { .path = rows[i].path,
                                 .owner = rows[i].owner,
                                 .mode = S_IFREG | rows[i].mode };
        struct status why = { 0 };
        const char *warning;

        check(rows[i].sentence, ini_file_guard(&file, true, &warning, &why) == rows[i].want);
        check(rows[i].sentence, (warning != NULL) == rows[i].warning);
        check(rows[i].sentence, !rows[i].want || strstr(why.what, "chmod 600"));
        why = (struct status){ 0 };
        check(rows[i].sentence, ini_file_guard(&file, false, &warning, &why) == CODE_OK);
        check(rows[i].sentence, !warning);
    }
}

static void who_else_can_write(void **state)
{
    const uid_t ours = getuid();
    char own[] = "/home/a/.orsino.ini", whole_system[] = SYSTEM_CONFIG;
    const struct {
        const char *sentence;
        char *path;
        uid_t owner;
        gid_t group;
        mode_t mode;
        enum code want;
    } rows[] = {
        { "nobody", own, ours, 1000, 0644, CODE_OK },
        { "all", own, ours, 0, 0646, CODE_PERMISSION },
        { "the group", own, ours, 1000, 0664, CODE_PERMISSION },
        { "the group, which may not even read", own, ours, 1000, 0620, CODE_PERMISSION },
        { "root's group of another's file", own, 1000, 0, 0664, CODE_PERMISSION },
        { "root's group of root's file", whole_system, 0, 0, 0664, CODE_OK },
        { "a group of root's file", whole_system, 0, 8, 0664, CODE_PERMISSION },
        { "all of the system's file", whole_system, 0, 0, 0666, CODE_PERMISSION },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct ini_file file = { .path = rows[i].path,
                                 .owner = rows[i].owner,
                                 .group = rows[i].group,
                                 .mode = S_IFREG | rows[i].mode };
        struct status why = { 0 };
        const char *warning;

        check(rows[i].sentence, ini_file_guard(&file, false, &warning, &why) == rows[i].want);
        check(rows[i].sentence, !rows[i].want || strstr(why.what, "chmod go-w"));
        check(rows[i].sentence, !rows[i].want || strcmp(why.where, rows[i].path) == 0);
    }
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HOME(order_of_places),           WITH_HOME(homes_that_lie),
        WITH_HOME(all_places_are_named),      WITH_HOME(named_files),
        WITH_HOME(unreadable_files),          cmocka_unit_test(who_else_can_read),
        cmocka_unit_test(who_else_can_write),
    };

    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
