/* TLS as a server: with our own client over memory, and with openssl's through a stream. */
#include "net/tls.h"

#include "forge.h"
#include "net/listen.h"
#include "net/stream.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
    PATIENCE = 10000,
    TURNS_MAX = 100000,
    MUCH = 100 * 1000,
};

static struct forge forge;
static pid_t running; /* a client, which must not outlive a test that failed */

static const struct forged certificates[] = {
    { .name = "root", .subject = "/CN=Root", .extensions = "basicConstraints=critical,CA:TRUE\n" },
    { .name = "ec",
      .issuer = "root",
      .subject = "/CN=mail.example.it",
      .extensions = "subjectAltName=DNS:mail.example.it\n" },
    { .name = "ec384",
      .issuer = "root",
      .subject = "/CN=mail.example.it",
      .key = "P-384",
      .extensions = "subjectAltName=DNS:mail.example.it\n" },
    { .name = "rsa",
      .issuer = "root",
      .subject = "/CN=mail.example.it",
      .key = "rsa:2048",
      .extensions = "subjectAltName=DNS:mail.example.it\n" },
    { .name = "other", .subject = "/CN=Other", .extensions = "basicConstraints=CA:TRUE\n" },
};

static int make_all(void **state)
{
    (void)state;
    (void)umask(077);
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

static struct identity *load(const char *name)
{
    struct identity *identity = NULL;
    struct status why = { 0 };
    char cert[FORGE_PATH_ROOM], key[FORGE_PATH_ROOM];

    forge_path(&forge, name, ".pem", cert);
    forge_path(&forge, name, ".key", key);
    assert_int_equal(identity_load(cert, key, &identity, &why), CODE_OK);
    return identity;
}

/* Carries what one side has to send to the other, at most `piece` bytes at a time. False when
 * neither has anything. */
static bool carry(struct tls *from, struct tls *to, size_t piece)
{
    struct slice record = tls_output(from), part = slice_part(record, 0, piece);
    size_t n = part.n;

    if (n == 0 || !tls_wants_input(to))
        return false;
    tls_feed(to, &part);
    tls_sent(from, n - part.n);
    return n > part.n;
}

/* Writes `out` at one side, and checks that the same is read at the other. */
static void check_passage(const char *sentence, struct tls *from, struct tls *to, size_t piece)
{
    char *bytes = malloc(MUCH);
    struct slice out = { bytes, MUCH };
    struct buf got;

    assert_non_null(bytes);
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)(i * 7 % 251);
    buf_init(&got, MUCH + 1);
    for (int turn = 0; turn < TURNS_MAX && got.n < MUCH; turn++) {
        tls_write(from, &out);
        (void)carry(from, to, piece);
        if (tls_read(to).n > 0) {
            buf_add_slice(&got, tls_read(to));
            tls_read_done(to);
        }
    }
    check(sentence, slice_equal(buf_slice(&got), (struct slice){ bytes, MUCH }));
    buf_free(&got);
    free(bytes);
}

static void shake_hands(struct tls *client, struct tls *server, size_t piece)
{
    for (int turn = 0; turn < TURNS_MAX; turn++)
        if (!carry(client, server, piece) && !carry(server, client, piece))
            return;
    fail();
}

