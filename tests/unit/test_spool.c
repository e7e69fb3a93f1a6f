#include "deliver/spool.h"

#include "spool_folders.h"

#include <errno.h>

/* The states of the file system in which a spool is opened. */
static void nothing(struct place *p)
{
    (void)p;
}

static void no_parent(struct place *p)
{
    (void)snprintf(p->spool, sizeof p->spool, "%s/state/deep/spool", p->base);
}

static void slash_behind(struct place *p)
{
    (void)snprintf(p->spool, sizeof p->spool, "%s/spool//", p->base);
}

static void a_folder(struct place *p)
{
    assert_int_equal(mkdir(at(p, "spool"), 0700), 0);
}

static void a_file(struct place *p)
{
    put_file(p, "spool", "");
}

static void a_link(struct place *p)
{
    assert_int_equal(mkdir(at(p, "real"), 0700), 0);
    assert_int_equal(symlink("real", at(p, "spool")), 0);
}

static void a_link_and_slash(struct place *p)
{
    a_link(p);
    slash_behind(p);
}

static void for_everybody(struct place *p)
{
    a_folder(p);
    assert_int_equal(chmod(at(p, "spool"), 0777), 0);
}

static void for_everybody_within(struct place *p)
{
    a_folder(p);
    assert_int_equal(mkdir(at(p, "spool/queue"), 0700), 0);
    assert_int_equal(chmod(at(p, "spool/queue"), 0777), 0);
}

static void a_link_within(struct place *p)
{
    a_folder(p);
    assert_int_equal(symlink("/tmp", at(p, "spool/body")), 0);
}

static void a_file_within(struct place *p)
{
    a_folder(p);
    put_file(p, "spool/failed", "");
}

static void not_absolute(struct place *p)
{
    (void)snprintf(p->spool, sizeof p->spool, "spool");
}

static void below_a_file(struct place *p)
{
    a_file(p);
    (void)snprintf(p->spool, sizeof p->spool, "%s/spool/spool", p->base);
}

static void read_only(struct place *p)
{
    (void)snprintf(p->spool, sizeof p->spool, "/proc/orsino/spool");
}

