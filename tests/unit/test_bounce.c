#include "deliver/bounce.h"

#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/wire.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY = 24 * 60 * 60,
    ARRIVED = 1795550000,
    LAST_TRY = ARRIVED + 5 * DAY,
    LINE_LONGEST = 998,
};

static const struct bounce_facts facts = {
    .host = "mail.example.org",
    .from = "info@example.org",
    .now = LAST_TRY + 60,
    .lifetime = 5 * DAY,
};

/* One forward-path of a record. */
struct path {
    const char *address;
    enum path_state state;
    int reply;
    const char *enhanced, *said, *error;
    unsigned notify;
    const char *original;
};

static void add_path(struct record *r, const struct path *path)
{
    struct path_record *row = &r->paths[r->envelope.forward_count];
    struct status why = { 0 };
    struct address a;

    assert_int_equal(address_parse(slice_of(path->address), &a, &why), CODE_OK);
    assert_int_equal(envelope_add(&r->envelope, &a, slice_of(""), &why), CODE_OK);
    assert_int_equal(envelope_set_options(&r->envelope, r->envelope.forward_count - 1, path->notify,
                                          path->original, &why),
                     CODE_OK);
    row->state = path->state;
    row->reply = path->reply;
    (void)snprintf(row->enhanced, sizeof row->enhanced, "%s", path->enhanced ? path->enhanced : "");
    row->said = path->said ? slice_dup(slice_of(path->said)) : NULL;
    row->error = path->error ? slice_dup(slice_of(path->error)) : NULL;
}

static void begin_record(struct record *r, const char *reverse_path, size_t room)
{
    struct status why = { 0 };
    struct address a;

    *r = (struct record){
        .id = "ABCDEFGH2345",
        .state = RECORD_FAILED,
        .arrived = ARRIVED,
        .last_try = LAST_TRY,
        .tries = 1,
    };
    r->paths = calloc(room, sizeof *r->paths);
    assert_non_null(r->paths);
    assert_int_equal(address_parse(slice_of(reverse_path), &a, &why), CODE_OK);
    assert_int_equal(envelope_set_sender(&r->envelope, &a, &why), CODE_OK);
}

static void make_original(struct message *m, const char *text)
{
    const struct message_limits limits = { .max_size = UINT64_MAX };
    struct message_reader *reader;
    struct status why = { 0 };
    char *copy = slice_dup(slice_of(text));

    message_init(m);
    assert_non_null(copy);
    assert_int_equal(message_read_begin(m, &limits, &reader, &why), CODE_OK);
    assert_int_equal(message_read_add(reader, copy, strlen(copy), &why), CODE_OK);
    assert_int_equal(message_read_end(reader, &why), CODE_OK);
    free(copy);
}

/* A notification, and its parts with their header, as LF text. */
struct notice {
    struct message m;
    struct envelope envelope;
    struct buf text;
    struct slice parts[3];
};

static void free_notice(struct notice *n)
{
    message_free(&n->m);
    envelope_free(&n->envelope);
    buf_free(&n->text);
}

/* As it goes over the wire, without the CRs. */
static void write_out(const struct message *m, struct buf *out)
{
    struct status why = { 0 };
    struct wire w;
    char chunk[777];
    size_t got;

    wire_begin(&w, m, WIRE_PLAIN);
    do {
        assert_int_equal(wire_next(&w, chunk, sizeof chunk, &got, &why), CODE_OK);
        for (size_t i = 0; i < got; i++)
            if (chunk[i] != '\r')
                buf_add_char(out, chunk[i]);
    } while (got > 0);
    assert_false(out->failed);
}

/* The boundary that the header of the notification names, with the dashes in front. */
static struct slice boundary_of(const struct notice *n, char room[80])
{
    struct field type;
    struct slice value, before, boundary;

    assert_true(header_find(buf_slice(&n->m.header), "Content-Type", &type));
    value = type.value;
    assert_true(slice_take_until(&value, "\"", &before));
    assert_true(slice_take_until(&value, "\"", &boundary));
    (void)snprintf(room, 80, "--%.*s", (int)boundary.n, boundary.p);
    return slice_of(room);
}

