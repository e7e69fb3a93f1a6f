/* Plays tests/dialogues to the session over memory. */
#include "transcript.h"

#include "mail/envelope.h"
#include "mail/message.h"
#include "smtp/client.h"

#include <dirent.h>
#include <unistd.h>

/* One run of one transcript. */
struct run {
    struct transcript *transcript;
    size_t input_piece, output_piece; /* bytes handed over at a time */
    struct session *session;
    struct message message;
    struct submission submission;
    struct envelope held; /* as far as it was named */
    struct outcome outcome;
    struct status first; /* of the first message */
    uint64_t offered;
    struct buf said; /* by the client, not compared yet */
    struct buf sent; /* the message, as it went */
};

static const char *folder(void)
{
    const char *set = getenv("DIALOGUES");

    return set ? set : "tests/dialogues";
}

static void read_message(struct run *r)
{
    const struct message_limits limits = { .max_size = UINT64_MAX, .dots = DOTS_ARE_DATA };
    char path[512];
    struct status why = { 0 };
    struct buf text;
    const char *body;
    FILE *file = tmpfile();

    (void)snprintf(path, sizeof path, "%s/messages/%s.eml", folder(), r->transcript->message);
    read_file(path, &text);
    body = strstr(buf_string(&text), "\n\n");
    assert_non_null(body);
    assert_non_null(file);
    (void)fwrite(text.p, 1, (size_t)(body + 2 - text.p), file);
    for (uint64_t i = 0; i < r->transcript->repeat; i++)
        (void)fwrite(body + 2, 1, strlen(body + 2), file);
    rewind(file);
    message_init(&r->message);
    assert_int_equal(message_read(&r->message, fileno(file), &limits, &why), CODE_OK);
    (void)fclose(file);
    buf_free(&text);
}

/* The worst that happened to a recipient; a failure before the message is everybody's. */
static struct status worst(const struct run *r)
{
    struct status none = { 0 };
    const struct status *worse = &none;

    if (r->offered == 0)
        return *smtp_fault(r->session);
    for (size_t i = 0; i < r->submission.envelope->forward_count; i++)
        worse = status_worse(worse, &r->outcome.recipients[i]);
    return *worse;
}

/* Gives the session what it wants besides bytes. */
static void serve(struct run *r)
{
    while (!r->transcript->held && smtp_wants(r->session) == WANTS_MESSAGE) {
        if (r->offered == 1)
            r->first = worst(r);
        if (r->offered++ == r->transcript->messages) {
            r->offered--;
            smtp_quit(r->session);
            return;
        }
        memset(r->outcome.recipients, 0,
               r->transcript->envelope.forward_count * sizeof *r->outcome.recipients);
        smtp_offer(r->session, &r->submission, &r->outcome);
    }
}

/* Takes one output of the session, or a piece of it. False when it has nothing to say. */
static bool listen_to(struct run *r, struct buf *into)
{
    struct slice out = slice_part(smtp_output(r->session), 0, r->output_piece);

    if (out.n == 0)
        return false;
    buf_add_slice(into, out);
    smtp_sent(r->session, out.n);
    return true;
}

/* One * in the pattern stands for any text. */
static bool matches(struct slice text, struct slice pattern)
{
    size_t star = slice_find(pattern, '*'), tail = pattern.n - star;

    if (tail == 0)
        return slice_equal(text, pattern);
    if (text.n < pattern.n - 1)
        return false;
    return slice_equal(slice_part(text, 0, star), slice_part(pattern, 0, star)) &&
           slice_equal(slice_part(text, text.n - (tail - 1), text.n),
                       slice_part(pattern, star + 1, pattern.n));
}

static bool ends_message(const struct buf *b)
{
    static const char end[] = "\r\n.\r\n";
    size_t n = sizeof end - 1;

    return b->n >= n && memcmp(b->p + b->n - n, end, n) == 0;
}

static void hear_message(struct run *r, const struct transcript_line *line)
{
    size_t piece = r->output_piece;

    r->output_piece = piece > 1 ? piece : 1021; /* a byte at a time would take minutes */
    buf_clear(&r->sent);
    buf_add_slice(&r->sent, buf_slice(&r->said));
    buf_clear(&r->said);
    while (!ends_message(&r->sent))
        if (!listen_to(r, &r->sent))
            transcript_fail(r->transcript, line, "the message has no end", slice_of(""));
    r->output_piece = piece;
}