static void a_spool_is_opened(void **state)
{
    static const struct {
        const char *sentence;
        void (*prepare)(struct place *p);
        bool makes;
        enum code code;
        const char *words;
    } rows[] = {
        { "it is made", nothing, true, CODE_OK, "" },
        { "its parents are made", no_parent, true, CODE_OK, "" },
        { "slashes at the end do not matter", slash_behind, true, CODE_OK, "" },
        { "it is not made", nothing, false, CODE_FILE_MISSING, "cannot be opened: No such file" },
        { "what is below it is made", a_folder, false, CODE_OK, "" },
        { "a file", a_file, true, CODE_FILE_MISSING, "Not a directory" },
        { "below a file", below_a_file, true, CODE_FILE_MISSING, "Not a directory" },
        { "a link", a_link, true, CODE_FILE_MISSING, "Not a directory" },
        { "a link with a slash behind it", a_link_and_slash, true, CODE_FILE_MISSING,
          "Not a directory" },
        { "a folder that all can write", for_everybody, true, CODE_PERMISSION, "chmod o-w" },
        { "one below it", for_everybody_within, true, CODE_PERMISSION, "spool/queue: chmod o-w" },
        { "a link below it", a_link_within, true, CODE_FILE_MISSING,
          "spool/body cannot be opened: Not a directory" },
        { "a file below it", a_file_within, true, CODE_FILE_MISSING,
          "spool/failed cannot be opened: Not a directory" },
        { "a path from here", not_absolute, true, CODE_FILE_MISSING, "begins with /" },
        { "a parent that takes no folder", read_only, true, CODE_FILE_MISSING,
          "/proc/orsino/spool cannot be opened" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct spool *s = NULL;
        struct place p;

        begin_place(&p);
        rows[i].prepare(&p);
        check(rows[i].sentence, spool_open(p.spool, rows[i].makes, &s, &why) == rows[i].code);
        check(rows[i].sentence, (s != NULL) == (rows[i].code == CODE_OK));
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
        check(rows[i].sentence, rows[i].code == CODE_OK || why.stage == STAGE_QUEUE);
        spool_close(s);
        end_place(&p);
    }
}

/* Only root can make these. */
static void a_spool_of_somebody_else_is_refused(void **state)
{
    static const struct {
        const char *sentence, *path;
    } rows[] = {
        { "itself", "spool" },
        { "a folder in it", "spool/body" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows) && geteuid() == 0; i++) {
        struct status why = { 0 };
        struct spool *s;
        struct place p;

        begin_place(&p);
        spool_close(open_place(&p));
        assert_int_equal(chown(at(&p, rows[i].path), 4321, 0), 0);
        check(rows[i].sentence, spool_open(p.spool, true, &s, &why) == CODE_PERMISSION && !s);
        check(rows[i].sentence, strstr(why.what, "belongs to user 4321, not to root") != NULL);
        end_place(&p);
    }
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

/* What the folder's group may do, it may do with all that is in it, whatever the umask is. */
static void the_group_has_what_the_folder_gives_it(void **state)
{
    static const struct {
        const char *sentence;
        mode_t spool, folder, file;
    } rows[] = {
        { "nobody else's", 0700, 0700, 0600 },
        { "a group's", 02770, 02770, 0660 },
        { "a group's that may read alone", 0750, 0700, 0600 },
    };
    static const char *const folders[] = { "spool/new", "spool/body", "spool/queue",
                                           "spool/failed" };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct spool *s;
        struct place p;

        begin_place(&p);
        a_folder(&p);
        assert_int_equal(chmod(at(&p, "spool"), rows[i].spool), 0);
        s = open_place(&p);
        keep_message(s, ID_A, RECORD_QUEUED);
        for (size_t k = 0; k < LENGTH(folders); k++)
            check(rows[i].sentence, mode_of(at(&p, folders[k])) == rows[i].folder);
        check(rows[i].sentence, mode_of(at(&p, "spool/body/" ID_A)) == rows[i].file);
        check(rows[i].sentence, mode_of(at(&p, "spool/queue/" ID_A)) == rows[i].file);
        spool_close(s);
        end_place(&p);
    }
}

static void a_list_has_ids_alone(void **state)
{
    static const char *const others[] = {
        "spool/queue/x",
        "spool/queue/" ID_A "A",
        "spool/queue/aaaaaaaaaaaa",
        "spool/queue/" ID_A ".tmp",
    };
    struct status why = { 0 };
    char(*ids)[RECORD_ID_ROOM] = NULL;
    struct spool *s;
    size_t count;
    struct place p;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    for (int times = 0; times < 2; times++) {
        check("nothing yet", spool_list(s, SPOOL_QUEUE, &ids, &count, &why) == CODE_OK);
        check("nothing yet, again", count == 0);
        free(ids);
    }
    for (size_t i = 0; i < LENGTH(others); i++)
        put_file(&p, others[i], "");
    keep_message(s, ID_A, RECORD_QUEUED);
    keep_message(s, ID_B, RECORD_FAILED);
    check("in queue/", spool_list(s, SPOOL_QUEUE, &ids, &count, &why) == CODE_OK && count == 1);
    check_text("its name", slice_of(ids[0]), slice_of(ID_A));
    free(ids);
    check("in failed/", spool_list(s, SPOOL_FAILED, &ids, &count, &why) == CODE_OK && count == 1);
    check_text("its name too", slice_of(ids[0]), slice_of(ID_B));
    free(ids);
    spool_close(s);
    end_place(&p);
}

static void a_list_may_be_long(void **state)
{
    enum {
        MANY = 3000
    };
    struct status why = { 0 };
    char(*ids)[RECORD_ID_ROOM] = NULL;
    struct spool *s;
    size_t count;
    struct place p;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    for (unsigned i = 0; i < MANY; i++) {
        char name[PATH_ROOM / 4];

        (void)snprintf(name, sizeof name, "spool/failed/%012u", i);
        put_file(&p, name, "");
    }
    assert_int_equal(spool_list(s, SPOOL_FAILED, &ids, &count, &why), CODE_OK);
    assert_int_equal(count, MANY);
    for (size_t i = 0; i < count; i++)
        assert_true(record_id_is_valid(slice_of(ids[i])));
    free(ids);
    spool_close(s);
    end_place(&p);
}

static void looking_takes_nothing(void **state)
{
    static const struct {
        const char *sentence;
        enum spool_folder folder;
        const char *id;
        bool is_there;
    } rows[] = {
        { "one that waits", SPOOL_QUEUE, ID_A, true },
        { "in the wrong folder", SPOOL_FAILED, ID_A, false },
        { "one that is not there", SPOOL_QUEUE, ID_B, false },
        { "a name that is no id", SPOOL_QUEUE, "../queue/" ID_A, false },
        { "no name", SPOOL_QUEUE, "", false },
    };
    struct spool *s;
    struct place p;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    keep_message(s, ID_A, RECORD_QUEUED);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct record r = { .state = RECORD_QUEUED };
        bool is_there = !rows[i].is_there;
        enum code code = spool_peek(s, rows[i].folder, rows[i].id, &r, &is_there, &why);

        check(rows[i].sentence, code == CODE_OK && is_there == rows[i].is_there);
        check(rows[i].sentence, !is_there || strcmp(r.id, ID_A) == 0);
        record_free(&r);
    }
    check_text("the path", slice_of(spool_path(s)), slice_of(p.spool));
    spool_close(s);
    end_place(&p);
}

