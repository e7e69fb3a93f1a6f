#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 2048,
};

enum target {
    TARGET_SYSLOG,
    TARGET_FD,
    TARGET_NONE,
};

static struct {
    const char *program;
    enum target target;
    int fd;
    bool trace;
} state = { "orsino", TARGET_SYSLOG, -1, false };

void log_close(void)
{
    if (state.target == TARGET_FD && state.fd > STDERR_FILENO)
        (void)close(state.fd);
    state.target = TARGET_SYSLOG;
    state.fd = -1;
}

enum code log_open(const char *program, const char *target, struct status *why)
{
    log_close();
    state.program = program;
    if (strcmp(target, "syslog") == 0)
        return CODE_OK;
    if (strcmp(target, "none") == 0) {
        state.target = TARGET_NONE;
        return CODE_OK;
    }
    if (strcmp(target, "stderr") == 0)
        state.fd = STDERR_FILENO;
    else /* never waiting: nobody may read from a FIFO */
        state.fd =
            open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (state.fd < 0) {
        int error = errno;

        status_at(why, "%s", target);
        return status_set_errno(why, CODE_FILE_CREATE, STAGE_CONFIG, error,
                                "the log cannot be written");
    }
    state.target = TARGET_FD;
    return CODE_OK;
}

/* What cannot be written is lost: a full disk must not keep a message from being sent. */
void log_write(int fd, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n == 0 || (n < 0 && errno != EINTR))
            return;
        if (n > 0)
            bytes = slice_part(bytes, (size_t)n, bytes.n);
    }
}

static void write_to_fd(const char *line)
{
    char out[LINE_MAX_BYTES + 128], stamp[32] = "";
    time_t now = time(NULL);
    struct tm local;
    int n;

    if (state.fd != STDERR_FILENO && localtime_r(&now, &local))
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S%z ", &local);
    n = snprintf(out, sizeof out, "%s%s[%ld]: %s\n", stamp, state.program, (long)getpid(), line);
    if (n > 0)
        log_write(state.fd,
                  (struct slice){ out, (size_t)n < sizeof out ? (size_t)n : sizeof out - 1 });
}

void log_line(enum log_level level, const char *format, ...)
{
    static const int priorities[] = {
        [LOG_LEVEL_ERROR] = LOG_ERR,
        [LOG_LEVEL_WARNING] = LOG_WARNING,
        [LOG_LEVEL_INFO] = LOG_INFO,
    };
    char line[LINE_MAX_BYTES];
    va_list arguments;

    if (state.target == TARGET_NONE)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* A server or a header that had a hand in it must not forge a second line. */
    text_make_printable(line, strlen(line));
    if (state.target == TARGET_FD) {
        write_to_fd(line);
        return;
    }
    openlog(state.program, LOG_PID, LOG_MAIL);
    syslog(priorities[level], "%s", line);
    closelog();
}

void log_trace_on(void)
{
    state.trace = true;
}

bool log_traces(void)
{
    return state.trace;
}

void log_trace(const char *direction, struct slice line)
{
    char out[LINE_MAX_BYTES];
    int n;

    if (!state.trace)
        return;
    n = snprintf(out, sizeof out, "%.*s", line.n < sizeof out ? (int)line.n : (int)sizeof out - 1,
                 line.p ? line.p : "");
    if (n < 0)
        return;
    text_make_printable(out, strlen(out));
    (void)fprintf(stderr, "%s %s\n", direction, out);
}