static void hear_line(struct run *r, const struct transcript_line *line)
{
    size_t end;

    while ((end = slice_find(buf_slice(&r->said), '\n')) == r->said.n)
        if (!listen_to(r, &r->said))
            transcript_fail(r->transcript, line, "the client says nothing", buf_slice(&r->said));
    if (end == 0 || r->said.p[end - 1] != '\r' ||
        !matches(slice_part(buf_slice(&r->said), 0, end - 1), buf_slice(&line->text)))
        transcript_fail(r->transcript, line, "the client says something else",
                        slice_part(buf_slice(&r->said), 0, end));
    buf_drop(&r->said, end + 1);
}

static void hear(struct run *r, const struct transcript_line *line)
{
    struct slice text = buf_slice(&line->text);

    serve(r);
    if (slice_equal(text, slice_of("QUIT")) && smtp_wants(r->session) == WANTS_MESSAGE)
        smtp_quit(r->session);
    if (slice_equal(text, slice_of("(message)")))
        hear_message(r, line);
    else if (slice_equal(text, slice_of("(part)")))
        check(r->transcript->path, listen_to(r, &r->sent) && !ends_message(&r->sent));
    else
        hear_line(r, line);
}

/* A client that waits has nothing left to say: what comes then was not expected. */
static void expect_silence(struct run *r, const struct transcript_line *line)
{
    serve(r);
    if (smtp_wants(r->session) != WANTS_OUTPUT)
        (void)listen_to(r, &r->said);
    if (r->said.n > 0)
        transcript_fail(r->transcript, line, "the client says more", buf_slice(&r->said));
}

static bool has_words(const struct transcript_line *line, struct slice text)
{
    return slice_contains_nocase(text, buf_slice(&line->text));
}

static void lose(struct run *r, enum code code, const char *what)
{
    struct status why = { 0 };

    (void)status_set(&why, code, STAGE_NONE, "%s", what);
    smtp_lost(r->session, &why);
}

/* Says the S: lines from `i` on in one go; gives the index of the last of them. */
static size_t speak(struct run *r, size_t i)
{
    struct transcript *t = r->transcript;
    struct slice rest;
    struct buf bytes;

    expect_silence(r, &t->lines[i]);
    buf_init(&bytes, TRANSCRIPT_TEXT_MAX);
    for (; i < t->count && line_is(&t->lines[i], "S"); i++) {
        struct slice text = buf_slice(&t->lines[i].text);
        bool cut = text.n > 0 && text.p[text.n - 1] == '\\';

        buf_add_slice(&bytes, slice_part(text, 0, text.n - cut));
        buf_add_string(&bytes, cut ? "" : "\r\n");
    }
    for (rest = buf_slice(&bytes); rest.n > 0; rest = slice_part(rest, r->input_piece, rest.n)) {
        smtp_input(r->session, slice_part(rest, 0, r->input_piece));
        serve(r);
    }
    buf_free(&bytes);
    return i - 1;
}

static void secure(struct run *r, const struct transcript_line *line)
{
    expect_silence(r, line);
    if (smtp_wants(r->session) != WANTS_TLS)
        transcript_fail(r->transcript, line, "the client wants no TLS", slice_of(""));
    else
        smtp_secured(r->session);
}

static void begin_held(struct run *r)
{
    const struct envelope *e = &r->transcript->envelope;

    if (r->offered++ == 1)
        r->first = worst(r);
    envelope_free(&r->held);
    free(r->outcome.recipients);
    r->outcome.recipients = NULL;
    r->held.reverse_path = slice_dup(slice_of(e->reverse_path));
    r->held.envelope_id = e->envelope_id ? slice_dup(slice_of(e->envelope_id)) : NULL;
    r->held.notify = e->notify;
    r->held.dsn_return = e->dsn_return;
    r->submission.envelope = &r->held;
    r->submission.message = NULL;
}

