/*
 * A server that plays a script in a process of its own, and what a test of the courier sends to it.
 */
#ifndef ORSINO_TESTS_SCRIPTED_H
#define ORSINO_TESTS_SCRIPTED_H

#include "deliver/courier.h"

#include "unit.h"

#include "mail/envelope.h"
#include "mail/message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATIENCE = 20,          /* seconds, for a test that hangs */
    SHORT = 100,            /* milliseconds: over before anything comes */
    LONG = 1000,            /* milliseconds: enough for a message */
    BEAT = 10,              /* milliseconds between two signs of life */
    BIG = 12 * 1024 * 1024, /* more than sockets hold */
    REFUSED_BEFORE = 999,
};

/*
 * A script is lines: "S: " the server says, "C: " the client must say, BODY the message, CLOSE the
 * server hangs up and lets the test know it, PAUSE it waits until the test does, QUIT the client
 * says that and hangs up, LATE it takes longer than LONG. Until the test does something: "LINES: "
 * it says that line again and again, "BYTES: " the same without an end, SIPS it reads a little
 * again and again. Each HELLO is a new connection.
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

static inline void demand(bool holds, const char *line)
{
    if (holds)
        return;
    (void)fprintf(stderr, "the script failed at: %s\n", line);
    _exit(1);
}

static inline FILE *meet(int listener)
{
    int fd = accept(listener, NULL, NULL);
    FILE *client = fd < 0 ? NULL : fdopen(fd, "r");

    demand(client, "HELLO");
    return client;
}

/* A line of the client's without its CRLF; empty at the end. */
static inline const char *hear(FILE *client, char *line, int room)
{
    if (!fgets(line, room, client))
        return "";
    demand(strlen(line) >= 2 && strcmp(line + strlen(line) - 2, "\r\n") == 0, "CRLF");
    line[strlen(line) - 2] = 0;
    return line;
}

/* Whether the test has nothing to say for so long. */
static inline bool is_quiet(int control, int milliseconds)
{
    struct pollfd p = { .fd = control, .events = POLLIN };

    return poll(&p, 1, milliseconds) == 0;
}

/* Shows no more than signs of life; false for a line that says nothing of that kind. */
static inline bool play_slowly(int client, const char *line, int control)
{
    bool lines = strncmp(line, "LINES: ", 7) == 0, bytes = strncmp(line, "BYTES: ", 7) == 0;
    char piece[4096];

    if (strcmp(line, "LATE") == 0)
        return is_quiet(control, LONG + LONG / 2);
    if (!lines && !bytes && strcmp(line, "SIPS") != 0)
        return false;
    while (is_quiet(control, BEAT)) {
        (void)snprintf(piece, sizeof piece, "%s%s", line + 7, lines ? "\r\n" : "");
        if (lines || bytes)
            (void)send(client, piece, strlen(piece), MSG_NOSIGNAL);
        else
            (void)recv(client, piece, sizeof piece, 0);
    }
    demand(read(control, piece, 1) == 1, line);
    return true;
}

static inline void play_line(FILE **client, const char *line, int listener, int control)
{
    char heard[1024];

    if (play_slowly(*client ? fileno(*client) : -1, line, control))
        return;
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

static inline void play(const char *script, int listener, int control)
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

static inline void listen_at_port(struct server *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t n = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 5), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &n), 0);
    s->port = ntohs(address.sin_port);
}

static inline void listen_at_path(struct server *s, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 5), 0);
}

/* Where it listens. */
static inline void start_there(struct server *s, const char *script)
{
    int fds[2];

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

static inline void start(struct server *s, const char *script)
{
    listen_at_port(s);
    start_there(s, script);
}

static inline bool stop(const struct server *s)
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

static inline void add_recipient(struct parcel *p, bool refused)
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

static inline void open_parcel(struct parcel *p, bool held)
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

static inline void close_parcel(struct parcel *p)
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
static inline void tell(struct run *r, enum code code, const struct status *why)
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

static inline void drop(struct run *r)
{
    if (r->has_parcel)
        close_parcel(&r->parcel);
    r->has_parcel = false;
}

static inline void send_parcel(struct run *r)
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

static inline void ask(struct run *r)
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
static inline void act(struct run *r, char action)
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

/* A body that is more than sockets hold. */
static inline void fill(struct message *m)
{
    struct slice line = slice_of("one of very many lines, all of which are the same\n");

    for (size_t n = 0; n < BIG / line.n; n++)
        assert_int_equal(store_add(&m->body, line, &(struct status){ 0 }), CODE_OK);
}

/* One whole message, or a big one. */
static inline void send_whole(struct run *r, bool big, struct status *why)
{
    struct submission submission;
    enum code code;

    open_parcel(&r->parcel, false);
    r->has_parcel = true;
    if (big)
        fill(&r->parcel.message);
    submission = r->parcel.submission;
    submission.message = &r->parcel.message;
    code = courier_send(r->courier, &submission, &r->parcel.outcome, why);
    assert_int_equal(code, why->code);
    assert_int_equal(r->parcel.outcome.recipients[0].code, why->code);
    drop(r);
}

#endif
