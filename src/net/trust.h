/*
 * Which certificates we believe: the CA bundle, and an X.509 engine for BearSSL that verifies a
 * chain and the server's name against it.
 */
#ifndef ORSINO_NET_TRUST_H
#define ORSINO_NET_TRUST_H

#include "base/status.h"
#include "net/name.h"

#include <bearssl.h>

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
