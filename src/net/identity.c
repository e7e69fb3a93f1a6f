#include "net/identity.h"

#include "base/textfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MAX = 256 * 1024,
    CHAIN_MAX = 16,       /* clients take no more */
    RSA_BYTES_MAX = 1024, /* of a modulus: more than BearSSL computes with */
    RIGHTS_OF_OTHERS = 07,
};

static const char encrypted[] = "the private key is encrypted: it is needed without a password";

struct identity {
    struct buf der; /* all certificates, one behind the other */
    br_x509_certificate chain[CHAIN_MAX];
    size_t count;
    br_skey_decoder_context key; /* the key's numbers are in it */
};

/* A PEM file (RFC 7468) on its way through BearSSL's decoder; what is in it may be a secret. */
struct pem {
    br_pem_decoder_context decoder;
    struct buf text;
    struct slice left;
    const char *path;
};

typedef void take_bytes(void *context, const void *p, size_t n);

static enum code refuse(const char *path, enum code code, const char *sentence, struct status *why)
{
    status_at(why, "%s", path);
    return status_set(why, code, STAGE_CONFIG, "%s", sentence);
}

static bool is_shared(const struct stat *st)
{
    return (st->st_mode & RIGHTS_OF_OTHERS) != 0 ||
           ((st->st_mode & S_IRGRP) != 0 && st->st_uid != 0);
}

static enum code read_open(struct pem *pem, int fd, bool secret, struct status *why)
{
    struct stat st;

    if (textfile_take(fd, &st, &pem->text, why)) {
        status_at(why, "%s", pem->path);
        return why->code;
    }
    /* Without a key in it, it is a certificate's, and these are for all to see. */
    if (secret && is_shared(&st) &&
        slice_contains_nocase(buf_slice(&pem->text), slice_of("PRIVATE KEY")))
        return refuse(pem->path, CODE_PERMISSION,
                      "other users can read the private key in this file: chmod 600", why);
    return CODE_OK;
}

/* BearSSL 0.6 takes the CR of a line that DOS made for a part of the object's name. */
static void drop_carriage_returns(struct buf *text)
{
    size_t n = 0;

    for (size_t i = 0; i < text->n; i++)
        if (text->p[i] != '\r')
            text->p[n++] = text->p[i];
    if (n < text->n)
        explicit_bzero(text->p + n, text->n - n);
    text->n = n;
}

static enum code pem_open(struct pem *pem, const char *path, bool secret, struct status *why)
{
    int fd = textfile_open(path);

    *pem = (struct pem){ .path = path };
    buf_init(&pem->text, FILE_MAX + 2);
    br_pem_decoder_init(&pem->decoder);
    if (fd < 0) {
        status_at(why, "%s", path);
        return status_set_errno(why, textfile_code(errno), STAGE_CONFIG, errno,
                                "the certificate or key for TLS cannot be read");
    }
    (void)read_open(pem, fd, secret, why);
    (void)close(fd);
    if (why->code)
        return why->code;
    drop_carriage_returns(&pem->text);
    buf_add_char(&pem->text, '\n'); /* the decoder sees no END on a line that does not end */
    pem->left = buf_slice(&pem->text);
    return CODE_OK;
}

static void pem_close(struct pem *pem)
{
    buf_wipe(&pem->text);
    explicit_bzero(pem, sizeof *pem);
}

/* The next event: BR_PEM_BEGIN_OBJ, BR_PEM_END_OBJ, BR_PEM_ERROR, or 0 at the end of the text. */
static int pem_next(struct pem *pem)
{
    int event = 0;

    while (event == 0 && pem->left.n > 0) {
        size_t n = br_pem_decoder_push(&pem->decoder, pem->left.p, pem->left.n);

        event = br_pem_decoder_event(&pem->decoder);
        pem->left = slice_part(pem->left, n, pem->left.n);
        if (n == 0 && event == 0)
            break;
    }
    return event;
}

