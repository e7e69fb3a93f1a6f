/*
 * peak COMMAND [WORD…]: runs it and prints its peak resident memory in KB, its user and system time
 * in milliseconds and its exit code. A small program must start it: the kernel counts the memory of
 * the one who forked as if the command had used it.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long milliseconds(struct timeval t)
{
    return t.tv_sec * 1000 + t.tv_usec / 1000;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int status = 0;
    pid_t child = argc > 1 ? fork() : -1;

    if (child == 0) {
        (void)execvp(argv[1], argv + 1);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) < 0)
        return 1;
    (void)printf("%ld %ld %d\n", usage.ru_maxrss,
                 milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
                 WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    return 0;
}
