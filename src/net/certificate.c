#include "net/certificate.h"

#include <stdio.h>
#include <string.h>

enum {
    TAG_OID = 0x06,
    TAG_UTC_TIME = 0x17,
    TAG_GENERALIZED_TIME = 0x18,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_VERSION = 0xa0,
    TAG_EXTENSIONS = 0xa3,
    TAG_OCTETS = 0x04,
    TAG_BOOLEAN = 0x01,
};

struct element {
    unsigned tag;
    struct slice whole, value;
};

static unsigned octet(struct slice s, size_t i)
{
    return (unsigned char)s.p[i];
}

/*
 * The tag and length at the front of `in`; *head is their own size. Definite lengths below 16 MB
 * and tags of one octet, which is all that a certificate has; arithmetic cannot overflow then.
 */
static bool read_head(struct slice in, unsigned *tag, size_t *head, size_t *length)
{
    size_t octets;

    if (in.n < 2 || (octet(in, 0) & 0x1f) == 0x1f)
        return false;
    *tag = octet(in, 0);
    *length = octet(in, 1);
    *head = 2;
    if (*length < 0x80)
        return true;
    octets = *length & 0x7f;
    if (octets == 0 || octets > 3 || in.n < 2 + octets)
        return false;
    *length = 0;
    for (; octets > 0; octets--)
        *length = *length << 8 | octet(in, (*head)++);
    return true;
}

static bool take(struct slice *in, struct element *e)
{
    size_t head, length;

    if (!read_head(*in, &e->tag, &head, &length) || length > in->n - head)
        return false;
    e->whole = slice_part(*in, 0, head + length);
    e->value = slice_part(*in, head, head + length);
    *in = slice_part(*in, head + length, in->n);
    return true;
}

static bool take_tagged(struct slice *in, unsigned tag, struct element *e)
{
    return take(in, e) && e->tag == tag;
}

/* Goes into a SEQUENCE that may be cut: what is there of its content. */
static bool enter(struct slice *in)
{
    unsigned tag;
    size_t head, length;

    if (!read_head(*in, &tag, &head, &length) || tag != TAG_SEQUENCE)
        return false;
    *in = slice_part(*in, head, head + length);
    return true;
}

bool certificate_read(struct slice der, struct certificate *c)
{
    struct slice in = der, validity;
    struct element e;

    if (!enter(&in) || !enter(&in) || !take(&in, &e))
        return false;
    if (e.tag == TAG_VERSION && !take(&in, &e)) /* then the serial number */
        return false;
    if (!take_tagged(&in, TAG_SEQUENCE, &e)) /* the signature's algorithm */
        return false;
    if (!take_tagged(&in, TAG_SEQUENCE, &e))
        return false;
    c->issuer = e.whole;
    if (!take_tagged(&in, TAG_SEQUENCE, &e))
        return false;
    validity = e.value;
    if (!take_tagged(&in, TAG_SEQUENCE, &e))
        return false;
    c->subject = e.whole;
    c->rest = in;
    if (!take(&validity, &e))
        return false;
    c->not_before = e.whole;
    if (!take(&validity, &e))
        return false;
    c->not_after = e.whole;
    return true;
}

bool certificate_is_self_issued(const struct certificate *c)
{
    return slice_equal(c->issuer, c->subject);
}

/* Past the key and the two unique identifiers, which nobody uses. */
static bool find_extensions(const struct certificate *c, struct slice *list)
{
    struct slice in = c->rest;
    struct element e;

    while (take(&in, &e)) {
        if (e.tag != TAG_EXTENSIONS)
            continue;
        *list = e.value;
        return enter(list);
    }
    return false;
}

bool certificate_has_extensions(const struct certificate *c)
{
    struct slice list;

    return find_extensions(c, &list);
}

bool certificate_extension(const struct certificate *c, enum certificate_extension which,
                           struct slice *inside)
{
    static const struct slice oids[] = {
        [EXTENSION_ALT_NAMES] = { "\x55\x1d\x11", 3 },
        [EXTENSION_EXTENDED_USAGE] = { "\x55\x1d\x25", 3 },
    };
    struct slice list;
    struct element extension, e;

    if (!find_extensions(c, &list))
        return false;
    while (take_tagged(&list, TAG_SEQUENCE, &extension)) {
        struct slice in = extension.value;

        if (!take_tagged(&in, TAG_OID, &e) || !slice_equal(e.value, oids[which]))
            continue;
        if (!take(&in, &e) || (e.tag == TAG_BOOLEAN && !take(&in, &e)) || e.tag != TAG_OCTETS)
            return false;
        *inside = e.value;
        return enter(inside);
    }
    return false;
}

