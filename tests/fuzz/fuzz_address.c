/* Address lists: whatever the bytes, each call goes on, and what comes out may be sent. */
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/recipients.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static bool is_within(struct slice inner, struct slice outer)
{
    return inner.n == 0 || (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

static void check_address(const struct address *a, struct slice text)
{
    struct slice spec = { a->spec, a->length };

    demand(a->length <= ADDRESS_MAX && a->at <= a->length);
    demand(strlen(a->spec) == a->length);
    demand(a->length == 0 || address_is_safe(spec));
    demand(a->utf8 == !slice_is_ascii(spec));
    demand(a->at == a->length || a->spec[a->at] == '@');
    demand(is_within(a->source, text) && is_within(a->name, text) && is_within(a->comment, text));
    for (size_t i = 0; i < a->length; i++)
        demand((unsigned char)a->spec[i] >= 0x20 && a->spec[i] != 0x7f);
}

/* What came out, parsed again, is the same. */
static void check_round_trip(const struct address *a)
{
    struct slice spec = { a->spec, a->length }, in = spec;
    struct status why = { 0 };
    struct address again;

    demand(address_next(&in, &again, &why) == CODE_OK && in.n == 0);
    demand(slice_equal((struct slice){ again.spec, again.length }, spec));
    demand(again.at == a->at && again.utf8 == a->utf8);
}

static size_t walk_list(struct slice text)
{
    struct slice rest = text;
    size_t refused = 0;

    while (rest.n > 0) {
        struct status why = { 0 };
        struct address a;
        size_t before = rest.n;
        enum code code = address_next(&rest, &a, &why);

        demand(rest.n < before && (code == CODE_OK || code == CODE_ADDRESS) && code == why.code);
        demand(code == CODE_OK || a.length == 0);
        demand(code != CODE_OK || a.length > 0 || rest.n == 0);
        check_address(&a, text);
        if (a.length > 0)
            check_round_trip(&a);
        refused += code != CODE_OK;
    }
    return refused;
}

static void parse_one(struct slice text)
{
    struct status why = { 0 };
    struct address a;
    enum code code = address_parse(text, &a, &why);

    demand((code == CODE_OK || code == CODE_ADDRESS) && (code == CODE_OK || a.length == 0));
    check_address(&a, text);
    if (code == CODE_OK && address_qualify(&a, slice_of("x.example"), &why) == CODE_OK)
        check_address(&a, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct envelope e = { 0 };
    struct status why = { 0 };
    struct recipient_rules rules = {
        .aliases = "", .local = "", .domain = "x.example", .no_aliases = true
    };
    size_t refused = walk_list(text);
    enum code code = recipients_add_list(&e, &rules, text, &why);

    demand(code == CODE_OK || code == CODE_ADDRESS || code == CODE_MESSAGE);
    demand(refused == 0 || code != CODE_OK);
    for (size_t i = 0; i < e.forward_count; i++)
        demand(address_is_safe(slice_of(e.forward_paths[i])));
    envelope_free(&e);
    recipient_rules_free(&rules);
    parse_one(text);
    return 0;
}
