/* A courier against a server on the loopback that plays a script in a process of its own. */
#include "deliver/courier.h"

#include "unit.h"

#include "mail/envelope.h"
#include "mail/message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATIENCE = 20, /* seconds, for a test that hangs */
    REFUSED_BEFORE = 999,
};

/*
 * A script is lines: "S: " the server says, "C: " the client must say, BODY the message, CLOSE the
 * server hangs up and lets the test know it, PAUSE it waits until the test does, QUIT the client
 * says that and hangs up. Each HELLO is a new connection.
 */
#define HELLO   "HELLO\nS: 220 mx\nC: EHLO client.example.org\nS: 250 mx\n"
#define MAIL    "C: MAIL FROM:<a@example.org>\n"
#define RCPT(n) "C: RCPT TO:<u" n "@example.org>\n"
#define OK      "S: 250 ok\n"
#define PAUSE   "PAUSE\n"
#define BUSY    "S: 421 busy\n"
#define DATA    "C: DATA\nS: 354 go on\nBODY\n"
#define WHOLE   MAIL OK RCPT("0") OK DATA OK

struct server {
    int listener, control; /* a byte is said there at CLOSE, and heard at PAUSE */
    unsigned port;
    pid_t pid;
};

static void demand(bool holds, const char *line)
{
    if (holds)
        return;
    (void)fprintf(stderr, "the script failed at: %s\n", line);
    _exit(1);
}

static FILE *meet(int listener)
{
    int fd = accept(listener, NULL, NULL);
    FILE *client = fd < 0 ? NULL : fdopen(fd, "r");

    demand(client, "HELLO");
    return client;
}

/* A line of the client's without its CRLF; empty at the end. */
static const char *hear(FILE *client, char *line, int room)
{
    if (!fgets(line, room, client))
        return "";
    demand(strlen(line) >= 2 && strcmp(line + strlen(line) - 2, "\r\n") == 0, "CRLF");
    line[strlen(line) - 2] = 0;
    return line;
}

static void play_line(FILE **client, const char *line, int listener, int control)
{
    char heard[1024];

    if (strcmp(line, "HELLO") == 0) {
        *client = meet(listener);
    } else if (strncmp(line, "S: ", 3) == 0) {
        (void)snprintf(heard, sizeof heard, "%s\r\n", line + 3);
        (void)send(fileno(*client), heard, strlen(heard), MSG_NOSIGNAL);
    } else if (strncmp(line, "C: ", 3) == 0) {
        demand(strcmp(hear(*client, heard, sizeof heard), line + 3) == 0, line);
    } else if (strcmp(line, "BODY") == 0) {
        while (strcmp(hear(*client, heard, sizeof heard), ".") != 0)
            demand(!feof(*client), line);
    } else if (strcmp(line, "QUIT") == 0) {
        demand(strcmp(hear(*client, heard, sizeof heard), "QUIT") == 0, line);
        demand(hear(*client, heard, sizeof heard)[0] == 0, "the end");
        (void)fclose(*client);
    } else if (strcmp(line, "PAUSE") == 0) {
        demand(read(control, heard, 1) == 1, line);
    } else {
        (void)fclose(*client);
        demand(write(control, "", 1) == 1, line);
    }
}

static void play(const char *script, int listener, int control)
{
    struct slice rest = slice_of(script), line;
    FILE *client = NULL;

    (void)alarm(PATIENCE);
    while (slice_take_line(&rest, &line)) {
        char text[1024];

        (void)snprintf(text, sizeof text, "%.*s", (int)line.n, line.p);
        play_line(&client, text, listener, control);
    }
    _exit(0);
}

static void start(struct server *s, const char *script)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t n = sizeof address;
    int fds[2];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 5), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &n), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->control = fds[0];
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        (void)close(fds[0]);
        play(script, s->listener, fds[1]);
    }
    (void)close(fds[1]);
    (void)close(s->listener);
}

