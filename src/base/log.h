/*
 * Where lines for administrators go, and the dialogue of -v. The only state that is global.
 * Nothing secret may be given to it; control characters in a line are shown as '?'.
 */
#ifndef ORSINO_BASE_LOG_H
#define ORSINO_BASE_LOG_H

#include "base/status.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
};

/*
 * Chooses where lines go from now on: "syslog" (facility mail, the default), "stderr", "none", or
 * an absolute path, appended to with mode 0600 if it is made. `program` is the name in front of a
 * line and must live as long as the log. CODE_FILE_CREATE when the file cannot be opened: lines
 * then go to syslog.
 */
enum code log_open(const char *program, const char *target, struct status *why);
void log_close(void);

/* One line; a syslog that cannot be reached is not an error. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes bytes to a descriptor, all that it takes, and does not mind when it takes none. */
void log_write(int fd, struct slice bytes);

/* Turns on the dialogue of -v on stderr. */
void log_trace_on(void);
bool log_traces(void);

/* One line of the dialogue; direction is "<" for what came, ">" for what went, "=" for remarks. */
void log_trace(const char *direction, struct slice line);

#endif
