/*
 * All ports of a probe: a process for each, so that they are asked side by side and none can hold
 * up or break another.
 */
#ifndef ORSINO_CLI_PROBE_PORTS_H
#define ORSINO_CLI_PROBE_PORTS_H

#include "deliver/probe.h"

enum {
    PROBE_PORTS_MAX = 16,
};

struct probe_list {
    unsigned ports[PROBE_PORTS_MAX];
    size_t count;
    int64_t timeout; /* milliseconds, for the look-up and all ports together */
};

/* Adds a port, unless it is there already or there are enough. */
void probe_list_add(struct probe_list *list, unsigned port);

/* 25, 465, 587 and 2525 besides, in order. */
void probe_list_complete(struct probe_list *list);

/*
 * Fills a report for each port, in their order, within the timeout. `addresses` gets the host's
 * addresses for people, with commas. CODE_RESOLVE, CODE_RESOLVE_LATER, CODE_MEMORY: there are no
 * reports then.
 */
enum code probe_ports(const struct probe_params *params, const struct probe_list *list,
                      struct port_report *reports, char *addresses, size_t room, struct status *why)
    __attribute__((warn_unused_result));

#endif