/* Gives the bytes of the object that has begun to `take`; false when it is broken or cut off. */
static bool pem_take(struct pem *pem, take_bytes *take, void *context)
{
    br_pem_decoder_setdest(&pem->decoder, take, context);
    return pem_next(pem) == BR_PEM_END_OBJ;
}

static bool is_called(struct pem *pem, const char *name)
{
    return strcmp(br_pem_decoder_name(&pem->decoder), name) == 0;
}

static void take_certificate(void *context, const void *p, size_t n)
{
    buf_add((struct buf *)context, p, n);
}

static enum code add_certificate(struct identity *i, struct pem *pem, struct status *why)
{
    size_t from = i->der.n;

    if (i->count == CHAIN_MAX)
        return refuse(pem->path, CODE_CONFIG, "too many certificates in this file", why);
    if (!pem_take(pem, take_certificate, &i->der) || i->der.failed || i->der.n == from)
        return refuse(pem->path, CODE_CONFIG, "a certificate in this file cannot be read", why);
    i->chain[i->count].data = (unsigned char *)i->der.p + from;
    i->chain[i->count].data_len = i->der.n - from;
    i->count++;
    return CODE_OK;
}

static enum code take_chain(struct identity *i, struct pem *pem, struct status *why)
{
    int event;

    /* Base64 is longer than what it stands for: the bytes will not move any more. */
    buf_init(&i->der, FILE_MAX + 2);
    buf_reserve(&i->der, pem->text.n);
    if (i->der.failed)
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
    while ((event = pem_next(pem)) != 0)
        if (event == BR_PEM_BEGIN_OBJ &&
            (is_called(pem, "CERTIFICATE") || is_called(pem, "X509 CERTIFICATE")))
            if (add_certificate(i, pem, why))
                return why->code;
    if (i->count == 0)
        return refuse(pem->path, CODE_CONFIG, "there is no PEM CERTIFICATE in this file", why);
    return CODE_OK;
}

static void take_key(void *context, const void *p, size_t n)
{
    br_skey_decoder_push((br_skey_decoder_context *)context, p, n);
}

static bool is_key(struct pem *pem)
{
    return is_called(pem, "PRIVATE KEY") || is_called(pem, "RSA PRIVATE KEY") ||
           is_called(pem, "EC PRIVATE KEY");
}

static enum code refuse_key(const struct pem *pem, struct status *why)
{
    if (slice_contains_nocase(buf_slice(&pem->text), slice_of("Proc-Type: 4,ENCRYPTED")))
        return refuse(pem->path, CODE_CONFIG, encrypted, why);
    return refuse(pem->path, CODE_CONFIG, "the private key in this file cannot be read", why);
}

static enum code decode_key(struct identity *i, struct pem *pem, struct status *why)
{
    int error;

    br_skey_decoder_init(&i->key);
    if (!pem_take(pem, take_key, &i->key))
        return refuse_key(pem, why);
    error = br_skey_decoder_last_error(&i->key);
    if (error == BR_ERR_X509_UNSUPPORTED)
        return refuse(
            pem->path, CODE_CONFIG,
            "the private key is of a kind not used here: RSA is, and EC with P-256, P-384 "
            "or P-521",
            why);
    return error || br_skey_decoder_key_type(&i->key) == 0 ? refuse_key(pem, why) : CODE_OK;
}

/* The first key in the file. */
static enum code find_key(struct identity *i, struct pem *pem, struct status *why)
{
    int event;

    while ((event = pem_next(pem)) != 0) {
        if (event != BR_PEM_BEGIN_OBJ)
            continue;
        if (is_called(pem, "ENCRYPTED PRIVATE KEY"))
            return refuse(pem->path, CODE_CONFIG, encrypted, why);
        if (is_key(pem))
            return decode_key(i, pem, why);
    }
    return refuse(pem->path, CODE_CONFIG, "there is no PEM PRIVATE KEY in this file", why);
}

static struct slice without_zeros(const unsigned char *p, size_t n)
{
    while (n > 0 && *p == 0) {
        p++;
        n--;
    }
    return (struct slice){ (const char *)p, n };
}

