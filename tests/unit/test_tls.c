/* TLS with real servers; net/tls.c is reached through a stream, as it is in life. */
#include "net/stream.h"

#include "forge.h"
#include "net/dial.h"

#include <signal.h>

enum {
    PATIENCE = 10000,
};

static struct forge forge;
static pid_t running; /* a server, which must not outlive a test that failed */

static const struct forged certificates[] = {
    { .name = "root", .subject = "/CN=Root", .extensions = "basicConstraints=critical,CA:TRUE\n" },
    { .name = "leaf",
      .issuer = "root",
      .subject = "/CN=mail.example.it",
      .extensions = "subjectAltName=DNS:mail.example.it,IP:127.0.0.1\n" },
    { .name = "rsa_leaf",
      .issuer = "root",
      .subject = "/CN=mail.example.it",
      .key = "rsa:2048",
      .extensions = "subjectAltName=DNS:mail.example.it\n" },
    { .name = "other", .subject = "/CN=Other", .extensions = "basicConstraints=CA:TRUE\n" },
};

static int make_all(void **state)
{
    (void)state;
    forge_open(&forge);
    for (size_t i = 0; i < LENGTH(certificates); i++)
        forge_make(&forge, &certificates[i]);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    if (running > 0)
        (void)kill(running, SIGKILL);
    forge_close(&forge);
    return 0;
}

/* A server of openssl, which answers each line with its letters turned around. */
static void run_server(const char *const *options, int out)
{
    const char *argv[24] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-rev" };
    size_t n = 5;

    for (size_t i = 0; options[i]; i++)
        argv[n++] = options[i];
    if (chdir(forge.folder) != 0)
        _exit(126);
    (void)dup2(out, 1);
    (void)dup2(open("server.log", O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)execvp("openssl", (char *const *)(size_t)argv);
    _exit(127);
}

/* Reads up to "ACCEPT 127.0.0.1:port", when the server is ready. */
static unsigned read_port(int in)
{
    char line[256];
    unsigned long port = 0;
    FILE *file = fdopen(in, "r");

    assert_non_null(file);
    while (port == 0 && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "ACCEPT", 6) == 0 && colon)
            port = strtoul(colon + 1, NULL, 10);
    }
    (void)fclose(file);
    assert_in_range(port, 1, 65535);
    return (unsigned)port;
}

static void stop_server(void)
{
    if (running <= 0)
        return;
    assert_int_equal(kill(running, SIGKILL), 0);
    assert_int_equal(waitpid(running, NULL, 0), running);
    running = 0;
}

/* Gives the port that it listens at. */
static unsigned start_server(const char *const *options)
{
    int out[2];

    stop_server(); /* that of a test that failed */
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    running = fork();
    assert_true(running >= 0);
    if (running == 0)
        run_server(options, out[1]);
    (void)close(out[1]);
    return read_port(out[0]);
}

static struct stream *open_to(unsigned port)
{
    struct status why = { 0 };
    struct stream *s = NULL;
    int fd = -1;

    assert_int_equal(net_dial("127.0.0.1", port, PATIENCE, NULL, &fd, &why), CODE_OK);
    assert_int_equal(stream_open(fd, &s, &why), CODE_OK);
    return s;
}

/* Sends lines, and wants each of them back. */
static void check_echo(const char *sentence, struct stream *s, size_t length, size_t lines)
{
    struct buf line, got;

    buf_init(&line, length + 1);
    buf_init(&got, lines * (length + 1));
    for (size_t i = 0; i < length; i++)
        buf_add_char(&line, 'x');
    buf_add_char(&line, '\n');
    for (size_t i = 0; i < lines; i++) {
        struct slice out = buf_slice(&line);
        size_t want = (i + 1) * (length + 1);

        while (got.n < want && !got.failed) {
            struct status why = { 0 };
            struct slice in;

            if (stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why))
                print_error("got: %s\n", why.what);
            check(sentence, why.code == CODE_OK);
            buf_add_slice(&got, in);
        }
        check(sentence, !got.failed);
        check_text(sentence, slice_part(buf_slice(&got), want - length - 1, want),
                   buf_slice(&line));
    }
    buf_free(&line);
    buf_free(&got);
}