/* "address", "!address" for one that is refused already; the rows move, as they may. */
static void name_recipient(struct run *r, struct slice word)
{
    bool refused = word.p[0] == '!';
    struct slice path = slice_part(word, refused, word.n);
    size_t count = r->held.forward_count;
    struct status why = { 0 }, *rows = calloc(count + 1, sizeof *rows);
    struct address a;

    assert_non_null(rows);
    assert_int_equal(address_parse(path, &a, &why), CODE_OK);
    assert_int_equal(envelope_add(&r->held, &a, slice_of(""), &why), CODE_OK);
    assert_int_equal(r->held.forward_count, count + 1);
    if (count > 0)
        memcpy(rows, r->outcome.recipients, count * sizeof *rows);
    if (refused)
        (void)status_set(&rows[count], CODE_ADDRESS, STAGE_INPUT, "refused by ourselves");
    free(r->outcome.recipients);
    r->outcome.recipients = rows;
}

/* "NOTIFY=word,word" or "ORCPT=text", of the recipient named before. */
static void set_option(struct run *r, const struct transcript_line *line, struct slice word)
{
    size_t last = r->held.forward_count - 1, equals = slice_find(word, '=');
    struct slice value = slice_part(word, equals + 1, word.n);
    struct status why = { 0 };
    unsigned notify = 0;
    char *original = NULL;

    if (slice_starts_nocase(word, slice_of("NOTIFY=")))
        notify = notify_of(r->transcript, line, value);
    else
        original = slice_dup(value);
    if (r->held.options && notify == 0)
        notify = r->held.options[last].notify;
    assert_int_equal(envelope_set_options(&r->held, last, notify, original, &why), CODE_OK);
    free(original);
}

static void ask(struct run *r, const struct transcript_line *line)
{
    struct slice rest = buf_slice(&line->text), word;
    bool begins = smtp_wants(r->session) == WANTS_MESSAGE;

    if (begins)
        begin_held(r);
    else if (smtp_wants(r->session) != WANTS_MORE)
        transcript_fail(r->transcript, line, "the client wants no recipient", slice_of(""));
    while (slice_take_word(&rest, &word))
        if (slice_find(word, '=') < word.n)
            set_option(r, line, word);
        else
            name_recipient(r, word);
    if (begins)
        smtp_offer(r->session, &r->submission, &r->outcome);
    else
        smtp_ask_more(r->session);
}

/* The lines of a held transaction; the client must have said all it had to say. */
static void act(struct run *r, const struct transcript_line *line)
{
    expect_silence(r, line);
    if (line_is(line, "ASK")) {
        ask(r, line);
        return;
    }
    if (smtp_wants(r->session) != WANTS_MORE)
        transcript_fail(r->transcript, line, "the client holds no transaction", slice_of(""));
    if (line_is(line, "COMPLETE")) {
        r->submission.message = &r->message;
        smtp_complete(r->session);
    } else {
        smtp_forget(r->session);
    }
}

static void play(struct run *r)
{
    struct transcript *t = r->transcript;

    for (size_t i = 0; i < t->count; i++) {
        const struct transcript_line *line = &t->lines[i];

        if (line_is(line, "S"))
            i = speak(r, i);
        else if (line_is(line, "C"))
            hear(r, line);
        else if (line_is(line, "TLS"))
            secure(r, line);
        else if (line_is(line, "CLOSE"))
            lose(r, CODE_CLOSED, "the server closed the connection");
        else if (line_is(line, "SILENCE"))
            lose(r, CODE_TIMEOUT, "no answer in time");
        else if (line_is(line, "ASK") || line_is(line, "COMPLETE") || line_is(line, "FORGET"))
            act(r, line);
    }
    serve(r);
    if (smtp_wants(r->session) != WANTS_NOTHING)
        transcript_fail(t, NULL, "the session is not over", slice_of(""));
    expect_silence(r, NULL);
}

/* "address" or "address reply". */
static void check_recipient(const struct run *r, const struct transcript_line *line)
{
    const struct envelope *e = r->submission.envelope;
    struct slice rest = buf_slice(&line->text), address = { 0 }, number = { 0 };
    const struct status *st = NULL;
    char got[32];
    bool accepted;

    (void)slice_take_word(&rest, &address);
    (void)slice_take_word(&rest, &number);
    for (size_t i = 0; i < e->forward_count; i++)
        if (slice_equal(address, slice_of(e->forward_paths[i])))
            st = &r->outcome.recipients[i];
    assert_non_null(st);
    if (r->offered == 0)
        st = smtp_fault(r->session);
    accepted = st->code == CODE_OK;
    (void)snprintf(got, sizeof got, "%d", st->reply);
    if (accepted != line_is(line, "accepted") || (!accepted && !matches(slice_of(got), number)))
        transcript_fail(r->transcript, line, "the status of a recipient", slice_of(got));
}