static bool fits_rsa(const br_rsa_private_key *key, const br_rsa_public_key *wanted)
{
    br_rsa_compute_modulus compute = br_rsa_compute_modulus_get_default();
    unsigned char modulus[RSA_BYTES_MAX];
    size_t n = compute(NULL, key);

    if (n == 0 || n > sizeof modulus || compute(modulus, key) != n)
        return false;
    return slice_equal(without_zeros(modulus, n), without_zeros(wanted->n, wanted->nlen));
}

static bool fits_ec(const br_ec_private_key *key, const br_ec_public_key *wanted)
{
    unsigned char point[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_public_key own;

    return key->curve == wanted->curve &&
           br_ec_compute_pub(br_ec_get_default(), &own, point, key) == wanted->qlen &&
           memcmp(own.q, wanted->q, own.qlen) == 0;
}

/* The public key of the first certificate, valid as long as `leaf`; NULL for one of no use. */
static const br_x509_pkey *find_public_key(const struct identity *i, br_x509_decoder_context *leaf)
{
    br_x509_decoder_init(leaf, NULL, NULL);
    br_x509_decoder_push(leaf, i->chain[0].data, i->chain[0].data_len);
    return br_x509_decoder_get_pkey(leaf);
}

static bool fits(const struct identity *i)
{
    br_x509_decoder_context leaf;
    const br_x509_pkey *wanted = find_public_key(i, &leaf);

    if (!wanted || br_skey_decoder_key_type(&i->key) != wanted->key_type)
        return false;
    if (wanted->key_type == BR_KEYTYPE_RSA)
        return fits_rsa(br_skey_decoder_get_rsa(&i->key), &wanted->key.rsa);
    return fits_ec(br_skey_decoder_get_ec(&i->key), &wanted->key.ec);
}

static enum code load_chain(struct identity *i, const char *path, struct status *why)
{
    br_x509_decoder_context leaf;
    struct pem pem;

    if (pem_open(&pem, path, false, why) == CODE_OK)
        (void)take_chain(i, &pem, why);
    pem_close(&pem);
    if (why->code)
        return why->code;
    if (!find_public_key(i, &leaf))
        return refuse(path, CODE_CONFIG,
                      "the first certificate in this file is damaged, or has neither an RSA nor an "
                      "EC key",
                      why);
    return CODE_OK;
}

static enum code load_key(struct identity *i, const char *path, struct status *why)
{
    struct pem pem;

    if (pem_open(&pem, path, true, why) == CODE_OK)
        (void)find_key(i, &pem, why);
    pem_close(&pem);
    if (why->code)
        return why->code;
    if (!fits(i))
        return refuse(path, CODE_CONFIG, "the private key is not that of the server's certificate",
                      why);
    return CODE_OK;
}

enum code identity_load(const char *cert_file, const char *key_file, struct identity **out,
                        struct status *why)
{
    struct identity *i = calloc(1, sizeof *i);

    if (!i)
        return status_set(why, CODE_MEMORY, STAGE_CONFIG, "out of memory");
    if (load_chain(i, cert_file, why) ||
        load_key(i, key_file && key_file[0] != 0 ? key_file : cert_file, why)) {
        identity_free(i);
        return why->code;
    }
    *out = i;
    return CODE_OK;
}

void identity_free(struct identity *i)
{
    if (!i)
        return;
    buf_wipe(&i->der);
    explicit_bzero(i, sizeof *i);
    free(i);
}

void identity_install(const struct identity *i, br_ssl_server_context *server)
{
    if (br_skey_decoder_key_type(&i->key) == BR_KEYTYPE_RSA)
        br_ssl_server_set_single_rsa(server, i->chain, i->count, br_skey_decoder_get_rsa(&i->key),
                                     BR_KEYTYPE_SIGN, br_rsa_private_get_default(),
                                     br_rsa_pkcs1_sign_get_default());
    else
        br_ssl_server_set_single_ec(server, i->chain, i->count, br_skey_decoder_get_ec(&i->key),
                                    BR_KEYTYPE_SIGN, 0, br_ec_get_default(),
                                    br_ecdsa_sign_asn1_get_default());
}