static bool stop(const struct server *s)
{
    int status = 0;
    bool ended = waitpid(s->pid, &status, 0) == s->pid;

    (void)close(s->control); /* not before: it may still have something to tell */
    return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One message; the rows of its outcome move with each recipient. */
struct parcel {
    struct envelope envelope;
    struct message message;
    struct declared declared;
    struct submission submission;
    struct outcome outcome;
};

static void add_recipient(struct parcel *p, bool refused)
{
    size_t count = p->envelope.forward_count;
    struct status why = { 0 }, *rows = calloc(count + 1, sizeof *rows);
    struct address a;
    char path[32];

    assert_non_null(rows);
    (void)snprintf(path, sizeof path, "u%zu@example.org", count);
    assert_int_equal(address_parse(slice_of(path), &a, &why), CODE_OK);
    assert_int_equal(envelope_add(&p->envelope, &a, slice_of(""), &why), CODE_OK);
    for (size_t i = 0; i < count; i++)
        rows[i] = p->outcome.recipients[i];
    if (refused)
        rows[count] = (struct status){ CODE_RECIPIENT, STAGE_INPUT, .reply = REFUSED_BEFORE };
    free(p->outcome.recipients);
    p->outcome.recipients = rows;
}

static void open_parcel(struct parcel *p, bool held)
{
    struct status why = { 0 };
    struct address a;

    *p = (struct parcel){ .declared = { .size = 0 } };
    assert_int_equal(address_parse(slice_of("a@example.org"), &a, &why), CODE_OK);
    assert_int_equal(envelope_set_sender(&p->envelope, &a, &why), CODE_OK);
    message_init(&p->message);
    buf_add_string(&p->message.header, "Subject: x\n");
    assert_int_equal(store_add(&p->message.body, slice_of("body\n"), &why), CODE_OK);
    p->submission.envelope = &p->envelope;
    p->submission.declared = held ? &p->declared : NULL;
    if (!held)
        add_recipient(p, false);
}

static void close_parcel(struct parcel *p)
{
    envelope_free(&p->envelope);
    message_free(&p->message);
    free(p->outcome.recipients);
}

/* One run of a row. */
struct run {
    struct courier *courier;
    struct server server;
    struct parcel parcel;
    bool has_parcel;
    struct buf got;
};

/* What became of each recipient: "ok", the reply, or the code. */
static void tell(struct run *r, enum code code, const struct status *why)
{
    char where[64];

    assert_int_equal(code, why->code);
    (void)snprintf(where, sizeof where, "127.0.0.1:%u", r->server.port);
    for (size_t i = 0; i < r->parcel.envelope.forward_count; i++) {
        const struct status *st = &r->parcel.outcome.recipients[i];

        buf_add_string(&r->got, i > 0 ? "," : r->got.n > 0 ? " " : "");
        if (st->code == CODE_OK)
            buf_add_string(&r->got, "ok");
        else if (st->reply)
            buf_addf(&r->got, "%d", st->reply);
        else
            buf_addf(&r->got, "%s", st->code == CODE_CLOSED ? "closed" : "other");
        if (st->code)
            assert_string_equal(st->where, st->reply == REFUSED_BEFORE ? "" : where);
    }
}

static void drop(struct run *r)
{
    if (r->has_parcel)
        close_parcel(&r->parcel);
    r->has_parcel = false;
}

static void send_parcel(struct run *r)
{
    struct submission submission = r->parcel.submission; /* another one at each call */
    struct status why = { 0 };
    enum code code;

    submission.message = &r->parcel.message;
    code = courier_send(r->courier, &submission, &r->parcel.outcome, &why);
    memset(&submission, 0, sizeof submission);
    tell(r, code, &why);
    drop(r);
}

static void ask(struct run *r)
{
    struct submission submission = r->parcel.submission;
    struct status why = { 0 };
    enum code code;

    add_recipient(&r->parcel, false);
    code = courier_ask(r->courier, &submission, &r->parcel.outcome, &why);
    memset(&submission, 0, sizeof submission);
    tell(r, code, &why);
}

/* m: a whole message; r: a recipient refused before it is asked for; a: one to be asked for; s: the
 * message to those; f: forgotten; w: a pause, until the server has hung up. */
static void act(struct run *r, char action)
{
    char byte;

    if (!r->has_parcel && action != 'w') {
        open_parcel(&r->parcel, action != 'm');
        r->has_parcel = true;
    }
    if (action == 'm' || action == 's')
        send_parcel(r);
    if (action == 'r')
        add_recipient(&r->parcel, true);
    if (action == 'a')
        ask(r);
    if (action == 'w') {
        assert_int_equal(write(r->server.control, "", 1), 1);
        assert_int_equal(read(r->server.control, &byte, 1), 1);
    }
    if (action != 'f')
        return;
    courier_forget(r->courier);
    drop(r);
}

static const struct account some_account = {
    .host = "127.0.0.1",
    .tls = TLS_NONE,
    .tls_name = "",
    .hostname = "client.example.org",
    .user = "",
    .timeout = PATIENCE * 1000,
    .connect_timeout = PATIENCE * 1000,
};

static void scripts(void **state)
{
    static const struct {
        const char *sentence, *script, *actions, *want;
    } rows[] = {
        { "nothing to send: no connection", "", "", "" },
        { "a message", HELLO WHOLE "QUIT\n", "m", "ok" },
        { "three over one connection", HELLO WHOLE WHOLE WHOLE "QUIT\n", "mmm", "ok ok ok" },
        { "closed in the pause: connects anew", HELLO WHOLE PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n",
          "mwm", "ok ok" },
        { "421 in the pause", HELLO WHOLE PAUSE BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "mwm",
          "ok ok" },
        { "closed at MAIL of the second", HELLO WHOLE MAIL "CLOSE\n" HELLO WHOLE "QUIT\n", "mm",
          "ok ok" },
        { "421 at MAIL of the second", HELLO WHOLE MAIL BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "mm",
          "ok ok" },
        { "closed at the first MAIL: that is a failure", HELLO MAIL "CLOSE\n", "m", "closed" },
        { "421 at the first MAIL, too", HELLO MAIL BUSY "CLOSE\n", "m", "421" },
        { "the new connection is no better", HELLO WHOLE MAIL "CLOSE\n" HELLO MAIL BUSY "CLOSE\n",
          "mm", "ok 421" },
        { "later it is not done again", HELLO WHOLE MAIL OK RCPT("0") "CLOSE\n", "mm",
          "ok closed" },
        { "after a failure the next message connects anew",
          HELLO MAIL OK RCPT("0") BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "mm", "421 ok" },
        { "a recipient refused: the connection stays",
          HELLO MAIL OK RCPT("0") "S: 550 no\nC: RSET\n" OK WHOLE "QUIT\n", "mm", "550 ok" },
        { "asked one by one",
          HELLO MAIL OK RCPT("0") OK RCPT("1") "S: 550 no\n" RCPT("2") OK DATA OK "QUIT\n", "aaas",
          "ok ok,550 ok,550,ok ok,550,ok" },
        { "a whole message, then one by one",
          HELLO WHOLE MAIL OK RCPT("0") OK DATA OK WHOLE "QUIT\n", "masm", "ok ok ok ok" },
        { "forgotten", HELLO MAIL OK RCPT("0") OK "C: RSET\n" OK WHOLE "QUIT\n", "afm", "ok ok" },
        { "asked for, and nothing more", HELLO MAIL OK RCPT("0") OK "QUIT\n", "a", "ok" },
        { "closed while it is held",
          HELLO MAIL OK RCPT("0") OK PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n", "awsm", "ok closed ok" },
        { "closed, and more is asked: that is everybody's fate",
          HELLO MAIL OK RCPT("0") OK PAUSE "CLOSE\n" HELLO WHOLE "QUIT\n", "awaasm",
          "ok closed,closed closed,closed,closed closed,closed,closed ok" },
        { "421 while it is held", HELLO MAIL OK RCPT("0") OK PAUSE BUSY "CLOSE\n", "awas",
          "ok 421,421 421,421" },
        { "forgotten after it was lost",
          HELLO MAIL OK RCPT("0") BUSY "CLOSE\n" HELLO WHOLE "QUIT\n", "afm", "421 ok" },
        { "a stale connection at the first question",
          HELLO WHOLE MAIL "CLOSE\n" HELLO MAIL OK RCPT("0") OK DATA OK "QUIT\n", "mas",
          "ok ok ok" },
        { "who was refused before is not asked for", HELLO MAIL OK RCPT("1") OK DATA OK "QUIT\n",
          "ras", "999,ok 999,ok" },
        { "nor after a stale connection",
          HELLO WHOLE MAIL BUSY "CLOSE\n" HELLO MAIL OK RCPT("1") OK DATA OK "QUIT\n", "mras",
          "ok 999,ok 999,ok" },
        { "nor when it is lost", HELLO MAIL BUSY "CLOSE\n", "rara", "999,421 999,421,999,421" },
        { "the sender is refused: nobody is asked for", HELLO MAIL "S: 550 no\n" WHOLE "QUIT\n",
          "aasm", "550 550,550 550,550 ok" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct run r = { .has_parcel = false };
        struct account account = some_account;
        struct status why = { 0 };

        start(&r.server, rows[i].script);
        buf_init(&r.got, 1000);
        account.port = r.server.port;
        assert_int_equal(courier_open(&account, &r.courier, &why), CODE_OK);
        for (const char *action = rows[i].actions; *action != 0; action++)
            act(&r, *action);
        courier_close(r.courier);
        drop(&r);
        check(rows[i].sentence, stop(&r.server));
        check_text(rows[i].sentence, buf_slice(&r.got), slice_of(rows[i].want));
        buf_free(&r.got);
    }
}

/* Nobody listens: told to everybody, once for each message. */
static void refused(void **state)
{
    struct account account = some_account;
    struct courier *courier = NULL;
    struct server server;
    struct parcel p;

    (void)state;
    start(&server, "");
    assert_true(stop(&server)); /* its port is free again */
    account.port = server.port;
    open_parcel(&p, true);
    assert_int_equal(courier_open(&account, &courier, &(struct status){ 0 }), CODE_OK);
    for (size_t count = 1; count <= 2; count++) {
        struct status why = { 0 };

        add_recipient(&p, false);
        assert_int_equal(courier_ask(courier, &p.submission, &p.outcome, &why), CODE_REFUSED);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(p.outcome.recipients[i].code, CODE_REFUSED);
        assert_true(slice_starts_nocase(slice_of(why.where), slice_of("127.0.0.1:")));
    }
    assert_string_equal(p.outcome.host, "127.0.0.1");
    assert_int_equal(p.outcome.port, server.port);
    assert_string_equal(p.outcome.tls, "none");
    courier_close(courier);
    close_parcel(&p);
}

static void nothing_to_close(void **state)
{
    (void)state;
    courier_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts),
        cmocka_unit_test(refused),
        cmocka_unit_test(nothing_to_close),
    };

    return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}
