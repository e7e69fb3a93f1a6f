#include "cli/serve.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/children.h"
#include "cli/dialogue.h"
#include "cli/process.h"
#include "cli/queue.h"
#include "cli/report.h"
#include "cli/users.h"
#include "net/listen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    NAMES_ROOM = LISTENERS_MAX * (LISTENER_NAME_ROOM + 2),
    PAUSE = 1000, /* milliseconds */
};

/* What the signals ask for; only their handlers and the loop touch it. */
static volatile sig_atomic_t ending, reloading, child_ended;

struct relay {
    const struct options *options;
    struct door door;
    struct identity *identity;
    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;
    struct children children;
    struct deadline next_round; /* of the queue, with -q15m */
    bool out_of_means; /* no descriptor or process to be had: a pause, or we would run in circles */
};

/* A process that serves a client is told twice when systemd and we both tell it. */
static void note_end(int number)
{
    (void)number;
    ending = 1;
}

static void note_signal(int number)
{
    if (number == SIGHUP)
        reloading = 1;
    else if (number == SIGCHLD)
        child_ended = 1;
    else if (ending <= 1)
        ending++;
}

/* They are blocked but for the moments when we wait, so that none comes between look and leap. */
static void watch_signals(void)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
    struct sigaction action = { .sa_handler = note_signal };
    sigset_t blocked;

    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        (void)sigaction(numbers[i], &action, NULL);
        (void)sigaddset(&blocked, numbers[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static bool is_open_to_others(const struct relay *r)
{
    for (size_t i = 0; i < r->listener_count; i++)
        if (!r->listeners[i].is_local)
            return true;
    return false;
}

/* What would make an open relay, or send passwords in the clear, is not begun. */
static enum code check_access(const struct relay *r, struct status *why)
{
    const struct account *g = &r->door.globals;

    if (!networks_are_valid(g->listen_allow))
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "listen_allow takes networks as 192.0.2.0/24 with commas, not \"%.100s\"",
                          g->listen_allow);
    if (!is_open_to_others(r))
        return CODE_OK;
    if (g->listen_users[0] == 0 && g->listen_allow[0] == 0)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "other machines could reach this relay: say in listen_allow which "
                          "networks may use it, or in listen_users who may");
    if (g->listen_users[0] != 0 && g->listen_cert[0] == 0)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "a login over a network needs TLS: set listen_cert and listen_key");
    return CODE_OK;
}

/* The files that tell a client from a stranger, and us to the client. */
static enum code load_files(struct relay *r, struct status *why)
{
    const struct account *g = &r->door.globals;

    if (g->listen_users[0] != 0 && users_look(g->listen_users, why))
        return why->code;
    if (g->listen_cert[0] != 0)
        return identity_load(g->listen_cert, g->listen_key, &r->identity, why);
    for (size_t i = 0; i < r->listener_count; i++)
        if (r->listeners[i].implicit_tls)
            return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                              "TLS at %.100s needs listen_cert and listen_key",
                              r->listeners[i].name);
    return CODE_OK;
}

static enum code begin(struct relay *r, struct status *why)
{
    if (door_open(&r->door, r->options, why))
        return why->code;
    if (listen_inherit(r->listeners, &r->listener_count, why))
        return why->code;
    if (r->listener_count == 0 &&
        listen_open(r->door.globals.listen, r->listeners, &r->listener_count, why)) {
        config_add_warning(r->door.config, why);
        return why->code;
    }
    if (check_access(r, why) || load_files(r, why))
        return why->code;
    return children_begin(&r->children, r->door.globals.listen_max, why);
}

static void end(struct relay *r)
{
    listen_close(r->listeners, r->listener_count, true);
    children_end(&r->children);
    identity_free(r->identity);
    door_close(&r->door);
}

static void announce(const struct relay *r)
{
    char room[NAMES_ROOM];
    struct buf names;

    buf_over(&names, room, sizeof room);
    for (size_t i = 0; i < r->listener_count; i++)
        buf_addf(&names, "%s%s%s", i > 0 ? ", " : "", r->listeners[i].name,
                 r->listeners[i].implicit_tls ? "/tls" : "");
    log_line(LOG_LEVEL_INFO, "the relay listens at %.*s", (int)names.n, names.p);
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "orsino: the relay listens at %.*s\n", (int)names.n, names.p);
}

/* What cannot be read now leaves things as they were: a relay does not end over a slip of the pen.
 */
static void reload(struct relay *r)
{
    struct relay fresh = { .options = r->options };
    struct status why = { 0 };

    memcpy(fresh.listeners, r->listeners, sizeof fresh.listeners);
    fresh.listener_count = r->listener_count;
    if (door_open(&fresh.door, r->options, &why) == CODE_OK &&
        check_access(&fresh, &why) == CODE_OK)
        (void)load_files(&fresh, &why);
    if (why.code) {
        report_log_failure("", &why);
        door_discard(&fresh.door);
        identity_free(fresh.identity);
        return;
    }
    door_discard(&r->door);
    identity_free(r->identity);
    r->door = fresh.door;
    r->identity = fresh.identity;
    children_set_limit(&r->children, r->door.globals.listen_max);
    log_line(LOG_LEVEL_INFO, "the configuration was read again");
}

static void turn_away(int fd, const struct peer *peer)
{
    static const char words[] = "554 5.7.1 this relay serves its own machine alone\r\n";

    log_line(LOG_LEVEL_WARNING, "client=%s error=not in listen_allow", peer->name);
    log_write(fd, slice_of(words));
    (void)close(fd);
}