/* Takes the parts apart at lines that begin with the boundary, and looks at every line. */
static void take_apart(const char *sentence, struct notice *n)
{
    char room[80];
    struct slice rest = buf_slice(&n->text), boundary = boundary_of(n, room), line, begin = rest;
    size_t seen = 0, at = 0;

    while (slice_take_until(&rest, "\n", &line)) {
        check(sentence, line.n <= LINE_LONGEST);
        if (slice_equal(slice_part(line, 0, boundary.n), boundary)) {
            struct slice tail = slice_part(line, boundary.n, line.n);

            check(sentence, slice_equal(tail, slice_of(seen < 3 ? "" : "--")));
            if (seen > 0 && seen < 4)
                n->parts[seen - 1] = (struct slice){ begin.p, (size_t)(line.p - begin.p) - 1 };
            seen++;
            begin = rest;
        }
        at++;
    }
    check(sentence, seen == 4 && at > 4);
    check(sentence, !memchr(n->text.p, 0, n->text.n));
}

static void make(const char *sentence, const struct record *r, const struct message *original,
                 struct notice *n)
{
    struct status why = { 0 };

    *n = (struct notice){ 0 };
    message_init(&n->m);
    buf_init(&n->text, 256u * 1024 * 1024);
    check(sentence, bounce_make(r, original, &facts, &n->m, &n->envelope, &why) == CODE_OK);
    write_out(&n->m, &n->text);
    take_apart(sentence, n);
}

/* The value of a field of a block, on one line. */
static void find_value(struct slice block, const char *name, char *out, size_t room)
{
    struct field field;
    size_t n = 0;

    out[0] = 0;
    if (!header_find(block, name, &field))
        return;
    field.value = slice_trim(field.value);
    for (size_t i = 0; i < field.value.n && n + 1 < room; i++)
        if (field.value.p[i] != '\n')
            out[n++] = field.value.p[i];
    out[n] = 0;
}

static void check_field(const char *sentence, struct slice block, const char *name,
                        const char *want)
{
    char value[2048];

    find_value(block, name, value, sizeof value);
    check_text(sentence, slice_of(value), slice_of(want));
}

/* What follows the header of a part. */
static struct slice content_of(struct slice part)
{
    struct slice line;

    while (slice_take_until(&part, "\n", &line) && line.n > 0)
        continue;
    return part;
}

