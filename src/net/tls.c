#include "net/tls.h"

#include "net/suite.h"

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
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INSUFFICIENT_SECURITY = 71,
    ALERT_MAX = 255,
};

/* RFC 5246 section 7.2 and its successors, in words. */
static const char *const alerts[] = {
    [0] = "close notify",
    [10] = "unexpected message",
    [20] = "bad record MAC",
    [21] = "decryption failed",
    [22] = "record overflow",
    [ALERT_HANDSHAKE_FAILURE] = "handshake failure",
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
    [ALERT_PROTOCOL_VERSION] = "protocol version",
    [ALERT_INSUFFICIENT_SECURITY] = "insufficient security",
    [80] = "internal error",
    [86] = "inappropriate fallback",
    [90] = "user canceled",
    [100] = "no renegotiation",
    [110] = "unsupported extension",
    [112] = "unrecognized name",
    [116] = "certificate required",
    [120] = "no application protocol",
};

/*
 * Our own errors, as far as a sentence helps. ABOUT_PEER: "the server" or "the client" comes before
 * it. A server learns of a client that knows nothing we do when it has to send an alert of its own.
 */
enum subject {
    ABOUT_PEER,
    ABOUT_ALL,
    ABOUT_CLIENT, /* only when we are the server */
};

static const struct row {
    int error;
    enum subject subject;
    const char *sentence;
} rows[] = {
    { BR_ERR_UNSUPPORTED_VERSION, ABOUT_PEER, "does not speak TLS 1.2" },
    { BR_ERR_BAD_VERSION, ABOUT_PEER, "changed its TLS version in the middle" },
    { BR_ERR_BAD_LENGTH, ABOUT_PEER, "sent a TLS record of a wrong length" },
    { BR_ERR_TOO_LARGE, ABOUT_PEER, "sent a TLS record that is too large" },
    { BR_ERR_BAD_MAC, ABOUT_ALL, "a TLS record was damaged or forged on its way" },
    { BR_ERR_UNKNOWN_TYPE, ABOUT_PEER, "sent a TLS record of an unknown type" },
    { BR_ERR_UNEXPECTED, ABOUT_PEER, "sent a TLS record where it does not belong" },
    { BR_ERR_BAD_HANDSHAKE, ABOUT_PEER, "sent a TLS handshake that cannot be read" },
    { BR_ERR_BAD_CIPHER_SUITE, ABOUT_PEER, "chose a TLS cipher suite that was not offered" },
    { BR_ERR_BAD_SECRENEG, ABOUT_PEER, "failed at secure renegotiation (RFC 5746)" },
    { BR_ERR_BAD_FINISHED, ABOUT_ALL, "the TLS handshake was tampered with" },
    { BR_ERR_INVALID_ALGORITHM, ABOUT_PEER, "chose a TLS algorithm that was not offered" },
    { BR_ERR_BAD_SIGNATURE, ABOUT_PEER, "could not prove that its certificate is its own" },
    { BR_ERR_WRONG_KEY_USAGE, ABOUT_ALL,
      "the key in the server's certificate does not fit the cipher suite" },
    { BR_ERR_SEND_FATAL_ALERT + ALERT_PROTOCOL_VERSION, ABOUT_CLIENT, "does not speak TLS 1.2" },
    { BR_ERR_SEND_FATAL_ALERT + ALERT_HANDSHAKE_FAILURE, ABOUT_CLIENT,
      "offers no TLS 1.2 cipher suite or curve that is used here" },
};

struct tls {
    br_ssl_engine_context *engine; /* that of the context behind this */
    size_t size;                   /* of all of it */
    struct trust *trust;           /* NULL when we are the server */
    char suite[SUITE_ROOM];        /* "" until established */
    bool is_modern;
    bool not_tls;
    size_t heard; /* bytes received, counted up to 2 */
    char said[SAID_MAX];
    size_t said_length;
};

struct buffers {
    unsigned char input[BR_SSL_BUFSIZE_INPUT];
    unsigned char output[BR_SSL_BUFSIZE_OUTPUT];
};

/* A client needs the less memory of the two. The buffers are touched as far as they are used. */
struct tls_client {
    struct tls tls;
    br_ssl_client_context context;
    struct buffers buffers;
};

struct tls_server {
    struct tls tls;
    br_ssl_server_context context;
    struct buffers buffers;
};

static struct tls_client *client_of(struct tls *t)
{
    return (struct tls_client *)(void *)t;
}

