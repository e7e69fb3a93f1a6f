/* Why a certificate was refused, in words for people. */
#ifndef ORSINO_NET_EXPLAIN_H
#define ORSINO_NET_EXPLAIN_H

#include "base/status.h"
#include "net/chain.h"
#include "net/name.h"

struct refusal {
    int error; /* BR_ERR_X509_… */
    const struct chain *chain;
    const struct server_name *name;
    const char *ca_path;
    const char *now;        /* as certificate_time gives it */
    const char *expired_ca; /* a CA that was left out, or "" */
    bool not_for_servers;   /* a certificate whose extended usage forbids it */
};

enum {
    EXPLAIN_NAMES_ROOM = 240,
};

/* The names a certificate is for, the first few, with commas; the subject when it has none. */
void explain_names(const struct certificate *leaf, char out[EXPLAIN_NAMES_ROOM]);

/*
 * Sets CODE_UNTRUSTED at STAGE_TLS. The sentence speaks of a "name" only when the name is wrong,
 * and of a "clock" only when this machine's is: the hints look for these words, and for "expired".
 */
enum code explain_refusal(const struct refusal *r, struct status *why);

#endif
