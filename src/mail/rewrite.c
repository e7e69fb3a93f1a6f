#include "mail/rewrite.h"

#include "base/host.h"
#include "mail/address.h"
#include "mail/mime.h"

#include <string.h>

/* Bytes between two members of a list that a word cannot hold: RFC 5322 section 3.2.3. */
static const char list_specials[] = ",:;<>()\"";

/* The text of a quoted string, a comment or a phrase, without what the quoting added. */
static void add_unquoted(struct buf *out, struct slice quoted)
{
    for (size_t i = 0; i < quoted.n; i++) {
        if (quoted.p[i] == '\\' && i + 1 < quoted.n)
            i++;
        else if (quoted.p[i] == '"')
            continue;
        buf_add_char(out, quoted.p[i]);
    }
}

/* A name or comment as a display name; one that was a phrase already is kept as written. */
static void add_name(struct buf *out, struct slice written, bool is_phrase)
{
    struct buf plain;

    if (is_phrase && slice_is_ascii(written)) {
        buf_add_slice(out, written);
        return;
    }
    buf_init(&plain, written.n);
    add_unquoted(&plain, written);
    out->failed = out->failed || plain.failed;
    mime_add_display_name(out, buf_slice(&plain), mime_begin_word(out));
    buf_free(&plain);
}

/* A member of a list, and what becomes of it. */
struct member {
    struct address address; /* complete, if it can be */
    bool was_bare;          /* as it was written, or because its local host does not count */
    bool was_public;        /* complete, and at no local host */
    bool is_from;           /* it is the address that takes the place of others */
    bool is_replaced;
};

enum found {
    FOUND_END,
    FOUND_ADDRESS,
    FOUND_BROKEN, /* text that cannot be parsed */
};

/* Whether an address means the same elsewhere; a domain literal seldom does. */
static bool is_public(const struct address *a)
{
    struct slice domain = address_domain(a);

    return domain.n > 0 && domain.p[0] != '[' && !host_name_is_local(domain);
}

static bool is_from(const struct address *a, const struct rewrite *how)
{
    return how->from.n > 0 && address_equal(address_spec(a), how->from);
}

/* Adds the domain; a name that grows too long by that stays bare. */
static void complete(struct address *a, const struct rewrite *how)
{
    struct status ignored = { 0 };

    if (how->domain.n > 0)
        (void)!address_qualify(a, how->domain, &ignored);
}

static bool is_unwanted(const struct member *m, const struct rewrite *how)
{
    return address_is_bare(&m->address) || (m->was_bare && how->replaces_local) ||
           (how->keeps && !how->keeps(how->context, m->address.spec));
}

static void judge(struct member *m, const struct rewrite *how)
{
    struct address *a = &m->address;

    m->was_public = is_public(a);
    m->is_from = is_from(a, how);
    if (m->is_from)
        return;
    if (how->from.n > 0 && (how->domain.n > 0 || how->replaces_local))
        address_drop_local_domain(a);
    m->was_bare = address_is_bare(a);
    complete(a, how);
    m->is_from = is_from(a, how);
    m->is_replaced = how->from.n > 0 && !m->is_from && is_unwanted(m, how);
}

/* Takes the next member of a list. */
static enum found next_member(struct slice *rest, const struct rewrite *how, struct member *m)
{
    struct status ignored = { 0 };
    size_t before = rest->n;

    *m = (struct member){ .was_bare = false };
    if (address_next(rest, &m->address, &ignored))
        return rest->n < before ? FOUND_BROKEN : FOUND_END;
    if (m->address.length == 0)
        return FOUND_END;
    judge(m, how);
    return FOUND_ADDRESS;
}

/* Appends the display name that a member gets; false when there is none. */
static bool add_chosen_name(struct buf *out, const struct member *m, const struct rewrite *how,
                            bool comment_is_name)
{
    struct slice name = slice_trim(m->address.name);

    if (comment_is_name)
        add_name(out, slice_trim(m->address.comment), false);
    else if (name.n > 0)
        add_name(out, name, true);
    else if (m->was_bare && how->full_name.n > 0)
        mime_add_display_name(out, how->full_name, mime_begin_word(out));
    else if (m->is_replaced)
        add_name(out, address_local(&m->address), false);
    else
        return false;
    return true;
}

static void add_mailbox(struct buf *out, const struct member *m, const struct rewrite *how)
{
    struct slice comment = slice_trim(m->address.comment);
    bool comment_is_name =
        (m->was_bare || m->is_replaced) && comment.n > 0 && slice_trim(m->address.name).n == 0;
    bool named = add_chosen_name(out, m, how, comment_is_name);

    buf_add_string(out, named ? " <" : "");
    buf_add_slice(out, m->is_replaced ? how->from : address_spec(&m->address));
    buf_add_string(out, named ? ">" : "");
    if (comment.n > 0 && !comment_is_name) {
        buf_add_string(out, " (");
        mime_add_text(out, comment, "()");
        buf_add_char(out, ')');
    }
}

/* Whether a member has to be written anew. */
static bool needs_rewrite(const struct member *m)
{
    const struct address *a = &m->address;

    if (m->is_replaced || (m->was_bare && !address_is_bare(a)))
        return true;
    if (slice_is_ascii(a->source))
        return false;
    /* Only an address may stay beyond ASCII, and a comment before it is lost rather than kept. */
    return !a->utf8 || !slice_is_ascii(a->name) || !slice_is_ascii(a->comment) ||
           !slice_is_utf8(a->source);
}

