/* What a probe has found, in words and as JSON. Pure functions but for the printing. */
#ifndef ORSINO_CLI_PROBE_TEXT_H
#define ORSINO_CLI_PROBE_TEXT_H

#include "deliver/discover.h"
#include "deliver/probe.h"

/* All of a probe. */
struct probe_findings {
    const char *host;
    const char *addresses;
    const struct candidate *candidate; /* how the host was found; NULL when it was named */
    const struct port_report *reports;
    size_t count;
    bool is_chosen; /* the ports were named: others may do better */
};

/* A state in a word or two, for the table and for JSON. */
const char *probe_state_word(enum port_state state);

/* What may be wrong with a certificate, in a word or two: "valid 63 days", "expired". */
void probe_add_certificate(struct buf *out, const struct port_report *r);

/* A line of the table; with colour its state has one. */
void probe_add_row(struct buf *out, const struct port_report *r, bool colour);

/* The verdict on a port, a sentence without its end. */
void probe_add_verdict(struct buf *out, const struct port_report *r);

/* What follows from all: a sentence or two, then the lines for the INI, each with its end. */
void probe_add_advice(struct buf *out, const struct probe_findings *f);

/* Table, verdicts and advice, on stdout. */
void probe_print(const struct probe_findings *f, bool colour);
void probe_print_json(const struct probe_findings *f);

/* The provider whose server the best way leads to, as his row says, and his region, "" for the
 * usual one; NULL for none. */
const struct provider *probe_provider(const struct probe_findings *f,
                                      char region[PROVIDER_REGION_ROOM]);

/* What an account that goes this way would come to: the best way's certificate, or why there is no
 * way. CODE_OK when all is well. */
void probe_conclude(const struct probe_findings *f, struct status *why);

#endif
