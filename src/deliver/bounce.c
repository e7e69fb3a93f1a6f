/*
 * A notification is written in pieces into the reader that messages from outside go through, so
 * that the message knows of itself what it must, and 50,000 recipients need little memory.
 *
 *     multipart/report
 *         text/plain                 for people
 *         message/delivery-status    for programs: a block for the message, one for each recipient
 *         the original, or its header
 */
#include "deliver/bounce.h"

#include "deliver/bounce_field.h"
#include "deliver/retry.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/wire.h"

enum {
    PIECE_MAX = 1024 * 1024, /* the largest piece: a text of TOLD_MAX recipients, quoted */
    TOLD_MAX = 100,          /* recipients that the text for people names */
    SUBJECT_MAX = 200,
    ID_MAX = 900,
    BOUNDARY_ROOM = 2 * STAMP_ID_LENGTH + 8,
};

/* What is returned of the original. */
struct returned {
    const char *type;
    bool whole;
    bool quoted; /* a header beyond ASCII, so that the notification is not */
    bool is_8bit;
};

struct bounce {
    const struct record *record;
    const struct message *original;
    const struct bounce_facts *facts;
    struct message_reader *reader;
    struct returned returned;
    struct buf piece, text;
    char boundary[BOUNDARY_ROOM];
};

static bool is_told_of(const struct record *r, size_t index)
{
    const struct envelope *e = &r->envelope;
    unsigned notify = e->options ? e->options[index].notify : DSN_NOTIFY_UNSET;

    if (notify == DSN_NOTIFY_UNSET)
        notify = e->notify;
    return r->paths[index].state == PATH_FAILED &&
           (notify == DSN_NOTIFY_UNSET || (notify & DSN_NOTIFY_FAILURE));
}

/* The address that a notification goes to. */
static bool find_sender(const struct record *r, struct address *out)
{
    struct status ignored = { 0 };
    const char *path = r->envelope.reverse_path;

    return path && address_parse(slice_of(path), out, &ignored) == CODE_OK && out->length > 0 &&
           !address_is_bare(out);
}

bool bounce_is_wanted(const struct record *r)
{
    struct address sender;

    if (r->told || !find_sender(r, &sender))
        return false;
    for (size_t i = 0; i < r->envelope.forward_count; i++)
        if (is_told_of(r, i))
            return true;
    return false;
}

/* Whether time ran out for a forward-path, and nobody refused it for good. */
static bool has_expired(const struct bounce *b, const struct path_record *path)
{
    if (path->reply >= 400)
        return path->reply < 500;
    return b->facts->lifetime > 0 && retry_is_over(b->record, b->facts->lifetime);
}

static enum code flush(struct bounce *b, struct status *why)
{
    enum code code;

    if (b->piece.failed || b->text.failed)
        return status_set(why, CODE_MEMORY, STAGE_QUEUE, "no memory for a notification");
    code = message_read_add(b->reader, b->piece.p, b->piece.n, why);
    buf_clear(&b->piece);
    return code;
}

/* Appends printable words, on the line under way. */
static void add_shown(struct buf *out, const char *words)
{
    size_t start = out->n;

    buf_add_string(out, words);
    if (!out->failed && out->n > start)
        text_make_printable(out->p + start, out->n - start);
}

/* As many words of the subject as are short enough together; an encoded word is one. */
static void add_subject(struct bounce *b)
{
    struct slice value = { 0 }, word;
    struct field field;

    buf_clear(&b->text);
    buf_add_string(&b->text, "Undelivered mail:");
    if (header_find(buf_slice(&b->original->header), "Subject", &field))
        value = field.value;
    while (slice_take_until(&value, " \t\n", &word)) {
        struct slice part = slice_part(word, 0, SUBJECT_MAX);

        while (part.n < word.n && part.n > 0 && ((unsigned char)word.p[part.n] & 0xc0) == 0x80)
            part.n--;
        if (part.n == 0)
            continue;
        if (b->text.n + part.n > SUBJECT_MAX + sizeof "Undelivered mail:") {
            buf_add_string(&b->text, " ...");
            break;
        }
        buf_add_char(&b->text, ' ');
        buf_add_slice(&b->text, part);
    }
    bounce_field(&b->piece, "Subject", NULL, buf_slice(&b->text));
}