static void over_memory(void **state)
{
    static const struct {
        const char *sentence, *identity;
        size_t piece;
        const char *suite;
    } rows[] = {
        { "EC", "ec", 16 * 1024, "TLSv1.2/ECDHE_ECDSA_WITH_" },
        { "EC, in small pieces", "ec", 7, "TLSv1.2/ECDHE_ECDSA_WITH_" },
        { "P-384", "ec384", 1500, "TLSv1.2/ECDHE_ECDSA_WITH_" },
        { "RSA", "rsa", 16 * 1024, "TLSv1.2/ECDHE_RSA_WITH_" },
        { "RSA, in small pieces", "rsa", 11, "TLSv1.2/ECDHE_RSA_WITH_" },
    };
    struct trust *trust = forge_trust(&forge, "root");
    struct server_name name;

    (void)state;
    assert_true(server_name_read("mail.example.it", &name));
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct identity *identity = load(rows[i].identity);
        struct status why = { 0 };
        struct tls *client, *server;

        assert_int_equal(tls_begin(&name, trust, &client, &why), CODE_OK);
        assert_int_equal(tls_begin_server(identity, false, &server, &why), CODE_OK);
        check(rows[i].sentence, !tls_established(server) && tls_output(server).n == 0);
        shake_hands(client, server, rows[i].piece);
        check(rows[i].sentence, tls_established(client) && tls_established(server));
        check(rows[i].sentence,
              strncmp(tls_suite(server), rows[i].suite, strlen(rows[i].suite)) == 0);
        check_text(rows[i].sentence, slice_of(tls_suite(client)), slice_of(tls_suite(server)));
        check_passage(rows[i].sentence, client, server, rows[i].piece);
        check_passage(rows[i].sentence, server, client, rows[i].piece);
        tls_say_goodbye(client);
        shake_hands(client, server, rows[i].piece);
        check(rows[i].sentence, tls_is_over(server) && tls_explain(server, &why) == CODE_CLOSED);
        check_text(rows[i].sentence, slice_of(why.what),
                   slice_of("the client closed the connection"));
        tls_end(client);
        tls_end(server);
        identity_free(identity);
    }
    trust_free(trust);
}

/* A client that does not believe us goes no further. */
static void not_believed(void **state)
{
    struct trust *trust = forge_trust(&forge, "other");
    struct identity *identity = load("ec");
    struct status why = { 0 };
    struct server_name name;
    struct tls *client, *server;

    (void)state;
    assert_true(server_name_read("mail.example.it", &name));
    assert_int_equal(tls_begin(&name, trust, &client, &why), CODE_OK);
    assert_int_equal(tls_begin_server(identity, false, &server, &why), CODE_OK);
    shake_hands(client, server, 16 * 1024);
    assert_true(tls_is_over(client));
    assert_false(tls_established(server));
    tls_end(client);
    tls_end(server);
    identity_free(identity);
    trust_free(trust);
}

/* What Mono's SmtpClient begins with: TLS 1.0 and nothing newer. */
static const char hello_of_mono[] =
    "\x16\x03\x01\x00\x70\x01\x00\x00\x6c\x03\x01"
    "0123456789abcdef0123456789abcdef"
    "\x00\x00\x12\xc0\x09\xc0\x13\x00\x33\xc0\x0a\xc0\x14\x00\x39\x00\x2f\x00\x35\x00\x0a"
    "\x01\x00\x00\x31\xff\x01\x00\x01\x00\x00\x00\x00\x0e\x00\x0c\x00\x00\x09"
    "127.0.0.1"
    "\x00\x17\x00\x00\x00\x23\x00\x00\x00\x0b\x00\x02\x01\x00"
    "\x00\x0a\x00\x08\x00\x06\x00\x1d\x00\x17\x00\x18";

static void old_versions_where_they_are_allowed(void **state)
{
    static const struct {
        const char *identity;
        bool allowed;
    } rows[] = { { "ec", true }, { "rsa", true }, { "ec", false }, { "rsa", false } };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct slice hello = { hello_of_mono, sizeof hello_of_mono - 1 };
        struct identity *identity = load(rows[i].identity);
        struct status why = { 0 };
        struct tls *server;

        assert_int_equal(tls_begin_server(identity, rows[i].allowed, &server, &why), CODE_OK);
        tls_feed(server, &hello);
        assert_int_equal(hello.n, 0);
        assert_int_equal(tls_output(server).p[0], rows[i].allowed ? 22 : 21); /* or an alert */
        tls_sent(server, tls_output(server).n);
        assert_true(tls_is_over(server) != rows[i].allowed);
        if (!rows[i].allowed)
            assert_int_equal(tls_explain(server, &why), CODE_TLS);
        check_text("why", slice_of(why.what),
                   slice_of(rows[i].allowed ? "" : "the client does not speak TLS 1.2"));
        tls_end(server);
        identity_free(identity);
    }
}

