/*
 * The certificates that a server sends, kept until all have come, and the path through them.
 *
 * RFC 5246 section 7.4.2 wants them in order, leaf first, and nothing else; servers send them in
 * any order, with old roots and strangers among them. The path starts at the leaf and goes from
 * issuer to issuer, so what does not belong is left out.
 */
#ifndef ORSINO_NET_CHAIN_H
#define ORSINO_NET_CHAIN_H

#include "net/certificate.h"

enum {
    CHAIN_CERTIFICATES_MAX = 16,
    CHAIN_BYTES_MAX = 64 * 1024,
};

struct link {
    size_t start, end;              /* of chain.bytes */
    bool readable;                  /* whether `certificate` is filled */
    bool anchored;                  /* whether its issuer is a CA that we believe */
    bool used;                      /* whether it is on the path */
    struct certificate certificate; /* slices of chain.bytes */
};

struct chain {
    struct buf bytes;
    bool too_long;
    size_t count;
    struct link links[CHAIN_CERTIFICATES_MAX]; /* as sent, the leaf first */
    size_t path_length;
    size_t path[CHAIN_CERTIFICATES_MAX]; /* indexes of links, the leaf first */
};

/* Empties it for the next chain; chain_free also frees. All-zero can be freed. */
void chain_begin(struct chain *c);
void chain_free(struct chain *c);

/* A certificate of `length` bytes begins; its bytes follow in pieces. What exceeds a bound sets
 * too_long; without memory bytes.failed is set as well. */
void chain_start_certificate(struct chain *c, size_t length);
void chain_append(struct chain *c, const void *p, size_t n);

/* Reads the certificates, when all have come. */
void chain_read(struct chain *c);

/*
 * Finds the path, at least the leaf when there is one. Of several possible issuers the one is taken
 * that leads to a known CA, then one that is valid at `now` (as certificate_time gives it), then
 * one that is not its own issuer, since that leads no further.
 */
void chain_find_path(struct chain *c, const char *now);

/* The i-th certificate of the path; the last one of it. There must be one. */
const struct link *chain_step(const struct chain *c, size_t i);
const struct link *chain_top(const struct chain *c);

/* The bytes of a certificate, valid until the next chain begins. */
struct slice chain_bytes(const struct chain *c, const struct link *link);

#endif