static struct tls_server *server_of(struct tls *t)
{
    return (struct tls_server *)(void *)t;
}

static bool reset(struct tls *t, const char *sni)
{
    return t->trust ? br_ssl_client_reset(&client_of(t)->context, sni, 0)
                    : br_ssl_server_reset(&server_of(t)->context);
}

/* BearSSL seeds itself from the system; where it cannot, the system call is asked. */
static enum code start(struct tls *t, const char *sni, struct status *why)
{
    unsigned char entropy[ENTROPY];

    if (reset(t, sni))
        return CODE_OK;
    if (br_ssl_engine_last_error(t->engine) != BR_ERR_NO_RANDOM)
        return tls_explain(t, why);
    if (getentropy(entropy, sizeof entropy) != 0)
        return status_set(why, CODE_SYSTEM, STAGE_TLS, "the system gives no random bytes");
    br_ssl_engine_inject_entropy(t->engine, entropy, sizeof entropy);
    explicit_bzero(entropy, sizeof entropy);
    return reset(t, sni) ? CODE_OK : tls_explain(t, why);
}

/* Gives *out what was begun, or ends it. */
static enum code finish(struct tls *t, struct buffers *buffers, const char *sni, struct tls **out,
                        struct status *why)
{
    br_ssl_engine_set_buffers_bidi(t->engine, buffers->input, sizeof buffers->input,
                                   buffers->output, sizeof buffers->output);
    if (start(t, sni, why)) {
        tls_end(t);
        return why->code;
    }
    *out = t;
    return CODE_OK;
}

enum code tls_begin(const struct server_name *name, struct trust *trust, struct tls **out,
                    struct status *why)
{
    struct tls_client *c = malloc(sizeof *c);

    if (!c)
        return status_set(why, CODE_MEMORY, STAGE_TLS, "out of memory");
    c->tls = (struct tls){ .engine = &c->context.eng, .size = sizeof *c, .trust = trust };
    br_ssl_client_zero(&c->context);
    if (trust_only_looks(trust))
        suite_allow_all(&c->context);
    else
        suite_allow_modern(c->tls.engine);
    br_ssl_engine_set_x509(c->tls.engine, trust_engine(trust, name));
    /* RFC 6066 section 3: the server name indication never holds an IP address. */
    return finish(&c->tls, &c->buffers, name->address_length > 0 ? NULL : name->text, out, why);
}

enum code tls_begin_server(const struct identity *identity, bool old_versions, struct tls **out,
                           struct status *why)
{
    struct tls_server *s = malloc(sizeof *s);

    if (!s)
        return status_set(why, CODE_MEMORY, STAGE_TLS, "out of memory");
    s->tls = (struct tls){ .engine = &s->context.eng, .size = sizeof *s };
    br_ssl_server_zero(&s->context);
    suite_allow_old(s->tls.engine, old_versions);
    br_ssl_engine_add_flags(s->tls.engine, BR_OPT_ENFORCE_SERVER_PREFERENCES);
    identity_install(identity, &s->context);
    return finish(&s->tls, &s->buffers, NULL, out, why);
}

void tls_end(struct tls *t)
{
    if (!t)
        return;
    explicit_bzero(t, t->size);
    free(t);
}

static bool is_in(const struct tls *t, unsigned state)
{
    return (br_ssl_engine_current_state(t->engine) & state) != 0;
}

static void find_suite(struct tls *t)
{
    br_ssl_session_parameters session;

    br_ssl_engine_get_session_parameters(t->engine, &session);
    suite_name(session.version, session.cipher_suite, t->suite);
    t->is_modern = suite_is_modern(session.version, session.cipher_suite);
    explicit_bzero(&session, sizeof session);
}

bool tls_established(const struct tls *t)
{
    return t->suite[0] != 0;
}

const char *tls_suite(const struct tls *t)
{
    return t->suite;
}

bool tls_is_modern(const struct tls *t)
{
    return t->is_modern;
}

void tls_write(struct tls *t, struct slice *out)
{
    size_t room, n;
    unsigned char *p = br_ssl_engine_sendapp_buf(t->engine, &room);

    if (!p || tls_is_over(t) || out->n == 0)
        return;
    n = out->n < room ? out->n : room;
    memcpy(p, out->p, n);
    br_ssl_engine_sendapp_ack(t->engine, n);
    br_ssl_engine_flush(t->engine, 0);
    *out = slice_part(*out, n, out->n);
}

