#include "mail/rewrite.h"

#include "mail/address.h"
#include "mail/mime.h"

#include <string.h>

/* Bytes between two members of a list that a word cannot hold: RFC 5322 section 3.2.3. */
static const char list_specials[] = ",:;<>()\"";

static bool is_bare(const struct address *a)
{
    return a->at == a->length;
}

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

/* The address that stands for a: itself, qualified, or the account's own. */
static struct slice spec_for(struct address *a, const struct rewrite *how)
{
    struct status ignored = { 0 };

    if (is_bare(a) && how->domain.n == 0 && how->fallback.n > 0)
        return how->fallback;
    /* One that grows too long stays bare. */
    if (is_bare(a) && how->domain.n > 0)
        (void)!address_qualify(a, how->domain, &ignored);
    return (struct slice){ a->spec, a->length };
}

static void add_mailbox(struct buf *out, struct address *a, const struct rewrite *how)
{
    bool bare = is_bare(a);
    struct slice name = slice_trim(a->name);
    struct slice comment = slice_trim(a->comment);
    bool comment_is_name = bare && name.n == 0 && comment.n > 0;
    struct slice spec = spec_for(a, how);

    if (comment_is_name)
        add_name(out, comment, false);
    else if (name.n > 0)
        add_name(out, name, true);
    else if (bare && how->full_name.n > 0)
        mime_add_display_name(out, how->full_name, mime_begin_word(out));
    if (name.n > 0 || comment_is_name || (bare && how->full_name.n > 0)) {
        buf_add_string(out, " <");
        buf_add_slice(out, spec);
        buf_add_char(out, '>');
    } else {
        buf_add_slice(out, spec);
    }
    if (comment.n > 0 && !comment_is_name) {
        buf_add_string(out, " (");
        mime_add_text(out, comment, "()");
        buf_add_char(out, ')');
    }
}

/* Whether a member has to be written anew. */
static bool needs_rewrite(const struct address *a, const struct rewrite *how)
{
    if (is_bare(a) && (how->domain.n > 0 || how->fallback.n > 0))
        return true;
    if (slice_is_ascii(a->source))
        return false;
    /* Only an address may stay beyond ASCII, and a comment before it is lost rather than kept. */
    return !a->utf8 || !slice_is_ascii(a->name) || !slice_is_ascii(a->comment) ||
           !slice_is_utf8(a->source);
}

/* Takes the next member that can be parsed; false at the end. What is skipped is not lost: it is
 * copied with what stands between the members. */
static bool next_member(struct slice *rest, struct address *a)
{
    while (rest->n > 0) {
        struct status ignored = { 0 };
        size_t before = rest->n;

        if (address_next(rest, a, &ignored) == CODE_OK && a->length > 0)
            return true;
        if (rest->n == before)
            return false;
    }
    return false;
}

void rewrite_addresses(struct buf *out, struct slice list, const struct rewrite *how)
{
    struct slice rest = list;
    const char *copied = list.p;
    struct address a;

    while (!out->failed && next_member(&rest, &a)) {
        struct slice source = slice_trim(a.source);

        if (how->drops_local && how->domain.n > 0)
            address_drop_local_domain(&a);
        mime_add_text(out, (struct slice){ copied, (size_t)(source.p - copied) }, list_specials);
        if (needs_rewrite(&a, how))
            add_mailbox(out, &a, how);
        else
            buf_add_slice(out, source);
        copied = source.p + source.n;
    }
    mime_add_text(out, (struct slice){ copied, (size_t)(list.p + list.n - copied) }, list_specials);
}

bool rewrite_has_address(struct slice list)
{
    while (list.n > 0) {
        struct status ignored = { 0 };
        struct address a;
        size_t before = list.n;

        if (address_next(&list, &a, &ignored) != CODE_OK || a.length > 0)
            return true;
        if (list.n == before)
            return false;
    }
    return false;
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
