#include "mail/address.h"

#include "base/host.h"
#include "mail/spec.h"
#include "mail/token.h"

#include <string.h>

enum {
    EXCERPT_MAX = 100, /* of a text that is refused, for people to find it */
};

/* Takes all that may stand in a display name or a local part, and gives it without the gaps around
 * it. */
static struct slice scan_words(struct scanner *s)
{
    size_t from, to;

    scanner_skip_gaps(s);
    from = to = s->token.from;
    while (s->token.kind == TOKEN_ATOM || s->token.kind == TOKEN_QUOTED ||
           s->token.kind == TOKEN_LITERAL || s->token.kind == TOKEN_OTHER || s->token.kind == '.') {
        to = s->token.to;
        scanner_advance(s);
        scanner_skip_gaps(s);
    }
    return slice_part(s->text, from, to);
}

/* Takes the domain after an '@': up to the second of two words without a dot between them. */
static struct slice scan_domain(struct scanner *s)
{
    bool after_word = false;
    size_t from, to;

    scanner_skip_gaps(s);
    from = to = s->token.from;
    while (s->token.kind == '.' ||
           ((s->token.kind == TOKEN_ATOM || s->token.kind == TOKEN_LITERAL) && !after_word)) {
        after_word = s->token.kind != '.';
        to = s->token.to;
        scanner_advance(s);
        scanner_skip_gaps(s);
    }
    return slice_part(s->text, from, to);
}

static struct written scan_address(struct scanner *s)
{
    struct written w = { .local = scan_words(s) };

    w.has_domain = s->token.kind == '@';
    if (w.has_domain) {
        scanner_advance(s);
        w.domain = scan_domain(s);
    }
    return w;
}

/* Takes "@a,@b:", the way that RFC 5321 section 4.1.2 tells to read over. */
static const char *skip_route(struct scanner *s)
{
    while (token_is_gap(s->token.kind) || s->token.kind == '@' || s->token.kind == ',' ||
           s->token.kind == '.' || s->token.kind == TOKEN_ATOM || s->token.kind == TOKEN_LITERAL)
        scanner_advance(s);
    if (s->token.kind != ':')
        return "nothing before the '@'";
    scanner_advance(s);
    return NULL;
}

/* Takes "<address>" and the comments after it. */
static const char *scan_angle(struct scanner *s, struct written *w)
{
    const char *problem = NULL;

    scanner_advance(s);
    scanner_skip_gaps(s);
    if (s->token.kind == '@')
        problem = skip_route(s);
    if (problem)
        return problem;
    *w = scan_address(s);
    if (s->token.kind == '@')
        return "more than one '@'";
    if (s->token.kind != '>')
        return "a '<' is not closed after an address";
    scanner_advance(s);
    scanner_skip_gaps(s);
    return NULL;
}

/* Whether an address with an '@' of its own comes next. A copy of the scanner is enough. */
static bool begins_address(struct scanner s)
{
    (void)scan_words(&s);
    return s.token.kind == '<' || s.token.kind == '@';
}

/*
 * What comes after an address. White space alone parts two addresses only when each has its '@': a
 * bare word may be the rest of a name, and must not become a recipient.
 */
static const char *check_rest(const struct scanner *s, bool may_part)
{
    if (token_is_separator(s->token.kind))
        return NULL;
    if (s->token.kind == '@')
        return "more than one '@'";
    if (s->token.kind == '>')
        return "a '>' without a '<'";
    if (!may_part || !memchr(" \t\n", s->text.p[s->token.from - 1], 3) || !begins_address(*s))
        return "more text after the address";
    return NULL;
}

/* Whether the '@' stands between its words without a gap: "Joe @ Work" is more likely a name. */
static bool is_glued(const struct written *w)
{
    return w->has_domain && w->domain.p == w->local.p + w->local.n + 1;
}

/* What stood before a '<', as written. */
static struct slice name_of(const struct written *w)
{
    struct slice last = w->has_domain ? w->domain : w->local;

    return (struct slice){ w->local.p, (size_t)(last.p + last.n - w->local.p) };
}

/*
 * Takes one member of a list off the scanner. Neither an address nor a problem: it was the name of
 * a group, or "<>".
 */
static const char *scan_member(struct scanner *s, struct address *out)
{
    size_t from = s->token.from;
    struct written w = scan_address(s);
    bool may_part = is_glued(&w);
    const char *problem = NULL;

    if (s->token.kind == ':' && !w.has_domain) {
        scanner_advance(s);
        return NULL;
    }
    if (s->token.kind == '<') {
        out->name = name_of(&w);
        may_part = true;
        problem = scan_angle(s, &w);
    }
    if (s->token.kind == TOKEN_BROKEN)
        return s->token.problem;
    if (!problem)
        problem = check_rest(s, may_part);
    if (problem)
        return problem;
    if (w.local.n == 0 && !w.has_domain)
        return out->name.n > 0 ? "a name, and no address" : NULL;
    out->comment = s->comment;
    out->source = slice_part(s->text, from, s->end);
    return spec_write(out, &w);
}

/* Writes text for people: cut, on one line, and well-formed. */
static void write_excerpt(struct slice text, char excerpt[EXCERPT_MAX + 4])
{
    size_t n = text.n;
    bool legible;

    if (n > EXCERPT_MAX)
        n = EXCERPT_MAX;
    while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    legible = slice_is_utf8(slice_part(text, 0, n));
    for (size_t i = 0; i < n; i++) {
        bool hide = is_control(text.p[i]) || (!legible && (unsigned char)text.p[i] >= 0x80);

        excerpt[i] = hide ? '?' : text.p[i];
    }
    memcpy(excerpt + n, n < text.n ? "..." : "", n < text.n ? 4 : 1);
}