static const struct {
    const char *sentence;
    const char *options[12];
    const char *ca, *name;
    enum code want;
    const char *words; /* of the suite or of the failure */
} server_rows[] = {
    { "ECDSA",
      { "-cert", "leaf.pem", "-key", "leaf.key" },
      "root",
      "mail.example.it",
      CODE_OK,
      "TLSv1.2/ECDHE_ECDSA_WITH_" },
    { "RSA",
      { "-cert", "rsa_leaf.pem", "-key", "rsa_leaf.key" },
      "root",
      "mail.example.it",
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_" },
    { "an address",
      { "-cert", "leaf.pem", "-key", "leaf.key" },
      "root",
      "127.0.0.1",
      CODE_OK,
      "TLSv1.2/" },
    { "AES-128",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256" },
      "root",
      "mail.example.it",
      CODE_OK,
      "AES_128_GCM_SHA256" },
    { "AES-256",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384" },
      "root",
      "mail.example.it",
      CODE_OK,
      "AES_256_GCM_SHA384" },
    { "ChaCha20",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305" },
      "root",
      "mail.example.it",
      CODE_OK,
      "CHACHA20_POLY1305_SHA256" },
    { "P-384",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-curves", "P-256:P-384" },
      "root",
      "mail.example.it",
      CODE_OK,
      "TLSv1.2/" },
    { "a request for a certificate of ours",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-verify", "3" },
      "root",
      "mail.example.it",
      CODE_OK,
      "TLSv1.2/" },
    { "the server's name is asked for",
      { "-cert", "other.pem", "-key", "other.key", "-cert2", "leaf.pem", "-key2", "leaf.key",
        "-servername", "mail.example.it" },
      "root",
      "mail.example.it",
      CODE_OK,
      "TLSv1.2/" },
    { "TLS 1.3 alone",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-tls1_3" },
      "root",
      "mail.example.it",
      CODE_TLS_MISMATCH,
      "the server says: protocol version" },
    { "TLS 1.1 alone",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-tls1_1", "-cipher", "ALL@SECLEVEL=0" },
      "root",
      "mail.example.it",
      CODE_TLS_MISMATCH,
      "the server says: handshake failure" },
    { "CBC alone",
      { "-cert", "leaf.pem", "-key", "leaf.key", "-cipher", "ECDHE-ECDSA-AES128-SHA" },
      "root",
      "mail.example.it",
      CODE_TLS_MISMATCH,
      "the server says: handshake failure" },
    { "no forward secrecy",
      { "-cert", "rsa_leaf.pem", "-key", "rsa_leaf.key", "-cipher", "AES128-GCM-SHA256" },
      "root",
      "mail.example.it",
      CODE_TLS_MISMATCH,
      "the server says: handshake failure" },
    { "an unknown CA",
      { "-cert", "leaf.pem", "-key", "leaf.key" },
      "other",
      "mail.example.it",
      CODE_UNTRUSTED,
      "issued by \"Root\"" },
    { "a wrong name",
      { "-cert", "leaf.pem", "-key", "leaf.key" },
      "root",
      "smtp.example.it",
      CODE_UNTRUSTED,
      "wrong name" },
    { "a wrong address",
      { "-cert", "rsa_leaf.pem", "-key", "rsa_leaf.key" },
      "root",
      "127.0.0.1",
      CODE_UNTRUSTED,
      "wrong name" },
};

static void servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(server_rows); i++) {
        unsigned port = start_server(server_rows[i].options);
        struct trust *trust = forge_trust(&forge, server_rows[i].ca);
        struct stream *s = open_to(port);
        struct status why = { 0 };
        enum code code =
            stream_start_tls(s, server_rows[i].name, trust, deadline_in(PATIENCE), &why);
        const char *text = code ? why.what : stream_tls_name(s);

        if (code != server_rows[i].want || !strstr(text, server_rows[i].words))
            print_error("got: %d, %s\n", (int)code, text);
        check(server_rows[i].sentence,
              code == server_rows[i].want && strstr(text, server_rows[i].words) != NULL);
        if (code == CODE_OK)
            check_echo(server_rows[i].sentence, s, 100, 2);
        else
            check(server_rows[i].sentence, strcmp(stream_tls_name(s), "none") == 0);
        stream_close(s);
        trust_free(trust);
        stop_server();
    }
}

/* More than a record holds, and the server's death in the middle. */
static void through_tls(void **state)
{
    static const char *const options[] = { "-cert", "leaf.pem", "-key", "leaf.key", NULL };
    unsigned port = start_server(options);
    struct trust *trust = forge_trust(&forge, "root");
    struct stream *s = open_to(port);
    struct status why = { 0 };
    struct slice out = { 0 }, in;

    (void)state;
    assert_int_equal(stream_start_tls(s, "mail.example.it", trust, deadline_in(PATIENCE), &why),
                     CODE_OK);
    check_echo("long lines", s, 15000, 5);
    assert_int_equal(stream_exchange(s, &out, &in, false, deadline_in(0), &why), CODE_OK);
    assert_int_equal(in.n, 0);
    stop_server();
    assert_int_equal(stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why), CODE_CLOSED);
    stream_close(s);
    trust_free(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers),
        cmocka_unit_test(through_tls),
    };

    return cmocka_run_group_tests_name("tls", tests, make_all, remove_all);
}