static bool is_message_id(struct slice id)
{
    if (id.n < 3 || id.n > ID_MAX || id.p[0] != '<' || id.p[id.n - 1] != '>')
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= ' ' || id.p[i] > '~')
            return false;
    return true;
}

/* RFC 3834 section 3.1.5: so that it is shown next to its original. */
static void add_reference(struct bounce *b)
{
    struct field field;
    struct slice id;

    if (!header_find(buf_slice(&b->original->header), "Message-ID", &field))
        return;
    id = slice_trim(field.value);
    if (is_message_id(id))
        buf_addf(&b->piece, "In-Reply-To: %.*s\nReferences: %.*s\n", (int)id.n, id.p, (int)id.n,
                 id.p);
}

static void add_message_id(struct bounce *b)
{
    struct slice from = slice_of(b->facts->from), domain;

    domain = slice_part(from, slice_find(from, '@') + 1, from.n);
    if (domain.n == 0 || !slice_is_ascii(domain))
        domain = slice_of(b->facts->host);
    buf_add_string(&b->piece, "Message-ID: ");
    stamp_add_message_id(&b->piece, b->facts->now, domain);
    buf_add_char(&b->piece, '\n');
}

static void add_header(struct bounce *b, const struct address *to)
{
    struct buf *out = &b->piece;

    bounce_field_date(out, "Date", b->facts->now);
    buf_add_string(out, "From: Mail Delivery System <");
    add_shown(out, b->facts->from);
    buf_addf(out, ">\nTo: %s\n", to->spec);
    add_subject(b);
    add_message_id(b);
    add_reference(b);
    buf_addf(out,
             "Auto-Submitted: auto-replied\n"
             "MIME-Version: 1.0\n"
             "Content-Type: multipart/report; report-type=delivery-status;\n"
             " boundary=\"%s\"\n"
             "Content-Transfer-Encoding: %s\n\n",
             b->boundary, b->returned.is_8bit ? "8bit" : "7bit");
}

static void begin_part(struct bounce *b, const char *type, const char *encoding,
                       const char *description)
{
    buf_addf(&b->piece,
             "--%s\nContent-Type: %s\nContent-Transfer-Encoding: %s\nContent-Description: %s\n\n",
             b->boundary, type, encoding, description);
}

static void tell_path(struct bounce *b, size_t index)
{
    const struct path_record *path = &b->record->paths[index];
    const char *words = path->said && path->said[0] != 0 ? path->said : path->error;

    buf_add_string(&b->text, "    ");
    add_shown(&b->text, b->record->envelope.forward_paths[index]);
    buf_add_string(&b->text, "\n        ");
    add_shown(&b->text, words && words[0] != 0 ? words : "no reason is known");
    buf_add_string(&b->text, "\n\n");
}

static void tell_times(struct bounce *b)
{
    const struct record *r = b->record;

    buf_addf(&b->text,
             "This is the mail system of %s.\n\n"
             "A message of yours could not be delivered, and is not tried any more.\n"
             "It was taken on ",
             b->facts->host);
    stamp_add_date(&b->text, (time_t)r->arrived);
    buf_addf(&b->text, " as %s,\nand tried %u time%s", r->id, r->tries, r->tries == 1 ? "" : "s");
    if (r->last_try > 0) {
        buf_add_string(&b->text, ", at last on ");
        stamp_add_date(&b->text, (time_t)r->last_try);
    }
    buf_add_string(&b->text, ".\n\n");
}

static void tell_advice(struct bounce *b, bool any_expired, bool any_refused)
{
    size_t delivered = record_count(b->record, PATH_DELIVERED);

    if (delivered > 0)
        buf_addf(&b->text, "The other recipients, %zu of them, got the message.\n\n", delivered);
    if (any_refused)
        buf_add_string(&b->text, "What was refused for good will be refused again: look at the\n"
                                 "address and at the reason, then send the message once more.\n");
    if (any_expired)
        buf_add_string(&b->text, "What ran out of time may work later: send the message again, or\n"
                                 "show the reason to those who look after this mail system.\n");
    buf_addf(&b->text, "\nThe %s below.\n",
             b->returned.whole ? "message is" : "header of the message is");
}

