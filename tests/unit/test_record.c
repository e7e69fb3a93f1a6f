#include "unit.h"

#include "deliver/record.h"
#include "mail/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                       \
    "orsino-queue 1\n"                                                                             \
    "id: 7J2K9QXM4T0B\n"                                                                           \
    "owner: 33\n"                                                                                  \
    "account: aruba\n"                                                                             \
    "state: queued\n"                                                                              \
    "arrived: 2026-11-24T20:45:22Z\n"                                                              \
    "size: 4711\n"

#define TIMES                                                                                      \
    "tries: 2\n"                                                                                   \
    "age: 960\n"                                                                                   \
    "seen: 2026-11-24T21:01:22Z\n"                                                                 \
    "last: 2026-11-24T21:01:22Z\n"                                                                 \
    "next: 2026-11-24T21:21:22Z\n"                                                                 \
    "error: smtp.example.org:465: connection refused\n"

#define FRESH                                                                                      \
    "tries: 0\n"                                                                                   \
    "age: 0\n"                                                                                     \
    "seen: 2026-11-24T20:45:22Z\n"

#define TO                                                                                         \
    "to: bob@example.net\n"                                                                        \
    "state: pending\n"

static struct slice slice_of_bytes(const char *text, size_t n)
{
    return (struct slice){ text, n };
}

