#include "net/identity.h"

#include "forge.h"

#include <sys/stat.h>

enum {
    NOBODY = 65534,
};

static struct forge forge;

static const struct forged certificates[] = {
    { .name = "root", .subject = "/CN=Root", .extensions = "basicConstraints=CA:TRUE\n" },
    { .name = "ec", .issuer = "root", .subject = "/CN=mail.example.it" },
    { .name = "other", .issuer = "root", .subject = "/CN=mail.example.it" },
    { .name = "ec384", .issuer = "root", .subject = "/CN=mail.example.it", .key = "P-384" },
    { .name = "ec521", .issuer = "root", .subject = "/CN=mail.example.it", .key = "P-521" },
    { .name = "rsa", .issuer = "root", .subject = "/CN=mail.example.it", .key = "rsa:2048" },
    { .name = "rsa2", .issuer = "root", .subject = "/CN=mail.example.it", .key = "rsa:2048" },
};

/* Other forms of the same keys. */
static const char *const conversions[][12] = {
    { "openssl", "rsa", "-in", "rsa.key", "-traditional", "-out", "rsa-old.key", NULL },
    { "openssl", "ec", "-in", "ec.key", "-out", "ec-old.key", NULL },
    { "openssl", "ecparam", "-name", "prime256v1", "-out", "parameters", NULL },
    { "openssl", "pkey", "-in", "rsa.key", "-aes128", "-passout", "pass:x", "-out",
      "rsa-locked.key", NULL },
    { "openssl", "rsa", "-in", "rsa.key", "-aes128", "-passout", "pass:x", "-traditional", "-out",
      "rsa-old-locked.key", NULL },
    { "openssl", "genpkey", "-algorithm", "ed25519", "-out", "ed.key", NULL },
    { "openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out",
      "short.key", NULL },
};

/* Files put together from others; each with the rights 0600. */
static const struct {
    const char *name;
    const char *parts[4];
} files[] = {
    { "chain.pem", { "ec.pem", "root.pem" } },
    { "upside-down.pem", { "root.pem", "ec.pem" } },
    { "all.pem", { "ec.key", "ec.pem", "root.pem" } },
    { "all-rsa.pem", { "rsa.pem", "rsa.key" } },
    { "all-old.pem", { "rsa.pem", "rsa-old-locked.key" } },
    { "with-parameters.key", { "parameters", "ec-old.key" } },
    { "two.key", { "ec.key", "rsa.key" } },
};

