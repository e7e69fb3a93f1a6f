/* What a TLS server shows of itself: a certificate chain and its private key. */
#ifndef ORSINO_NET_IDENTITY_H
#define ORSINO_NET_IDENTITY_H

#include "base/status.h"

#include <bearssl.h>

struct identity; /* opaque */

/*
 * Reads a chain (PEM, the server's own certificate first) and its key (PEM; RSA or EC, PKCS#8 or
 * the older forms, not encrypted), which is in the same file when key_file is NULL or "". Others
 * may not touch the key's file, and only a file of root's may be read by a group.
 * CODE_FILE_MISSING, CODE_PERMISSION (also when others can read the key), CODE_CONFIG (no
 * certificate or key in it, an encrypted key, a key that is not the certificate's, a curve that
 * BearSSL does not know), CODE_READ, CODE_MEMORY; the path in why->where. Free with identity_free,
 * which wipes the key.
 */
enum code identity_load(const char *cert_file, const char *key_file, struct identity **out,
                        struct status *why) __attribute__((warn_unused_result));
void identity_free(struct identity *i); /* NULL is taken */

/* For tls.c: gives the chain and the key to a server context, which must not outlive it. */
void identity_install(const struct identity *i, br_ssl_server_context *server);

#endif
