#include "mail/repair.h"

#include "mail/fold.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/rewrite.h"
#include "mail/stamp.h"

/* What is done with a field's value. */
enum treatment {
    TREAT_TEXT,
    TREAT_ADDRESSES,
    TREAT_PARAMETERS,
    TREAT_ENCODING, /* the label of the body */
    TREAT_DROP,
};

enum {
    ONCE = 1,        /* RFC 5322 section 3.6: one field of that name */
    JOINED = 2,      /* several become one */
    NEEDS_VALUE = 4, /* says nothing when it is blank, and is dropped */
    ORIGIN = 8,      /* of the sender's side: providers check whose address it is */
};

/* The rows that are asked for by name; the others follow. */
enum {
    RULE_FROM,
    RULE_DATE,
    RULE_MESSAGE_ID,
    RULE_ENCODING,
    RULE_SENDER,
    RULE_REPLY_TO,
    RULE_ORIGINAL_FROM,
};

/* THE table of fields that are more than text. */
static const struct rule {
    const char *name;
    enum treatment treatment;
    unsigned flags;
} rules[] = {
    [RULE_FROM] = { "From", TREAT_ADDRESSES, ONCE | NEEDS_VALUE | ORIGIN },
    [RULE_DATE] = { "Date", TREAT_TEXT, ONCE | NEEDS_VALUE },
    [RULE_MESSAGE_ID] = { "Message-ID", TREAT_TEXT, ONCE | NEEDS_VALUE },
    [RULE_ENCODING] = { "Content-Transfer-Encoding", TREAT_ENCODING, ONCE | NEEDS_VALUE },
    [RULE_SENDER] = { "Sender", TREAT_ADDRESSES, ONCE | NEEDS_VALUE | ORIGIN },
    [RULE_REPLY_TO] = { "Reply-To", TREAT_ADDRESSES, ONCE | NEEDS_VALUE },
    [RULE_ORIGINAL_FROM] = { "X-Original-From", TREAT_TEXT, 0 },
    { "To", TREAT_ADDRESSES, ONCE | JOINED | NEEDS_VALUE },
    { "Cc", TREAT_ADDRESSES, ONCE | JOINED | NEEDS_VALUE },
    { "Subject", TREAT_TEXT, ONCE },
    { "In-Reply-To", TREAT_TEXT, ONCE | NEEDS_VALUE },
    { "References", TREAT_TEXT, ONCE | NEEDS_VALUE },
    { "MIME-Version", TREAT_TEXT, ONCE | NEEDS_VALUE },
    { "Content-Type", TREAT_PARAMETERS, ONCE | NEEDS_VALUE },
    { "Content-Disposition", TREAT_PARAMETERS, 0 },
    { "Resent-From", TREAT_ADDRESSES, ORIGIN },
    { "Resent-Sender", TREAT_ADDRESSES, ORIGIN },
    { "Resent-To", TREAT_ADDRESSES, 0 },
    { "Resent-Cc", TREAT_ADDRESSES, 0 },
    { "Resent-Reply-To", TREAT_ADDRESSES, 0 },
    { "Errors-To", TREAT_ADDRESSES, 0 },
    { "Disposition-Notification-To", TREAT_ADDRESSES, 0 },
    { "Return-Receipt-To", TREAT_ADDRESSES, 0 },
    { "Bcc", TREAT_DROP, 0 },
    { "Resent-Bcc", TREAT_DROP, 0 },
    { "Return-Path", TREAT_DROP, 0 },
    { "Content-Length", TREAT_DROP, 0 },
};

enum {
    RULES = sizeof rules / sizeof *rules,
};

struct repair {
    const struct repair_policy *policy;
    struct slice block;
    const char *label;        /* the transfer encoding to write; NULL keeps what there is */
    size_t with_value[RULES]; /* fields in the block that say something */
    bool written[RULES];
    struct rewritten from; /* what becomes of From */
    struct buf out, field, joined;
};

static size_t rule_of(struct slice name)
{
    size_t i = 0;

    while (i < RULES && !slice_equal_nocase(name, slice_of(rules[i].name)))
        i++;
    return i;
}

