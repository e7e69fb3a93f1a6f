#include "net/lookup.h"

#include "base/memory.h"
#include "net/hurry.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MAX = 8192, /* bytes; a longer one is cut by the resolver */
    MX_FIXED = 2,      /* RFC 1035 section 3.3.9: the preference */
    SRV_FIXED = 6,     /* RFC 2782: priority, weight, port */
};

static unsigned number_at(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* What a host may be called, and what is harmless in a line of text or of the INI. */
static bool is_plain(const char *name)
{
    for (; *name; name++)
        if (!is_alpha(*name) && !is_digit(*name) && !strchr("-_.", *name))
            return false;
    return true;
}

/* The record's name, without a dot at its end. False for one that no host can have. */
static bool read_name(const ns_msg *answer, const unsigned char *p, char out[SERVER_NAME_ROOM])
{
    char text[NS_MAXDNAME];
    struct server_name name;

    if (dn_expand(ns_msg_base(*answer), ns_msg_end(*answer), p, text, sizeof text) < 0)
        return false;
    if (strcmp(text, ".") == 0 || text[0] == 0) {
        out[0] = 0;
        return true;
    }
    if (!is_plain(text) || !server_name_read(text, &name))
        return false;
    (void)snprintf(out, SERVER_NAME_ROOM, "%s", name.text);
    return true;
}

static bool read_row(const ns_msg *answer, const ns_rr *record, struct lookup_row *out)
{
    const unsigned char *p = ns_rr_rdata(*record);
    bool is_srv = ns_rr_type(*record) == ns_t_srv;
    size_t fixed = is_srv ? SRV_FIXED : MX_FIXED;

    if (ns_rr_rdlen(*record) <= fixed)
        return false;
    *out = (struct lookup_row){ .priority = number_at(p) };
    if (is_srv) {
        out->weight = number_at(p + 2);
        out->port = number_at(p + 4);
    }
    return read_name(answer, p + fixed, out->name);
}

static int compare(const void *a, const void *b)
{
    const struct lookup_row *one = a, *other = b;

    if (one->priority != other->priority)
        return one->priority < other->priority ? -1 : 1;
    if (one->weight != other->weight)
        return one->weight > other->weight ? -1 : 1;
    return strcmp(one->name, other->name);
}

bool lookup_parse(struct slice answer, enum lookup_type type, struct lookup_answer *out)
{
    int wanted = type == LOOKUP_SRV ? ns_t_srv : ns_t_mx;
    ns_msg message;

    out->count = 0;
    if (answer.n > NS_MAXMSG ||
        ns_initparse((const unsigned char *)answer.p, (int)answer.n, &message) != 0)
        return false;
    for (int i = 0; i < ns_msg_count(message, ns_s_an) && out->count < LOOKUP_ROWS_MAX; i++) {
        ns_rr record;

        if (ns_parserr(&message, ns_s_an, i, &record) != 0)
            return false;
        if ((int)ns_rr_type(record) == wanted && ns_rr_class(record) == ns_c_in &&
            read_row(&message, &record, &out->rows[out->count]))
            out->count++;
    }
    qsort(out->rows, out->count, sizeof *out->rows, compare);
    return true;
}

static enum code ask(const char *name, enum lookup_type type, struct lookup_answer *out,
                     struct status *why)
{
    unsigned char bytes[ANSWER_MAX];
    int n;

    out->count = 0;
    status_at(why, "%.200s", name);
    if (!memory_suffices(MEMORY_FOR_LOOKUP))
        return status_set(why, CODE_MEMORY, STAGE_RESOLVE, "out of memory");
    hurry_lookup(HURRY_SECONDS);
    n = res_query(name, ns_c_in, type == LOOKUP_SRV ? ns_t_srv : ns_t_mx, bytes, sizeof bytes);
    if (n < 0 && (h_errno == HOST_NOT_FOUND || h_errno == NO_DATA))
        return CODE_OK;
    if (n < 0)
        return status_set(why, CODE_RESOLVE_LATER, STAGE_RESOLVE, "DNS gives no answer");
    if ((size_t)n > sizeof bytes)
        n = (int)sizeof bytes;
    if (!lookup_parse((struct slice){ (const char *)bytes, (size_t)n }, type, out))
        return status_set(why, CODE_RESOLVE_LATER, STAGE_RESOLVE,
                          "DNS gives an answer that makes no sense");
    return CODE_OK;
}

enum code lookup_srv(const char *service, const char *domain, struct lookup_answer *out,
                     struct status *why)
{
    char name[NS_MAXDNAME];
    int n = snprintf(name, sizeof name, "%s.%s", service, domain);

    if (n < 0 || (size_t)n >= sizeof name) {
        out->count = 0;
        return CODE_OK; /* nobody can have such a name */
    }
    return ask(name, LOOKUP_SRV, out, why);
}

enum code lookup_mx(const char *domain, struct lookup_answer *out, struct status *why)
{
    return ask(domain, LOOKUP_MX, out, why);
}