static void add_member(struct buf *out, const struct member *m, const struct rewrite *how)
{
    if (needs_rewrite(m))
        add_mailbox(out, m, how);
    else
        buf_add_slice(out, slice_trim(m->address.source));
}

/* Writes the members, and what stands between them as it is: what is skipped is not lost. */
static void write_in_place(struct buf *out, struct slice list, const struct rewrite *how)
{
    struct slice rest = list;
    const char *copied = list.p;
    enum found found;
    struct member m;

    while (!out->failed && (found = next_member(&rest, how, &m)) != FOUND_END) {
        struct slice source = slice_trim(m.address.source);

        if (found == FOUND_BROKEN)
            continue;
        mime_add_text(out, (struct slice){ copied, (size_t)(source.p - copied) }, list_specials);
        add_member(out, &m, how);
        copied = source.p + source.n;
    }
    mime_add_text(out, (struct slice){ copied, (size_t)(list.p + list.n - copied) }, list_specials);
}

/* Writes the members alone, and only one of those that come out as the same address. */
static void write_anew(struct buf *out, struct slice list, const struct rewrite *how)
{
    bool has_from = false, is_first = true;
    enum found found;
    struct member m;

    while (!out->failed && (found = next_member(&list, how, &m)) != FOUND_END) {
        bool gives_from = m.is_from || m.is_replaced;

        if (found == FOUND_BROKEN || (gives_from && has_from))
            continue;
        buf_add_string(out, is_first ? " " : ", ");
        add_member(out, &m, how);
        has_from = has_from || gives_from;
        is_first = false;
    }
    if (is_first) {
        buf_add_char(out, ' ');
        buf_add_slice(out, how->from);
    }
}

void rewrite_addresses(struct buf *out, struct slice list, const struct rewrite *how)
{
    if (how->from.n > 0 && rewrite_judge(list, how).is_replaced)
        write_anew(out, list, how);
    else
        write_in_place(out, list, how);
}

struct rewritten rewrite_judge(struct slice list, const struct rewrite *how)
{
    size_t kept = 0, parsed = 0, broken = 0;
    struct rewritten what = { .is_sole = false };
    enum found found;
    struct member m;

    while ((found = next_member(&list, how, &m)) != FOUND_END) {
        if (found == FOUND_BROKEN) {
            broken++;
            continue;
        }
        parsed++;
        kept += !m.is_from && !m.is_replaced;
        what.is_replaced = what.is_replaced || m.is_replaced;
        what.loses_replies = what.loses_replies || (m.is_replaced && m.was_public);
    }
    if (broken > 0 && how->from.n > 0 && (how->keeps || (parsed == 0 && how->replaces_local)))
        what.is_replaced = true;
    what.is_sole = kept == 0 && (what.is_replaced || (parsed > 0 && broken == 0));
    return what;
}

void rewrite_replies(struct buf *out, struct slice list)
{
    static const struct rewrite as_they_are = { .context = NULL };
    bool is_first = true;
    enum found found;
    struct member m;

    while (!out->failed && (found = next_member(&list, &as_they_are, &m)) != FOUND_END) {
        if (found == FOUND_BROKEN || !m.was_public)
            continue;
        buf_add_string(out, is_first ? " " : ", ");
        add_member(out, &m, &as_they_are);
        is_first = false;
    }
}

bool rewrite_has_address(struct slice list)
{
    static const struct rewrite as_they_are = { .context = NULL };
    struct member m;

    return next_member(&list, &as_they_are, &m) != FOUND_END;
}

/* Takes what stands in quotes, with them; a missing closing quote ends with the value. */
static struct slice take_quoted(struct slice *value)
{
    struct slice quoted = { value->p, 1 };

    while (quoted.n < value->n && value->p[quoted.n] != '"')
        quoted.n += value->p[quoted.n] == '\\' && quoted.n + 1 < value->n ? 2 : 1;
    if (quoted.n < value->n)
        quoted.n++;
    *value = slice_part(*value, quoted.n, value->n);
    return quoted;
}

static struct slice take_token(struct slice *value)
{
    static const char ends[] = " \t\n;=\"()";
    struct slice token = { value->p, 0 };

    while (token.n < value->n && !memchr(ends, value->p[token.n], sizeof ends - 1))
        token.n++;
    if (token.n == 0)
        token.n = 1;
    *value = slice_part(*value, token.n, value->n);
    return token;
}

void rewrite_parameters(struct buf *out, struct slice value)
{
    while (value.n > 0 && !out->failed) {
        bool is_quoted = value.p[0] == '"';
        bool is_value = out->n > 0 && out->p[out->n - 1] == '=';
        struct slice piece = is_quoted ? take_quoted(&value) : take_token(&value);
        struct buf plain;

        if (slice_is_ascii(piece)) {
            buf_add_slice(out, piece);
            continue;
        }
        buf_init(&plain, piece.n);
        add_unquoted(&plain, piece);
        out->failed = out->failed || plain.failed;
        if (is_quoted || is_value)
            buf_add_char(out, '"');
        mime_add_encoded_words(out, buf_slice(&plain), 1);
        if (is_quoted || is_value)
            buf_add_char(out, '"');
        buf_free(&plain);
    }
}
