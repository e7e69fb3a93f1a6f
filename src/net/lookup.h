/* Questions to DNS that getaddrinfo(3) does not ask: SRV (RFC 2782) and MX, by libc's resolver. */
#ifndef ORSINO_NET_LOOKUP_H
#define ORSINO_NET_LOOKUP_H

#include "base/status.h"
#include "net/name.h"

enum {
    LOOKUP_ROWS_MAX = 16, /* more are not looked at */
};

struct lookup_row {
    unsigned priority, weight, port; /* weight and port 0 for MX */
    char name[SERVER_NAME_ROOM];     /* without a dot at the end; "" for the target "." */
};

struct lookup_answer {
    size_t count;                            /* 0: there are none, which is no failure */
    struct lookup_row rows[LOOKUP_ROWS_MAX]; /* by priority, then the heavier first */
};

enum lookup_type {
    LOOKUP_SRV,
    LOOKUP_MX,
};

/* Reads an answer as it came over the wire. False when it makes no sense. */
bool lookup_parse(struct slice answer, enum lookup_type type, struct lookup_answer *out);

/*
 * service is "_submissions._tcp", say. A name that no host can have is left out. CODE_RESOLVE_LATER
 * when DNS does not answer, or with nonsense; it takes a few seconds then at most, with glibc.
 * The domain is asked for as it stands: no search list.
 */
enum code lookup_srv(const char *service, const char *domain, struct lookup_answer *out,
                     struct status *why) __attribute__((warn_unused_result));
enum code lookup_mx(const char *domain, struct lookup_answer *out, struct status *why)
    __attribute__((warn_unused_result));

#endif
