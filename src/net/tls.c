#include "net/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SAID_MAX = 200,
    ENTROPY = 32,
    RECORD_TYPE_MIN = 20, /* RFC 5246 section 6.2.1 */
    RECORD_TYPE_MAX = 23,
    RECORD_MAJOR = 3,
    X509_ERROR_MIN = 32, /* bearssl_x509.h: certificates' errors are in 32..63 */
    X509_ERROR_MAX = 63,
    ALERT_MAX = 255,
};

/*
 * The suites in our order of liking; a server that follows it spends the fewest instructions.
 * Without AES in the processor, ChaCha20 takes fewer than constant-time AES.
 */
static const uint16_t suites_with_aes[] = {
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};
static const uint16_t suites_without_aes[] = {
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};

static const struct suite {
    uint16_t number;
    const char *text;
} suites[] = {
    { BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "TLSv1.2/ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
    { BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "TLSv1.2/ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
    { BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "TLSv1.2/ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
    { BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "TLSv1.2/ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
    { BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
      "TLSv1.2/ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
    { BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
      "TLSv1.2/ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
};

/* RFC 5246 section 7.2 and its successors, in words. */
static const char *const alerts[] = {
    [0] = "close notify",
    [10] = "unexpected message",
    [20] = "bad record MAC",
    [21] = "decryption failed",
    [22] = "record overflow",
    [40] = "handshake failure",
    [42] = "bad certificate",
    [43] = "unsupported certificate",
    [44] = "certificate revoked",
    [45] = "certificate expired",
    [46] = "certificate unknown",
    [47] = "illegal parameter",
    [48] = "unknown CA",
    [49] = "access denied",
    [50] = "decode error",
    [51] = "decrypt error",
    [70] = "protocol version",
    [71] = "insufficient security",
    [80] = "internal error",
    [86] = "inappropriate fallback",
    [90] = "user canceled",
    [100] = "no renegotiation",
    [110] = "unsupported extension",
    [112] = "unrecognized name",
    [116] = "certificate required",
    [120] = "no application protocol",
};

/* Our own errors, as far as a sentence helps. */
static const struct row {
    int error;
    const char *sentence;
} rows[] = {
    { BR_ERR_UNSUPPORTED_VERSION, "the server does not speak TLS 1.2" },
    { BR_ERR_BAD_VERSION, "the server changed its TLS version in the middle" },
    { BR_ERR_BAD_LENGTH, "the server sent a TLS record of a wrong length" },
    { BR_ERR_TOO_LARGE, "the server sent a TLS record that is too large" },
    { BR_ERR_BAD_MAC, "a TLS record was damaged or forged on its way" },
    { BR_ERR_UNKNOWN_TYPE, "the server sent a TLS record of an unknown type" },
    { BR_ERR_UNEXPECTED, "the server sent a TLS record where it does not belong" },
    { BR_ERR_BAD_HANDSHAKE, "the server sent a TLS handshake that cannot be read" },
    { BR_ERR_BAD_CIPHER_SUITE, "the server chose a TLS cipher suite that was not offered" },
    { BR_ERR_BAD_SECRENEG, "the server failed at secure renegotiation (RFC 5746)" },
    { BR_ERR_BAD_FINISHED, "the TLS handshake was tampered with" },
    { BR_ERR_INVALID_ALGORITHM, "the server chose a TLS algorithm that was not offered" },
    { BR_ERR_BAD_SIGNATURE, "the server could not prove that its certificate is its own" },
    { BR_ERR_WRONG_KEY_USAGE, "the key in the server's certificate does not fit the cipher suite" },
};

struct tls {
    br_ssl_client_context client;
    struct trust *trust;
    const char *suite;
    bool not_tls;
    size_t heard; /* bytes received, counted up to 2 */
    char said[SAID_MAX];
    size_t said_length;
    unsigned char input[BR_SSL_BUFSIZE_INPUT];
    unsigned char output[BR_SSL_BUFSIZE_OUTPUT];
};

static bool has_fast_aes(void)
{
    return br_aes_x86ni_ctr_get_vtable() && br_ghash_pclmul_get();
}

static void set_algorithms(br_ssl_engine_context *engine)
{
    br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
    if (has_fast_aes())
        br_ssl_engine_set_suites(engine, suites_with_aes,
                                 sizeof suites_with_aes / sizeof *suites_with_aes);
    else
        br_ssl_engine_set_suites(engine, suites_without_aes,
                                 sizeof suites_without_aes / sizeof *suites_without_aes);
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

/* BearSSL seeds itself from the system; where it cannot, the system call is asked. */
static enum code start(struct tls *t, const char *sni, struct status *why)
{
    br_ssl_engine_context *engine = &t->client.eng;
    unsigned char entropy[ENTROPY];

    if (br_ssl_client_reset(&t->client, sni, 0))
        return CODE_OK;
    if (br_ssl_engine_last_error(engine) != BR_ERR_NO_RANDOM)
        return tls_explain(t, why);
    if (getentropy(entropy, sizeof entropy) != 0)
        return status_set(why, CODE_SYSTEM, STAGE_TLS, "the system gives no random bytes");
    br_ssl_engine_inject_entropy(engine, entropy, sizeof entropy);
    explicit_bzero(entropy, sizeof entropy);
    return br_ssl_client_reset(&t->client, sni, 0) ? CODE_OK : tls_explain(t, why);
}

enum code tls_begin(const struct server_name *name, struct trust *trust, struct tls **out,
                    struct status *why)
{
    struct tls *t = malloc(sizeof *t);

    if (!t)
        return status_set(why, CODE_MEMORY, STAGE_TLS, "out of memory");
    memset(t, 0, offsetof(struct tls, input)); /* the buffers are touched as far as they are used */
    t->trust = trust;
    br_ssl_client_zero(&t->client);
    set_algorithms(&t->client.eng);
    br_ssl_engine_set_x509(&t->client.eng, trust_engine(trust, name));
    br_ssl_engine_set_buffers_bidi(&t->client.eng, t->input, sizeof t->input, t->output,
                                   sizeof t->output);
    /* RFC 6066 section 3: the server name indication never holds an IP address. */
    if (start(t, name->address_length > 0 ? NULL : name->text, why)) {
        tls_end(t);
        return why->code;
    }
    *out = t;
    return CODE_OK;
}

void tls_end(struct tls *t)
{
    if (!t)
        return;
    explicit_bzero(t, sizeof *t);
    free(t);
}

static bool is_in(const struct tls *t, unsigned state)
{
    return (br_ssl_engine_current_state(&t->client.eng) & state) != 0;
}

static const char *find_suite(const struct tls *t)
{
    br_ssl_session_parameters session;
    const char *found = "TLSv1.2";

    br_ssl_engine_get_session_parameters(&t->client.eng, &session);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (suites[i].number == session.cipher_suite)
            found = suites[i].text;
    explicit_bzero(&session, sizeof session);
    return found;
}

bool tls_established(const struct tls *t)
{
    return t->suite != NULL;
}

const char *tls_suite(const struct tls *t)
{
    return t->suite;
}

void tls_write(struct tls *t, struct slice *out)
{
    size_t room, n;
    unsigned char *p = br_ssl_engine_sendapp_buf(&t->client.eng, &room);

    if (!p || tls_is_over(t) || out->n == 0)
        return;
    n = out->n < room ? out->n : room;
    memcpy(p, out->p, n);
    br_ssl_engine_sendapp_ack(&t->client.eng, n);
    br_ssl_engine_flush(&t->client.eng, 0);
    *out = slice_part(*out, n, out->n);
}

struct slice tls_output(const struct tls *t)
{
    struct slice output = { 0 };

    if (is_in(t, BR_SSL_SENDREC))
        output.p = (const char *)br_ssl_engine_sendrec_buf(&t->client.eng, &output.n);
    return output;
}

void tls_sent(struct tls *t, size_t n)
{
    if (n > 0)
        br_ssl_engine_sendrec_ack(&t->client.eng, n);
}

bool tls_wants_input(const struct tls *t)
{
    return is_in(t, BR_SSL_RECVREC);
}

/* The first two bytes of a record tell TLS from whatever else a port may speak. */
static bool is_record(struct tls *t, struct slice in)
{
    const unsigned char *p = (const unsigned char *)in.p;

    for (size_t i = 0; i < in.n && t->heard < 2; i++, t->heard++)
        if (t->heard == 0 ? p[i] < RECORD_TYPE_MIN || p[i] > RECORD_TYPE_MAX : p[i] != RECORD_MAJOR)
            return false;
    return true;
}

static void keep_first_line(struct tls *t, struct slice in)
{
    struct slice line = { 0 };

    (void)slice_take_line(&in, &line);
    t->said_length = line.n < sizeof t->said ? line.n : sizeof t->said;
    if (t->said_length > 0)
        memcpy(t->said, line.p, t->said_length);
}

void tls_feed(struct tls *t, struct slice *in)
{
    if (!is_record(t, *in)) {
        t->not_tls = true;
        keep_first_line(t, *in);
        return;
    }
    while (in->n > 0 && tls_wants_input(t)) {
        size_t room, n;
        unsigned char *p = br_ssl_engine_recvrec_buf(&t->client.eng, &room);

        n = in->n < room ? in->n : room;
        memcpy(p, in->p, n);
        br_ssl_engine_recvrec_ack(&t->client.eng, n);
        *in = slice_part(*in, n, in->n);
        if (!t->suite && is_in(t, BR_SSL_SENDAPP))
            t->suite = find_suite(t);
    }
}

struct slice tls_read(const struct tls *t)
{
    struct slice input = { 0 };

    if (is_in(t, BR_SSL_RECVAPP))
        input.p = (const char *)br_ssl_engine_recvapp_buf(&t->client.eng, &input.n);
    return input;
}

void tls_read_done(struct tls *t)
{
    size_t n;

    if (is_in(t, BR_SSL_RECVAPP) && br_ssl_engine_recvapp_buf(&t->client.eng, &n))
        br_ssl_engine_recvapp_ack(&t->client.eng, n);
}

void tls_say_goodbye(struct tls *t)
{
    if (tls_established(t) && !tls_is_over(t))
        br_ssl_engine_close(&t->client.eng);
}

bool tls_is_over(const struct tls *t)
{
    return t->not_tls || is_in(t, BR_SSL_CLOSED);
}

static enum code explain_alert(int alert, struct status *why)
{
    bool known = (size_t)alert < sizeof alerts / sizeof *alerts && alerts[alert];

    if (known)
        return status_set(why, CODE_TLS, STAGE_TLS, "the server says: %s (TLS alert %d)",
                          alerts[alert], alert);
    return status_set(why, CODE_TLS, STAGE_TLS, "the server says: TLS alert %d", alert);
}

enum code tls_explain(const struct tls *t, struct status *why)
{
    int error = br_ssl_engine_last_error(&t->client.eng);

    if (t->not_tls) {
        status_said(why, (struct slice){ t->said, t->said_length });
        return status_set(why, CODE_NOT_TLS, STAGE_TLS, "no TLS on this port");
    }
    if (error == BR_ERR_OK)
        return status_set(why, CODE_CLOSED, STAGE_TLS, "the server closed the connection");
    if (error >= X509_ERROR_MIN && error <= X509_ERROR_MAX)
        return trust_explain(t->trust, error, why);
    if (error >= BR_ERR_RECV_FATAL_ALERT && error <= BR_ERR_RECV_FATAL_ALERT + ALERT_MAX)
        return explain_alert(error - BR_ERR_RECV_FATAL_ALERT, why);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == error)
            return status_set(why, CODE_TLS, STAGE_TLS, "%s", rows[i].sentence);
    return status_set(why, CODE_TLS, STAGE_TLS, "TLS failed (error %d)", error);
}
