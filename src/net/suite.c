#include "net/suite.h"

#include <stdio.h>
#include <string.h>

enum {
    MODERN = 6,
    OLD = 8,
    OLDEST = 5,
};

/*
 * The suites in our order of liking; a server that follows it spends the fewest instructions.
 * Without AES in the processor, ChaCha20 takes fewer than constant-time AES.
 */
static const uint16_t suites_with_aes[MODERN] = {
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};
static const uint16_t suites_without_aes[MODERN] = {
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};

/* What the TLS of old systems has in common with ours: .NET, Mono and Java before 2016 or so. */
static const uint16_t old_suites[OLD] = {
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, BR_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, BR_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,    BR_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,    BR_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
};

/* Without forward secrecy: only ever looked at. */
static const uint16_t oldest_suites[OLDEST] = {
    BR_TLS_RSA_WITH_AES_128_GCM_SHA256, BR_TLS_RSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_RSA_WITH_AES_128_CBC_SHA256, BR_TLS_RSA_WITH_AES_128_CBC_SHA,
    BR_TLS_RSA_WITH_AES_256_CBC_SHA,
};

static const struct row {
    uint16_t number;
    const char *text;
} rows[] = {
    { BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
    { BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
    { BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
    { BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
    { BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
      "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
    { BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
    { BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" },
    { BR_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE_RSA_WITH_AES_128_CBC_SHA256" },
    { BR_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, "ECDHE_ECDSA_WITH_AES_256_CBC_SHA384" },
    { BR_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, "ECDHE_RSA_WITH_AES_256_CBC_SHA384" },
    { BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE_ECDSA_WITH_AES_128_CBC_SHA" },
    { BR_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE_RSA_WITH_AES_128_CBC_SHA" },
    { BR_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE_ECDSA_WITH_AES_256_CBC_SHA" },
    { BR_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE_RSA_WITH_AES_256_CBC_SHA" },
    { BR_TLS_RSA_WITH_AES_128_GCM_SHA256, "RSA_WITH_AES_128_GCM_SHA256" },
    { BR_TLS_RSA_WITH_AES_256_GCM_SHA384, "RSA_WITH_AES_256_GCM_SHA384" },
    { BR_TLS_RSA_WITH_AES_128_CBC_SHA256, "RSA_WITH_AES_128_CBC_SHA256" },
    { BR_TLS_RSA_WITH_AES_128_CBC_SHA, "RSA_WITH_AES_128_CBC_SHA" },
    { BR_TLS_RSA_WITH_AES_256_CBC_SHA, "RSA_WITH_AES_256_CBC_SHA" },
};

_Static_assert(sizeof rows / sizeof *rows == MODERN + OLD + OLDEST, "each suite has its name");

static const uint16_t *choose_order(void)
{
    return br_aes_x86ni_ctr_get_vtable() && br_ghash_pclmul_get() ? suites_with_aes
                                                                  : suites_without_aes;
}

void suite_allow_modern(br_ssl_engine_context *engine)
{
    br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(engine, choose_order(), MODERN);
    br_ssl_engine_set_hash(engine, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(engine, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_hash(engine, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_prf_sha256(engine, br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(engine, br_tls12_sha384_prf);
    br_ssl_engine_set_default_chapol(engine);
    br_ssl_engine_set_default_aes_gcm(engine);
    br_ssl_engine_set_default_rsavrfy(engine);
    br_ssl_engine_set_default_ecdsa(engine); /* sets the curves as well */
    br_ssl_engine_add_flags(engine, BR_OPT_NO_RENEGOTIATION);
}

static void allow_all(br_ssl_engine_context *engine, bool old_versions, size_t oldest)
{
    uint16_t all[MODERN + OLD + OLDEST];

    suite_allow_modern(engine);
    memcpy(all, choose_order(), sizeof suites_with_aes);
    memcpy(all + MODERN, old_suites, sizeof old_suites);
    memcpy(all + MODERN + OLD, oldest_suites, sizeof oldest_suites);
    br_ssl_engine_set_suites(engine, all, MODERN + OLD + oldest);
    br_ssl_engine_set_hash(engine, br_sha1_ID, &br_sha1_vtable);
    br_ssl_engine_set_default_aes_cbc(engine);
    if (!old_versions)
        return;
    br_ssl_engine_set_versions(engine, BR_TLS10, BR_TLS12);
    br_ssl_engine_set_hash(engine, br_md5_ID, &br_md5_vtable);
    br_ssl_engine_set_prf10(engine, br_tls10_prf);
}

void suite_allow_old(br_ssl_engine_context *engine, bool old_versions)
{
    allow_all(engine, old_versions, 0);
}

void suite_allow_all(br_ssl_client_context *client)
{
    allow_all(&client->eng, true, OLDEST);
    br_ssl_client_set_default_rsapub(client);
}

bool suite_is_modern(unsigned version, uint16_t number)
{
    bool found = false;

    for (size_t i = 0; i < MODERN; i++)
        found |= suites_with_aes[i] == number;
    return version == BR_TLS12 && found;
}

void suite_name(unsigned version, uint16_t number, char name[SUITE_ROOM])
{
    const char *text = "unknown";

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].number == number)
            text = rows[i].text;
    (void)snprintf(name, SUITE_ROOM, "TLSv1.%u/%s", version - BR_TLS10, text);
}
