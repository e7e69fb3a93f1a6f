/* What a server speaks that has no TLS in common with us. */
#include "deliver/connection_inside.h"

#include <stdio.h>
#include <string.h>

enum {
    LOOK = 3000, /* milliseconds, for each step */
};

/* Who refuses version after version down to 1.0 has a newer one. */
static void tell_refusal(const struct status *refusal, struct status *why)
{
    if (refusal->code == CODE_TLS_MISMATCH && strstr(refusal->what, "protocol version"))
        (void)snprintf(why->what, sizeof why->what,
                       "the server speaks TLS 1.3 alone: it refuses 1.2, and older ones");
}

/* `name` is "TLSv1.1/SUITE". */
static void tell_finding(const char *name, struct status *why)
{
    static const char prefix[] = "TLSv";
    const char *version = name + sizeof prefix - 1, *suite = strchr(name, '/');

    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !suite)
        return;
    if (strncmp(version, "1.2", 3) != 0)
        (void)snprintf(why->what, sizeof why->what,
                       "the server speaks TLS %.*s at most, and 1.2 is needed",
                       (int)(suite - version), version);
    else
        (void)snprintf(why->what, sizeof why->what,
                       "the server has no TLS suite with ECDHE and an AEAD cipher, it would use %s",
                       suite + 1);
}

void connection_diagnose(const struct connection *c, const char *reverse_path, struct status *why)
{
    struct account account = c->settled;
    struct connection look;
    struct status refusal = { 0 };

    account.port_is_open = false;
    if (account.connect_timeout > LOOK)
        account.connect_timeout = LOOK;
    if (account.timeout > LOOK)
        account.timeout = LOOK;
    connection_init(&look, &account);
    look.looks = true;
    look.has_patience = c->has_patience;
    look.patience = c->patience;
    if (connection_open(&look, reverse_path, &refusal))
        tell_refusal(&refusal, why);
    if (look.stream && !stream_tls_is_modern(look.stream))
        tell_finding(stream_tls_name(look.stream), why);
    connection_free(&look);
}