/* openssl's client, which says a line and waits for the end. */
static void run_client(const char *const *options, const char *address, int in, int out)
{
    const char *argv[24] = { "openssl", "s_client", "-quiet", "-connect", address };
    size_t n = 5;

    for (size_t i = 0; options[i]; i++)
        argv[n++] = options[i];
    if (chdir(forge.folder) != 0)
        _exit(126);
    (void)dup2(in, 0);
    (void)dup2(out, 1);
    (void)dup2(open("client.log", O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)execvp("openssl", (char *const *)(size_t)argv);
    _exit(127);
}

/* Starts one, and gives the socket that it comes through, and what it prints. */
static int accept_client(const char *const *options, int *printed)
{
    struct listener listeners[LISTENERS_MAX];
    struct status why = { 0 };
    struct pollfd waiting = { .events = POLLIN };
    struct peer peer;
    int in[2], out[2], fd;
    size_t count;

    assert_int_equal(listen_open("127.0.0.1:0", listeners, &count, &why), CODE_OK);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(write(in[1], "hello\n", 6), 6);
    running = fork();
    assert_true(running >= 0);
    if (running == 0)
        run_client(options, listeners[0].name, in[0], out[1]);
    (void)close(in[0]);
    (void)close(in[1]);
    (void)close(out[1]);
    *printed = out[0];
    waiting.fd = listeners[0].fd;
    assert_int_equal(poll(&waiting, 1, PATIENCE), 1);
    fd = listen_accept(&listeners[0], &peer);
    assert_true(fd >= 0);
    listen_close(listeners, count, true);
    return fd;
}

static void check_dialogue(const char *sentence, struct stream *s)
{
    struct status why = { 0 };
    struct slice out = { 0 }, in;
    enum code code = stream_exchange(s, &out, &in, true, deadline_in(PATIENCE), &why);

    check(sentence, code == CODE_OK);
    check_text(sentence, in, slice_of("hello\n"));
    out = slice_of("HELLO\n");
    code = stream_exchange(s, &out, &in, false, deadline_in(PATIENCE), &why);
    check(sentence, code == CODE_OK);
}

static void check_printed(const char *sentence, int printed, const char *want)
{
    char text[256];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof text && (got = read(printed, text + n, sizeof text - n)) > 0)
        n += (size_t)got;
    (void)close(printed);
    check_text(sentence, (struct slice){ text, n }, slice_of(want));
    assert_int_equal(waitpid(running, NULL, 0), running);
    running = 0;
}

