/* Plays tests/dialogues/server to the server side over memory. */
#include "relay.h"

#include <dirent.h>

static const char *folder(void)
{
    const char *set = getenv("DIALOGUES");

    return set ? set : "tests/dialogues";
}

static void listen_to(struct run *r)
{
    struct slice out = slice_part(server_output(r->server), 0, r->piece);

    for (; out.n > 0; out = slice_part(server_output(r->server), 0, r->piece)) {
        buf_add_slice(&r->heard, out);
        server_sent(r->server, out.n);
    }
}

/* Hands over one write of the client, as far as the server hears it. */
static void speak(struct run *r, struct slice bytes)
{
    while (bytes.n > 0 && server_wants(r->server) == SERVER_WANTS_INPUT) {
        size_t used = server_input(r->server, slice_part(bytes, 0, r->piece));

        serve(r);
        listen_to(r);
        check(r->transcript->path, used > 0 || server_wants(r->server) != SERVER_WANTS_INPUT);
        bytes = slice_part(bytes, used, bytes.n);
    }
    check(r->transcript->path, bytes.n == 0 || server_wants(r->server) == SERVER_WANTS_NOTHING);
}

static void add_client_line(struct buf *bytes, struct slice text)
{
    bool cut = text.n > 0 && text.p[text.n - 1] == '\\';

    buf_add_slice(bytes, slice_part(text, 0, text.n - cut));
    buf_add_string(bytes, cut ? "" : "\r\n");
}

static void expect_nothing_more(struct run *r, const struct transcript_line *line)
{
    if (r->heard.n > 0)
        transcript_fail(r->transcript, line, "the server says more", buf_slice(&r->heard));
}

/* Says the C: lines from `i` on; gives the index of the last of them. */
static size_t play_client(struct run *r, size_t i)
{
    struct transcript *t = r->transcript;
    struct buf bytes;

    expect_nothing_more(r, &t->lines[i]);
    buf_init(&bytes, 2 * TRANSCRIPT_TEXT_MAX);
    for (; i < t->count && line_is(&t->lines[i], "C"); i++)
        add_client_line(&bytes, buf_slice(&t->lines[i].text));
    assert_false(bytes.failed);
    speak(r, buf_slice(&bytes));
    buf_free(&bytes);
    return i - 1;
}

static bool matches(struct slice text, struct slice pattern)
{
    bool open = pattern.n > 0 && pattern.p[pattern.n - 1] == '*';

    return open ? text.n + 1 >= pattern.n && slice_equal(slice_part(text, 0, pattern.n - 1),
                                                         slice_part(pattern, 0, pattern.n - 1))
                : slice_equal(text, pattern);
}

static void play_server(struct run *r, const struct transcript_line *line)
{
    size_t end = slice_find(buf_slice(&r->heard), '\n');

    if (slice_equal(buf_slice(&line->text), slice_of("(closes)"))) {
        expect_nothing_more(r, line);
        if (server_wants(r->server) != SERVER_WANTS_NOTHING)
            transcript_fail(r->transcript, line, "the server does not close", slice_of(""));
        r->over = true;
        return;
    }
    if (end == r->heard.n)
        transcript_fail(r->transcript, line, "the server says nothing", buf_slice(&r->heard));
    if (end == 0 || end > 510 || r->heard.p[end - 1] != '\r' ||
        !matches(slice_part(buf_slice(&r->heard), 0, end - 1), buf_slice(&line->text)))
        transcript_fail(r->transcript, line, "the server says something else",
                        slice_part(buf_slice(&r->heard), 0, end));
    buf_drop(&r->heard, end + 1);
}

static void secure(struct run *r, const struct transcript_line *line)
{
    if (server_wants(r->server) != SERVER_WANTS_TLS)
        transcript_fail(r->transcript, line, "the server wants no TLS", slice_of(""));
    server_secured(r->server);
}

/* Lines that are neither said nor heard. */
static void play_event(struct run *r, const struct transcript_line *line)
{
    if (line_is(line, "TLS"))
        secure(r, line);
    else if (line_is(line, "CLOSE"))
        server_closed(r->server);
    else if (line_is(line, "SILENCE"))
        server_timed_out(r->server);
    else if (line_is(line, "STOP"))
        server_stop(r->server);
    else
        return;
    serve(r);
    listen_to(r);
    if (line_is(line, "CLOSE")) {
        check(r->transcript->path, server_wants(r->server) == SERVER_WANTS_NOTHING);
        r->over = true;
    }
}

static void play(struct run *r)
{
    struct transcript *t = r->transcript;

    listen_to(r);
    for (size_t i = 0; i < t->count; i++) {
        if (line_is(&t->lines[i], "C"))
            i = play_client(r, i);
        else if (line_is(&t->lines[i], "S"))
            play_server(r, &t->lines[i]);
        else
            play_event(r, &t->lines[i]);
    }
    expect_nothing_more(r, NULL);
    if (!r->over && server_wants(r->server) != SERVER_WANTS_INPUT)
        transcript_fail(t, NULL, "the connection is closed at the end", slice_of(""));
}

static void expect_text(struct run *r, const struct transcript_line *line, struct slice got)
{
    if (!slice_equal(got, buf_slice(&line->text)))
        transcript_fail(r->transcript, line, "another result", slice_part(got, 0, 2000));
}