static void append_file(const char *from, const char *to)
{
    char path[FORGE_PATH_ROOM], text[8192];
    FILE *file;
    size_t n;

    forge_path(&forge, from, "", path);
    file = fopen(path, "r");
    assert_non_null(file);
    n = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    forge_path(&forge, to, "", path);
    file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void read_whole(const char *name, struct buf *out)
{
    char path[FORGE_PATH_ROOM], text[8192];
    FILE *file;

    forge_path(&forge, name, "", path);
    file = fopen(path, "r");
    assert_non_null(file);
    buf_init(out, sizeof text);
    buf_add(out, text, fread(text, 1, sizeof text, file));
    (void)fclose(file);
}

/* A copy of `from` without its second line of base64, with a foreign character, or without its end,
 * or with lines as DOS ends them and none at the end. Without the first line it would begin with
 * random bytes, which may look like anything. */
static void damage(const char *from, const char *to, const char *how)
{
    struct buf text, out;
    const char *second;

    read_whole(from, &text);
    buf_init(&out, 2 * text.n);
    second = strchr(buf_string(&text), '\n');
    assert_non_null(second);
    second = strchr(second + 1, '\n');
    assert_non_null(second);
    for (const char *p = text.p; *p; p++) {
        size_t left = text.n - (size_t)(p - text.p);

        if (strcmp(how, "line lost") == 0 && p > second && p < second + 65)
            continue;
        if (strcmp(how, "cut") == 0 && left < 100)
            break;
        if (strcmp(how, "foreign") == 0 && p == second + 10)
            buf_add_char(&out, '*');
        if (strcmp(how, "DOS") == 0 && *p == '\n')
            buf_add_char(&out, '\r');
        if (strcmp(how, "DOS") != 0 || left > 1)
            buf_add_char(&out, *p);
    }
    forge_write(&forge, to, buf_string(&out));
    buf_free(&text);
    buf_free(&out);
}

static int make_all(void **state)
{
    char path[FORGE_PATH_ROOM];

    (void)state;
    (void)umask(077);
    forge_open(&forge);
    for (size_t i = 0; i < LENGTH(certificates); i++)
        forge_make(&forge, &certificates[i]);
    for (size_t i = 0; i < LENGTH(conversions); i++)
        forge_run(&forge, conversions[i]);
    forge_write(&forge, "rubbish", "-----BEGIN\n\001\002\n-----END CERTIFICATE-----\n");
    forge_write(&forge, "empty", "");
    for (size_t i = 0; i < LENGTH(files); i++)
        for (size_t p = 0; files[i].parts[p]; p++)
            append_file(files[i].parts[p], files[i].name);
    damage("ec.pem", "line-lost.pem", "line lost");
    damage("ec.pem", "cut.pem", "cut");
    damage("ec.pem", "foreign.pem", "foreign");
    damage("ec.pem", "dos.pem", "DOS");
    damage("rsa.key", "line-lost.key", "line lost");
    damage("rsa.key", "cut.key", "cut");
    damage("rsa.key", "foreign.key", "foreign");
    damage("ec.key", "dos.key", "DOS");
    for (int i = 0; i < 17; i++)
        append_file("ec.pem", "many.pem");
    forge_path(&forge, "folder", "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    forge_path(&forge, "fifo", "", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    return 0;
}

static int remove_all(void **state)
{
    char path[FORGE_PATH_ROOM];

    (void)state;
    forge_path(&forge, "folder", "", path);
    assert_int_equal(rmdir(path), 0);
    forge_close(&forge);
    return 0;
}

static const struct {
    const char *sentence, *cert, *key; /* "" for no key file */
    enum code want;
    const char *words; /* of the failure */
    bool in_key;       /* the failure is one of the key file */
} rows[] = {
    { "EC", "ec.pem", "ec.key", CODE_OK, "", false },
    { "EC with its issuer", "chain.pem", "ec.key", CODE_OK, "", false },
    { "P-384", "ec384.pem", "ec384.key", CODE_OK, "", false },
    { "P-521", "ec521.pem", "ec521.key", CODE_OK, "", false },
    { "EC, SEC 1", "ec.pem", "ec-old.key", CODE_OK, "", false },
    { "EC, parameters before it", "ec.pem", "with-parameters.key", CODE_OK, "", false },
    { "RSA", "rsa.pem", "rsa.key", CODE_OK, "", false },
    { "RSA, PKCS#1", "rsa.pem", "rsa-old.key", CODE_OK, "", false },
    { "all in one file", "all.pem", "", CODE_OK, "", false },
    { "all in one file, named twice", "all.pem", "all.pem", CODE_OK, "", false },
    { "all in one file, RSA", "all-rsa.pem", "", CODE_OK, "", false },
    { "line ends of DOS, none at the end", "dos.pem", "dos.key", CODE_OK, "", false },
    { "two keys, the first", "ec.pem", "two.key", CODE_OK, "", false },
    { "two keys, the second", "rsa.pem", "two.key", CODE_CONFIG, "is not that of", true },
    { "no certificate file", "missing.pem", "ec.key", CODE_FILE_MISSING, "No such file", false },
    { "no key file", "ec.pem", "missing.key", CODE_FILE_MISSING, "No such file", true },
    { "no folder", "ec.pem/x", "ec.key", CODE_FILE_MISSING, "Not a directory", false },
    { "a folder", "folder", "ec.key", CODE_CONFIG, "a folder", false },
    { "a pipe for a key", "ec.pem", "fifo", CODE_CONFIG, "not a regular file", true },
    { "an empty certificate file", "empty", "ec.key", CODE_CONFIG, "no PEM CERTIFICATE", false },
    { "an empty key file", "ec.pem", "empty", CODE_CONFIG, "no PEM PRIVATE KEY", true },
    { "rubbish for a certificate", "rubbish", "ec.key", CODE_CONFIG, "no PEM CERT", false },
    { "rubbish for a key", "ec.pem", "rubbish", CODE_CONFIG, "no PEM PRIVATE KEY", true },
    { "changed places", "ec.key", "ec.pem", CODE_CONFIG, "no PEM CERTIFICATE", false },
    { "no key in the one file", "ec.pem", "", CODE_CONFIG, "no PEM PRIVATE KEY", true },
    { "another EC key", "ec.pem", "other.key", CODE_CONFIG, "is not that of", true },
    { "another curve", "ec.pem", "ec384.key", CODE_CONFIG, "is not that of", true },
    { "another RSA key", "rsa.pem", "rsa2.key", CODE_CONFIG, "is not that of", true },
    { "a shorter RSA key", "rsa.pem", "short.key", CODE_CONFIG, "is not that of", true },
    { "RSA for EC", "ec.pem", "rsa.key", CODE_CONFIG, "is not that of", true },
    { "EC for RSA", "rsa.pem", "ec.key", CODE_CONFIG, "is not that of", true },
    { "the chain upside down", "upside-down.pem", "ec.key", CODE_CONFIG, "is not that of", true },
    { "Ed25519", "ec.pem", "ed.key", CODE_CONFIG, "of a kind not used here", true },
    { "an encrypted key", "rsa.pem", "rsa-locked.key", CODE_CONFIG, "is encrypted", true },
    { "the same, older", "rsa.pem", "rsa-old-locked.key", CODE_CONFIG, "is encrypted", true },
    { "encrypted in the one file", "all-old.pem", "", CODE_CONFIG, "is encrypted", true },
    { "a line lost", "line-lost.pem", "ec.key", CODE_CONFIG, "is damaged", false },
    { "an end lost", "cut.pem", "ec.key", CODE_CONFIG, "cannot be read", false },
    { "a foreign character", "foreign.pem", "ec.key", CODE_CONFIG, "cannot be read", false },
    { "a line of the key lost", "rsa.pem", "line-lost.key", CODE_CONFIG, "cannot be read", true },
    { "the key's end lost", "rsa.pem", "cut.key", CODE_CONFIG, "cannot be read", true },
    { "a foreign character", "rsa.pem", "foreign.key", CODE_CONFIG, "cannot be read", true },
    { "too many", "many.pem", "ec.key", CODE_CONFIG, "too many", false },
};

static void loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct identity *identity = NULL;
        struct status why = { 0 };
        char cert[FORGE_PATH_ROOM], key[FORGE_PATH_ROOM] = "";
        bool own = rows[i].key[0] != 0;
        enum code code;

        forge_path(&forge, rows[i].cert, "", cert);
        if (own)
            forge_path(&forge, rows[i].key, "", key);
        code = identity_load(cert, key, &identity, &why);
        if (code != rows[i].want || !strstr(why.what, rows[i].words))
            print_error("got: %d, %s\n", (int)code, why.what);
        check(rows[i].sentence, code == rows[i].want && (identity != NULL) == (code == CODE_OK));
        check(rows[i].sentence, strstr(why.what, rows[i].words) != NULL);
        if (code)
            check_text(rows[i].sentence, slice_of(why.where),
                       slice_of(rows[i].in_key && own ? key : cert));
        identity_free(identity);
    }
}

