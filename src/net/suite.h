/* Which TLS algorithms are used, in which order, and what they are called. */
#ifndef ORSINO_NET_SUITE_H
#define ORSINO_NET_SUITE_H

#include <bearssl.h>
#include <stdbool.h>

enum {
    SUITE_ROOM = 64, /* for a name, with its end */
};

/* TLS 1.2 alone, ECDHE with ChaCha20-Poly1305 or AES-GCM alone, no SHA-1. */
void suite_allow_modern(br_ssl_engine_context *engine);

/*
 * Behind these also ECDHE with AES-CBC, and SHA-1 in it, for a client that knows nothing better;
 * and TLS 1.0 and 1.1, if `old_versions` is set, for one that knows nothing else.
 */
void suite_allow_old(br_ssl_engine_context *engine, bool old_versions);

/* All that there is, for a client that only looks: never where something secret follows. */
void suite_allow_all(br_ssl_client_context *client);

/* Whether suite_allow_modern would have it. */
bool suite_is_modern(unsigned version, uint16_t number);

/* "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"; "TLSv1.2/unknown" for a suite that is not
 * ours. `version` as in TLS, from BR_TLS10 on. */
void suite_name(unsigned version, uint16_t number, char name[SUITE_ROOM]);

#endif