static const struct {
    const char *sentence, *identity;
    const char *options[10];
    enum code want;
    const char *words; /* of the suite or of the failure */
} client_rows[] = {
    { "EC", "ec", { NULL }, CODE_OK, "TLSv1.2/ECDHE_ECDSA_WITH_" },
    { "RSA", "rsa", { NULL }, CODE_OK, "TLSv1.2/ECDHE_RSA_WITH_" },
    { "P-384", "ec384", { "-tls1_2" }, CODE_OK, "TLSv1.2/ECDHE_ECDSA_WITH_" },
    { "a name asked for", "rsa", { "-servername", "other.example" }, CODE_OK, "TLSv1.2/ECDHE_RSA" },
    { "ChaCha20",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
    { "AES-256-GCM",
      "ec",
      { "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384" },
      CODE_OK,
      "TLSv1.2/ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
    { "AES-128-CBC, SHA-256",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_AES_128_CBC_SHA256" },
    { "AES-256-CBC, SHA-384",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_AES_256_CBC_SHA384" },
    { "AES-128-CBC, SHA-1",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_AES_128_CBC_SHA" },
    { "AES-256-CBC, SHA-1",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_AES_256_CBC_SHA" },
    { "EC, AES-128-CBC, SHA-1",
      "ec",
      { "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA" },
      CODE_OK,
      "TLSv1.2/ECDHE_ECDSA_WITH_AES_128_CBC_SHA" },
    { "EC, AES-256-CBC, SHA-384",
      "ec",
      { "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384" },
      CODE_OK,
      "TLSv1.2/ECDHE_ECDSA_WITH_AES_256_CBC_SHA384" },
    { "signatures with SHA-1 alone",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "-sigalgs", "RSA+SHA1" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_AES_128_CBC_SHA" },
    { "CBC only where nothing else is offered",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384" },
      CODE_OK,
      "TLSv1.2/ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
    { "P-384 for the exchange", "rsa", { "-curves", "P-384" }, CODE_OK, "TLSv1.2/ECDHE_RSA" },
    { "TLS 1.1",
      "rsa",
      { "-tls1_1", "-cipher", "ALL:@SECLEVEL=0" },
      CODE_OK,
      "TLSv1.1/ECDHE_RSA_WITH_AES_" },
    { "TLS 1.0",
      "rsa",
      { "-tls1", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0" },
      CODE_OK,
      "TLSv1.0/ECDHE_RSA_WITH_AES_128_CBC_SHA" },
    { "EC, TLS 1.0",
      "ec",
      { "-tls1", "-cipher", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0" },
      CODE_OK,
      "TLSv1.0/ECDHE_ECDSA_WITH_AES_256_CBC_SHA" },
    { "the newest version of all",
      "rsa",
      { "-cipher", "ALL:@SECLEVEL=0", "-min_protocol", "TLSv1" },
      CODE_OK,
      "TLSv1.2/" },
    { "TLS 1.0 without forward secrecy",
      "rsa",
      { "-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0" },
      CODE_TLS,
      "the client offers no TLS 1.2 cipher suite or curve that is used here" },
    { "TLS 1.3 alone",
      "rsa",
      { "-tls1_3" },
      CODE_TLS,
      "the client offers no TLS 1.2 cipher suite or curve that is used here" },
    { "no forward secrecy",
      "rsa",
      { "-tls1_2", "-cipher", "AES128-SHA" },
      CODE_TLS,
      "the client offers no TLS 1.2 cipher suite or curve that is used here" },
    { "EC alone, for RSA",
      "rsa",
      { "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256" },
      CODE_TLS,
      "the client offers no TLS 1.2 cipher suite or curve that is used here" },
    { "an unknown curve",
      "rsa",
      { "-tls1_2", "-curves", "X448" },
      CODE_TLS,
      "the client offers no TLS 1.2 cipher suite or curve that is used here" },
    { "a client that does not trust us",
      "rsa",
      { "-verify_return_error", "-CAfile", "other.pem" },
      CODE_TLS,
      "the client says: unknown CA (TLS alert 48)" },
    { "a client that trusts us",
      "rsa",
      { "-verify_return_error", "-CAfile", "root.pem", "-verify_hostname", "mail.example.it" },
      CODE_OK,
      "TLSv1.2/" },
};

static void clients(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(client_rows); i++) {
        struct identity *identity = load(client_rows[i].identity);
        struct status why = { 0 };
        struct stream *s = NULL;
        const char *text;
        int printed, fd = accept_client(client_rows[i].options, &printed);
        enum code code;

        assert_int_equal(stream_open(fd, &s, &why), CODE_OK);
        code = stream_accept_tls(s, identity, deadline_in(PATIENCE), &why);
        text = code ? why.what : stream_tls_name(s);
        if (code != client_rows[i].want || !strstr(text, client_rows[i].words))
            print_error("got: %d, %s\n", (int)code, text);
        check(client_rows[i].sentence, code == client_rows[i].want);
        check(client_rows[i].sentence, strstr(text, client_rows[i].words) != NULL);
        check(client_rows[i].sentence, code == CODE_OK || why.stage == STAGE_TLS);
        if (code == CODE_OK)
            check_dialogue(client_rows[i].sentence, s);
        stream_close(s);
        check_printed(client_rows[i].sentence, printed, code == CODE_OK ? "HELLO\n" : "");
        identity_free(identity);
    }
}

static const struct {
    const char *sentence;
    struct slice first;
    bool closes;
    int patience;
    enum code want;
    const char *words, *said;
} bad_clients[] = {
    { "SMTP in the clear",
      { "EHLO x\r\nMAIL FROM:<>\r\n", 22 },
      false,
      PATIENCE,
      CODE_NOT_TLS,
      "the client does not speak TLS",
      "EHLO x" },
    { "an SSL 2 hello",
      { "\x80\x2e\x01\x03\x01", 5 },
      false,
      PATIENCE,
      CODE_NOT_TLS,
      "the client does not speak TLS",
      "?.???" },
    { "an alert",
      { "\x15\x03\x03\x00\x02\x02\x30", 7 },
      false,
      PATIENCE,
      CODE_TLS,
      "the client says: unknown CA (TLS alert 48)",
      "" },
    { "application data",
      { "\x17\x03\x03\x00\x02hi", 7 },
      false,
      PATIENCE,
      CODE_TLS,
      "the client sent a TLS record where it does not belong",
      "" },
    { "a record of a wrong length",
      { "\x16\x03\x01\xff\xff", 5 },
      false,
      PATIENCE,
      CODE_TLS,
      "the client sent a TLS record of a wrong length",
      "" },
    { "rubbish in a handshake",
      { "\x16\x03\x01\x00\x04\xff\xff\xff\xff", 9 },
      false,
      PATIENCE,
      CODE_TLS,
      "the client ",
      "" },
    { "closed",
      { "", 0 },
      true,
      PATIENCE,
      CODE_CLOSED,
      "the client closed the connection in the TLS handshake",
      "" },
    { "cut in a record",
      { "\x16\x03\x01\x00", 4 },
      true,
      PATIENCE,
      CODE_CLOSED,
      "the client closed the connection in the TLS handshake",
      "" },
    { "silence", { "", 0 }, false, 1, CODE_TIMEOUT, "no answer in time in the TLS handshake", "" },
};

static void handshakes_that_fail(void **state)
{
    struct identity *identity = load("ec");

    (void)state;
    for (size_t i = 0; i < LENGTH(bad_clients); i++) {
        struct status why = { 0 };
        struct stream *s = NULL;
        int pair[2];
        enum code code;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(stream_open(pair[0], &s, &why), CODE_OK);
        assert_int_equal(send(pair[1], bad_clients[i].first.p, bad_clients[i].first.n, 0),
                         bad_clients[i].first.n);
        if (bad_clients[i].closes)
            assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
        code = stream_accept_tls(s, identity, deadline_in(bad_clients[i].patience), &why);
        if (code != bad_clients[i].want || !strstr(why.what, bad_clients[i].words))
            print_error("got: %d, %s\n", (int)code, why.what);
        check(bad_clients[i].sentence, code == bad_clients[i].want && why.stage == STAGE_TLS);
        check(bad_clients[i].sentence, strstr(why.what, bad_clients[i].words) != NULL);
        check_text(bad_clients[i].sentence, slice_of(why.said), slice_of(bad_clients[i].said));
        check(bad_clients[i].sentence, strcmp(stream_tls_name(s), "none") == 0);
        stream_close(s);
        (void)close(pair[1]);
    }
    identity_free(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_memory),
        cmocka_unit_test(not_believed),
        cmocka_unit_test(old_versions_where_they_are_allowed),
        cmocka_unit_test(clients),
        cmocka_unit_test(handshakes_that_fail),
    };

    return cmocka_run_group_tests_name("tls_server", tests, make_all, remove_all);
}
