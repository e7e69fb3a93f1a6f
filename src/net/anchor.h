/*
 * From a bundle of CAs the few that one chain needs: those that issued a certificate in it, and the
 * server's own certificate when that stands in the bundle. To load all 150 of a system's bundle
 * would cost more than the whole handshake.
 */
#ifndef ORSINO_NET_ANCHOR_H
#define ORSINO_NET_ANCHOR_H

#include "net/bundle.h"
#include "net/chain.h"

#include <bearssl.h>

enum {
    ANCHORS_MAX = 16, /* more cannot matter: a chain has no more certificates */
};

struct anchors {
    br_x509_trust_anchor list[ANCHORS_MAX];
    struct anchor *kept[ANCHORS_MAX]; /* what list points into */
    size_t count;
    char expired[CERTIFICATE_NAME_ROOM]; /* a CA that would have fitted, or "" */
};

/*
 * Goes through the bundle, and marks the certificates in `chain` whose issuer was found as
 * anchored. CAs that are expired at `now` are left out. False without memory; a bundle that cannot
 * be read has its error set.
 */
bool anchors_find(struct anchors *a, struct bundle *bundle, struct chain *chain, const char *now);
void anchors_free(struct anchors *a);

#endif
