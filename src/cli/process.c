#include "cli/process.h"

#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    DESCRIPTORS_MAX = 65536, /* that are tried one by one, on a kernel that knows no better way */
};

static void open_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

/*
 * What a caller forgot to close must not stay open for as long as a server lets us wait: the other
 * end of somebody's pipe, or the socket that PHP serves the web from.
 */
static void close_others(unsigned first)
{
    long limit = sysconf(_SC_OPEN_MAX);

#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0U) == 0)
        return;
#endif
    if (limit < 0 || limit > DESCRIPTORS_MAX)
        limit = DESCRIPTORS_MAX;
    for (int fd = (int)first; fd < limit; fd++)
        (void)close(fd);
}

/*
 * Callers hand down what they ignore and block. A broken pipe and a file size limit must come as
 * errors, which are told; a child's end and an alarm must come at all. What else a caller ignores,
 * as nohup(1) does, is meant for us as well.
 */
static void set_signals(void)
{
    static const struct {
        int number;
        void (*handler)(int);
    } rows[] = {
        { SIGPIPE, SIG_IGN },
        { SIGXFSZ, SIG_IGN },
        { SIGCHLD, SIG_DFL },
        { SIGALRM, SIG_DFL },
    };
    sigset_t none;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        (void)signal(rows[i].number, rows[i].handler);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void process_settle(void)
{
    size_t inherited = listen_count_inherited();

    open_standard_descriptors();
    close_others(STDERR_FILENO + 1 + (inherited <= LISTENERS_MAX ? (unsigned)inherited : 0));
    set_signals();
    (void)umask(077);
}

void process_leave_folder(void)
{
    if (chdir("/") != 0)
        return; /* nothing that we do needs it */
}

void process_close_standard(void)
{
    int fd = open("/dev/null", O_RDWR);

    for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
        (void)dup2(fd, i);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

enum code process_go_to_background(struct status *why)
{
    pid_t child = fork();

    if (child < 0)
        return status_set_errno(why, CODE_SYSTEM, STAGE_CONFIG, errno,
                                "no process in the background");
    if (child > 0)
        _exit(EX_OK);
    (void)setsid();
    process_close_standard();
    return CODE_OK;
}
