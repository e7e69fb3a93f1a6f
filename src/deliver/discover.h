/* From a mail address to the servers that may take its mail for submission. */
#ifndef ORSINO_DELIVER_DISCOVER_H
#define ORSINO_DELIVER_DISCOVER_H

#include "base/clock.h"
#include "conf/provider.h"
#include "net/lookup.h"

enum discovery_source {
    SOURCE_SRV,      /* RFC 8314 section 5.1 (_submissions), RFC 6186 (_submission) */
    SOURCE_PROVIDER, /* THE table, by the address's domain */
    SOURCE_MX,       /* THE table, by where its mail goes */
    SOURCE_GUESS,    /* smtp.DOMAIN and mail.DOMAIN, if such a host exists */
};

struct candidate {
    enum discovery_source source;
    const struct provider *provider;   /* NULL when unknown */
    char region[PROVIDER_REGION_ROOM]; /* of the provider; "" for the usual one, or none */
    char host[SERVER_NAME_ROOM];
    unsigned port;     /* 0: not known */
    enum tls_mode tls; /* TLS_UNSET: not known */
    char reason[160];  /* for people: "_submissions._tcp.example.it says so" */
};

enum {
    CANDIDATES_MAX = 8,
};

struct discovery {
    size_t count;
    struct candidate rows[CANDIDATES_MAX]; /* the best first, each host and port once */
    bool is_refused;   /* an SRV of "." says that there is no submission at this domain */
    struct status dns; /* CODE_OK, or why something could not be asked */
};

/*
 * The domain of an address, whatever stands before '@'. Sources are asked in the order above; later
 * ones only as long as there is no candidate, and time: the last question may outlast the deadline
 * by what libc waits for a nameserver (hurry.h). CODE_RESOLVE when the domain does not exist,
 * CODE_RESOLVE_LATER when DNS is silent and the table does not know it.
 */
enum code discover(const char *domain, struct deadline deadline, struct discovery *out,
                   struct status *why) __attribute__((warn_unused_result));

#endif