static enum code refuse(struct slice text, const char *problem, struct status *why)
{
    char excerpt[EXCERPT_MAX + 4];

    write_excerpt(slice_trim(text), excerpt);
    return status_set(why, CODE_ADDRESS, STAGE_INPUT, "the address \"%s\" cannot be used: %s",
                      excerpt, problem);
}

enum code address_next(struct slice *in, struct address *out, struct status *why)
{
    struct scanner s;
    const char *problem = NULL;
    size_t from = 0;

    *out = (struct address){ .length = 0 };
    if (in->n == 0)
        return CODE_OK;
    scanner_begin(&s, *in);
    while (!problem && out->length == 0) {
        while (s.token.kind == TOKEN_SPACE || s.token.kind == ',' || s.token.kind == ';')
            scanner_advance(&s);
        if (s.token.kind == TOKEN_END)
            break;
        s.comment = (struct slice){ 0 };
        from = s.token.from;
        problem = scan_member(&s, out);
    }
    while (problem && !token_is_separator(s.token.kind))
        scanner_advance(&s);
    *in = slice_part(s.text, s.token.from, s.text.n);
    if (!problem)
        return CODE_OK;
    *out = (struct address){ .length = 0 };
    return refuse(slice_part(s.text, from, s.token.from), problem, why);
}

/* Without one pair of single quotes around it all: some callers quote for a shell that they do not
 * use. */
static struct slice strip_quotes(struct slice s)
{
    if (s.n >= 2 && s.p[0] == '\'' && s.p[s.n - 1] == '\'')
        return slice_trim(slice_part(s, 1, s.n - 1));
    return s;
}

enum code address_parse(struct slice s, struct address *out, struct status *why)
{
    struct slice text = strip_quotes(slice_trim(s)), rest = text;

    *out = (struct address){ .length = 0 };
    /* Line ends at the rim as well: nobody means them, but somebody may inject them. */
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n')
            return refuse(s, "a line end in it", why);
    if (text.n == 0 || slice_equal(text, slice_of("<>")))
        return CODE_OK;
    if (address_next(&rest, out, why))
        return why->code;
    if (slice_equal(out->source, text) && out->length > 0)
        return CODE_OK;
    *out = (struct address){ .length = 0 };
    return refuse(text, "it is not one address", why);
}

struct slice address_spec(const struct address *a)
{
    return (struct slice){ a->spec, a->length };
}

struct slice address_local(const struct address *a)
{
    return (struct slice){ a->spec, a->at };
}

struct slice address_domain(const struct address *a)
{
    return slice_part(address_spec(a), a->at + 1, a->length);
}

bool address_is_bare(const struct address *a)
{
    return a->at == a->length;
}

bool address_is_here(const struct address *a, const char *host)
{
    return address_is_bare(a) || host_is_ours(host, address_domain(a));
}

enum code address_qualify(struct address *a, struct slice domain, struct status *why)
{
    struct slice spec = { a->spec, a->length };
    const char *problem;

    if (a->length == 0 || a->at < a->length)
        return CODE_OK;
    if (domain.n == 0)
        return status_set(why, CODE_ADDRESS, STAGE_INPUT, "the address \"%s\" has no domain",
                          a->spec);
    if (!address_is_safe(domain))
        return refuse(domain, "it is no domain for a bare name", why);
    problem = spec_add_domain(a, domain);
    if (problem) {
        a->length = a->at;
        a->spec[a->length] = 0;
        return refuse(spec, problem, why);
    }
    a->utf8 = a->utf8 || !slice_is_ascii(domain);
    return CODE_OK;
}

void address_drop_local_domain(struct address *a)
{
    struct slice domain = address_domain(a);

    if (domain.n == 0 || domain.p[0] == '[' || !host_name_is_local(domain))
        return;
    memset(a->spec + a->at, 0, a->length - a->at);
    a->length = a->at;
    a->utf8 = !slice_is_ascii(address_local(a));
}

/* Where the domain begins, its '@' with it: a domain has no other. */
static size_t find_domain(struct slice spec)
{
    size_t at = spec.n;

    while (at > 0 && spec.p[at - 1] != '@')
        at--;
    return at > 0 ? at - 1 : spec.n;
}

bool address_equal(struct slice a, struct slice b)
{
    size_t at = find_domain(a);

    if (a.n != b.n || at != find_domain(b))
        return false;
    return slice_equal(slice_part(a, 0, at), slice_part(b, 0, at)) &&
           slice_equal_nocase(slice_part(a, at, a.n), slice_part(b, at, b.n));
}

/* Length of the quoted string that s begins with: 0 without one, beyond s.n when it is not closed.
 */
static size_t quoted_length(struct slice s)
{
    size_t i = 1;

    if (s.n == 0 || s.p[0] != '"')
        return 0;
    while (i < s.n && s.p[i] != '"')
        i += s.p[i] == '\\' ? 2 : 1;
    return i < s.n ? i + 1 : s.n + 1;
}

bool address_is_safe(struct slice s)
{
    /* A backslash would take a server's eye off the bracket after it. */
    static const char marks[] = " <>()\"\\,;";
    size_t quoted = quoted_length(s);

    if (s.n == 0 || s.n > ADDRESS_MAX || quoted > s.n || !slice_is_utf8(s))
        return false;
    if (quoted > 0 && quoted < s.n && s.p[quoted] != '@')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]) || (i >= quoted && memchr(marks, s.p[i], sizeof marks - 1)))
            return false;
    return true;
}
