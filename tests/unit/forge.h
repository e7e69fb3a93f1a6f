/*
 * Certificates for tests, made with the openssl command in a folder of their own when the test
 * runs, since any kept in the tree would expire.
 */
#ifndef ORSINO_TESTS_FORGE_H
#define ORSINO_TESTS_FORGE_H

#include "net/trust.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FORGE_PATH_ROOM = 128,
};

struct forge {
    char folder[FORGE_PATH_ROOM / 2];
};

struct forged {
    const char *name;        /* of the files: name.pem, name.key */
    const char *issuer;      /* the name of another, or NULL when it is self-signed */
    const char *subject;     /* "/O=Test/CN=Root" */
    const char *extensions;  /* as in openssl's configuration; NULL for a version 1 certificate */
    const char *key;         /* "P-256" when NULL, "P-384", "rsa:2048", or the name of another */
    const char *start, *end; /* YYYYMMDDHHMMSSZ; NULL for around today */
    const char *digest;      /* "sha256" when NULL */
};

static inline void forge_path(const struct forge *f, const char *name, const char *ending,
                              char out[FORGE_PATH_ROOM])
{
    int n = snprintf(out, FORGE_PATH_ROOM, "%s/%s%s", f->folder, name, ending);

    assert_true(n > 0 && n < FORGE_PATH_ROOM);
}

static inline void forge_write(const struct forge *f, const char *name, const char *text)
{
    char path[FORGE_PATH_ROOM];
    FILE *file;

    forge_path(f, name, "", path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Appends the certificate `name` to the file `to`. */
static inline void forge_append(const struct forge *f, const char *name, const char *to)
{
    char path[FORGE_PATH_ROOM], text[8192];
    FILE *file;
    size_t n;

    forge_path(f, name, ".pem", path);
    file = fopen(path, "r");
    assert_non_null(file);
    n = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    forge_path(f, to, "", path);
    file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Runs openssl in the folder; argv[0] is "openssl", and a NULL ends it. */
static inline void forge_run(const struct forge *f, const char *const *argv)
{
    pid_t child = fork();
    int status = -1;

    assert_true(child >= 0);
    if (child == 0) {
        int log;

        if (chdir(f->folder) != 0)
            _exit(126);
        log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)dup2(log, 1);
        (void)dup2(log, 2);
        (void)execvp("openssl", (char *const *)(size_t)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        print_error("failed: openssl %s, see %s/log\n", argv[1], f->folder);
    assert_int_equal(status, 0);
}

static inline void forge_open(struct forge *f)
{
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/orsino-forge-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    forge_write(f, "index", "");
    forge_write(f, "configuration",
                "[ca]\ndefault_ca = all\n[all]\ndatabase = index\nnew_certs_dir = .\n"
                "rand_serial = yes\nunique_subject = no\npreserve = yes\npolicy = any\n"
                "[any]\norganizationName = optional\ncommonName = optional\n"
                "[req]\ndistinguished_name = empty\nstring_mask = utf8only\n[empty]\n");
}

static inline void forge_close(struct forge *f)
{
    DIR *folder = opendir(f->folder);
    struct dirent *entry;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
    assert_int_equal(rmdir(f->folder), 0);
}

static inline bool forge_is_kind_of_key(const char *key)
{
    return !key || strncmp(key, "P-", 2) == 0 || strncmp(key, "rsa:", 4) == 0;
}

/* The request for it, with a new key unless it has that of another. */
static inline void forge_request(const struct forge *f, const struct forged *c, const char *key)
{
    char curve[32];
    const char *old[] = { "openssl", "req",     "-config", "configuration", "-new",
                          "-utf8",   "-key",    key,       "-subj",         c->subject,
                          "-out",    "request", NULL };
    const char *new[] = { "openssl", "req",    "-config",  "configuration", "-new",
                          "-utf8",   "-nodes", "-newkey",  c->key,          "-keyout",
                          key,       "-subj",  c->subject, "-out",          "request",
                          NULL,      NULL,     NULL };

    if (!forge_is_kind_of_key(c->key)) {
        forge_run(f, old);
        return;
    }
    if (!c->key || strncmp(c->key, "P-", 2) == 0) {
        (void)snprintf(curve, sizeof curve, "ec_paramgen_curve:%s", c->key ? c->key : "P-256");
        new[8] = "ec";
        new[15] = "-pkeyopt";
        new[16] = curve;
    }
    forge_run(f, new);
}

static inline void forge_make(const struct forge *f, const struct forged *c)
{
    const char *issuer = c->issuer ? c->issuer : c->name;
    const char *key = forge_is_kind_of_key(c->key) ? c->name : c->key;
    char key_file[64], issuer_key[64], issuer_file[64], out[64];
    const char *argv[] = { "openssl",    "ca",
                           "-config",    "configuration",
                           "-batch",     "-notext",
                           "-in",        "request",
                           "-out",       out,
                           "-keyfile",   issuer_key,
                           "-startdate", c->start ? c->start : "20200101000000Z",
                           "-enddate",   c->end ? c->end : "20991231235959Z",
                           "-md",        c->digest ? c->digest : "sha256",
                           "-cert",      issuer_file,
                           "-extfile",   "extensions",
                           NULL };

    (void)snprintf(key_file, sizeof key_file, "%s.key", key);
    (void)snprintf(issuer_key, sizeof issuer_key, "%s.key", c->issuer ? issuer : key);
    (void)snprintf(issuer_file, sizeof issuer_file, "%s.pem", issuer);
    (void)snprintf(out, sizeof out, "%s.pem", c->name);
    forge_request(f, c, key_file);
    if (c->extensions)
        forge_write(f, "extensions", c->extensions);
    else
        argv[LENGTH(argv) - 3] = NULL;
    if (!c->issuer) { /* -selfsign has no argument */
        argv[18] = "-selfsign";
        argv[19] = c->extensions ? "-extfile" : NULL;
        argv[20] = c->extensions ? "extensions" : NULL;
        argv[21] = NULL;
    }
    forge_run(f, argv);
}

/* The DER of a forged certificate, into `out`. */
static inline struct slice forge_der(const struct forge *f, const char *name, char *out,
                                     size_t room)
{
    const char *argv[] = { "openssl", "x509", "-in", NULL, "-outform", "DER", "-out", "der", NULL };
    char path[FORGE_PATH_ROOM];
    FILE *file;
    size_t n;

    forge_path(f, name, ".pem", path);
    argv[3] = path;
    forge_run(f, argv);
    forge_path(f, "der", "", path);
    file = fopen(path, "r");
    assert_non_null(file);
    n = fread(out, 1, room, file);
    (void)fclose(file);
    assert_true(n > 0 && n < room);
    return (struct slice){ out, n };
}

/* What believes in the certificates of a file that forge_make or the test wrote; see trust_free. */
static inline struct trust *forge_trust(const struct forge *f, const char *name)
{
    char path[FORGE_PATH_ROOM];
    struct status why = { 0 };
    struct trust *trust = NULL;

    forge_path(f, name, ".pem", path);
    assert_int_equal(trust_load(path, &trust, &why), CODE_OK);
    return trust;
}

#endif
