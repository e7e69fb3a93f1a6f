/*
 * Stops a program dead at one of its system calls, as kill -9 or a power cut might.
 *
 *   crash [-f] [-r FILE] count COMMAND [WORD…]       runs it and counts its system calls
 *   crash [-f] [-r FILE] before N COMMAND [WORD…]    SIGKILL before its Nth system call is done
 *   crash [-f] [-r FILE] after N COMMAND [WORD…]     SIGKILL when it is done, before it returns
 *
 * Calls are counted from 1, from the first after execve(2); with -f those of all the processes that
 * the command starts, in the order in which they come, else those of the first alone. All are
 * killed together. What waits in the kernel, such as bytes in a socket, stays as it is.
 *
 * FILE gets the name of each call, a line each, before it is done: the last one is the call that
 * was stopped. A last line "killed at T" has the time of CLOCK_MONOTONIC, or "ended, COUNT calls"
 * when the command came to its own end first. The exit code is that of the first process, 128 and
 * the signal when one ended it, or 125 when tracing is not possible.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NOT_TRACED = 125,
    KILLED = 128,
    PROCESSES_MAX = 64,
    OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL,
    OPTIONS_OF_ALL = OPTIONS | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE,
};

enum moment {
    NEVER,
    BEFORE,
    AFTER,
};

struct process {
    pid_t id;
    bool is_at_turn; /* the call that it is in is the one to be stopped after */
};

struct crash {
    enum moment moment;
    unsigned long number;
    bool follows;
    FILE *report;
    unsigned long count;
    bool is_counting; /* execve is done */
    bool is_over;     /* all are to die, also those that were just born */
    pid_t first;
    int first_exit;
    struct process processes[PROCESSES_MAX];
    size_t process_count;
};

/* Those that a mail program makes; others are told by their number. */
static const struct {
    uint64_t number;
    const char *name;
} names[] = {
#ifdef SYS_open
    { SYS_open, "open" },
    { SYS_poll, "poll" },
    { SYS_stat, "stat" },
    { SYS_lstat, "lstat" },
    { SYS_access, "access" },
    { SYS_unlink, "unlink" },
    { SYS_rename, "rename" },
    { SYS_mkdir, "mkdir" },
    { SYS_readlink, "readlink" },
    { SYS_dup2, "dup2" },
    { SYS_fork, "fork" },
    { SYS_vfork, "vfork" },
#endif
#ifdef SYS_newfstatat
    { SYS_newfstatat, "fstatat" },
#endif
#ifdef SYS_renameat
    { SYS_renameat, "renameat" },
#endif
#ifdef SYS_close_range
    { SYS_close_range, "close_range" },
#endif
#ifdef SYS_faccessat2
    { SYS_faccessat2, "faccessat" },
#endif
    { SYS_openat, "openat" },
    { SYS_read, "read" },
    { SYS_pread64, "pread" },
    { SYS_write, "write" },
    { SYS_pwrite64, "pwrite" },
    { SYS_close, "close" },
    { SYS_fstat, "fstat" },
    { SYS_lseek, "lseek" },
    { SYS_fsync, "fsync" },
    { SYS_fdatasync, "fdatasync" },
    { SYS_ftruncate, "ftruncate" },
    { SYS_fchmod, "fchmod" },
    { SYS_flock, "flock" },
    { SYS_fcntl, "fcntl" },
    { SYS_ioctl, "ioctl" },
    { SYS_renameat2, "renameat2" },
    { SYS_linkat, "linkat" },
    { SYS_unlinkat, "unlinkat" },
    { SYS_mkdirat, "mkdirat" },
    { SYS_faccessat, "faccessat" },
    { SYS_getdents64, "getdents" },
    { SYS_memfd_create, "memfd_create" },
    { SYS_dup3, "dup3" },
    { SYS_chdir, "chdir" },
    { SYS_umask, "umask" },
    { SYS_ppoll, "ppoll" },
    { SYS_socket, "socket" },
    { SYS_connect, "connect" },
    { SYS_sendto, "sendto" },
    { SYS_sendmsg, "sendmsg" },
    { SYS_recvfrom, "recvfrom" },
    { SYS_shutdown, "shutdown" },
    { SYS_setsockopt, "setsockopt" },
    { SYS_getsockopt, "getsockopt" },
    { SYS_getsockname, "getsockname" },
    { SYS_clone, "clone" },
    { SYS_setsid, "setsid" },
    { SYS_setresgid, "setresgid" },
    { SYS_getresgid, "getresgid" },
    { SYS_setresuid, "setresuid" },
    { SYS_getresuid, "getresuid" },
    { SYS_getuid, "getuid" },
    { SYS_getgid, "getgid" },
    { SYS_geteuid, "geteuid" },
    { SYS_getegid, "getegid" },
    { SYS_getpid, "getpid" },
    { SYS_getrandom, "getrandom" },
    { SYS_rt_sigaction, "sigaction" },
    { SYS_rt_sigprocmask, "sigprocmask" },
    { SYS_clock_gettime, "clock_gettime" },
    { SYS_brk, "brk" },
    { SYS_mmap, "mmap" },
    { SYS_munmap, "munmap" },
    { SYS_mprotect, "mprotect" },
    { SYS_uname, "uname" },
    { SYS_exit_group, "exit_group" },
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "crash: %s: %s\n", what, strerror(errno));
    return NOT_TRACED;
}

