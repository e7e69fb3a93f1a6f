/*
 * Which certificates we believe: the CA bundle, and an X.509 engine for BearSSL that verifies a
 * chain and the server's name against it.
 */
#ifndef ORSINO_NET_TRUST_H
#define ORSINO_NET_TRUST_H

#include "base/status.h"
#include "net/certificate.h"
#include "net/name.h"

#include <bearssl.h>

enum {
    TRUST_DIGEST_BYTES = 32, /* SHA-256 */
    TRUST_NAMES_ROOM = 240,
};

struct trust; /* opaque; one allocation */

/*
 * Prepares verification against `ca_file`, or with "" against the first of the system's usual
 * bundles that exists (THE list of paths is in trust.c). CODE_NO_CA when none exists or it holds no
 * certificate, with the paths; CODE_PERMISSION; CODE_READ; CODE_MEMORY. Free with trust_free.
 */
enum code trust_load(const char *ca_file, struct trust **out, struct status *why)
    __attribute__((warn_unused_result));
void trust_free(struct trust *t);

/*
 * Believes the one certificate whose DER has this SHA-256, and no other, whatever its issuer, name
 * and dates. No bundle is needed. CODE_MEMORY.
 */
enum code trust_load_fingerprint(const unsigned char digest[TRUST_DIGEST_BYTES], struct trust **out,
                                 struct status *why) __attribute__((warn_unused_result));

/*
 * For who only wants to know: from now on a handshake goes on whatever the judgement is, which
 * trust_facts tells. Never where something secret follows. A bundle that is missing or cannot be
 * read is then part of the judgement: see trust_load_to_look.
 */
enum code trust_load_to_look(const char *ca_file, struct trust **out, struct status *why)
    __attribute__((warn_unused_result));

/* Whether it was loaded to look: TLS then also takes versions and suites that are too old. */
bool trust_only_looks(const struct trust *t);

/* What is known of the certificate shown last; texts are printable. */
struct trust_facts {
    bool is_shown;           /* false: no certificate came, and the rest is empty */
    struct status judgement; /* CODE_OK: chain, name and dates are good; else as trust_explain */
    char subject[CERTIFICATE_NAME_ROOM];
    char issuer[CERTIFICATE_NAME_ROOM]; /* of the leaf */
    char ca[CERTIFICATE_NAME_ROOM];     /* the CA of the bundle that the chain leads to, or "" */
    char names[TRUST_NAMES_ROOM];       /* it is for: the first few, with commas */
    char not_after[CERTIFICATE_TIME_ROOM];
    int days_left;                                /* until then, negative when past */
    char fingerprint[2 * TRUST_DIGEST_BYTES + 1]; /* small hexadecimal digits */
};
void trust_facts(const struct trust *t, struct trust_facts *out);

/*
 * The engine to hand to br_ssl_engine_set_x509(); valid until trust_free. It verifies one chain at
 * a time, and that its leaf is for the server `name`. What BearSSL takes for the server's name is
 * not looked at, since that is the SNI, which an IP address does not have.
 */
const br_x509_class **trust_engine(struct trust *t, const struct server_name *name);

/*
 * After a handshake that failed with the X.509 error `error` (BR_ERR_X509_…): says why in words
 * (expired, not yet valid, wrong name, unknown issuer, self-signed, …) with the subject, issuer or
 * dates that matter. Sets CODE_UNTRUSTED at STAGE_TLS; CODE_MEMORY or CODE_READ when the
 * verification itself could not be done.
 */
enum code trust_explain(const struct trust *t, int error, struct status *why);

#endif
