/* Which TLS algorithms are used, in which order, and what they are called. */
#ifndef ORSINO_NET_SUITE_H
#define ORSINO_NET_SUITE_H

#include <bearssl.h>

/* TLS 1.2 alone, ECDHE with ChaCha20-Poly1305 or AES-GCM alone, no SHA-1. */
void suite_allow_modern(br_ssl_engine_context *engine);

/* Behind these also ECDHE with AES-CBC, and SHA-1 in it, for a client that knows nothing better. */
void suite_allow_old(br_ssl_engine_context *engine);

/* "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"; "TLSv1.2" for a suite that is not ours. */
const char *suite_name(uint16_t number);

#endif