static void report_call(const struct crash *c, uint64_t number)
{
    if (!c->report)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number != number)
            continue;
        (void)fprintf(c->report, "%s\n", names[i].name);
        return;
    }
    (void)fprintf(c->report, "%lu\n", (unsigned long)number);
}

static void report_kill(const struct crash *c)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (c->report)
        (void)fprintf(c->report, "killed at %lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
}

/* NULL when there are too many. */
static struct process *find_process(struct crash *c, pid_t id)
{
    for (size_t i = 0; i < c->process_count; i++)
        if (c->processes[i].id == id)
            return &c->processes[i];
    if (c->process_count == PROCESSES_MAX)
        return NULL;
    c->processes[c->process_count] = (struct process){ .id = id };
    return &c->processes[c->process_count++];
}

static void forget_process(struct crash *c, pid_t id)
{
    for (size_t i = 0; i < c->process_count; i++)
        if (c->processes[i].id == id)
            c->processes[i] = c->processes[--c->process_count];
}

static void kill_all(struct crash *c)
{
    report_kill(c);
    for (size_t i = 0; i < c->process_count; i++)
        (void)kill(c->processes[i].id, SIGKILL);
    c->is_counting = false;
    c->is_over = true;
}

/* A process is at the beginning or the end of a call: true when that is the turn of the kill. */
static bool is_turn(struct crash *c, struct process *p)
{
    struct __ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };
    bool was_at_turn = p->is_at_turn;

    if (!c->is_counting || ptrace(PTRACE_GET_SYSCALL_INFO, p->id, sizeof info, &info) <= 0)
        return false;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        p->is_at_turn = false;
        return was_at_turn;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return false;
    report_call(c, info.entry.nr);
    if (++c->count != c->number)
        return false;
    p->is_at_turn = c->moment == AFTER;
    return c->moment == BEFORE;
}

/* Which signal is to be handed on; what ptrace itself made up is none. */
static int see_stop(struct crash *c, struct process *p, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;

    if (event == PTRACE_EVENT_EXEC && p->id == c->first && c->process_count == 1)
        c->is_counting = true;
    if (signal == (SIGTRAP | 0x80)) {
        if (is_turn(c, p))
            kill_all(c);
        return 0;
    }
    /* A new process begins with a SIGSTOP that nobody sent. */
    return event != 0 || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

static void see_end(struct crash *c, pid_t id, int status)
{
    forget_process(c, id);
    if (id == c->first)
        c->first_exit = WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}

static int trace(struct crash *c)
{
    int status = 0;
    pid_t id;

    while ((id = waitpid(-1, &status, __WALL)) > 0) {
        struct process *p;

        if (!WIFSTOPPED(status)) {
            see_end(c, id, status);
            continue;
        }
        if (c->is_over)
            (void)kill(id, SIGKILL);
        p = find_process(c, id);
        if (!p)
            return fail("too many processes");
        (void)ptrace(PTRACE_SYSCALL, id, NULL, (long)see_stop(c, p, status));
    }
    if (c->is_counting && c->report)
        (void)fprintf(c->report, "ended, %lu calls\n", c->count);
    return c->first_exit;
}

static int run(struct crash *c, char **command)
{
    int status = 0;

    c->first = fork();
    if (c->first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && raise(SIGSTOP) == 0)
            (void)execvp(command[0], command);
        _exit(fail(command[0]));
    }
    if (c->first < 0 || waitpid(c->first, &status, 0) < 0 || !WIFSTOPPED(status))
        return fail("no process");
    if (ptrace(PTRACE_SETOPTIONS, c->first, NULL, (long)(c->follows ? OPTIONS_OF_ALL : OPTIONS)))
        return fail("PTRACE_SETOPTIONS");
    (void)find_process(c, c->first);
    if (ptrace(PTRACE_SYSCALL, c->first, NULL, 0L))
        return fail("PTRACE_SYSCALL");
    return trace(c);
}

/* Takes "count", "before N" or "after N"; gives how many words that were, 0 for none. */
static int parse_moment(struct crash *c, char **words)
{
    if (!words[0] || !words[1])
        return 0;
    if (strcmp(words[0], "count") == 0)
        return 1;
    c->moment = strcmp(words[0], "before") == 0  ? BEFORE
                : strcmp(words[0], "after") == 0 ? AFTER
                                                 : NEVER;
    c->number = strtoul(words[1], NULL, 10);
    return c->moment != NEVER && c->number > 0 && words[2] ? 2 : 0;
}

int main(int argc, char **argv)
{
    struct crash c = { .first_exit = NOT_TRACED };
    int option, words, result;

    while ((option = getopt(argc, argv, "+fr:")) != -1) {
        c.follows |= option == 'f';
        if (option == 'r' && !(c.report = fopen(optarg, "we")))
            return fail(optarg);
        if (option == '?')
            return NOT_TRACED;
    }
    words = parse_moment(&c, argv + optind);
    if (words == 0) {
        (void)fputs("usage: crash [-f] [-r FILE] count|before N|after N COMMAND [WORD...]\n",
                    stderr);
        return NOT_TRACED;
    }
    result = run(&c, argv + optind + words);
    if (c.report && fclose(c.report) != 0)
        return fail("the report");
    return result;
}