/* Control characters are no value: they become spaces. */
static bool is_blank(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != ' ' && !is_control(value.p[i]))
            return false;
    return true;
}

static bool has_value(size_t rule, struct slice value)
{
    return !is_blank(value) && (rule != RULE_FROM || rewrite_has_address(value));
}

/* What becomes of the addresses of a field. */
static struct rewrite rewrite_of(const struct repair *r, size_t rule)
{
    const struct repair_policy *policy = r->policy;
    struct rewrite how = { .domain = slice_of(policy->domain) };

    if (rules[rule].flags & ORIGIN) {
        how.from = slice_of(policy->from);
        how.replaces_local = policy->replaces_local;
        how.keeps = policy->keeps_from;
        how.context = policy->context;
    }
    if (rule == RULE_FROM)
        how.full_name = slice_of(policy->full_name);
    return how;
}

static struct rewritten judge(const struct repair *r, size_t rule, struct slice value)
{
    struct rewrite how = rewrite_of(r, rule);

    return rewrite_judge(value, &how);
}

/* Learns from the whole block what must be known at its first field. */
static void survey(struct repair *r)
{
    struct slice rest = r->block;
    struct field field;

    r->from.is_sole = true; /* of one that has to be made */
    while (header_next(&rest, &field)) {
        size_t rule = rule_of(field.name);

        if (rule == RULES || !has_value(rule, field.value))
            continue;
        if (rule == RULE_FROM && r->with_value[RULE_FROM] == 0)
            r->from = judge(r, RULE_FROM, field.value);
        r->with_value[rule]++;
    }
}

/* All values of a field that may occur once, as one list. */
static struct slice join(struct repair *r, size_t rule)
{
    struct slice rest = r->block;
    struct field field;

    buf_clear(&r->joined);
    while (header_next(&rest, &field)) {
        struct slice value = slice_trim(field.value);

        if (rule_of(field.name) != rule || is_blank(value))
            continue;
        while (value.n > 0 && value.p[value.n - 1] == ',')
            value = slice_trim(slice_part(value, 0, value.n - 1));
        buf_add_string(&r->joined, r->joined.n > 0 ? ",\n " : " ");
        buf_add_slice(&r->joined, value);
    }
    return buf_slice(&r->joined);
}

static void add_value(struct repair *r, size_t rule, struct slice value)
{
    struct rewrite how;

    switch (rule < RULES ? rules[rule].treatment : TREAT_TEXT) {
    case TREAT_ADDRESSES:
        how = rewrite_of(r, rule);
        rewrite_addresses(&r->field, value, &how);
        return;
    case TREAT_PARAMETERS:
        rewrite_parameters(&r->field, value);
        return;
    case TREAT_ENCODING:
        if (r->label) {
            buf_addf(&r->field, " %s", r->label);
            return;
        }
        break;
    case TREAT_TEXT:
    case TREAT_DROP:
        break;
    }
    mime_add_text(&r->field, value, "");
}

/* Hands the field that is ready over to the new block. */
static void finish_field(struct repair *r, bool is_list)
{
    buf_add_char(&r->field, '\n');
    fold_clean(&r->field);
    fold_add(&r->out, buf_slice(&r->field), is_list);
    r->out.failed = r->out.failed || r->field.failed || r->joined.failed;
}

static void begin_field(struct repair *r, struct slice name)
{
    buf_clear(&r->field);
    buf_add_slice(&r->field, name);
    buf_add_char(&r->field, ':');
}

/* Whether a field has no place in the new block. */
static bool is_unwanted(const struct repair *r, size_t rule, struct slice value)
{
    unsigned flags = rule < RULES ? rules[rule].flags : 0;

    if (rule < RULES && rules[rule].treatment == TREAT_DROP)
        return true;
    if (!(flags & ONCE))
        return false;
    if (!has_value(rule, value) && ((flags & NEEDS_VALUE) || r->with_value[rule] > 0))
        return true;
    return r->written[rule];
}

