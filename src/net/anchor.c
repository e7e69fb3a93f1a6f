#include "net/anchor.h"

#include <stdlib.h>
#include <string.h>

struct anchor {
    br_x509_decoder_context decoder; /* has the key */
    struct certificate certificate;
    struct slice der;
    unsigned char bytes[];
};

enum {
    FRONT = 512, /* a CA's certificate is hardly ever longer down to its subject */
};

void anchors_free(struct anchors *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->kept[i]);
    a->count = 0;
    a->expired[0] = 0;
}

static bool issued(const struct certificate *ca, const struct link *link)
{
    return link->readable && slice_equal(ca->subject, link->certificate.issuer);
}

static bool is_of_leaf(const struct certificate *c, const struct chain *chain)
{
    return chain->count > 0 && chain->links[0].readable &&
           slice_equal(c->subject, chain->links[0].certificate.subject);
}

static bool is_wanted(const struct certificate *ca, const struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        if (issued(ca, &chain->links[i]))
            return true;
    return is_of_leaf(ca, chain);
}

/* Looks at the front of a certificate first: most of a bundle is not wanted. */
static bool text_is_wanted(struct slice text, const struct chain *chain)
{
    unsigned char front[FRONT];
    size_t n = bundle_decode(text, front, sizeof front);
    struct certificate c;

    if (certificate_read((struct slice){ (const char *)front, n }, &c))
        return is_wanted(&c, chain);
    return n == sizeof front; /* cut before the subject: has to be decoded in full */
}

static struct anchor *decode(struct slice text)
{
    size_t room = text.n / 4 * 3 + 3;
    struct anchor *anchor = malloc(sizeof *anchor + room);

    if (!anchor)
        return NULL;
    anchor->der =
        (struct slice){ (const char *)anchor->bytes, bundle_decode(text, anchor->bytes, room) };
    br_x509_decoder_init(&anchor->decoder, NULL, NULL);
    br_x509_decoder_push(&anchor->decoder, anchor->bytes, anchor->der.n);
    return anchor;
}

/*
 * What an anchor is good for, as BearSSL's flags have it. A CA vouches for others; the server's own
 * certificate only for itself, whatever it says of being a CA.
 */
static bool choose_flags(struct anchor *anchor, const struct chain *chain, unsigned *flags)
{
    bool is_ca =
        br_x509_decoder_isCA(&anchor->decoder) || !certificate_has_extensions(&anchor->certificate);
    bool same = is_of_leaf(&anchor->certificate, chain) &&
                slice_equal(anchor->der, chain_bytes(chain, &chain->links[0]));

    *flags = is_ca && !same ? BR_X509_TA_CA : 0;
    return is_ca || is_of_leaf(&anchor->certificate, chain);
}

static bool is_usable(struct anchors *a, struct anchor *anchor, const struct chain *chain,
                      const char *now, unsigned *flags)
{
    if (!br_x509_decoder_get_pkey(&anchor->decoder) ||
        !certificate_read(anchor->der, &anchor->certificate) ||
        !is_wanted(&anchor->certificate, chain) || !choose_flags(anchor, chain, flags))
        return false;
    if (*flags == BR_X509_TA_CA && certificate_is_past(&anchor->certificate, now)) {
        certificate_name(anchor->certificate.subject, a->expired);
        return false;
    }
    return true;
}

static void keep(struct anchors *a, struct anchor *anchor, unsigned flags, struct chain *chain)
{
    struct slice subject = anchor->certificate.subject;
    size_t offset = (size_t)(subject.p - anchor->der.p);

    a->list[a->count] = (br_x509_trust_anchor){
        .dn = { anchor->bytes + offset, subject.n },
        .flags = flags,
        .pkey = *br_x509_decoder_get_pkey(&anchor->decoder),
    };
    a->kept[a->count++] = anchor;
    for (size_t i = 0; i < chain->count; i++)
        if (flags == BR_X509_TA_CA && issued(&anchor->certificate, &chain->links[i]))
            chain->links[i].anchored = true;
}

bool anchors_find(struct anchors *a, struct bundle *bundle, struct chain *chain, const char *now)
{
    struct slice text;

    anchors_free(a);
    bundle_rewind(bundle);
    while (a->count < ANCHORS_MAX && bundle_next(bundle, &text)) {
        struct anchor *anchor;
        unsigned flags;

        if (!text_is_wanted(text, chain))
            continue;
        anchor = decode(text);
        if (!anchor)
            return false;
        if (is_usable(a, anchor, chain, now, &flags))
            keep(a, anchor, flags, chain);
        else
            free(anchor);
    }
    return true;
}