/* What was written is read, and written again as it was. */
static void test_round_trip(void **state)
{
    static const struct {
        const char *sentence, *text;
    } rows[] = {
        { "a fresh message", HEAD FRESH "from: ann@example.org\n" TO "end\n" },
        { "one that was tried", HEAD TIMES "from: ann@example.org\n" TO "end\n" },
        { "the null reverse-path", HEAD FRESH "from:\n" TO "end\n" },
        { "all lines of the message",
          HEAD TIMES "told: yes\nnotice: 000000000000\nreturn: full\nenvid: QQ+2B1\n"
                     "notify: failure,delay\nfrom: ann@example.org\n" TO "end\n" },
        { "every state of a recipient",
          HEAD TIMES "from: ann@example.org\n" TO "to: carl@example.net\nstate: delivered\n"
                     "to: dora@example.net\nstate: failed\nreply: 550\nstatus: 5.1.1\n"
                     "said: 5.1.1 no such user\nerror: recipient refused\nend\n" },
        { "what DSN says of recipients", HEAD FRESH
          "from: ann@example.org\n" TO "notify: never\noriginal: rfc822;b+2Bc@example.net\n"
          "to: carl@example.net\nstate: pending\n"
          "to: dora@example.net\nstate: pending\nnotify: success\nend\n" },
        { "addresses beyond ASCII, quoted, and at a literal",
          HEAD FRESH "from: ütü@exämple.org\nto: \"a b\"@example.net\nstate: pending\n"
                     "to: x@[192.0.2.1]\nstate: pending\nend\n" },
        { "an error that begins and ends with a space",
          HEAD FRESH "error:  no \nfrom:\n" TO "end\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct record r;
        struct status why = { 0 };
        struct buf out;

        buf_init(&out, RECORD_TEXT_MAX);
        check(rows[i].sentence, record_parse(slice_of(rows[i].text), &r, &why) == CODE_OK);
        record_write(&r, &out);
        check_text(rows[i].sentence, buf_slice(&out), slice_of(rows[i].text));
        buf_free(&out);
        record_free(&r);
    }
}

static void test_values(void **state)
{
    static const char text[] =
        HEAD TIMES "told: yes\nnotice: ABCDEFGH0123\nreturn: hdrs\nenvid: id\nnotify: never\n"
                   "from: ann@example.org\n" TO "to: dora@example.net\nstate: failed\nreply: 550\n"
                   "status: 5.1.1\nsaid: no\nerror: refused\noriginal: rfc822;d@example.net\nend\n";
    struct record r;
    struct status why = { 0 };

    (void)state;
    assert_int_equal(record_parse(slice_of(text), &r, &why), CODE_OK);
    assert_string_equal(r.id, "7J2K9QXM4T0B");
    assert_int_equal(r.owner, 33);
    assert_string_equal(r.account, "aruba");
    assert_int_equal(r.state, RECORD_QUEUED);
    assert_int_equal(r.arrived, 1795553122);
    assert_int_equal(r.size, 4711);
    assert_int_equal(r.tries, 2);
    assert_int_equal(r.age, 960);
    assert_int_equal(r.seen, 1795554082);
    assert_int_equal(r.last_try, 1795554082);
    assert_int_equal(r.next_try, 1795555282);
    assert_string_equal(r.error, "smtp.example.org:465: connection refused");
    assert_true(r.told);
    assert_string_equal(r.notice, "ABCDEFGH0123");
    assert_int_equal(r.envelope.dsn_return, DSN_RETURN_HEADERS);
    assert_string_equal(r.envelope.envelope_id, "id");
    assert_int_equal(r.envelope.notify, DSN_NOTIFY_NEVER);
    assert_string_equal(r.envelope.reverse_path, "ann@example.org");
    assert_int_equal(r.envelope.forward_count, 2);
    assert_string_equal(r.envelope.forward_paths[1], "dora@example.net");
    assert_string_equal(r.envelope.options[1].original, "rfc822;d@example.net");
    assert_null(r.envelope.options[0].original);
    assert_int_equal(r.paths[0].state, PATH_PENDING);
    assert_int_equal(r.paths[1].state, PATH_FAILED);
    assert_int_equal(r.paths[1].reply, 550);
    assert_string_equal(r.paths[1].enhanced, "5.1.1");
    assert_string_equal(r.paths[1].said, "no");
    assert_string_equal(r.paths[1].error, "refused");
    record_free(&r);
    assert_null(r.paths);
}

/* What an editor, or a later version, makes of a file. */
static void test_leniency(void **state)
{
    static const struct {
        const char *sentence, *text;
    } rows[] = {
        { "lines that are not known, of both kinds, with tabs and without a colon", HEAD FRESH
          "colour:\tred\n\n# by hand\nfrom: ann@example.org\n" TO "colour: red\nwhatever\nend\n" },
        { "line ends with CR",
          "orsino-queue 1\r\nid: 7J2K9QXM4T0B\r\nowner: 33\r\naccount: aruba\r\nstate: queued\r\n"
          "arrived: 2026-11-24T20:45:22Z\r\nsize: 4711\r\ntries: 0\r\nage: 0\r\n"
          "seen: 2026-11-24T20:45:22Z\r\nfrom: ann@example.org\r\nto: bob@example.net\r\n"
          "state: pending\r\nend\r\n" },
        { "no line end at the end", HEAD FRESH "from: ann@example.org\n" TO "end" },
        { "no space behind a colon",
          HEAD FRESH "from:ann@example.org\nto:bob@example.net\nstate:pending\nend\n" },
        { "another order, and no tries", HEAD "from: ann@example.org\nseen: 2026-11-24T20:45:22Z\n"
                                              "age: 0\ntold: no\n" TO "end\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct record r;
        struct status why = { 0 };
        struct buf out;

        buf_init(&out, RECORD_TEXT_MAX);
        check(rows[i].sentence, record_parse(slice_of(rows[i].text), &r, &why) == CODE_OK);
        record_write(&r, &out);
        check_text(rows[i].sentence, buf_slice(&out),
                   slice_of(HEAD FRESH "from: ann@example.org\n" TO "end\n"));
        buf_free(&out);
        record_free(&r);
    }
}

#define ROW(sentence, text, what)                                                                  \
    {                                                                                              \
        sentence, text, sizeof text - 1, what                                                      \
    }
#define HEAD_WITH(owner, state, arrived, size)                                                     \
    "orsino-queue 1\nid: 7J2K9QXM4T0B\nowner: " owner "\naccount: a\nstate: " state                \
    "\narrived: " arrived "\nsize: " size "\n" FRESH "from:\n" TO "end\n"
#define WITH_TIME(time) HEAD_WITH("1", "queued", time, "1")
#define WITH(lines)     HEAD FRESH "from:\n" TO lines "end\n"
#define NO_TIME         "it is no time as in 2026-11-24T20:45:22Z"

static void test_refusals(void **state)
{
    static const struct {
        const char *sentence, *text;
        size_t n;
        const char *what;
    } rows[] = {
        ROW("nothing", "", "line 1: it is not \"orsino-queue 1\""),
        ROW("another version", "orsino-queue 2\nend\n", "line 1: it is not \"orsino-queue 1\""),
        ROW("another file", "Subject: x\n", "line 1: it is not \"orsino-queue 1\""),
        ROW("the first line alone", "orsino-queue 1\n", "line 1: the text breaks off here"),
        ROW("no recipient", HEAD FRESH "from:\nend\n", "line 12: there is no recipient"),
        ROW("half a file", HEAD FRESH "from:\n" TO, "line 13: the text breaks off here"),
        ROW("more behind the end", HEAD FRESH "from:\n" TO "end\n\n",
            "line 14: more text after the end"),
        ROW("no sender", HEAD FRESH TO "end\n",
            "line 11: from: the line is missing before this one"),
        ROW("a line of the message among those of a recipient", HEAD FRESH TO "from:\nend\n",
            "line 11: from: the line is missing before this one"),
        ROW("no state of the first recipient",
            HEAD FRESH "from:\nto: a@b.example\nto: b@b.example\nstate: pending\nend\n",
            "line 13: state: the line is missing before this one"),
        ROW("no state of the last recipient", HEAD FRESH "from:\n" TO "to: a@b.example\nend\n",
            "line 15: state: the line is missing before this one"),
        ROW("a line twice", HEAD FRESH "from:\nfrom:\n" TO "end\n",
            "line 12: from: the line is there twice"),
        ROW("a recipient's line twice", WITH("state: pending\n"),
            "line 14: state: the line is there twice"),
        ROW("a recipient twice", WITH("to: bob@EXAMPLE.net\nstate: pending\n"),
            "line 14: to: the recipient is there twice"),
        ROW("a NUL in an address", HEAD FRESH "from:\nto: a@b.exa\0mple\nstate: pending\nend\n",
            "line 12: to: it is no address"),
        ROW("a NUL in a text", HEAD "error: x\0y\n" FRESH "from:\n" TO "end\n",
            "line 8: error: a control character in it"),
        ROW("a tab in an account", "orsino-queue 1\naccount: a\tb\n",
            "line 2: account: a control character in it"),
        ROW("a recipient that is null", HEAD FRESH "from:\nto:\nstate: pending\nend\n",
            "line 12: to: it is no address"),
        ROW("a recipient without a domain", HEAD FRESH "from:\nto: root\nstate: pending\nend\n",
            "line 12: to: the address has no domain"),
        ROW("a sender without a domain", HEAD FRESH "from: root\n" TO "end\n",
            "line 11: from: the address has no domain"),
        ROW("a name with an address", HEAD FRESH "from: Ann <ann@example.org>\n" TO "end\n",
            "line 11: from: it is no address"),
        ROW("two addresses", HEAD FRESH "from:\nto: a@b.example, c@d.example\nend\n",
            "line 12: to: it is no address"),
        ROW("a space behind an address", HEAD FRESH "from: ann@example.org \n" TO "end\n",
            "line 11: from: it is no address"),
        ROW("a line end within an address", HEAD FRESH "from:\nto: a@b.example\r>\nend\n",
            "line 12: to: it is no address"),
        ROW("an id that is a path", "orsino-queue 1\nid: ../../../x/y\n",
            "line 2: id: it is no id"),
        ROW("a short id", "orsino-queue 1\nid: ABC\n", "line 2: id: it is no id"),
        ROW("a notice that is no id", "orsino-queue 1\nnotice: none\n",
            "line 2: notice: it is no id"),
        ROW("an owner that stands for none", HEAD_WITH("4294967295", "held", "x", "1"),
            "line 3: owner: it is no number, or too large"),
        ROW("an owner below zero", HEAD_WITH("-1", "held", "x", "1"),
            "line 3: owner: it is no number, or too large"),
        ROW("a state that is not known", HEAD_WITH("1", "lost", "x", "1"),
            "line 5: state: the word is not known"),
        ROW("a state in capitals", HEAD_WITH("1", "HELD", "x", "1"),
            "line 5: state: the word is not known"),
        ROW("a size beyond 64 bits",
            HEAD_WITH("1", "held", "2026-11-24T20:45:22Z", "18446744073709551616"),
            "line 7: size: it is no number, or too large"),
        ROW("an empty size", HEAD_WITH("1", "held", "2026-11-24T20:45:22Z", ""),
            "line 7: size: it is no number, or too large"),
        ROW("an age of a thousand years", HEAD "age: 31622400000\n",
            "line 8: age: it is no number, or too large"),
        ROW("a time without its Z", WITH_TIME("2026-11-24T20:45:22"), "line 6: arrived: " NO_TIME),
        ROW("a time in seconds", WITH_TIME("1795553122"), "line 6: arrived: " NO_TIME),
        ROW("a time with another zone", WITH_TIME("2026-11-24T20:45:22+"),
            "line 6: arrived: " NO_TIME),
        ROW("the 30th of February", WITH_TIME("2026-02-30T20:45:22Z"), "line 6: arrived: " NO_TIME),
        ROW("month 0", WITH_TIME("2026-00-24T20:45:22Z"), "line 6: arrived: " NO_TIME),
        ROW("month 13", WITH_TIME("2026-13-24T20:45:22Z"), "line 6: arrived: " NO_TIME),
        ROW("hour 24", WITH_TIME("2026-11-24T24:00:00Z"), "line 6: arrived: " NO_TIME),
        ROW("a leap second", WITH_TIME("2026-12-31T23:59:60Z"), "line 6: arrived: " NO_TIME),
        ROW("before 1970", WITH_TIME("1969-12-31T23:59:59Z"), "line 6: arrived: " NO_TIME),
        ROW("a sign in a time", WITH_TIME("+026-11-24T20:45:22Z"), "line 6: arrived: " NO_TIME),
        ROW("told as neither yes nor no", "orsino-queue 1\ntold: 1\n",
            "line 2: told: the word is not known"),
        ROW("return of neither kind", "orsino-queue 1\nreturn: all\n",
            "line 2: return: the word is not known"),
        ROW("an envelope id that is a second parameter", "orsino-queue 1\nenvid: a SIZE=1\n",
            "line 2: envid: it is no envelope id"),
        ROW("notify with never and more", "orsino-queue 1\nnotify: never,delay\n",
            "line 2: notify: it is neither never nor of success,failure,delay"),
        ROW("notify of a recipient, empty", WITH("notify:\n"),
            "line 14: notify: it is neither never nor of success,failure,delay"),
        ROW("an original without a type", WITH("original: a@b.example\n"),
            "line 14: original: it is no original address as in rfc822;user@example.org"),
        ROW("an original that is a second parameter", WITH("original: rfc822;a NOTIFY=NEVER\n"),
            "line 14: original: it is no original address as in rfc822;user@example.org"),
        ROW("a reply of four digits", WITH("reply: 1000\n"),
            "line 14: reply: it is no number, or too large"),
        ROW("a status of two numbers", WITH("status: 5.1\n"),
            "line 14: status: it is no status as in 5.1.1"),
        ROW("a status that is too long", WITH("status: 555.111.1111\n"),
            "line 14: status: it is no status as in 5.1.1"),
        ROW("a status that ends in a dot", WITH("status: 5.1.1.\n"),
            "line 14: status: it is no status as in 5.1.1"),
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct record r;
        struct status why = { 0 };
        enum code code = record_parse(slice_of_bytes(rows[i].text, rows[i].n), &r, &why);

        check(rows[i].sentence, code == CODE_MESSAGE && why.code == CODE_MESSAGE);
        check_text(rows[i].sentence, slice_of(why.what), slice_of(rows[i].what));
        check(rows[i].sentence, !r.paths && !r.account && r.envelope.forward_count == 0);
    }
}

/* No prefix of a record is one, save that the last line end may be missing. */
static void test_cut(void **state)
{
    static const char text[] = HEAD TIMES "from: ann@example.org\n" TO "reply: 450\nend\n";

    (void)state;
    for (size_t n = 0; n < sizeof text - 2; n++) {
        struct record r;
        struct status why = { 0 };

        assert_int_equal(record_parse(slice_of_bytes(text, n), &r, &why), CODE_MESSAGE);
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *sentence;
        int64_t when;
        const char *want;
    } rows[] = {
        { "the first second", 0, "1970-01-01T00:00:00Z" },
        { "a leap day", 1709164800, "2024-02-29T00:00:00Z" },
        { "beyond 31 bits", 2147483648, "2038-01-19T03:14:08Z" },
        { "the last second", 253402300799, "9999-12-31T23:59:59Z" },
        { "before the first is the first", -1, "1970-01-01T00:00:00Z" },
        { "behind the last is the last", INT64_MAX, "9999-12-31T23:59:59Z" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct record r;
        struct status why = { 0 };
        char room[2048];
        struct buf out;

        buf_over(&out, room, sizeof room);
        assert_int_equal(record_parse(slice_of(HEAD FRESH "from:\n" TO "end\n"), &r, &why),
                         CODE_OK);
        r.arrived = rows[i].when;
        record_write(&r, &out);
        check(rows[i].sentence, slice_contains_nocase(buf_slice(&out), slice_of(rows[i].want)));
        record_free(&r);
        check(rows[i].sentence, record_parse(buf_slice(&out), &r, &why) == CODE_OK);
        if (rows[i].when >= 0 && rows[i].when != INT64_MAX)
            check(rows[i].sentence, r.arrived == rows[i].when);
        record_free(&r);
    }
}

static bool keeps_temporary(const struct status *st)
{
    return status_is_temporary(st);
}

static void add(struct envelope *e, const char *spec)
{
    struct slice nothing = { 0 };
    struct status why = { 0 };
    struct address a;

    assert_int_equal(address_parse(slice_of(spec), &a, &why), CODE_OK);
    assert_int_equal(envelope_add(e, &a, nothing, &why), CODE_OK);
}

static void make_envelope(struct envelope *e)
{
    struct status why = { 0 };
    struct address a;

    *e = (struct envelope){ .notify = DSN_NOTIFY_UNSET };
    assert_int_equal(address_parse(slice_of("ann@example.org"), &a, &why), CODE_OK);
    assert_int_equal(envelope_set_sender(e, &a, &why), CODE_OK);
    add(e, "bob@example.net");
    add(e, "carl@example.net");
    add(e, "dora@example.net");
    assert_int_equal(envelope_set_notices(e, DSN_NOTIFY_FAILURE, DSN_RETURN_FULL, "id", &why),
                     CODE_OK);
    assert_int_equal(envelope_set_options(e, 1, DSN_NOTIFY_NEVER, "rfc822;c@example.net", &why),
                     CODE_OK);
}

static void test_make(void **state)
{
    struct status statuses[3] = {
        { .code = CODE_OK },
        { .code = CODE_RECIPIENT, .reply = 450, .enhanced = "4.2.0", .what = "later" },
        { .code = CODE_RECIPIENT, .reply = 550, .enhanced = "none", .said = "550 no" },
    };
    struct outcome outcome = { .recipients = statuses };
    struct envelope e;
    struct record r;
    struct status why = { 0 };

    (void)state;
    make_envelope(&e);
    assert_int_equal(record_make(&r, &e, &outcome, keeps_temporary, "aruba", &why), CODE_OK);
    envelope_free(&e);
    assert_int_equal(r.state, RECORD_QUEUED);
    assert_string_equal(r.account, "aruba");
    assert_string_equal(r.envelope.reverse_path, "ann@example.org");
    assert_string_equal(r.envelope.envelope_id, "id");
    assert_int_equal(r.envelope.notify, DSN_NOTIFY_FAILURE);
    assert_int_equal(r.envelope.dsn_return, DSN_RETURN_FULL);
    assert_int_equal(r.envelope.options[1].notify, DSN_NOTIFY_NEVER);
    assert_string_equal(r.envelope.options[1].original, "rfc822;c@example.net");
    assert_int_equal(record_count(&r, PATH_DELIVERED), 1);
    assert_int_equal(r.paths[0].state, PATH_DELIVERED);
    assert_null(r.paths[0].error);
    assert_int_equal(r.paths[1].state, PATH_PENDING);
    assert_int_equal(r.paths[1].reply, 450);
    assert_string_equal(r.paths[1].enhanced, "4.2.0");
    assert_string_equal(r.paths[1].error, "later");
    assert_null(r.paths[1].said);
    assert_int_equal(r.paths[2].state, PATH_FAILED);
    assert_string_equal(r.paths[2].enhanced, "");
    assert_string_equal(r.paths[2].said, "550 no");
    assert_string_equal(r.paths[2].error, "recipient refused, it said \"550 no\"");
    record_free(&r);
}

static void test_make_states(void **state)
{
    static const struct {
        const char *sentence;
        enum code codes[3];
        int reply;
        enum record_state want;
        size_t pending, failed;
    } rows[] = {
        { "one waits", { CODE_OK, CODE_RECIPIENT, CODE_OK }, 450, RECORD_QUEUED, 1, 0 },
        { "one failed, none waits",
          { CODE_OK, CODE_RECIPIENT, CODE_OK },
          550,
          RECORD_FAILED,
          0,
          1 },
        { "all were delivered", { CODE_OK, CODE_OK, CODE_OK }, 0, RECORD_FAILED, 0, 0 },
    };
    struct envelope e;
    struct record r;
    struct status why = { 0 };

    (void)state;
    make_envelope(&e);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status statuses[3] = { { .code = CODE_OK } };
        struct outcome outcome = { .recipients = statuses };

        for (size_t k = 0; k < 3; k++)
            statuses[k] = (struct status){ .code = rows[i].codes[k], .reply = rows[i].reply };
        assert_int_equal(record_make(&r, &e, &outcome, keeps_temporary, "a", &why), CODE_OK);
        check(rows[i].sentence, r.state == rows[i].want);
        check(rows[i].sentence, record_count(&r, PATH_PENDING) == rows[i].pending);
        check(rows[i].sentence, record_count(&r, PATH_FAILED) == rows[i].failed);
        record_free(&r);
    }
    assert_int_equal(record_make(&r, &e, NULL, NULL, "a", &why), CODE_OK);
    assert_int_equal(r.state, RECORD_QUEUED);
    assert_int_equal(record_count(&r, PATH_PENDING), 3);
    record_free(&r);
    envelope_free(&e);
}

/* Texts from a server are kept on one line, printable and not too long, whatever they are. */
static void test_hostile_texts(void **state)
{
    struct record r, again;
    struct path_record *path;
    struct status why = { 0 }, st = { .code = CODE_CONTENT };
    struct buf out;

    (void)state;
    buf_init(&out, RECORD_TEXT_MAX);
    assert_int_equal(record_parse(slice_of(HEAD FRESH "from:\n" TO "end\n"), &r, &why), CODE_OK);
    memset(st.where, 'w', sizeof st.where - 1);
    memset(st.what, 't', sizeof st.what - 1);
    memset(st.said, 's', sizeof st.said - 1);
    memcpy(st.said, "a\nstate: delivered\r\n\x1b[2J\xc2\x9b\xff", 27);
    record_set_error(&r, &st);
    path = &r.paths[0];
    record_set_failure(path, &st);
    record_set_failure(path, &st);
    assert_int_equal(strlen(path->error), RECORD_ERROR_MAX);
    record_write(&r, &out);
    assert_int_equal(record_parse(buf_slice(&out), &again, &why), CODE_OK);
    assert_int_equal(again.paths[0].state, PATH_PENDING);
    assert_string_equal(again.paths[0].error, path->error);
    assert_string_equal(again.error, r.error);
    assert_int_equal(strlen(again.paths[0].said), sizeof st.said - 1);
    check_text("no control character, no byte that is no character",
               slice_part(slice_of(again.paths[0].said), 0, 28),
               slice_of("a?state: delivered???[2J???s"));
    record_free(&again);
    record_free(&r);
    buf_free(&out);
}

static void test_ids(void **state)
{
    static const struct {
        const char *id;
        bool want;
    } rows[] = {
        { "7J2K9QXM4T0B", true },  { "ZZZZZZZZZZZZ", true },   { "", false },
        { "7J2K9QXM4T0", false },  { "7J2K9QXM4T0BX", false }, { "7j2k9qxm4t0b", false },
        { "7J2K9QXM4T0/", false }, { "............", false },  { "7J2K9QXM4T0\n", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        check(rows[i].id, record_id_is_valid(slice_of(rows[i].id)) == rows[i].want);
    assert_false(record_id_is_valid(slice_of_bytes("7J2K9QXM4T0\0", STAMP_ID_LENGTH)));
}

/* As many recipients as there may be, and one too many. */
static void test_many(void **state)
{
    struct record r;
    struct status why = { 0 };
    struct buf text, out;

    (void)state;
    buf_init(&text, RECORD_TEXT_MAX);
    buf_init(&out, RECORD_TEXT_MAX);
    buf_add_string(&text, HEAD FRESH "from:\n");
    for (unsigned i = 0; i < ENVELOPE_RECIPIENTS_MAX; i++)
        buf_addf(&text, "to: user%u@example.net\nstate: pending\nreply: 450\nerror: later\n", i);
    buf_add_string(&text, "end\n");
    assert_int_equal(record_parse(buf_slice(&text), &r, &why), CODE_OK);
    assert_int_equal(record_count(&r, PATH_PENDING), ENVELOPE_RECIPIENTS_MAX);
    record_write(&r, &out);
    check_text("all of them", buf_slice(&out), buf_slice(&text));
    record_free(&r);
    text.n -= strlen("end\n");
    buf_add_string(&text, "to: one@example.com\nstate: pending\nend\n");
    assert_int_equal(record_parse(buf_slice(&text), &r, &why), CODE_MESSAGE);
    check_text("one too many", slice_of(why.what),
               slice_of("line 200012: to: too many recipients"));
    buf_free(&text);
    buf_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_leniency),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_times),
        cmocka_unit_test(test_make),          cmocka_unit_test(test_make_states),
        cmocka_unit_test(test_hostile_texts), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