/* RFC 5322 section 3.6.2: without another author than the sender there is no Sender. */
static bool says_from_again(const struct repair *r, struct slice value)
{
    return r->from.is_sole && judge(r, RULE_SENDER, value).is_replaced;
}

/* Keeps what a From said that was replaced, and lets answers go where they went. */
static void keep_author(struct repair *r, struct slice value)
{
    if (r->from.is_replaced && r->with_value[RULE_ORIGINAL_FROM] == 0) {
        begin_field(r, slice_of(rules[RULE_ORIGINAL_FROM].name));
        buf_add_char(&r->field, ' ');
        mime_add_text(&r->field, slice_trim(value), "");
        finish_field(r, false);
    }
    if (r->from.loses_replies && r->with_value[RULE_REPLY_TO] == 0) {
        begin_field(r, slice_of(rules[RULE_REPLY_TO].name));
        rewrite_replies(&r->field, value);
        finish_field(r, true);
    }
}

static void repair_field(struct repair *r, const struct field *field)
{
    size_t rule = rule_of(field->name);
    struct slice value = field->value;

    if (field->name.n > FOLD_NAME_MAX || is_unwanted(r, rule, value))
        return;
    if (rule < RULES && (rules[rule].flags & JOINED) && r->with_value[rule] > 1)
        value = join(r, rule);
    if (rule < RULES)
        r->written[rule] = true;
    if (rule == RULE_SENDER && says_from_again(r, value))
        return;
    begin_field(r, field->name);
    add_value(r, rule, value);
    finish_field(r, rule < RULES && rules[rule].treatment == TREAT_ADDRESSES);
    if (rule == RULE_FROM)
        keep_author(r, value);
}

/* Plans how the body goes out, and how its label has to read. */
static enum encoding plan_body(struct repair *r, const struct message *m,
                               const struct mime_kind *kind)
{
    bool fits = m->longest_line <= MESSAGE_LINE_MAX && !m->body_nul;
    bool binary = slice_equal_nocase(kind->encoding, slice_of("binary"));
    bool labelled = binary || slice_equal_nocase(kind->encoding, slice_of("8bit"));

    if (kind->is_signed || !kind->identity)
        return ENCODING_AS_IS;
    if (!fits && kind->is_text) {
        r->label = "quoted-printable";
        return ENCODING_QUOTED_PRINTABLE;
    }
    if (binary && fits)
        r->label = m->body_8bit ? "8bit" : "7bit";
    else if (m->body_8bit && !labelled && !kind->is_composite)
        r->label = "8bit";
    return ENCODING_AS_IS;
}

/* Appends the MIME fields that a text body lacks; its label only when that is to be written. */
static void add_mime_fields(struct buf *out, const struct message *m, const struct mime_kind *kind,
                            const char *label)
{
    const char *charset = !m->body_8bit ? "us-ascii" : m->body_utf8 ? "utf-8" : "unknown-8bit";

    if (!kind->has_version)
        buf_add_string(out, "MIME-Version: 1.0\n");
    if (!kind->has_type)
        buf_addf(out, "Content-Type: text/plain; charset=%s\n", charset);
    if (!kind->has_encoding && label)
        buf_addf(out, "Content-Transfer-Encoding: %s\n", label);
}

/* RFC 5321 section 4.4: in front of all that is there. */
static void add_trace(struct repair *r)
{
    if (!r->policy->received)
        return;
    begin_field(r, slice_of("Received"));
    buf_addf(&r->field, " %s", r->policy->received);
    finish_field(r, false);
}

static void add_from(struct repair *r)
{
    struct slice name = slice_of(r->policy->full_name);
    bool named = !is_blank(name);

    begin_field(r, slice_of("From"));
    buf_add_char(&r->field, ' ');
    if (named)
        mime_add_display_name(&r->field, name, mime_begin_word(&r->field));
    buf_addf(&r->field, named ? " <%s>" : "%s", r->policy->from);
    finish_field(r, true);
}