static void check_message(struct run *r, const struct transcript_line *line,
                          const struct delivered *m)
{
    struct buf both;

    buf_init(&both, TRANSCRIPT_TEXT_MAX);
    buf_add_slice(&both, m->from.n > 0 ? buf_slice(&m->from) : slice_of("<>"));
    buf_add_string(&both, " to ");
    buf_add_slice(&both, buf_slice(&m->to));
    expect_text(r, line, buf_slice(&both));
    buf_free(&both);
}

static void check_results(struct run *r)
{
    struct transcript *t = r->transcript;
    const struct delivered *m = NULL;
    size_t named = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct transcript_line *line = &t->lines[i];

        if (line_is(line, "message")) {
            if (named == r->delivered)
                transcript_fail(t, line, "no such message", slice_of(""));
            m = &r->messages[named++];
            check_message(r, line, m);
        } else if (line_is(line, "events")) {
            expect_text(r, line, buf_slice(&r->events));
        } else if (m && line_is(line, "content")) {
            expect_text(r, line, buf_slice(&m->content));
        } else if (m && line_is(line, "options")) {
            expect_text(r, line, buf_slice(&m->options));
        } else if (m && line_is(line, "protocol")) {
            expect_text(r, line, slice_of(m->protocol));
        } else if (m && line_is(line, "user")) {
            expect_text(r, line, slice_of(m->user));
        }
    }
    if (named != r->delivered)
        transcript_fail(t, NULL, "a message that nobody expects", slice_of(""));
}

static void read_transcript(struct transcript *t, const char *path)
{
    struct slice rest, line;
    unsigned number = 0;

    *t = (struct transcript){ .path = path };
    read_file(path, &t->file);
    rest = buf_slice(&t->file);
    while (slice_take_line(&rest, &line))
        take_transcript_line(t, line, ++number);
}

static void set_login(struct server_params *params, struct slice text)
{
    params->wants_login = slice_starts_nocase(text, slice_of("yes"));
    params->login_needs_tls = slice_contains_nocase(text, slice_of("tls"));
}

/* The parameters that the settings of a transcript stand for. */
static struct server_params make_params(const struct transcript *t)
{
    struct server_params params = { .name = "relay.example.org", .timeout = 300000 };

    for (size_t i = 0; i < t->count; i++) {
        const struct transcript_line *line = &t->lines[i];
        struct slice text = buf_slice(&line->text);
        bool yes = slice_equal(text, slice_of("yes"));

        if (line_is(line, "secured"))
            params.secured = yes;
        else if (line_is(line, "starttls"))
            params.offers_starttls = yes;
        else if (line_is(line, "max-message"))
            assert_true(slice_number(text, UINT64_MAX, &params.max_message));
        else if (line_is(line, "login"))
            params.offers_login = true;
        if (line_is(line, "login"))
            set_login(&params, text);
    }
    return params;
}

static bool comes_whole(const struct transcript *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (line_is(&t->lines[i], "pieces"))
            return true;
    return false;
}

/* Whether the client's bytes may be cut in no other way. */
static bool run_one(const char *path, size_t piece)
{
    static struct transcript transcript; /* its tables are too large for the stack */
    struct run r = { .transcript = &transcript, .piece = piece };
    struct server_params params;
    struct status why = { 0 };
    bool whole;

    read_transcript(&transcript, path);
    params = make_params(&transcript);
    buf_init(&r.heard, TRANSCRIPT_TEXT_MAX);
    buf_init(&r.events, TRANSCRIPT_TEXT_MAX);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        delivered_begin(&r.messages[i]);
    assert_int_equal(server_begin(&params, &r.server, &why), CODE_OK);
    play(&r);
    check_results(&r);
    server_end(r.server);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        delivered_end(&r.messages[i]);
    buf_free(&r.heard);
    buf_free(&r.events);
    whole = comes_whole(&transcript);
    for (size_t i = 0; i < transcript.count; i++)
        buf_free(&transcript.lines[i].text);
    buf_free(&transcript.file);
    return whole;
}

static void one_dialogue(void **state)
{
    if (!run_one(*state, SIZE_MAX))
        (void)run_one(*state, 1);
}

static int is_transcript(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return n > 4 && strcmp(entry->d_name + n - 4, ".txt") == 0;
}

/* A test for each file, so that one that fails does not hide the others. */
int main(void)
{
    struct dirent **entries;
    struct CMUnitTest *tests;
    char path[512];
    int count, failed;

    (void)snprintf(path, sizeof path, "%s/server", folder());
    count = scandir(path, &entries, is_transcript, alphasort);
    tests = calloc((size_t)(count > 0 ? count : 1), sizeof *tests);
    if (count <= 0 || !tests)
        return 1;
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/server/%.255s", folder(), entries[i]->d_name);
        tests[i] = (struct CMUnitTest){ entries[i]->d_name, one_dialogue, NULL, NULL,
                                        slice_dup(slice_of(path)) };
    }
    failed = _cmocka_run_group_tests("server", tests, (size_t)count, NULL, NULL);
    for (int i = 0; i < count; i++) {
        free(tests[i].initial_state);
        free(entries[i]);
    }
    free(entries);
    free(tests);
    return failed;
}