/* Part one: words for people. */
static void tell(struct bounce *b)
{
    const struct record *r = b->record;
    bool any_expired = false, any_refused = false;
    size_t count = 0;

    buf_clear(&b->text);
    tell_times(b);
    buf_add_string(&b->text, "These did not get it, for the reason given:\n\n");
    for (size_t i = 0; i < r->envelope.forward_count; i++) {
        if (!is_told_of(r, i))
            continue;
        if (has_expired(b, &r->paths[i]))
            any_expired = true;
        else
            any_refused = true;
        if (count++ < TOLD_MAX)
            tell_path(b, i);
    }
    if (count > TOLD_MAX)
        buf_addf(&b->text, "    and %zu more, which the report names\n\n", count - TOLD_MAX);
    tell_advice(b, any_expired, any_refused);
    begin_part(b, "text/plain; charset=utf-8", "quoted-printable", "Notification");
    bounce_quote(&b->piece, buf_slice(&b->text));
}

/* RFC 3463; for one that expired as Sendmail has it, but that the server's own word is kept. */
static const char *status_of(const struct bounce *b, const struct path_record *path)
{
    if (path->enhanced[0] != 0)
        return path->enhanced;
    return has_expired(b, path) ? "4.4.7" : "5.0.0";
}

/* When a forward-path was tried last is known if it was in every try, or in the only one. */
static bool was_in_last_try(const struct bounce *b, const struct path_record *path)
{
    return b->record->last_try > 0 && (b->record->tries == 1 || has_expired(b, path));
}

static void report_path(struct bounce *b, size_t index)
{
    const struct envelope *e = &b->record->envelope;
    const struct path_record *path = &b->record->paths[index];
    const char *original = e->options ? e->options[index].original : NULL;
    struct buf *out = &b->piece;

    buf_add_char(out, '\n');
    if (original && original[0] != 0)
        bounce_field_xtext(out, "Original-Recipient", slice_of(original));
    bounce_field_address(out, "Final-Recipient", slice_of(e->forward_paths[index]));
    buf_add_string(out, "Action: failed\n");
    bounce_field(out, "Status", NULL, slice_of(status_of(b, path)));
    if (path->reply != 0 && path->said && path->said[0] != 0)
        bounce_field(out, "Diagnostic-Code", "smtp", slice_of(path->said));
    else if (path->error && path->error[0] != 0)
        bounce_field(out, "Diagnostic-Code", "X-Orsino", slice_of(path->error));
    if (was_in_last_try(b, path))
        bounce_field_date(out, "Last-Attempt-Date", (time_t)b->record->last_try);
}

/* Part two: words for programs. */
static enum code report(struct bounce *b, struct status *why)
{
    const struct record *r = b->record;

    buf_add_char(&b->piece, '\n');
    begin_part(b, "message/delivery-status", "7bit", "Delivery report");
    bounce_field(&b->piece, "Reporting-MTA", "dns", slice_of(b->facts->host));
    if (r->envelope.envelope_id)
        bounce_field_xtext(&b->piece, "Original-Envelope-Id", slice_of(r->envelope.envelope_id));
    bounce_field_date(&b->piece, "Arrival-Date", (time_t)r->arrived);
    for (size_t i = 0; i < r->envelope.forward_count; i++) {
        if (!is_told_of(r, i))
            continue;
        report_path(b, i);
        if (flush(b, why))
            return why->code;
    }
    return CODE_OK;
}

static enum code return_whole(struct bounce *b, struct status *why)
{
    struct wire w;
    char chunk[4096];
    size_t got;

    if (flush(b, why))
        return why->code;
    wire_begin(&w, b->original, WIRE_PLAIN);
    do {
        if (wire_next(&w, chunk, sizeof chunk, &got, why) ||
            message_read_add(b->reader, chunk, got, why))
            return why->code;
    } while (got > 0);
    return CODE_OK;
}

