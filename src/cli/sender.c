#include "cli/sender.h"

#include <string.h>

static bool is_complete(const struct address *a)
{
    return a->length > 0 && a->at < a->length;
}

/* Bare, or as good as that: a provider takes neither root nor root@vm. */
static bool is_local(const struct address *a)
{
    struct address copy = *a;

    address_drop_local_domain(&copy);
    return !is_complete(&copy);
}

/* A bare name with a domain becomes complete; without one it stays as it is. */
static enum code qualify(struct address *a, const char *domain, struct status *why)
{
    if (a->length == 0 || is_complete(a) || domain[0] == 0)
        return CODE_OK;
    return address_qualify(a, slice_of(domain), why);
}

/* With a domain, a name at a local host gets it as a bare one does. */
static enum code complete(struct address *a, const char *domain, struct status *why)
{
    if (domain[0] != 0)
        address_drop_local_domain(a);
    return qualify(a, domain, why);
}

/* The first address of the header's From. One that cannot be parsed is as good as none. */
static struct address first_in_header(const struct sender_facts *facts)
{
    struct slice list = facts->header_from;
    struct address a = { 0 };
    struct status ignored = { 0 };

    if (address_next(&list, &a, &ignored))
        a = (struct address){ 0 };
    return a;
}

/* False when the parts make no address, as the login name of a directory service may not. */
static bool make_address(const char *name, const char *domain, struct address *out)
{
    struct status ignored = { 0 };

    if (name[0] == 0 || address_parse(slice_of(name), out, &ignored) ||
        qualify(out, domain, &ignored) || !is_complete(out)) {
        *out = (struct address){ 0 };
        return false;
    }
    return true;
}

/* The address of the account; length 0 when there is none. */
static enum code account_address(const struct sender_facts *facts, struct address *out,
                                 struct status *why)
{
    if (facts->from[0] != 0) {
        if (make_address(facts->from, facts->domain, out))
            return CODE_OK;
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "from = is no complete address: %.100s",
                          facts->from);
    }
    if (strchr(facts->user, '@') && make_address(facts->user, "", out))
        return CODE_OK;
    if (!make_address(facts->login, facts->domain, out))
        (void)make_address(facts->login, facts->host, out);
    return CODE_OK;
}

static enum code no_address(struct status *why)
{
    return status_set(why, CODE_CONFIG, STAGE_CONFIG, "no sender address is known (set from =)");
}

static bool is_same(const struct address *a, const char *spec)
{
    return a->length > 0 && address_equal(address_spec(a), slice_of(spec));
}

static bool may_stay(const struct sender_facts *facts, const struct address *account,
                     const char *spec)
{
    if (is_same(account, spec))
        return true;
    if (facts->from_header == FROM_HEADER_FORCE)
        return false;
    return facts->allow_from[0] == 0 || account_matches(facts->allow_from, spec);
}

bool sender_may_stay(const struct sender_facts *facts, const char *spec)
{
    struct address account = { 0 };
    struct status ignored = { 0 };

    return account_address(facts, &account, &ignored) == CODE_OK && may_stay(facts, &account, spec);
}

/* What the rules make of an address that the caller chose. */
static enum code apply_rules(const struct sender_facts *facts, const struct address *account,
                             struct address *a, struct status *why)
{
    bool fills = facts->from_header == FROM_HEADER_FILL && account->length > 0;

    if (is_same(account, a->spec))
        return CODE_OK;
    if (facts->from_header == FROM_HEADER_FORCE || (fills && is_local(a)))
        *a = *account;
    else if (complete(a, facts->domain, why))
        return why->code;
    if (!is_complete(a) || !may_stay(facts, account, a->spec))
        *a = *account;
    return CODE_OK;
}

/* The header's address by the rules; one that grows too long by the domain is none. */
static struct address header_address(const struct sender_facts *facts,
                                     const struct address *account)
{
    struct address a = first_in_header(facts);
    struct status ignored = { 0 };

    if (a.length > 0 && apply_rules(facts, account, &a, &ignored))
        a = (struct address){ 0 };
    return a;
}

static enum code choose_reverse_path(const struct sender_facts *facts,
                                     const struct address *account, struct address *out,
                                     struct status *why)
{
    *out = (struct address){ 0 };
    if (facts->given) {
        if (address_parse(slice_of(facts->given), out, why))
            return why->code;
        if (out->length == 0)
            return CODE_OK;
        if (apply_rules(facts, account, out, why))
            return why->code;
    } else if (facts->from[0] == 0) {
        *out = header_address(facts, account);
    }
    if (!is_complete(out))
        *out = *account;
    return is_complete(out) ? CODE_OK : no_address(why);
}

enum code sender_choose(const struct sender_facts *facts, struct sender *out, struct status *why)
{
    struct address account = { 0 };

    if (account_address(facts, &account, why) ||
        choose_reverse_path(facts, &account, &out->reverse_path, why))
        return why->code;
    out->from = facts->given && out->reverse_path.length > 0 ? out->reverse_path : account;
    if (out->from.length == 0)
        out->from = out->reverse_path;
    if (out->from.length == 0)
        out->from = header_address(facts, &account);
    return is_complete(&out->from) ? CODE_OK : no_address(why);
}

bool sender_needs_login(const struct sender_facts *facts)
{
    struct address header = first_in_header(facts);
    bool drops = facts->domain[0] != 0 || facts->from_header != FROM_HEADER_KEEP;

    if (!is_complete(&header) || (drops && is_local(&header)))
        return true;
    return facts->from[0] == 0 && !strchr(facts->user, '@');
}

enum code sender_to_match(const struct sender_facts *facts, struct address *out, struct status *why)
{
    struct status ignored = { 0 };

    *out = (struct address){ 0 };
    if (facts->given &&
        (address_parse(slice_of(facts->given), out, why) || complete(out, facts->domain, why)))
        return why->code;
    if (out->length > 0)
        return CODE_OK;
    *out = first_in_header(facts);
    if (complete(out, facts->domain, &ignored))
        *out = (struct address){ 0 };
    return CODE_OK;
}

void sender_full_name(const char *gecos, const char *login, struct buf *out)
{
    struct slice name = { 0 }, rest = slice_of(gecos);

    if (!slice_take_until(&rest, ",", &name))
        return;
    name = slice_trim(name);
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (c == '&' && login[0] != 0) {
            buf_add_char(out,
                         login[0] >= 'a' && login[0] <= 'z' ? (char)(login[0] - 32) : login[0]);
            buf_add_string(out, login + 1);
        } else {
            buf_add_char(out, is_control(c) ? ' ' : c);
        }
    }
}
