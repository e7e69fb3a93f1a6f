/*
 * BearSSL's "minimal" engine wants its trust anchors before the first certificate, and the chain in
 * order. So the chain is kept until it is complete; then the anchors that it asks for are taken
 * from the bundle, its path is found, and the minimal engine is the judge of both.
 */
#include "net/trust.h"

#include "net/anchor.h"
#include "net/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RSA_BYTES_MIN = 2048 / 8,
    DAYS_TO_1970 = 719528, /* from the first of January of the year 0, as BearSSL counts */
    DAY = 24 * 60 * 60,
};

/* THE list of the usual places. */
static const char *const usual_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",     /* Debian, Alpine, Arch, OpenWrt */
    "/etc/pki/tls/certs/ca-bundle.crt",       /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                 /* SUSE */
    "/etc/ssl/cert.pem",                      /* FreeBSD, OpenBSD, Alpine's base system */
    "/usr/local/share/certs/ca-root-nss.crt", /* FreeBSD, the package */
};

enum mode {
    JUDGE,
    PINNED, /* one certificate is believed, and no other */
    LOOK,   /* whatever the judgement, the handshake goes on */
};

struct trust {
    const br_x509_class *vtable; /* first, as BearSSL wants it */
    br_x509_minimal_context judge;
    enum mode mode;
    unsigned char pin[TRUST_DIGEST_BYTES];
    br_x509_decoder_context leaf; /* PINNED and LOOK: has the key */
    struct status no_bundle;      /* LOOK: why there is none */
    struct status judgement;      /* LOOK */
    struct chain chain;
    struct anchors anchors;
    struct server_name name;
    char now[CERTIFICATE_TIME_ROOM];
    bool no_memory, not_for_servers;
    char *path;
    struct bundle bundle;
};

/* BearSSL hands a pointer to the first field of our struct around as the context. */
static struct trust *trust_of(const br_x509_class **context)
{
    return (struct trust *)(void *)context;
}

static void start_chain(const br_x509_class **context, const char *server_name)
{
    struct trust *t = trust_of(context);

    (void)server_name;
    chain_begin(&t->chain);
    br_x509_minimal_init(&t->judge, &br_sha256_vtable, NULL, 0); /* has no key until it judged */
    t->no_memory = t->not_for_servers = false;
}

static void start_certificate(const br_x509_class **context, uint32_t length)
{
    chain_start_certificate(&trust_of(context)->chain, length);
}

static void append(const br_x509_class **context, const unsigned char *p, size_t n)
{
    chain_append(&trust_of(context)->chain, p, n);
}

static void end_certificate(const br_x509_class **context)
{
    (void)context;
}

/* For the words, and for choosing; the judge has the same time. */
static time_t read_clock(char text[CERTIFICATE_TIME_ROOM])
{
    time_t now = time(NULL);
    struct tm calendar;

    if (now > 0 && gmtime_r(&now, &calendar) &&
        strftime(text, CERTIFICATE_TIME_ROOM, "%Y%m%d%H%M%S", &calendar) > 0)
        return now;
    (void)snprintf(text, CERTIFICATE_TIME_ROOM, "19700101000000");
    return 0;
}

