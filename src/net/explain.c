#include "net/explain.h"

#include <arpa/inet.h>
#include <bearssl.h>
#include <stdio.h>
#include <string.h>

enum {
    NAMES_SHOWN = 4,
    NAME_SHOWN = 48, /* bytes of each */
    DAY_ROOM = 11,
};

_Static_assert(EXPLAIN_NAMES_ROOM >= NAMES_SHOWN * (NAME_SHOWN + 4) + 32, "names");

/* A clock before this was never set: it starts at 1970, or when the firmware was made. */
static const char plausible[] = "20240101000000";

static const struct row {
    int error;
    const char *sentence;
} rows[] = {
    { BR_ERR_X509_EMPTY_CHAIN, "the server sent no certificate" },
    { BR_ERR_X509_BAD_SIGNATURE, "a signature in its certificates is wrong" },
    { BR_ERR_X509_UNSUPPORTED,
      "its certificates use an algorithm that is not accepted (RSA, ECDSA and SHA-2 are)" },
    { BR_ERR_X509_LIMIT_EXCEEDED, "it sent too many certificates, or too long ones" },
    { BR_ERR_X509_WRONG_KEY_TYPE,
      "a signature in its certificates is of another kind than the key" },
    { BR_ERR_X509_CRITICAL_EXTENSION, "its certificates have a critical extension not known here" },
    { BR_ERR_X509_NOT_CA, "one of its certificates was issued by somebody who is no CA" },
    { BR_ERR_X509_FORBIDDEN_KEY_USAGE, "one of its certificates is not meant for this use" },
    { BR_ERR_X509_WEAK_PUBLIC_KEY, "a key in its certificates is too short (RSA below 2048 bits)" },
};

static void day_of(const char *time, char out[DAY_ROOM])
{
    (void)snprintf(out, DAY_ROOM, "%.4s-%.2s-%.2s", time, time[0] != 0 ? time + 4 : "",
                   time[0] != 0 ? time + 6 : "");
}

/* The certificate on the path whose dates do not fit; the leaf when all seem to. */
static const struct certificate *find_untimely(const struct refusal *r)
{
    for (size_t i = 0; i < r->chain->path_length; i++)
        if (!certificate_is_valid(&chain_step(r->chain, i)->certificate, r->now))
            return &chain_step(r->chain, i)->certificate;
    return &r->chain->links[0].certificate;
}

static enum code explain_time(const struct refusal *r, struct status *why)
{
    const struct certificate *c = find_untimely(r);
    char time[CERTIFICATE_TIME_ROOM], day[DAY_ROOM], today[DAY_ROOM], who[CERTIFICATE_NAME_ROOM];
    bool past = certificate_is_past(c, r->now);

    certificate_time(past ? c->not_after : c->not_before, time);
    day_of(time, day);
    day_of(r->now, today);
    certificate_name(c->subject, who);
    if (past)
        return status_set(why, CODE_UNTRUSTED, STAGE_TLS, "the certificate of \"%s\" expired on %s",
                          who, day);
    return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                      "the certificate of \"%s\" is not valid before %s, %s %s", who, day,
                      strcmp(r->now, plausible) < 0 ? "but this machine's clock reads"
                                                    : "and today is",
                      today);
}

/* One alternative name as text; false when it is of a kind that no server is found by. */
static bool show_name(unsigned tag, struct slice value, char out[NAME_SHOWN + 1])
{
    if (tag == ALT_NAME_IP && (value.n == 4 || value.n == 16))
        return inet_ntop(value.n == 4 ? AF_INET : AF_INET6, value.p, out, NAME_SHOWN + 1) != NULL;
    if (tag != ALT_NAME_DNS || value.n == 0)
        return false;
    value = slice_part(value, 0, NAME_SHOWN);
    for (size_t i = 0; i < value.n; i++) /* a NUL too: what is behind it belongs to the name */
        out[i] = value.p[i] <= 0x20 || value.p[i] > 0x7e || value.p[i] == '"' ? '?' : value.p[i];
    out[value.n] = 0;
    return true;
}

void explain_names(const struct certificate *leaf, char out[EXPLAIN_NAMES_ROOM])
{
    struct slice names, value;
    char one[NAME_SHOWN + 1], subject[CERTIFICATE_NAME_ROOM];
    size_t n = 0, shown = 0, more = 0;
    unsigned tag;

    if (!certificate_extension(leaf, EXTENSION_ALT_NAMES, &names))
        names = (struct slice){ 0 };
    while (certificate_next_alt_name(&names, &tag, &value)) {
        if (!show_name(tag, value, one))
            continue;
        if (++shown > NAMES_SHOWN)
            more++;
        else
            n += (size_t)snprintf(out + n, EXPLAIN_NAMES_ROOM - n, "%s%s", shown > 1 ? ", " : "",
                                  one);
    }
    if (shown == 0) {
        certificate_name(leaf->subject, subject);
        (void)snprintf(out, EXPLAIN_NAMES_ROOM, "%s", subject);
    } else if (more > 0) {
        (void)snprintf(out + n, EXPLAIN_NAMES_ROOM - n, " and %zu more", more);
    }
}

static enum code explain_name(const struct refusal *r, struct status *why)
{
    char names[EXPLAIN_NAMES_ROOM];

    explain_names(&r->chain->links[0].certificate, names);
    return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                      "wrong name: its certificate is for %s, not for %.100s", names,
                      r->name->text);
}

static enum code explain_issuer(const struct refusal *r, struct status *why)
{
    const struct link *top = chain_top(r->chain);
    char who[CERTIFICATE_NAME_ROOM];

    certificate_name(top->certificate.issuer, who);
    if (top->anchored)
        return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                          "its certificate says it is issued by \"%s\", but that CA in %s did not "
                          "sign it",
                          who, r->ca_path);
    if (r->expired_ca[0] != 0)
        return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                          "issued by the CA \"%s\" in %s, whose own certificate is out of date",
                          r->expired_ca, r->ca_path);
    if (r->chain->path_length == 1 && certificate_is_self_issued(&top->certificate))
        return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                          "self-signed certificate of \"%s\", which is not in %s", who, r->ca_path);
    return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                      "issued by \"%s\", which is not among the CAs of %s", who, r->ca_path);
}

static enum code explain_otherwise(const struct refusal *r, struct status *why)
{
    if (r->not_for_servers)
        return status_set(why, CODE_UNTRUSTED, STAGE_TLS,
                          "its certificate may not be used by servers (extended key usage)");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == r->error)
            return status_set(why, CODE_UNTRUSTED, STAGE_TLS, "%s", rows[i].sentence);
    return status_set(why, CODE_UNTRUSTED, STAGE_TLS, "its certificates are malformed (error %d)",
                      r->error);
}

enum code explain_refusal(const struct refusal *r, struct status *why)
{
    bool readable = r->chain->path_length > 0 && chain_top(r->chain)->readable;

    if (readable && r->error == BR_ERR_X509_EXPIRED)
        return explain_time(r, why);
    if (readable && r->error == BR_ERR_X509_BAD_SERVER_NAME)
        return explain_name(r, why);
    if (readable && r->error == BR_ERR_X509_NOT_TRUSTED)
        return explain_issuer(r, why);
    return explain_otherwise(r, why);
}
