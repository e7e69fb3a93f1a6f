#include "cli/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

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
    open_standard_descriptors();
    set_signals();
    (void)umask(077);
}