/* Without MD5 and SHA-1, so that a signature over one of them is refused. */
static void set_algorithms(br_x509_minimal_context *judge)
{
    br_x509_minimal_set_hash(judge, br_sha224_ID, &br_sha224_vtable);
    br_x509_minimal_set_hash(judge, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_hash(judge, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(judge, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_rsa(judge, br_rsa_pkcs1_vrfy_get_default());
    br_x509_minimal_set_ecdsa(judge, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
    br_x509_minimal_set_minrsa(judge, RSA_BYTES_MIN);
}

static unsigned judge_path(struct trust *t, time_t now)
{
    const br_x509_class **judge = &t->judge.vtable;
    const br_x509_class *methods = &br_x509_minimal_vtable;

    br_x509_minimal_init(&t->judge, &br_sha256_vtable, t->anchors.list, t->anchors.count);
    set_algorithms(&t->judge);
    br_x509_minimal_set_time(&t->judge, (uint32_t)(now / DAY) + DAYS_TO_1970,
                             (uint32_t)(now % DAY));
    methods->start_chain(judge, t->name.address_length > 0 ? NULL : t->name.text);
    for (size_t i = 0; i < t->chain.path_length; i++) {
        struct slice der = chain_bytes(&t->chain, chain_step(&t->chain, i));

        methods->start_cert(judge, (uint32_t)der.n);
        if (der.n > 0)
            methods->append(judge, (const unsigned char *)der.p, der.n);
        methods->end_cert(judge);
    }
    return methods->end_chain(judge);
}

/* BearSSL's judge knows DNS names only. */
static bool is_for_address(const struct trust *t)
{
    struct slice wanted = { (const char *)t->name.address, t->name.address_length }, names, value;
    unsigned tag;

    if (!certificate_extension(&t->chain.links[0].certificate, EXTENSION_ALT_NAMES, &names))
        return false;
    while (certificate_next_alt_name(&names, &tag, &value))
        if (tag == ALT_NAME_IP && slice_equal(value, wanted))
            return true;
    return false;
}

/* RFC 5280 section 4.2.1.12, for the leaf and, as everybody does, for the CAs below the anchor:
 * one made for signing mail or programs must not vouch for servers. */
static bool is_for_servers(const struct chain *chain)
{
    for (size_t i = 0; i < chain->path_length; i++) {
        if (!certificate_may_serve(&chain_step(chain, i)->certificate))
            return false;
        if (chain_step(chain, i)->anchored)
            break;
    }
    return true;
}

static void hash_leaf(const struct trust *t, unsigned char digest[TRUST_DIGEST_BYTES])
{
    struct slice der = chain_bytes(&t->chain, &t->chain.links[0]);
    br_sha256_context sha;

    br_sha256_init(&sha);
    br_sha256_update(&sha, der.p, der.n);
    br_sha256_out(&sha, digest);
}

/* The key of the server's certificate, which nobody vouches for. */
static unsigned decode_leaf(struct trust *t)
{
    struct slice der;

    if (t->chain.count == 0)
        return BR_ERR_X509_EMPTY_CHAIN;
    if (t->chain.too_long)
        return BR_ERR_X509_LIMIT_EXCEEDED;
    der = chain_bytes(&t->chain, &t->chain.links[0]);
    br_x509_decoder_init(&t->leaf, NULL, NULL);
    br_x509_decoder_push(&t->leaf, der.p, der.n);
    return br_x509_decoder_get_pkey(&t->leaf) ? 0 : BR_ERR_X509_UNSUPPORTED;
}

static unsigned compare_leaf(struct trust *t)
{
    unsigned char digest[TRUST_DIGEST_BYTES];
    unsigned error;

    (void)read_clock(t->now);
    chain_read(&t->chain);
    error = decode_leaf(t);
    if (error)
        return error;
    hash_leaf(t, digest);
    return memcmp(digest, t->pin, sizeof digest) == 0 ? 0 : BR_ERR_X509_NOT_TRUSTED;
}

static unsigned judge_chain(struct trust *t)
{
    time_t now = read_clock(t->now);
    unsigned error;

    chain_read(&t->chain);
    if (t->chain.too_long || !anchors_find(&t->anchors, &t->bundle, &t->chain, t->now)) {
        t->no_memory = t->chain.bytes.failed || !t->chain.too_long;
        return BR_ERR_X509_LIMIT_EXCEEDED;
    }
    chain_find_path(&t->chain, t->now);
    error = judge_path(t, now);
    if (error)
        return error;
    if (t->name.address_length > 0 && !is_for_address(t))
        return BR_ERR_X509_BAD_SERVER_NAME;
    t->not_for_servers = !is_for_servers(&t->chain);
    return t->not_for_servers ? BR_ERR_X509_FORBIDDEN_KEY_USAGE : 0;
}

static unsigned look_at_chain(struct trust *t)
{
    unsigned error;

    t->judgement = t->no_bundle;
    if (t->bundle.fd >= 0) {
        error = judge_chain(t);
        if (error)
            (void)trust_explain(t, (int)error, &t->judgement);
    } else {
        (void)read_clock(t->now);
        chain_read(&t->chain);
    }
    return decode_leaf(t);
}

static unsigned end_chain(const br_x509_class **context)
{
    struct trust *t = trust_of(context);

    switch (t->mode) {
    case PINNED:
        return compare_leaf(t);
    case LOOK:
        return look_at_chain(t);
    case JUDGE:
        break;
    }
    return judge_chain(t);
}

static const br_x509_pkey *get_key(const br_x509_class *const *context, unsigned *usages)
{
    const struct trust *t = (const struct trust *)(const void *)context;

    if (t->mode == JUDGE)
        return br_x509_minimal_vtable.get_pkey(&t->judge.vtable, usages);
    if (usages)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return br_x509_decoder_get_pkey((br_x509_decoder_context *)&t->leaf);
}

static const br_x509_class engine = {
    .context_size = sizeof(struct trust),
    .start_chain = start_chain,
    .start_cert = start_certificate,
    .append = append,
    .end_cert = end_certificate,
    .end_chain = end_chain,
    .get_pkey = get_key,
};

/* The first of the usual places that exists; one that cannot be read is not passed over. */
static enum code open_usual(struct trust *t, const char **path, struct status *why)
{
    for (size_t i = 0; i < sizeof usual_bundles / sizeof *usual_bundles; i++) {
        struct status missing = { 0 };

        *path = usual_bundles[i];
        if (bundle_open(&t->bundle, *path, &missing) == CODE_OK)
            return CODE_OK;
        if (missing.os != ENOENT && missing.os != ENOTDIR) {
            if (why->code == CODE_OK)
                *why = missing;
            return why->code;
        }
    }
    return status_set(why, CODE_NO_CA, STAGE_CONFIG,
                      "no CA certificates to verify the server with: neither %s nor any other of "
                      "the usual files exists",
                      usual_bundles[0]);
}

static enum code open_bundle(struct trust *t, const char *ca_file, struct status *why)
{
    const char *path = ca_file;

    if (path[0] != 0 ? bundle_open(&t->bundle, path, why) : open_usual(t, &path, why))
        return why->code;
    t->path = slice_dup(slice_of(path));
    if (!t->path)
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
    return CODE_OK;
}

static struct trust *make(enum mode mode, struct status *why)
{
    struct trust *t = malloc(sizeof *t);

    if (!t) {
        (void)status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
        return NULL;
    }
    memset(t, 0,
           offsetof(struct trust, bundle)); /* not the window: 32 KB that may stay untouched */
    t->vtable = &engine;
    t->mode = mode;
    t->bundle.fd = -1;
    return t;
}

enum code trust_load(const char *ca_file, struct trust **out, struct status *why)
{
    struct trust *t = make(JUDGE, why);

    if (!t)
        return why->code;
    if (open_bundle(t, ca_file, why)) {
        trust_free(t);
        return why->code;
    }
    *out = t;
    return CODE_OK;
}

enum code trust_load_fingerprint(const unsigned char digest[TRUST_DIGEST_BYTES], struct trust **out,
                                 struct status *why)
{
    struct trust *t = make(PINNED, why);

    if (!t)
        return why->code;
    memcpy(t->pin, digest, sizeof t->pin);
    *out = t;
    return CODE_OK;
}

enum code trust_load_to_look(const char *ca_file, struct trust **out, struct status *why)
{
    struct trust *t = make(LOOK, why);

    if (!t)
        return why->code;
    (void)open_bundle(t, ca_file, &t->no_bundle);
    *out = t;
    return CODE_OK;
}

bool trust_only_looks(const struct trust *t)
{
    return t->mode == LOOK;
}

void trust_free(struct trust *t)
{
    if (!t)
        return;
    bundle_close(&t->bundle);
    anchors_free(&t->anchors);
    chain_free(&t->chain);
    free(t->path);
    free(t);
}

const br_x509_class **trust_engine(struct trust *t, const struct server_name *name)
{
    t->name = *name;
    return &t->vtable;
}

static void write_fingerprint(const struct trust *t, char out[2 * TRUST_DIGEST_BYTES + 1])
{
    unsigned char digest[TRUST_DIGEST_BYTES];

    hash_leaf(t, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static enum code explain_pin(const struct trust *t, struct status *why)
{
    char shown[2 * TRUST_DIGEST_BYTES + 1];

    write_fingerprint(t, shown);
    return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                      "it shows another certificate than the one of fingerprint =, %s", shown);
}

enum code trust_explain(const struct trust *t, int error, struct status *why)
{
    struct refusal refusal = {
        .error = error,
        .chain = &t->chain,
        .name = &t->name,
        .ca_path = t->path,
        .now = t->now,
        .expired_ca = t->anchors.expired,
        .not_for_servers = t->not_for_servers,
    };

    if (t->no_memory)
        return status_set(why, CODE_MEMORY, STAGE_TLS, "out of memory");
    if (t->mode == PINNED && error == BR_ERR_X509_NOT_TRUSTED)
        return explain_pin(t, why);
    if (t->bundle.error) {
        status_at(why, "%s", t->path);
        return status_set_errno(why, CODE_READ, STAGE_TLS, t->bundle.error,
                                "the CA certificates cannot be read");
    }
    return explain_refusal(&refusal, why);
}

/* Whole days from now until a time of a certificate; negative when it is past. */
static int days_until(const char time[CERTIFICATE_TIME_ROOM], const char *now)
{
    time_t times[2];
    const char *texts[2] = { time, now };

    for (size_t i = 0; i < 2; i++) {
        struct tm calendar = { .tm_isdst = 0 };

        if (!strptime(texts[i], "%Y%m%d%H%M%S", &calendar))
            return 0;
        times[i] = timegm(&calendar);
    }
    return (int)((times[0] - times[1]) / DAY) - (times[0] < times[1] ? 1 : 0);
}

/* The CA of the bundle that the path ends at: the issuer of its last certificate, or the server's
 * own certificate when that stands there. */
static void name_ca(const struct trust *t, char out[CERTIFICATE_NAME_ROOM])
{
    if (t->chain.path_length > 0 && chain_top(&t->chain)->anchored)
        certificate_name(chain_top(&t->chain)->certificate.issuer, out);
    else if (t->mode == LOOK && t->judgement.code == CODE_OK)
        certificate_name(t->chain.links[0].certificate.subject, out);
}

void trust_facts(const struct trust *t, struct trust_facts *out)
{
    const struct link *leaf = &t->chain.links[0];

    *out = (struct trust_facts){ .judgement = t->judgement };
    if (t->chain.count == 0 || t->chain.too_long || !leaf->readable)
        return;
    out->is_shown = true;
    certificate_name(leaf->certificate.subject, out->subject);
    certificate_name(leaf->certificate.issuer, out->issuer);
    certificate_time(leaf->certificate.not_after, out->not_after);
    explain_names(&leaf->certificate, out->names);
    name_ca(t, out->ca);
    out->days_left = days_until(out->not_after, t->now);
    write_fingerprint(t, out->fingerprint);
}