static void add_missing(struct repair *r)
{
    if (!r->written[RULE_DATE]) {
        begin_field(r, slice_of("Date"));
        buf_add_char(&r->field, ' ');
        stamp_add_date(&r->field, r->policy->now);
        finish_field(r, false);
    }
    if (!r->written[RULE_FROM])
        add_from(r);
    if (!r->written[RULE_MESSAGE_ID]) {
        begin_field(r, slice_of("Message-ID"));
        buf_add_char(&r->field, ' ');
        stamp_add_message_id(&r->field, r->policy->now, slice_of(r->policy->id_domain));
        finish_field(r, false);
    }
}

/* What is appended comes in pieces of a few lines at most, so a full buf is nearly full. */
static bool is_full(const struct buf *b)
{
    return b->failed && b->max - b->n <= 4 * (size_t)MESSAGE_LINE_MAX;
}

static enum code explain(const struct repair *r, struct status *why)
{
    if (is_full(&r->out) || is_full(&r->field))
        return status_set(why, CODE_MESSAGE, STAGE_INPUT, "the header is too big");
    return status_set(why, CODE_MEMORY, STAGE_INPUT, "no memory for the header");
}

static void build(struct repair *r, const struct message *m, const struct mime_kind *kind)
{
    bool undeclared = m->body_8bit && !kind->is_signed && kind->identity && !kind->has_type;
    struct slice rest = r->block;
    struct field field;

    survey(r);
    add_trace(r);
    while (!r->out.failed && header_next(&rest, &field))
        repair_field(r, &field);
    if (r->out.failed)
        return;
    add_missing(r);
    if (r->label || undeclared)
        add_mime_fields(&r->out, m, kind, r->label);
}

enum code message_repair(struct message *m, const struct repair_policy *policy, struct status *why)
{
    struct repair r = { .policy = policy, .block = buf_slice(&m->header) };
    struct mime_kind kind = mime_kind_of(r.block);
    enum encoding encoding = plan_body(&r, m, &kind);
    enum code code = CODE_OK;

    buf_init(&r.out, 2 * (size_t)MESSAGE_HEADER_MAX);
    buf_init(&r.field, 4 * (size_t)MESSAGE_HEADER_MAX);
    buf_init(&r.joined, 4 * (size_t)MESSAGE_HEADER_MAX);
    build(&r, m, &kind);
    if (r.out.failed) {
        code = explain(&r, why);
        buf_free(&r.out);
    } else {
        buf_free(&m->header);
        m->header = r.out;
        m->header_8bit = !slice_is_ascii(buf_slice(&m->header));
        m->encoding = encoding;
    }
    buf_free(&r.field);
    buf_free(&r.joined);
    return code;
}

/* Writes the block with a label that says quoted-printable. */
static void relabel(struct buf *out, const struct message *m, struct mime_kind kind)
{
    struct slice rest = buf_slice(&m->header);
    struct field field;

    while (header_next(&rest, &field))
        if (rule_of(field.name) != RULE_ENCODING)
            buf_add_slice(out, field.whole);
    kind.has_encoding = false;
    add_mime_fields(out, m, &kind, "quoted-printable");
}

enum code message_make_7bit(struct message *m, struct status *why)
{
    struct mime_kind kind = mime_kind_of(buf_slice(&m->header));
    struct buf header;

    if (!m->body_8bit || m->encoding == ENCODING_QUOTED_PRINTABLE)
        return CODE_OK;
    if (!kind.is_text || !kind.identity || kind.is_signed)
        return status_set(
            why, CODE_NO_8BITMIME, STAGE_MAIL,
            "the message has 8-bit bytes that cannot be encoded, and the server takes "
            "none (no 8BITMIME)");
    buf_init(&header, m->header.max);
    relabel(&header, m, kind);
    if (header.failed) {
        buf_free(&header);
        return status_set(why, CODE_MEMORY, STAGE_MAIL, "no memory for the header");
    }
    buf_free(&m->header);
    m->header = header;
    m->encoding = ENCODING_QUOTED_PRINTABLE;
    return CODE_OK;
}