/* The header, up to the end of a line when it is too big. */
static void return_header(struct bounce *b)
{
    struct slice header = buf_slice(&b->original->header);

    if (header.n > BOUNCE_ORIGINAL_MAX) {
        header.n = BOUNCE_ORIGINAL_MAX;
        while (header.n > 0 && header.p[header.n - 1] != '\n')
            header.n--;
    }
    if (b->returned.quoted)
        bounce_quote(&b->piece, header);
    else
        buf_add_slice(&b->piece, header);
}

/* Part three, and the end. */
static enum code give_back(struct bounce *b, struct status *why)
{
    const struct returned *returned = &b->returned;

    buf_add_char(&b->piece, '\n');
    begin_part(b, returned->type,
               returned->is_8bit  ? "8bit"
               : returned->quoted ? "quoted-printable"
                                  : "7bit",
               returned->whole ? "Undelivered message" : "Header of the undelivered message");
    if (!returned->whole)
        return_header(b);
    else if (return_whole(b, why))
        return why->code;
    buf_addf(&b->piece, "\n--%s--\n", b->boundary);
    return flush(b, why);
}

/* A header beyond ASCII has types of its own: RFC 6533 section 6. */
static enum code plan_return(struct bounce *b, struct status *why)
{
    const struct message *m = b->original;
    struct returned *out = &b->returned;
    uint64_t size = 0;

    if (b->record->envelope.dsn_return == DSN_RETURN_FULL && wire_size(m, &size, why))
        return why->code;
    out->whole = size > 0 && size <= BOUNCE_ORIGINAL_MAX;
    if (out->whole) {
        out->type = m->header_8bit ? "message/global" : "message/rfc822";
        out->is_8bit = m->header_8bit || (m->body_8bit && m->encoding != ENCODING_QUOTED_PRINTABLE);
    } else {
        out->type = m->header_8bit ? "message/global-headers" : "text/rfc822-headers";
        out->quoted = m->header_8bit;
    }
    return CODE_OK;
}

/* Random, so that no original can be written to hold it; and "=_" is in no quoted-printable. */
static void choose_boundary(struct bounce *b)
{
    struct buf out;

    buf_over(&out, b->boundary, sizeof b->boundary - 1);
    buf_add_string(&out, "=_");
    stamp_add_id(&out);
    stamp_add_id(&out);
    b->boundary[out.n] = 0;
}

static enum code write_all(struct bounce *b, const struct address *to, struct status *why)
{
    choose_boundary(b);
    if (plan_return(b, why))
        return why->code;
    add_header(b, to);
    tell(b);
    if (flush(b, why) || report(b, why))
        return why->code;
    return give_back(b, why);
}

static enum code write_message(struct bounce *b, const struct address *to, struct message *m,
                               struct status *why)
{
    const struct message_limits limits = { .max_size = UINT64_MAX, .dots = DOTS_ARE_DATA };

    buf_init(&b->piece, PIECE_MAX);
    buf_init(&b->text, PIECE_MAX);
    if (message_read_begin(m, &limits, &b->reader, why) == CODE_OK)
        (void)write_all(b, to, why);
    buf_free(&b->piece);
    buf_free(&b->text);
    return message_read_end(b->reader, why);
}

enum code bounce_make(const struct record *r, const struct message *original,
                      const struct bounce_facts *facts, struct message *m,
                      struct envelope *envelope, struct status *why)
{
    struct bounce b = { .record = r, .original = original, .facts = facts };
    const struct address null_path = { .length = 0 };
    struct address to;

    if (!find_sender(r, &to))
        return status_set(why, CODE_ADDRESS, STAGE_QUEUE, "nobody can be told of the failure");
    /* There is no notification of a notification. */
    if (envelope_set_sender(envelope, &null_path, why) ||
        envelope_add(envelope, &to, slice_of(""), why) ||
        envelope_set_notices(envelope, DSN_NOTIFY_NEVER, DSN_RETURN_UNSET, NULL, why))
        return why->code;
    return write_message(&b, &to, m, why);
}
