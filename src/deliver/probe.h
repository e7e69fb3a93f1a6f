/* What a host speaks at a mail port, found out by asking. Nothing secret is sent. */
#ifndef ORSINO_DELIVER_PROBE_H
#define ORSINO_DELIVER_PROBE_H

#include "base/clock.h"
#include "conf/account.h"
#include "net/suite.h"
#include "net/trust.h"
#include "smtp/client.h"

enum port_state {
    PORT_UNKNOWN,    /* the probe itself failed, see why */
    PORT_REFUSED,    /* connection refused */
    PORT_FILTERED,   /* no answer at all, or the network says no */
    PORT_SILENT,     /* connected; neither greeting nor TLS, or TLS and no greeting */
    PORT_PLAIN,      /* SMTP, no STARTTLS offered */
    PORT_STARTTLS,   /* SMTP with STARTTLS that works; the certificate may still be bad */
    PORT_BROKEN,     /* STARTTLS offered, and refused or the handshake failed */
    PORT_IMPLICIT,   /* SMTP within TLS from the first byte */
    PORT_TLS_FAILED, /* TLS from the first byte, but no handshake with us: see why */
    PORT_REFUSES_US, /* SMTP whose greeting or EHLO is a refusal */
    PORT_OTHER,      /* something else that is no mail server: what it said is in the greeting */
};

struct port_report {
    unsigned port;
    enum port_state state;
    struct status why; /* of what failed, if anything did */
    bool is_timed;
    int64_t round_trip;   /* microseconds, of the TCP handshake */
    char tls[SUITE_ROOM]; /* version and suite, or "" */
    bool is_modern;       /* whether these are such as are used here */
    struct trust_facts trust;
    struct hello_record hello;
    uint64_t size_limit;                    /* 0: none named */
    char auth_before[128], auth_after[128]; /* words of AUTH, "" for none */
};

/* Whom to ask, and as whom. */
struct probe_params {
    const char *host;
    const char *tls_name;  /* to verify against; "" for host */
    const char *ca_file;   /* "" for the system's */
    const char *ehlo_name; /* "" for one that is found */
};

/*
 * Looks at a port until the deadline, and fills the report. It is met as by an account with tls =
 * auto: who does not greet gets a TLS handshake, and who greets then is met once more, for
 * STARTTLS.
 */
void probe_port(const struct probe_params *params, unsigned port, struct deadline deadline,
                struct port_report *report);

/*
 * The report whose way is the best to submit by: verified TLS before all, implicit before STARTTLS,
 * 465 and 587 before others. NULL when there is none.
 */
const struct port_report *probe_best(const struct port_report *reports, size_t count);

#endif
