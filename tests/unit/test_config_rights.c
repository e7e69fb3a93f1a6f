/* Which configuration counts for a caller with fewer rights than the program. */
#include "conf/config.h"

#include "conf/file.h"

#include "raised.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const folders[] = { "/etc", "/var/spool", "/tmp" };

#define SYSTEMS  "[orsino]\nhost = system\nuser = u\npassword_file = /etc/secret\n"
#define OWN      "[orsino]\nhost = own\nuser = u\npassword = p\n"
#define OWN_FILE "/tmp/.orsino.ini"

static bool write_file(const char *path, const char *text, uid_t owner, gid_t group, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    const size_t size = strlen(text);

    return fd >= 0 && write(fd, text, size) == (ssize_t)size && fchown(fd, owner, group) == 0 &&
           fchmod(fd, mode) == 0 && close(fd) == 0;
}

/* What lies where, who calls, and what comes of it. */
struct situation {
    const char *sentence;
    mode_t system_mode; /* of SYSTEM_CONFIG, root's and our group's; 0: there is none */
    uid_t own;          /* owner of ~/.orsino.ini, 0: there is none */
    const char *link;   /* ~/.orsino.ini leads there */
    bool has_bit;
    const char *host; /* that counts; NULL: it fails */
    const char *what; /* then a part of the sentence */
    bool stays_raised;
};

static bool furnish(const struct situation *row)
{
    hide_folders(folders, LENGTH(folders));
    return clearenv() == 0 && setenv("HOME", "/tmp", 1) == 0 &&
           setenv("ORSINO_USER", "environment", 1) == 0 &&
           write_file("/etc/secret", "secret\n", 0, OURS, 0640) &&
           (!row->system_mode || write_file(SYSTEM_CONFIG, SYSTEMS, 0, OURS, row->system_mode)) &&
           (!row->own || write_file(OWN_FILE, OWN, row->own, row->own, 0600)) &&
           (!row->link || symlink(row->link, OWN_FILE) == 0);
}

static bool has_password(const struct account *account)
{
    struct status why = { 0 };
    struct buf secret;
    enum code code;

    buf_init(&secret, 100);
    code = account_password(account, &secret, &why);
    buf_wipe(&secret);
    return code == CODE_OK;
}

/* Whose the login is tells whether the environment was believed, as it must be without rights. */
static bool is_account(const struct situation *row, const struct account *account)
{
    const bool believed = strcmp(account->user, "environment") == 0;

    return strcmp(account->host, row->host) == 0 && believed != row->stays_raised;
}

static bool group_is_set_aside(void)
{
    return getegid() == CALLERS_GROUP;
}

static bool tell(const char *sentence, const char *what)
{
    print_error("%s: %s\n", sentence, what);
    return false;
}

static bool comes_true(const void *context)
{
    const struct situation *row = context;
    struct status why = { 0 };
    struct config *config;
    struct account account;

    if (!furnish(row) || !become_caller(row->has_bit))
        return tell(row->sentence, "it cannot be prepared");
    if (config_load(NULL, &config, &why))
        return !row->host && strstr(why.what, row->what) && group_is_set_aside()
                   ? true
                   : tell(row->sentence, why.what);
    if (config_account(config, NULL, "", &account, &why))
        return tell(row->sentence, why.what);
    if (!row->host || !is_account(row, &account))
        return tell(row->sentence, account.host);
    if (rights_are_raised() != row->stays_raised || !group_is_set_aside())
        return tell(row->sentence, "the rights are not as they should be");
    if (row->stays_raised && !has_password(&account))
        return tell(row->sentence, "no password");
    config_free(config);
    return group_is_set_aside();
}

static void situations(void **state)
{
    static const struct situation rows[] = {
        { "the group may read it", 0640, 0, NULL, true, "system", NULL, true },
        { "the caller may read it", 0644, 0, NULL, true, "system", NULL, true },
        { "root alone may", 0600, 0, NULL, true, NULL, "it is for user 0 and group 65533", true },
        { "no bit", 0640, 0, NULL, false, NULL, "it is for user 0 and group 65533", false },
        { "no bit needed", 0644, 0, NULL, false, "system", NULL, false },
        { "a file of his own", 0640, CALLER, NULL, true, "own", NULL, false },
        { "a file of his own, and no bit", 0640, CALLER, NULL, false, "own", NULL, false },
        { "one of another user", 0640, CALLER - 2, NULL, true, "system", NULL, true },
        { "a link to the system's", 0640, 0, SYSTEM_CONFIG, true, "system", NULL, true },
        { "a link to the system's, readable", 0644, 0, SYSTEM_CONFIG, true, "system", NULL, true },
        { "a link to nothing", 0640, 0, "/nonexistent", true, "system", NULL, true },
        { "a link to what the group may read", 0640, 0, "/etc/secret", true, "system", NULL, true },
        { "no file", 0, 0, NULL, true, NULL, "has a sample; looked for /tmp/", true },
        { "no file, and no bit", 0, 0, NULL, false, NULL,
          "and ORSINO_HOST does without; looked for", false },
    };

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < LENGTH(rows); i++)
        if (!in_a_child(rows[i].sentence, comes_true, &rows[i]))
            skip();
}

/* The system's file may belong to him who calls, and its group be ours: nobody else reads it then.
 */