struct slice tls_output(const struct tls *t)
{
    struct slice output = { 0 };

    if (is_in(t, BR_SSL_SENDREC))
        output.p = (const char *)br_ssl_engine_sendrec_buf(t->engine, &output.n);
    return output;
}

/* A client is through when it has received, a server when it has sent. */
static void notice_establishment(struct tls *t)
{
    if (!tls_established(t) && is_in(t, BR_SSL_SENDAPP))
        find_suite(t);
}

void tls_sent(struct tls *t, size_t n)
{
    if (n > 0)
        br_ssl_engine_sendrec_ack(t->engine, n);
    notice_establishment(t);
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
        unsigned char *p = br_ssl_engine_recvrec_buf(t->engine, &room);

        n = in->n < room ? in->n : room;
        memcpy(p, in->p, n);
        br_ssl_engine_recvrec_ack(t->engine, n);
        *in = slice_part(*in, n, in->n);
        notice_establishment(t);
    }
}

struct slice tls_read(const struct tls *t)
{
    struct slice input = { 0 };

    if (is_in(t, BR_SSL_RECVAPP))
        input.p = (const char *)br_ssl_engine_recvapp_buf(t->engine, &input.n);
    return input;
}

void tls_read_done(struct tls *t)
{
    size_t n;

    if (is_in(t, BR_SSL_RECVAPP) && br_ssl_engine_recvapp_buf(t->engine, &n))
        br_ssl_engine_recvapp_ack(t->engine, n);
}

void tls_say_goodbye(struct tls *t)
{
    if (tls_established(t) && !tls_is_over(t))
        br_ssl_engine_close(t->engine);
}

bool tls_is_over(const struct tls *t)
{
    return t->not_tls || is_in(t, BR_SSL_CLOSED);
}

static const char *peer_of(const struct tls *t)
{
    return t->trust ? "the server" : "the client";
}

/* How a server says that it has nothing in common with us. */
static bool is_mismatch(int alert)
{
    return alert == ALERT_HANDSHAKE_FAILURE || alert == ALERT_PROTOCOL_VERSION ||
           alert == ALERT_INSUFFICIENT_SECURITY;
}

static enum code explain_alert(const struct tls *t, int alert, struct status *why)
{
    bool known = (size_t)alert < sizeof alerts / sizeof *alerts && alerts[alert];
    enum code code = t->trust && is_mismatch(alert) ? CODE_TLS_MISMATCH : CODE_TLS;

    if (known)
        return status_set(why, code, STAGE_TLS, "%s says: %s (TLS alert %d)", peer_of(t),
                          alerts[alert], alert);
    return status_set(why, CODE_TLS, STAGE_TLS, "%s says: TLS alert %d", peer_of(t), alert);
}

static enum code explain_error(const struct tls *t, int error, struct status *why)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool about_peer = rows[i].subject != ABOUT_ALL;

        if (rows[i].error != error || (rows[i].subject == ABOUT_CLIENT && t->trust))
            continue;
        return status_set(why,
                          t->trust && error == BR_ERR_UNSUPPORTED_VERSION ? CODE_TLS_MISMATCH
                                                                          : CODE_TLS,
                          STAGE_TLS, "%s%s%s", about_peer ? peer_of(t) : "", about_peer ? " " : "",
                          rows[i].sentence);
    }
    return status_set(why, CODE_TLS, STAGE_TLS, "TLS failed (error %d)", error);
}

enum code tls_explain(const struct tls *t, struct status *why)
{
    int error = br_ssl_engine_last_error(t->engine);

    if (t->not_tls) {
        status_said(why, (struct slice){ t->said, t->said_length });
        return status_set(why, CODE_NOT_TLS, STAGE_TLS, "%s",
                          t->trust ? "no TLS on this port" : "the client does not speak TLS");
    }
    if (error == BR_ERR_OK)
        return status_set(why, CODE_CLOSED, STAGE_TLS, "%s closed the connection", peer_of(t));
    if (t->trust && error >= X509_ERROR_MIN && error <= X509_ERROR_MAX)
        return trust_explain(t->trust, error, why);
    if (error >= BR_ERR_RECV_FATAL_ALERT && error <= BR_ERR_RECV_FATAL_ALERT + ALERT_MAX)
        return explain_alert(t, error - BR_ERR_RECV_FATAL_ALERT, why);
    return explain_error(t, error, why);
}