static void who_is_told(void **state)
{
    static const struct {
        const char *sentence, *reverse_path;
        unsigned notify, path_notify;
        enum path_state state;
        bool told, want;
    } rows[] = {
        { "a failure", "me@example.org", 0, 0, PATH_FAILED, false, true },
        { "a delivery", "me@example.org", 0, 0, PATH_DELIVERED, false, false },
        { "one that waits", "me@example.org", 0, 0, PATH_PENDING, false, false },
        { "a failure that the caller heard of", "me@example.org", 0, 0, PATH_FAILED, true, false },
        { "the null reverse-path", "", 0, 0, PATH_FAILED, false, false },
        { "a sender without a domain", "root", 0, 0, PATH_FAILED, false, false },
        { "NOTIFY=NEVER", "me@example.org", DSN_NOTIFY_NEVER, 0, PATH_FAILED, false, false },
        { "NOTIFY=SUCCESS", "me@example.org", DSN_NOTIFY_SUCCESS, 0, PATH_FAILED, false, false },
        { "NOTIFY=DELAY,FAILURE", "me@example.org", DSN_NOTIFY_DELAY | DSN_NOTIFY_FAILURE, 0,
          PATH_FAILED, false, true },
        { "NEVER, but FAILURE for the path", "me@example.org", DSN_NOTIFY_NEVER, DSN_NOTIFY_FAILURE,
          PATH_FAILED, false, true },
        { "FAILURE, but NEVER for the path", "me@example.org", DSN_NOTIFY_FAILURE, DSN_NOTIFY_NEVER,
          PATH_FAILED, false, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct path path = { .address = "a@example.net",
                             .state = rows[i].state,
                             .notify = rows[i].path_notify };
        struct record r;

        begin_record(&r, rows[i].reverse_path, 1);
        add_path(&r, &path);
        r.envelope.notify = rows[i].notify;
        r.told = rows[i].told;
        check(rows[i].sentence, bounce_is_wanted(&r) == rows[i].want);
        record_free(&r);
    }
}

static const struct path refused = {
    .address = "a@example.net",
    .state = PATH_FAILED,
    .reply = 550,
    .enhanced = "5.1.1",
    .said = "550 5.1.1 no such user",
    .error = "smtp.example.org:465: recipient refused, it said \"550 5.1.1 no such user\"",
};

static void header_is_whole(void **state)
{
    static const struct {
        const char *sentence, *original, *subject, *reference;
    } rows[] = {
        { "a usual message", "Subject: backup report\nMessage-ID: <1@example.org>\n\nx\n",
          "Undelivered mail: backup report", "<1@example.org>" },
        { "no subject, no id", "X: y\n\nx\n", "Undelivered mail:", "" },
        { "encoded words are kept", "Subject: =?utf-8?Q?perch=C3=A9?=\n =?utf-8?Q?_no?=\n\n",
          "Undelivered mail: =?utf-8?Q?perch=C3=A9?= =?utf-8?Q?_no?=", "" },
        { "raw UTF-8 is encoded", "Subject: perch\303\251 no\n\n",
          "Undelivered mail: =?utf-8?Q?perch=C3=A9?= no", "" },
        { "control characters are shown", "Subject: a\033[2Jb\n\n", "Undelivered mail: a?[2Jb",
          "" },
        { "an id that is none", "Subject: x\nMessage-ID: a b\n\n", "Undelivered mail: x", "" },
        { "an id with a space", "Subject: x\nMessage-ID: <a b@c>\n\n", "Undelivered mail: x", "" },
        { "an id in two lines", "Subject: x\nMessage-ID: <a\n b@c>\n\n", "Undelivered mail: x",
          "" },
        { "a long subject ends at a word",
          "Subject: one two three four five six seven eight nine ten one two three four five six "
          "seven eight nine ten one two three four five six seven eight nine ten one two three "
          "four five six seven eight nine ten one two three four five six seven\n\n",
          "Undelivered mail: one two three four five six seven eight nine ten one two three four "
          "five six seven eight nine ten one two three four five six seven eight nine ten one two "
          "three four five six seven eight nine ten one ...",
          "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const char *sentence = rows[i].sentence;
        struct message original;
        struct slice header;
        struct record r;
        struct notice n;

        begin_record(&r, "me@example.org", 1);
        add_path(&r, &refused);
        make_original(&original, rows[i].original);
        make(sentence, &r, &original, &n);
        header = buf_slice(&n.m.header);
        check_field(sentence, header, "From", "Mail Delivery System <info@example.org>");
        check_field(sentence, header, "To", "me@example.org");
        check_field(sentence, header, "Subject", rows[i].subject);
        check_field(sentence, header, "In-Reply-To", rows[i].reference);
        check_field(sentence, header, "References", rows[i].reference);
        check_field(sentence, header, "Auto-Submitted", "auto-replied");
        check_field(sentence, header, "MIME-Version", "1.0");
        check_field(sentence, header, "Content-Transfer-Encoding", "7bit");
        check(sentence, !n.m.header_8bit && !n.m.body_8bit && n.m.encoding == ENCODING_AS_IS);
        check(sentence, n.envelope.reverse_path && n.envelope.reverse_path[0] == 0);
        check(sentence, n.envelope.forward_count == 1 && n.envelope.notify == DSN_NOTIFY_NEVER);
        check_text(sentence, slice_of(n.envelope.forward_paths[0]), slice_of("me@example.org"));
        free_notice(&n);
        message_free(&original);
        record_free(&r);
    }
}

/* Appends a report as it came, but for dates, which hang on the time zone. */
static void hide_dates(struct slice report, struct buf *out)
{
    struct slice line;

    while (slice_take_until(&report, "\n", &line)) {
        size_t colon = slice_find(line, ':');

        if (slice_contains_nocase(slice_part(line, 0, colon), slice_of("-Date")))
            line = slice_part(line, 0, colon + 1);
        buf_add_slice(out, line);
        buf_add_char(out, '\n');
    }
}

static void report_says_what_happened(void **state)
{
    static const struct {
        const char *sentence;
        struct path path;
        unsigned tries;
        int64_t age;
        const char *want;
    } rows[] = {
        { "refused at once",
          { "a@x.net", PATH_FAILED, 550, "5.1.1", "550 5.1.1 no such user", "e", 0, NULL },
          1,
          0,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 5.1.1\n"
          "Diagnostic-Code: smtp; 550 5.1.1 no such user\nLast-Attempt-Date:\n" },
        { "refused in one of several tries, nobody knows which",
          { "a@x.net", PATH_FAILED, 550, "5.1.1", "550 5.1.1 no such user", "e", 0, NULL },
          3,
          0,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 5.1.1\n"
          "Diagnostic-Code: smtp; 550 5.1.1 no such user\n" },
        { "refused without an enhanced status",
          { "a@x.net", PATH_FAILED, 554, "", "554 no", "e", 0, NULL },
          1,
          0,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 5.0.0\n"
          "Diagnostic-Code: smtp; 554 no\nLast-Attempt-Date:\n" },
        { "put off until the end, with the server's own status",
          { "a@x.net", PATH_FAILED, 452, "4.2.2", "452 4.2.2 full", "e", 0, NULL },
          40,
          5 * DAY,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 4.2.2\n"
          "Diagnostic-Code: smtp; 452 4.2.2 full\nLast-Attempt-Date:\n" },
        { "put off until the end, without one",
          { "a@x.net", PATH_FAILED, 451, "", "451 later", "e", 0, NULL },
          40,
          5 * DAY,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 4.4.7\n"
          "Diagnostic-Code: smtp; 451 later\nLast-Attempt-Date:\n" },
        { "never reached",
          { "a@x.net", PATH_FAILED, 0, "", NULL, "smtp.x.net:465: connection refused", 0, NULL },
          40,
          5 * DAY,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 4.4.7\n"
          "Diagnostic-Code: X-Orsino; smtp.x.net:465: connection refused\nLast-Attempt-Date:\n" },
        { "cannot be sent at all",
          { "a@x.net", PATH_FAILED, 0, "", NULL, "the server takes no 8-bit message", 0, NULL },
          2,
          DAY,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 5.0.0\n"
          "Diagnostic-Code: X-Orsino; the server takes no 8-bit message\n" },
        { "no reason is known",
          { "a@x.net", PATH_FAILED, 0, "", NULL, NULL, 0, NULL },
          2,
          DAY,
          "Final-Recipient: rfc822;a@x.net\nAction: failed\nStatus: 5.0.0\n" },
        { "ORCPT, and an address beyond ASCII",
          { "\303\251@x.net", PATH_FAILED, 550, "5.1.1", "550 no", NULL, 0,
            "rfc822;a+2Bb@example.net" },
          1,
          0,
          "Original-Recipient: rfc822;a+b@example.net\nFinal-Recipient: utf-8;\\x{E9}@x.net\n"
          "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\nLast-Attempt-Date:\n" },
    };
    static const char block[] = "Reporting-MTA: dns; mail.example.org\n"
                                "Original-Envelope-Id: QQ+7\n"
                                "Arrival-Date:\n\n";

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const char *sentence = rows[i].sentence;
        struct message original;
        struct record r;
        struct notice n;
        struct buf got, want;
        struct status why = { 0 };

        begin_record(&r, "me@example.org", 2);
        add_path(&r, &rows[i].path);
        add_path(&r, &(struct path){ .address = "b@x.net", .state = PATH_DELIVERED });
        assert_int_equal(envelope_set_notices(&r.envelope, 0, DSN_RETURN_UNSET, "QQ+2B7", &why),
                         CODE_OK);
        r.tries = rows[i].tries;
        r.age = rows[i].age;
        make_original(&original, "Subject: x\n\ny\n");
        make(sentence, &r, &original, &n);
        check_field(sentence, n.parts[1], "Content-Type", "message/delivery-status");
        buf_init(&got, 65536);
        buf_init(&want, 65536);
        hide_dates(content_of(n.parts[1]), &got);
        buf_addf(&want, "%s%s", block, rows[i].want);
        check_text(sentence, buf_slice(&got), buf_slice(&want));
        buf_free(&got);
        buf_free(&want);
        free_notice(&n);
        message_free(&original);
        record_free(&r);
    }
}

/* Whatever a server says, the blocks of the report are those that are due. */
static void words_cannot_break_the_report(void **state)
{
    static const struct {
        const char *sentence, *said;
    } rows[] = {
        { "a field", "550 a\nAction: delivered" },
        { "a block", "550 a\r\n\r\nFinal-Recipient: rfc822;b@x.net\nAction: delivered" },
        { "a boundary", "550 a\n--=_\n--=_--\n" },
        { "a CR alone", "550 a\rAction: delivered\r" },
        { "line separators of Unicode", "550 a\302\205b\342\200\250c" },
        { "a terminal's commands", "550 \033]0;x\007\033[2J" },
        { "a dot", ".\n.\n" },
        { "nothing but line ends", "\n\n\n\n" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const char *sentence = rows[i].sentence;
        struct path path = refused;
        struct message original;
        struct record r;
        struct notice n;
        struct slice report, line;
        size_t blocks = 0, actions = 0;

        begin_record(&r, "me@example.org", 1);
        path.said = path.error = rows[i].said;
        path.original = "rfc822;+0AAction:+20delivered";
        add_path(&r, &path);
        make_original(&original, "Subject: x\n\ny\n");
        make(sentence, &r, &original, &n);
        report = content_of(n.parts[1]);
        while (slice_take_until(&report, "\n", &line)) {
            blocks += line.n == 0;
            actions += slice_starts_nocase(line, slice_of("Action:"));
            check(sentence, slice_is_ascii(line) && !memchr(line.p, '\033', line.n));
        }
        check(sentence, blocks == 1 && actions == 1);
        check(sentence, !memchr(n.text.p, '\033', n.text.n));
        free_notice(&n);
        message_free(&original);
        record_free(&r);
    }
}

/* A message whose body has so many bytes. */
static char *large(size_t size)
{
    static const char head[] = "Subject: x\n\n";
    char *text = malloc(sizeof head + size);

    assert_non_null(text);
    memcpy(text, head, sizeof head);
    for (size_t i = 0; i < size; i++)
        text[sizeof head - 1 + i] = i % 70 == 69 ? '\n' : 'a';
    text[sizeof head - 1 + size] = 0;
    return text;
}

static void original_is_given_back(void **state)
{
    static const struct {
        const char *sentence, *original; /* NULL: a large one */
        enum dsn_return dsn_return;
        const char *type, *encoding, *want;
        bool body_8bit;
    } rows[] = {
        { "the header, when nobody asks for more", "Subject: x\nTo: a@x\n\nsecret\n",
          DSN_RETURN_UNSET, "text/rfc822-headers", "7bit", "Subject: x\nTo: a@x\n", false },
        { "RET=HDRS", "Subject: x\n\nsecret\n", DSN_RETURN_HEADERS, "text/rfc822-headers", "7bit",
          "Subject: x\n", false },
        { "RET=FULL", "Subject: x\n\n.\nbody\n", DSN_RETURN_FULL, "message/rfc822", "7bit",
          "Subject: x\n\n.\nbody\n", false },
        { "RET=FULL and an 8-bit body", "Subject: x\n\n\303\251\n", DSN_RETURN_FULL,
          "message/rfc822", "8bit", "Subject: x\n\n\303\251\n", true },
        { "RET=FULL and an 8-bit header", "To: \303\251@x\n\ny\n", DSN_RETURN_FULL,
          "message/global", "8bit", "To: \303\251@x\n\ny\n", true },
        { "an 8-bit header alone", "To: \303\251@x\n\n\303\251\n", DSN_RETURN_UNSET,
          "message/global-headers", "quoted-printable", "To: =C3=A9@x\n", false },
        { "RET=FULL, and too big", NULL, DSN_RETURN_FULL, "text/rfc822-headers", "7bit",
          "Subject: x\n", false },
        { "an empty message", "", DSN_RETURN_FULL, "message/rfc822", "7bit", "\n", false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const char *sentence = rows[i].sentence;
        char *text =
            rows[i].original ? slice_dup(slice_of(rows[i].original)) : large(BOUNCE_ORIGINAL_MAX);
        struct message original;
        struct record r;
        struct notice n;

        assert_non_null(text);
        begin_record(&r, "me@example.org", 1);
        add_path(&r, &refused);
        r.envelope.dsn_return = rows[i].dsn_return;
        make_original(&original, text);
        make(sentence, &r, &original, &n);
        check_field(sentence, n.parts[2], "Content-Type", rows[i].type);
        check_field(sentence, n.parts[2], "Content-Transfer-Encoding", rows[i].encoding);
        check_text(sentence, content_of(n.parts[2]), slice_of(rows[i].want));
        check(sentence, n.m.body_8bit == rows[i].body_8bit && !n.m.header_8bit);
        check_field(sentence, buf_slice(&n.m.header), "Content-Transfer-Encoding",
                    rows[i].body_8bit ? "8bit" : "7bit");
        free_notice(&n);
        message_free(&original);
        record_free(&r);
        free(text);
    }
}

/* A header of nearly 1 MB is cut at a line's end, and quoted it takes no more than there is. */
static void large_header_is_cut(void **state)
{
    static const char *const lines[] = { "X: aaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                                         "X: \303\251\303\251\303\251\303\251\303\251\n" };

    (void)state;
    for (size_t i = 0; i < LENGTH(lines); i++) {
        struct message original;
        struct record r;
        struct notice n;
        struct slice given;

        message_init(&original);
        while (original.header.n < 1000 * 1000)
            buf_add_string(&original.header, lines[i]);
        original.header_8bit = i == 1;
        begin_record(&r, "me@example.org", 1);
        add_path(&r, &refused);
        make(lines[i], &r, &original, &n);
        given = content_of(n.parts[2]);
        check(lines[i], given.n > BOUNCE_ORIGINAL_MAX - 100 && given.n < 3 * BOUNCE_ORIGINAL_MAX);
        check(lines[i], given.p[given.n - 1] == '\n');
        free_notice(&n);
        message_free(&original);
        record_free(&r);
    }
}

static void text_tells_people(void **state)
{
    static const struct {
        const char *sentence, *want;
        bool expired, is_there;
    } rows[] = {
        { "the address", "    a@example.net\n", false, true },
        { "the server's words", "        550 5.1.1 no such user\n", false, true },
        { "how many got it", "The other recipients, 1 of them, got the message.", false, true },
        { "the number to ask for", " as ABCDEFGH2345,\n", false, true },
        { "what to do about a refusal", "look at the\naddress", false, true },
        { "no hope after a refusal", "send the message again", false, false },
        { "what to do after its time", "send the message again", true, true },
        { "no blame after its time", "look at the\naddress", true, false },
        { "nothing of those who got it", "b@example.net", false, false },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct path path = refused;
        struct message original;
        struct record r;
        struct notice n;

        if (rows[i].expired)
            path.reply = 450;
        begin_record(&r, "me@example.org", 2);
        add_path(&r, &path);
        add_path(&r, &(struct path){ .address = "b@example.net", .state = PATH_DELIVERED });
        make_original(&original, "Subject: x\n\ny\n");
        make(rows[i].sentence, &r, &original, &n);
        check(rows[i].sentence,
              slice_contains_nocase(n.parts[0], slice_of(rows[i].want)) == rows[i].is_there);
        free_notice(&n);
        message_free(&original);
        record_free(&r);
    }
}

/* Each is in the report; the text for people names the first hundred. */
static void many_recipients(void **state)
{
    enum {
        COUNT = 3000,
        NAMED = 100,
    };
    struct message original;
    struct slice rest, line;
    struct record r;
    struct notice n;
    size_t reported = 0, named = 0;

    (void)state;
    begin_record(&r, "me@example.org", COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) {
        char address[64];
        struct path path = refused;

        (void)snprintf(address, sizeof address, "user%zu@example.net", i);
        path.address = address;
        add_path(&r, &path);
    }
    add_path(&r, &(struct path){ .address = "never@example.net",
                                 .state = PATH_FAILED,
                                 .notify = DSN_NOTIFY_NEVER });
    make_original(&original, "Subject: x\n\ny\n");
    make("many", &r, &original, &n);
    for (rest = n.parts[1]; slice_take_until(&rest, "\n", &line);)
        reported += slice_starts_nocase(line, slice_of("Final-Recipient: rfc822;user"));
    for (rest = n.parts[0]; slice_take_until(&rest, "\n", &line);)
        named += slice_starts_nocase(line, slice_of("    user"));
    check("all are reported", reported == COUNT);
    check("a hundred are named", named == NAMED);
    check("the others are counted", slice_contains_nocase(n.parts[0], slice_of("and 2900 more")));
    check("NEVER is NEVER", !slice_contains_nocase(buf_slice(&n.text), slice_of("never@")));
    free_notice(&n);
    message_free(&original);
    record_free(&r);
}

static void nobody_to_tell(void **state)
{
    struct message original, m;
    struct envelope envelope = { 0 };
    struct status why = { 0 };
    struct record r;

    (void)state;
    begin_record(&r, "", 1);
    add_path(&r, &refused);
    make_original(&original, "Subject: x\n\ny\n");
    message_init(&m);
    assert_int_equal(bounce_make(&r, &original, &facts, &m, &envelope, &why), CODE_ADDRESS);
    envelope_free(&envelope);
    message_free(&m);
    message_free(&original);
    record_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_told),
        cmocka_unit_test(header_is_whole),
        cmocka_unit_test(report_says_what_happened),
        cmocka_unit_test(words_cannot_break_the_report),
        cmocka_unit_test(original_is_given_back),
        cmocka_unit_test(large_header_is_cut),
        cmocka_unit_test(text_tells_people),
        cmocka_unit_test(many_recipients),
        cmocka_unit_test(nobody_to_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