static void serve_client(struct relay *r, const struct listener *l, int fd, const struct peer *peer)
{
    struct dialogue_params params = {
        .door = &r->door,
        .peer = peer,
        .identity = r->identity,
        .implicit_tls = l->implicit_tls,
        .is_crowded = children_are_many(&r->children),
        .is_relay = true,
        .listeners = r->listeners,
        .listener_count = r->listener_count,
        .ending = &ending,
    };

    if (peer->has_user)
        r->door.caller.user = peer->user;
    (void)signal(SIGTERM, note_end);
    (void)signal(SIGINT, note_end);
    listen_close(r->listeners, r->listener_count, false);
    dialogue_run(&params, fd);
    log_close();
    _exit(EX_OK);
}

static void accept_client(struct relay *r, const struct listener *l)
{
    struct peer peer;
    int fd = listen_accept(l, &peer);
    pid_t child;

    if (fd < 0) {
        r->out_of_means = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        if (r->out_of_means)
            log_line(LOG_LEVEL_ERROR, "error=a client has to wait: %s", strerror(errno));
        return;
    }
    if (!dialogue_is_trusted(&r->door.globals, &peer) && r->door.globals.listen_users[0] == 0) {
        turn_away(fd, &peer);
        return;
    }
    child = fork();
    if (child == 0)
        serve_client(r, l, fd, &peer);
    if (child < 0) {
        log_line(LOG_LEVEL_ERROR, "client=%s error=no process for it: %s", peer.name,
                 strerror(errno));
        log_write(fd, slice_of("421 4.3.2 no process for this session now, come back later\r\n"));
        r->out_of_means = true;
    } else {
        children_add(&r->children, child);
    }
    (void)close(fd);
}

/* In a process of its own: what is tried has its time, and clients need not wait for it. */
static void run_queue_round(struct relay *r)
{
    pid_t child = fork();

    if (child < 0)
        log_line(LOG_LEVEL_ERROR, "error=no process to run the queue: %s", strerror(errno));
    if (child > 0)
        r->children.attendant = child;
    if (child != 0)
        return;
    listen_close(r->listeners, r->listener_count, false);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    queue_attend(r->options);
    log_close();
    _exit(EX_OK);
}

/* One that still goes on when the next is due has the place of that. */
static void attend_queue(struct relay *r)
{
    unsigned interval = r->options->queue_interval;

    if (interval == 0 || deadline_left(r->next_round) > 0)
        return;
    r->next_round = deadline_in((int64_t)interval * 1000);
    if (r->children.attendant == 0)
        run_queue_round(r);
}

/* How long the loop may wait; NULL for as long as nothing comes. */
static const struct timespec *limit_wait(const struct relay *r, struct timespec *room)
{
    int left = r->out_of_means ? PAUSE : -1;

    if (r->options->queue_interval > 0 && (left < 0 || deadline_left(r->next_round) < left))
        left = deadline_left(r->next_round);
    *room = (struct timespec){ .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000L };
    return left < 0 ? NULL : room;
}

/* Waits for a client, a signal, or the time to run the queue. While as many are served as may be,
 * others wait in the queue of the socket. */
static void wait_and_accept(struct relay *r)
{
    struct pollfd p[LISTENERS_MAX];
    nfds_t count = children_are_full(&r->children) || r->out_of_means ? 0 : r->listener_count;
    struct timespec room;
    const struct timespec *limit = limit_wait(r, &room);
    sigset_t none;

    r->out_of_means = false;
    (void)sigemptyset(&none);
    for (size_t i = 0; i < r->listener_count; i++)
        p[i] = (struct pollfd){ .fd = r->listeners[i].fd, .events = POLLIN };
    if (ppoll(p, count, limit, &none) <= 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (p[i].revents != 0 && !children_are_full(&r->children) && !r->out_of_means)
            accept_client(r, &r->listeners[i]);
}

static void run(struct relay *r)
{
    sigset_t none;

    (void)sigemptyset(&none);
    r->next_round = deadline_in(0);
    while (!ending) {
        attend_queue(r);
        wait_and_accept(r);
        if (child_ended) {
            child_ended = 0;
            children_reap(&r->children);
        }
        if (reloading && !ending) {
            reloading = 0;
            reload(r);
        }
    }
    log_line(LOG_LEVEL_INFO, "the relay ends, %zu sessions are under way", r->children.count);
    listen_close(r->listeners, r->listener_count, true);
    r->listener_count = 0;
    children_tell(&r->children, SIGTERM);
    for (children_reap(&r->children); !children_are_gone(&r->children);
         children_reap(&r->children)) {
        if (ending > 1) /* whoever is still served hears no answer, and tries again */
            children_tell(&r->children, SIGKILL);
        (void)sigsuspend(&none);
    }
}

int serve_with(const struct options *options)
{
    struct options own = *options;
    struct relay r = { .options = &own };
    struct status why = { 0 };
    char *path = NULL;

    watch_signals();
    if (options->verbose)
        log_trace_on();
    if (door_find_config(&own, &path, &why) == CODE_OK && begin(&r, &why) == CODE_OK) {
        announce(&r);
        if (options->mode != 'd' || process_go_to_background(&why) == CODE_OK)
            run(&r);
    }
    if (why.code) {
        report_log_failure("", &why);
        report_command_failure(&why, NULL);
    }
    end(&r);
    free(path);
    return status_exit(&why);
}

int serve_main(int argc, char **argv)
{
    struct options options;
    struct status why = { 0 };

    if (options_parse(argc, argv, &options, &why) == CODE_OK && options.recipient_count > 0)
        (void)status_set(&why, CODE_USAGE, STAGE_OPTIONS,
                         "serve takes options alone, not \"%.80s\"", options.recipients[0]);
    if (why.code) {
        report_command_failure(&why, NULL);
        return status_exit(&why);
    }
    options.mode = 'D';
    return serve_with(&options);
}