static void a_body_is_opened_by_its_id_alone(void **state)
{
    static const struct {
        const char *sentence, *id;
        int error;
    } rows[] = {
        { "it is there", ID_A, 0 },
        { "it is not there", ID_B, ENOENT },
        { "a path", "../queue/" ID_A, ENOENT },
        { "a link", "CCCCCCCCCCCC", ELOOP },
    };
    struct spool *s;
    struct place p;

    (void)state;
    begin_place(&p);
    s = open_place(&p);
    keep_message(s, ID_A, RECORD_QUEUED);
    assert_int_equal(symlink(ID_A, at(&p, "spool/body/CCCCCCCCCCCC")), 0);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        int fd = spool_open_body(s, rows[i].id);

        check(rows[i].sentence, (fd >= 0) == (rows[i].error == 0));
        check(rows[i].sentence, fd >= 0 || errno == rows[i].error);
        if (fd >= 0)
            (void)close(fd);
    }
    spool_close(s);
    end_place(&p);
}

/* "body/A" is short for the file of an id of twelve such letters; other names are themselves. */
static void add_file_name(struct buf *out, struct slice name)
{
    size_t slash = slice_find(name, '/');
    bool is_short = name.n == slash + 2 && name.p[slash + 1] != 'x';

    buf_add_slice(out, name);
    for (int i = 1; is_short && i < STAMP_ID_LENGTH; i++)
        buf_add_char(out, name.p[slash + 1]);
}

static void put_short(struct place *p, const char *name)
{
    struct buf path;

    buf_init(&path, PATH_ROOM);
    buf_add_string(&path, "spool/");
    add_file_name(&path, slice_of(name));
    put_file(p, buf_string(&path), "Subject: x\n\n");
    buf_free(&path);
}

static void lengthen(const char *names, struct buf *out)
{
    struct slice all = slice_of(names), name;

    buf_init(out, 4096);
    while (slice_take_word(&all, &name)) {
        add_file_name(out, name);
        buf_add_char(out, ' ');
    }
}

static void what_died_half_way_is_swept(void **state)
{
    static const struct {
        const char *sentence;
        const char *files[4]; /* left by a process that died */
        const char *after;    /* besides the message that waits and the one that failed */
        size_t went;
    } rows[] = {
        { "nothing", { NULL }, "body/0 body/1 queue/0 failed/1 ", 0 },
        { "a body", { "body/A" }, "body/0 body/1 queue/0 failed/1 ", 1 },
        { "a body and its record, before it was renamed",
          { "body/A", "new/A" },
          "body/0 body/1 queue/0 failed/1 ",
          2 },
        { "a record that was not finished, of a message that is gone",
          { "new/A" },
          "body/0 body/1 queue/0 failed/1 ",
          1 },
        { "a record that was to replace one that stands",
          { "new/0", "new/1" },
          "body/0 body/1 queue/0 failed/1 ",
          2 },
        { "many at once",
          { "body/A", "body/B", "new/C", "new/0" },
          "body/0 body/1 queue/0 failed/1 ",
          4 },
        { "a record without a body stays, for people to see",
          { "queue/A" },
          "body/0 body/1 queue/0 queue/A failed/1 ",
          0 },
        { "what is no file of ours stays",
          { "body/readme", "new/x" },
          "new/x body/0 body/1 body/readme queue/0 failed/1 ",
          0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf want;
        struct place p;
        struct spool *s;

        begin_place(&p);
        s = open_place(&p);
        keep_message(s, "000000000000", RECORD_QUEUED);
        keep_message(s, "111111111111", RECORD_FAILED);
        for (size_t k = 0; k < 4 && rows[i].files[k]; k++)
            put_short(&p, rows[i].files[k]);
        check(rows[i].sentence, spool_sweep(s) == rows[i].went);
        lengthen(rows[i].after, &want);
        check_files(rows[i].sentence, &p, buf_string(&want));
        buf_free(&want);
        spool_close(s);
        end_place(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spool_is_opened),
        cmocka_unit_test(a_spool_of_somebody_else_is_refused),
        cmocka_unit_test(the_group_has_what_the_folder_gives_it),
        cmocka_unit_test(a_list_has_ids_alone),
        cmocka_unit_test(a_list_may_be_long),
        cmocka_unit_test(looking_takes_nothing),
        cmocka_unit_test(a_body_is_opened_by_its_id_alone),
        cmocka_unit_test(what_died_half_way_is_swept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