bool certificate_next_alt_name(struct slice *inside, unsigned *tag, struct slice *value)
{
    struct element e;

    if (!take(inside, &e))
        return false;
    *tag = e.tag;
    *value = e.value;
    return true;
}

bool certificate_may_serve(const struct certificate *c)
{
    static const struct slice server_auth = { "\x2b\x06\x01\x05\x05\x07\x03\x01", 8 };
    static const struct slice any = { "\x55\x1d\x25\x00", 4 };
    struct slice usages;
    struct element e;

    if (!certificate_extension(c, EXTENSION_EXTENDED_USAGE, &usages))
        return true;
    while (take_tagged(&usages, TAG_OID, &e))
        if (slice_equal(e.value, server_auth) || slice_equal(e.value, any))
            return true;
    return false;
}

void certificate_time(struct slice time, char out[CERTIFICATE_TIME_ROOM])
{
    struct element e;
    size_t digits;

    out[0] = 0;
    if (!take(&time, &e))
        return;
    digits = e.tag == TAG_GENERALIZED_TIME ? 14 : 12;
    if ((e.tag != TAG_UTC_TIME && e.tag != TAG_GENERALIZED_TIME) || e.value.n < digits)
        return;
    for (size_t i = 0; i < digits; i++)
        if (!is_digit(e.value.p[i]))
            return;
    /* RFC 5280 section 4.1.2.5.1: two digits of a year mean 1950 to 2049. */
    (void)snprintf(out, CERTIFICATE_TIME_ROOM, "%s%.*s",
                   digits == 14          ? ""
                   : e.value.p[0] >= '5' ? "19"
                                         : "20",
                   (int)digits, e.value.p);
}

bool certificate_is_past(const struct certificate *c, const char *now)
{
    char not_after[CERTIFICATE_TIME_ROOM];

    certificate_time(c->not_after, not_after);
    return strcmp(now, not_after) > 0;
}

bool certificate_is_valid(const struct certificate *c, const char *now)
{
    char not_before[CERTIFICATE_TIME_ROOM];

    certificate_time(c->not_before, not_before);
    return not_before[0] != 0 && strcmp(not_before, now) <= 0 && !certificate_is_past(c, now);
}

/* The value of the first attribute of a kind in a name; empty when there is none. */
static struct slice find_attribute(struct slice name, struct slice oid)
{
    struct element set, attribute, type, value;

    if (!enter(&name))
        return (struct slice){ 0 };
    while (take_tagged(&name, TAG_SET, &set)) {
        if (!take_tagged(&set.value, TAG_SEQUENCE, &attribute))
            continue;
        if (take_tagged(&attribute.value, TAG_OID, &type) && slice_equal(type.value, oid) &&
            take(&attribute.value, &value))
            return value.value;
    }
    return (struct slice){ 0 };
}

/* Appends what a terminal can show of s, cut where `out` ends, but not inside a character. */
static size_t append_printable(char *out, size_t n, struct slice s)
{
    bool utf8 = slice_is_utf8(s);
    size_t i = 0;

    for (; i < s.n && n + 1 < CERTIFICATE_NAME_ROOM; i++) {
        unsigned char c = (unsigned char)s.p[i];

        out[n++] = c < 0x20 || c == 0x7f || c == '"' || (c >= 0x80 && !utf8) ? '?' : (char)c;
    }
    if (i < s.n && ((unsigned char)s.p[i] & 0xc0) == 0x80 && utf8) {
        while (((unsigned char)out[n - 1] & 0xc0) == 0x80)
            n--;
        n--;
    }
    out[n] = 0;
    return n;
}

void certificate_name(struct slice name, char out[CERTIFICATE_NAME_ROOM])
{
    struct slice common = find_attribute(name, (struct slice){ "\x55\x04\x03", 3 });
    struct slice organisation = find_attribute(name, (struct slice){ "\x55\x04\x0a", 3 });
    struct slice unit = find_attribute(name, (struct slice){ "\x55\x04\x0b", 3 });
    size_t n = append_printable(out, 0, common.n > 0 ? common : unit);

    if (n > 0 && organisation.n > 0)
        n = append_printable(out, n, slice_of(", "));
    n = append_printable(out, n, organisation);
    if (n == 0)
        (void)append_printable(out, 0, slice_of("somebody unnamed"));
}