static bool is_kept_from_others(const void *unused)
{
    char path[] = SYSTEM_CONFIG;
    struct ini_file file = { .path = path, .owner = CALLER, .group = OURS, .mode = S_IFREG | 0640 };
    struct status why = { 0 };
    const char *warning;

    (void)unused;
    if (!become_caller(true) || ini_file_guard(&file, true, &warning, &why) || warning)
        return false;
    file.group = CALLERS_GROUP;
    return ini_file_guard(&file, true, &warning, &why) == CODE_OK && warning;
}

static void the_group_that_reads_it(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(in_a_child("our group, and another", is_kept_from_others, NULL));
}

/* Where the queue is. */
struct queueing {
    const char *sentence;
    const char *text; /* of the file */
    const char *path; /* of the file */
    bool is_named;
    const char *xdg, *variable; /* XDG_STATE_HOME, ORSINO_QUEUE */
    const char *folder;         /* that is made */
    uid_t user;
    const char *want;
    bool is_default;
};

static bool prepare(const struct queueing *row)
{
    hide_folders(folders, LENGTH(folders));
    return clearenv() == 0 && setenv("HOME", "/tmp", 1) == 0 &&
           (!row->xdg || setenv("XDG_STATE_HOME", row->xdg, 1) == 0) &&
           (!row->variable || setenv("ORSINO_QUEUE", row->variable, 1) == 0) &&
           (!row->folder || mkdir(row->folder, 02770) == 0) &&
           write_file(row->path, row->text, strcmp(row->path, OWN_FILE) == 0 ? row->user : 0, 0,
                      0644) &&
           setresuid(row->user, row->user, row->user) == 0;
}

static bool is_there(const void *context)
{
    const struct queueing *row = context;
    struct status why = { 0 };
    struct config *config;
    struct account globals = { 0 }, account = { 0 };

    if (!prepare(row))
        return tell(row->sentence, "it cannot be prepared");
    if (config_load(row->is_named ? row->path : NULL, &config, &why) ||
        config_globals(config, &globals, &why) || config_account(config, NULL, "", &account, &why))
        return tell(row->sentence, why.what);
    if (strcmp(globals.queue, row->want) != 0 || strcmp(account.queue, row->want) != 0)
        return tell(row->sentence, globals.queue);
    if (globals.queue_is_default != row->is_default || account.queue_is_default != row->is_default)
        return tell(row->sentence, "whether it is the default");
    config_free(config);
    return true;
}

static void queues(void **state)
{
    static const char plain[] = "[orsino]\nhost = h\n",
                      keyed[] = "[orsino]\nhost = h\nqueue = /q\n",
                      none[] = "[orsino]\nhost = h\nqueue =\n",
                      accounts[] = "[orsino]\nqueue = /q\n[a]\nhost = h\n";
    static const struct queueing rows[] = {
        { "the system's", plain, SYSTEM_CONFIG, false, NULL, NULL, QUEUE_FOLDER, 0, QUEUE_FOLDER,
          true },
        { "the system's, for another user", plain, SYSTEM_CONFIG, false, NULL, NULL, QUEUE_FOLDER,
          CALLER, QUEUE_FOLDER, true },
        { "no folder", plain, SYSTEM_CONFIG, false, "/x", NULL, NULL, 0, "", true },
        { "a key", keyed, SYSTEM_CONFIG, false, "/x", NULL, QUEUE_FOLDER, 0, "/q", false },
        { "a key beside an account", accounts, SYSTEM_CONFIG, false, "/x", NULL, QUEUE_FOLDER, 0,
          "/q", false },
        { "an empty key", none, SYSTEM_CONFIG, false, "/x", NULL, QUEUE_FOLDER, 0, "", false },
        { "a variable", keyed, SYSTEM_CONFIG, false, NULL, "/v", QUEUE_FOLDER, 0, "/v", false },
        { "an empty variable", keyed, SYSTEM_CONFIG, false, NULL, "", QUEUE_FOLDER, 0, "", false },
        { "a user's own", plain, OWN_FILE, false, "/x", NULL, QUEUE_FOLDER, CALLER, "/x/orsino",
          true },
        { "a user's own at home", plain, OWN_FILE, false, NULL, NULL, NULL, CALLER,
          "/tmp/.local/state/orsino", true },
        { "a variable that is relative", plain, OWN_FILE, false, "x", NULL, NULL, CALLER,
          "/tmp/.local/state/orsino", true },
        { "root's own", plain, OWN_FILE, false, "/x", NULL, QUEUE_FOLDER, 0, "/x/orsino", true },
        { "a user's own with a key", keyed, OWN_FILE, false, "/x", NULL, NULL, CALLER, "/q",
          false },
        { "-C", plain, OWN_FILE, true, "/x", NULL, QUEUE_FOLDER, CALLER, "", true },
        { "-C with a key", keyed, OWN_FILE, true, "/x", NULL, QUEUE_FOLDER, CALLER, "/q", false },
        { "-C with a variable", plain, OWN_FILE, true, "/x", "/v", NULL, CALLER, "/v", false },
        { "-C and the system's, by root", plain, SYSTEM_CONFIG, true, "/x", NULL, QUEUE_FOLDER, 0,
          QUEUE_FOLDER, true },
        { "-C and the system's, by another", plain, SYSTEM_CONFIG, true, "/x", NULL, QUEUE_FOLDER,
          CALLER, "", true },
    };

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < LENGTH(rows); i++)
        if (!in_a_child(rows[i].sentence, is_there, &rows[i]))
            skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(situations),
        cmocka_unit_test(the_group_that_reads_it),
        cmocka_unit_test(queues),
    };

    return cmocka_run_group_tests_name("config with rights", tests, NULL, NULL);
}
