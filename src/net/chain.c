#include "net/chain.h"

#include <string.h>

void chain_begin(struct chain *c)
{
    c->bytes.max = CHAIN_BYTES_MAX;
    buf_clear(&c->bytes);
    c->too_long = false;
    c->count = 0;
    c->path_length = 0;
}

void chain_free(struct chain *c)
{
    buf_free(&c->bytes);
    c->count = c->path_length = 0;
}

void chain_start_certificate(struct chain *c, size_t length)
{
    if (c->count == CHAIN_CERTIFICATES_MAX || length > CHAIN_BYTES_MAX - c->bytes.n)
        c->too_long = true;
    if (c->too_long)
        return;
    c->links[c->count] = (struct link){ .start = c->bytes.n, .end = c->bytes.n };
    c->count++;
    buf_reserve(&c->bytes, c->bytes.n + length);
}

void chain_append(struct chain *c, const void *p, size_t n)
{
    if (c->too_long)
        return;
    buf_add(&c->bytes, p, n);
    c->too_long = c->bytes.failed;
    c->links[c->count - 1].end = c->bytes.n;
}

struct slice chain_bytes(const struct chain *c, const struct link *link)
{
    return slice_part(buf_slice(&c->bytes), link->start, link->end);
}

void chain_read(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct link *link = &c->links[i];

        link->readable = certificate_read(chain_bytes(c, link), &link->certificate);
    }
}

/* How well a certificate continues the path; 0 when it does not. */
static unsigned fitness(const struct link *link, struct slice issuer, const char *now)
{
    if (link->used || !link->readable || !slice_equal(link->certificate.subject, issuer))
        return 0;
    return 1u + (certificate_is_self_issued(&link->certificate) ? 0u : 1u) +
           (certificate_is_valid(&link->certificate, now) ? 2u : 0u) + (link->anchored ? 4u : 0u);
}

static void step_to(struct chain *c, size_t index)
{
    c->links[index].used = true;
    c->path[c->path_length++] = index;
}

static bool find_issuer(const struct chain *c, const char *now, size_t *best)
{
    struct slice issuer = chain_top(c)->certificate.issuer;
    unsigned best_fitness = 0;

    for (size_t i = 0; i < c->count; i++) {
        unsigned fits = fitness(&c->links[i], issuer, now);

        if (fits > best_fitness) {
            best_fitness = fits;
            *best = i;
        }
    }
    return best_fitness > 0;
}

void chain_find_path(struct chain *c, const char *now)
{
    size_t next = 0;

    c->path_length = 0;
    if (c->count == 0)
        return;
    /* Each step uses up one certificate, so the path ends. */
    do {
        step_to(c, next);
    } while (chain_top(c)->readable && !certificate_is_self_issued(&chain_top(c)->certificate) &&
             find_issuer(c, now, &next));
}

const struct link *chain_step(const struct chain *c, size_t i)
{
    return &c->links[c->path[i]];
}

const struct link *chain_top(const struct chain *c)
{
    return chain_step(c, c->path_length - 1);
}