static void check_exit(const struct run *r, const struct transcript_line *line,
                       const struct status *st)
{
    char got[32];

    (void)snprintf(got, sizeof got, "%d", status_exit(st));
    if (!slice_equal(slice_of(got), buf_slice(&line->text)))
        transcript_fail(r->transcript, line, "the exit code", slice_of(got));
}

static void check_results(const struct run *r)
{
    const struct transcript *t = r->transcript;
    struct status st = worst(r);
    struct buf words;
    size_t exits = 0;

    buf_init(&words, 4096);
    status_describe(&st, &words);
    for (size_t i = 0; i < t->count; i++) {
        const struct transcript_line *line = &t->lines[i];

        exits += line_is(line, "exit");
        if (line_is(line, "exit"))
            check_exit(r, line, &st);
        else if (line_is(line, "first"))
            check_exit(r, line, &r->first);
        else if (line_is(line, "error") && !has_words(line, buf_slice(&words)))
            transcript_fail(t, line, "the words of the error", buf_slice(&words));
        else if (line_is(line, "accepted") || line_is(line, "refused"))
            check_recipient(r, line);
        else if (line_is(line, "sent") && !has_words(line, buf_slice(&r->sent)))
            transcript_fail(t, line, "words missing in the message", buf_slice(&r->sent));
        else if (line_is(line, "absent") && has_words(line, buf_slice(&r->sent)))
            transcript_fail(t, line, "words in the message", buf_slice(&r->sent));
    }
    buf_free(&words);
    check(t->path, exits == 1); /* a transcript without a result tests nothing */
}

/* Whether the server's bytes may be cut in no other way. */
static bool run_one(const char *path, size_t input_piece, size_t output_piece)
{
    static struct transcript transcript; /* its tables are too large for the stack */
    static struct status statuses[TRANSCRIPT_RECIPIENTS];
    struct run r = { .transcript = &transcript, .input_piece = input_piece };
    struct session_params params = { .account = &transcript.account };
    struct status why = { 0 };

    transcript_open(&transcript, path);
    r.output_piece = output_piece;
    read_message(&r);
    r.submission = (struct submission){ .envelope = &transcript.envelope, .message = &r.message };
    if (transcript.held)
        r.submission.declared = &transcript.declared;
    memset(statuses, 0, sizeof statuses);
    r.outcome.recipients = transcript.held ? NULL : statuses;
    buf_init(&r.said, TRANSCRIPT_TEXT_MAX);
    buf_init(&r.sent, 4 * TRANSCRIPT_TEXT_MAX);
    params.password = slice_of(transcript.password);
    params.ehlo_name = "client.example.org";
    params.secured = transcript.account.tls == TLS_IMPLICIT;
    assert_int_equal(smtp_begin(&params, &r.session, &why), CODE_OK);
    play(&r);
    check_results(&r);
    smtp_end(r.session);
    if (transcript.held)
        free(r.outcome.recipients);
    envelope_free(&r.held);
    message_free(&r.message);
    buf_free(&r.said);
    buf_free(&r.sent);
    transcript_close(&transcript);
    return transcript.whole;
}

static void one_dialogue(void **state)
{
    if (!run_one(*state, SIZE_MAX, SIZE_MAX))
        (void)run_one(*state, 1, 1);
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
    int count = scandir(folder(), &entries, is_transcript, alphasort), failed;
    struct CMUnitTest *tests = calloc((size_t)(count > 0 ? count : 1), sizeof *tests);
    char path[512];

    if (count <= 0 || !tests)
        return 1;
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%.255s", folder(), entries[i]->d_name);
        tests[i] = (struct CMUnitTest){ entries[i]->d_name, one_dialogue, NULL, NULL,
                                        slice_dup(slice_of(path)) };
    }
    failed = _cmocka_run_group_tests("dialogues", tests, (size_t)count, NULL, NULL);
    for (int i = 0; i < count; i++) {
        free(tests[i].initial_state);
        free(entries[i]);
    }
    free(entries);
    free(tests);
    return failed;
}