static void no_key_file(void **state)
{
    struct identity *identity = NULL;
    struct status why = { 0 };
    char path[FORGE_PATH_ROOM];

    (void)state;
    forge_path(&forge, "all.pem", "", path);
    assert_int_equal(identity_load(path, NULL, &identity, &why), CODE_OK);
    identity_free(identity);
    identity_free(NULL);
}

static void rights(void **state)
{
    static const struct {
        mode_t mode;
        bool is_roots;
        enum code want;
    } modes[] = {
        { 0400, true, CODE_OK },         { 0600, true, CODE_OK },
        { 0640, true, CODE_OK },         { 0644, true, CODE_PERMISSION },
        { 0604, true, CODE_PERMISSION }, { 0602, true, CODE_PERMISSION },
        { 0601, true, CODE_PERMISSION }, { 0640, false, CODE_PERMISSION },
        { 0600, false, CODE_OK },        { 0604, false, CODE_PERMISSION },
    };
    char cert[FORGE_PATH_ROOM], key[FORGE_PATH_ROOM];

    (void)state;
    if (geteuid() != 0)
        skip();
    forge_path(&forge, "ec.pem", "", cert);
    forge_path(&forge, "ec.key", "", key);
    assert_int_equal(chmod(cert, 0644), 0);
    for (size_t i = 0; i < LENGTH(modes); i++) {
        struct identity *identity = NULL;
        struct status why = { 0 };
        char sentence[32];

        (void)snprintf(sentence, sizeof sentence, "%o %d", (unsigned)modes[i].mode,
                       modes[i].is_roots);
        assert_int_equal(chown(key, modes[i].is_roots ? 0 : NOBODY, 0), 0);
        assert_int_equal(chmod(key, modes[i].mode), 0);
        check(sentence, identity_load(cert, key, &identity, &why) == modes[i].want);
        if (why.code)
            check(sentence, strcmp(why.where, key) == 0 && strstr(why.what, "other users can"));
        identity_free(identity);
    }
    assert_int_equal(chown(key, 0, 0), 0);
    assert_int_equal(chmod(key, 0600), 0);
}

static void not_ours(void **state)
{
    char cert[FORGE_PATH_ROOM], key[FORGE_PATH_ROOM];
    pid_t child;
    int result;

    (void)state;
    if (geteuid() != 0)
        skip();
    forge_path(&forge, "ec.pem", "", cert);
    forge_path(&forge, "ec.key", "", key);
    assert_int_equal(chmod(forge.folder, 0755), 0);
    assert_int_equal(chmod(cert, 0644), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct identity *identity = NULL;
        struct status why = { 0 };

        if (setuid(NOBODY) != 0)
            _exit(CODE_END);
        _exit(identity_load(cert, key, &identity, &why));
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(WEXITSTATUS(result), CODE_PERMISSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),
        cmocka_unit_test(no_key_file),
        cmocka_unit_test(rights),
        cmocka_unit_test(not_ours),
    };

    return cmocka_run_group_tests_name("identity", tests, make_all, remove_all);
}
