#include "cli/sender.h"

#include <string.h>

/* root@vm and root@localhost are bare names when there is a domain: a provider takes neither. */
static void drop_local_domain(const struct sender_facts *facts, struct address *a)
{
    if (facts->domain[0] != 0)
        address_drop_local_domain(a);
}

static enum code parse_given(const struct sender_facts *facts, struct address *out,
                             struct status *why)
{
    if (address_parse(slice_of(facts->given), out, why))
        return why->code;
    drop_local_domain(facts, out);
    return CODE_OK;
}

static bool is_complete(const struct address *a)
{
    return a->length > 0 && a->at < a->length;
}

/* A bare name with a domain becomes complete; without one it stays as it is. */
static enum code qualify(struct address *a, const char *domain, struct status *why)
{
    if (a->length == 0 || is_complete(a) || domain[0] == 0)
        return CODE_OK;
    return address_qualify(a, slice_of(domain), why);
}

/* The first address of the header's From. One that cannot be parsed is as good as none. */
static struct address first_in_header(const struct sender_facts *facts)
{
    struct slice list = facts->header_from;
    struct address a = { 0 };
    struct status ignored = { 0 };

    if (address_next(&list, &a, &ignored))
        a = (struct address){ 0 };
    drop_local_domain(facts, &a);
    return a;
}

/* The same with the domain, unless it grows too long by that. */
static struct address header_address(const struct sender_facts *facts)
{
    struct address a = first_in_header(facts);
    struct status ignored = { 0 };

    if (qualify(&a, facts->domain, &ignored))
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

static enum code choose_reverse_path(const struct sender_facts *facts,
                                     const struct address *account, struct address *out,
                                     struct status *why)
{
    *out = (struct address){ 0 };
    if (facts->given) {
        if (parse_given(facts, out, why) || qualify(out, facts->domain, why))
            return why->code;
        if (out->length == 0)
            return CODE_OK;
    } else if (facts->from[0] == 0) {
        *out = header_address(facts);
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
        out->from = header_address(facts);
    return is_complete(&out->from) ? CODE_OK : no_address(why);
}

bool sender_needs_login(const struct sender_facts *facts)
{
    struct address header = first_in_header(facts);

    return !is_complete(&header) || (facts->from[0] == 0 && !strchr(facts->user, '@'));
}

enum code sender_to_match(const struct sender_facts *facts, struct address *out, struct status *why)
{
    *out = (struct address){ 0 };
    if (facts->given && (parse_given(facts, out, why) || qualify(out, facts->domain, why)))
        return why->code;
    if (out->length == 0)
        *out = header_address(facts);
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
