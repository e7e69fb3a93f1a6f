/* A spool of a test: a folder of its own, what is in it, and messages to put into it. */
#ifndef ORSINO_TESTS_SPOOL_FOLDERS_H
#define ORSINO_TESTS_SPOOL_FOLDERS_H

#include "deliver/spool.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_ROOM = 256,
};

/* Ids, in the order of a listing. */
#define ID_A "AAAAAAAAAAAA"
#define ID_B "BBBBBBBBBBBB"

struct place {
    char base[PATH_ROOM / 4];  /* of the test alone */
    char spool[PATH_ROOM / 2]; /* below it */
    char path[PATH_ROOM];      /* of the last at() */
};

/* The path of something below the place. */
static inline const char *at(struct place *p, const char *name)
{
    (void)snprintf(p->path, sizeof p->path, "%s/%s", p->base, name);
    return p->path;
}

static inline void begin_place(struct place *p)
{
    (void)umask(077);
    (void)snprintf(p->base, sizeof p->base, "/tmp/test_spool.XXXXXX");
    assert_non_null(mkdtemp(p->base));
    (void)snprintf(p->spool, sizeof p->spool, "%s/spool", p->base);
}

static inline int drop_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void end_place(struct place *p)
{
    assert_int_equal(nftw(p->base, drop_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline struct spool *open_place(struct place *p)
{
    struct status why = { 0 };
    struct spool *s = NULL;

    assert_int_equal(spool_open(p->spool, true, &s, &why), CODE_OK);
    return s;
}

static inline int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends the names in a folder of the spool, sorted: "body/ID ". */
static inline void list_files(struct place *p, const char *folder, struct buf *out)
{
    char name[PATH_ROOM / 2], *found[64];
    const struct dirent *entry;
    size_t count = 0;
    DIR *list;

    (void)snprintf(name, sizeof name, "spool/%s", folder);
    list = opendir(at(p, name));
    while (list && count < LENGTH(found) && (entry = readdir(list)))
        if (entry->d_name[0] != '.')
            found[count++] = slice_dup(slice_of(entry->d_name));
    if (list)
        (void)closedir(list);
    qsort(found, count, sizeof *found, by_name);
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s/%s ", folder, found[i]);
        free(found[i]);
    }
}

/* All files of the spool are these. */
static inline void check_files(const char *sentence, struct place *p, const char *want)
{
    static const char *const folders[] = { "new", "body", "queue", "failed" };
    struct buf got;

    buf_init(&got, 65536);
    for (size_t i = 0; i < LENGTH(folders); i++)
        list_files(p, folders[i], &got);
    check_text(sentence, buf_slice(&got), slice_of(want));
    buf_free(&got);
}

static inline void put_file(struct place *p, const char *name, const char *text)
{
    int fd = open(at(p, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* A message with a body of that many lines of ten bytes. */
static inline void make_message(struct message *m, size_t lines)
{
    struct status why = { 0 };

    message_init(m);
    buf_add_string(&m->header, "Subject: x\n");
    for (size_t i = 0; i < lines; i++)
        assert_int_equal(store_add(&m->body, slice_of("123456789\n"), &why), CODE_OK);
    m->body_lines = lines;
    m->longest_line = 9;
}

static inline void make_record(struct record *r, const char *id, enum record_state state)
{
    char to[] = "a@example.org", from[] = "b@example.org", *paths[] = { to };
    struct envelope e = { .reverse_path = from, .forward_paths = paths, .forward_count = 1 };
    struct status why = { 0 };

    assert_int_equal(record_make(r, &e, NULL, NULL, "main", &why), CODE_OK);
    (void)snprintf(r->id, sizeof r->id, "%s", id);
    r->state = state;
}

/* Puts a message of that many lines into the spool. */
static inline enum code add_message(struct spool *s, const char *id, enum record_state state,
                                    size_t lines, struct parcel **out, struct status *why)
{
    struct record r;
    struct message m;
    enum code code;

    make_record(&r, id, state);
    make_message(&m, lines);
    code = spool_add(s, &r, &m, out, why);
    message_free(&m);
    return code;
}

/* The same for one that is let go of at once, and must be kept. */
static inline void keep_message(struct spool *s, const char *id, enum record_state state)
{
    struct status why = { 0 };
    struct parcel *p = NULL;

    assert_int_equal(add_message(s, id, state, 1, &p, &why), CODE_OK);
    spool_release(p);
}

#endif
