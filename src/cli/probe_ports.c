#include "cli/probe_ports.h"

#include "net/dial.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    GRACE = 500, /* milliseconds: children keep to the deadline themselves */
};

static const unsigned usual_ports[] = { 25, 465, 587, 2525 };

void probe_list_add(struct probe_list *list, unsigned port)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->ports[i] == port)
            return;
    if (list->count < PROBE_PORTS_MAX)
        list->ports[list->count++] = port;
}

static int by_number(const void *a, const void *b)
{
    const unsigned *one = a, *other = b;

    return (*one > *other) - (*one < *other);
}

void probe_list_complete(struct probe_list *list)
{
    for (size_t i = 0; i < sizeof usual_ports / sizeof *usual_ports; i++)
        probe_list_add(list, usual_ports[i]);
    qsort(list->ports, list->count, sizeof *list->ports, by_number);
}

/* A process that looks at one port, and the pipe that its report comes by. */
struct looker {
    pid_t pid;
    int fd;
    size_t got;
};

static void look(const struct probe_params *params, unsigned port, struct deadline deadline, int fd)
{
    struct port_report report;
    const char *bytes = (const char *)&report;
    size_t sent = 0;

    probe_port(params, port, deadline, &report);
    while (sent < sizeof report) {
        ssize_t n = write(fd, bytes + sent, sizeof report - sent);

        if (n <= 0 && errno != EINTR)
            break;
        sent += n > 0 ? (size_t)n : 0;
    }
    _exit(0);
}

static bool start(const struct probe_params *params, unsigned port, struct deadline deadline,
                  struct looker *looker)
{
    int ends[2];

    *looker = (struct looker){ .fd = -1 };
    if (pipe(ends) != 0)
        return false;
    looker->pid = fork();
    if (looker->pid == 0) {
        (void)close(ends[0]);
        look(params, port, deadline, ends[1]);
    }
    (void)close(ends[1]);
    if (looker->pid < 0) {
        (void)close(ends[0]);
        return false;
    }
    looker->fd = ends[0];
    return true;
}

/* What has come of a report; at its end the pipe is closed. */
static void receive(struct looker *looker, struct port_report *report)
{
    char *bytes = (char *)report;
    ssize_t n = read(looker->fd, bytes + looker->got, sizeof *report - looker->got);

    if (n < 0 && errno == EINTR)
        return;
    looker->got += n > 0 ? (size_t)n : 0;
    if (n > 0 && looker->got < sizeof *report)
        return;
    (void)close(looker->fd);
    looker->fd = -1;
}

static void collect(struct looker *lookers, size_t count, struct port_report *reports,
                    struct deadline deadline)
{
    for (;;) {
        struct pollfd p[PROBE_PORTS_MAX];
        size_t open = 0;

        for (size_t i = 0; i < count; i++) {
            p[i] = (struct pollfd){ .fd = lookers[i].fd, .events = POLLIN };
            open += lookers[i].fd >= 0;
        }
        if (open == 0 || deadline_left(deadline) == 0)
            return;
        if (poll(p, count, deadline_left(deadline)) <= 0)
            continue;
        for (size_t i = 0; i < count; i++)
            if (p[i].revents != 0 && lookers[i].fd >= 0)
                receive(&lookers[i], &reports[i]);
    }
}

/* Nobody is left behind, and a report that did not come says so. */
static void end(struct looker *looker, unsigned port, struct port_report *report)
{
    if (looker->fd >= 0)
        (void)close(looker->fd);
    if (looker->pid > 0) {
        (void)kill(looker->pid, SIGKILL);
        while (waitpid(looker->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (looker->got == sizeof *report)
        return;
    *report = (struct port_report){ .port = port };
    (void)status_set(&report->why, CODE_TIMEOUT, STAGE_CONNECT,
                     "it could not be looked at in time");
}

enum code probe_ports(const struct probe_params *params, const struct probe_list *list,
                      struct port_report *reports, char *addresses, size_t room, struct status *why)
{
    struct deadline deadline = deadline_in(list->timeout);
    struct looker lookers[PROBE_PORTS_MAX];

    if (net_addresses(params->host, addresses, room, why))
        return why->code;
    for (size_t i = 0; i < list->count; i++)
        (void)start(params, list->ports[i], deadline, &lookers[i]);
    collect(lookers, list->count, reports, deadline_in(deadline_left(deadline) + GRACE));
    for (size_t i = 0; i < list->count; i++)
        end(&lookers[i], list->ports[i], &reports[i]);
    return CODE_OK;
}
