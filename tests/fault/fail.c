/*
 * For LD_PRELOAD: the world goes wrong on request.
 *
 *   FAIL_AT=N           the Nth call that can fail fails, once; counted from 1, over all kinds
 *   FAIL_FROM=N         the Nth fails, and each that follows
 *   FAIL_ONLY=NAME,…    these calls alone can fail, and are counted, by FAIL_AT and FAIL_FROM
 *   FAIL_ERROR=NUMBER   with this errno, not the one that is usual for the call
 *   FAIL_MEMORY_FROM=N  the Nth allocation fails, and each that follows
 *   FAIL_SHORT=1        reading and writing move one byte at a time
 *   FAIL_EINTR=1        a call that may wait is interrupted each time, and goes on when repeated
 *   FAIL_HURRY=N        time is N times as fast, as far as waiting goes
 *   FAIL_REPORT=FILE    what was done is appended there: the name of the call, a line each
 *
 * Two libraries crash without memory, which is not ours to mend; the program makes sure of their
 * memory before it calls them (base/memory.h). So these allocations are spared: iniparser's, from
 * its opening of the INI to its closing (its dictionary writes through the NULL that it gets), and
 * those of glibc's look-ups of users and hosts. What was spared is counted in the report. Each of
 * these calls as a whole fails like any other, and so do iniparser's reads.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);

static bool started; /* what the loader does is over */
static FILE *ini;    /* while iniparser has it open */
static int sparing;  /* how deep in a library that is spared */
static int spared;

static void __attribute__((constructor)) start(void)
{
    started = true;
}

static void report(const char *line)
{
    const char *path = getenv("FAIL_REPORT");
    long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

    if (fd < 0)
        return;
    (void)syscall(SYS_write, fd, line, strlen(line));
    (void)syscall(SYS_write, fd, "\n", 1UL);
    (void)syscall(SYS_close, fd);
}

/* Whether a call's name is in the list FAIL_ONLY; without one all are meant. */
static bool is_meant(const char *name)
{
    const char *at = getenv("FAIL_ONLY");
    size_t length = strlen(name);

    while (at && *at) {
        size_t n = strcspn(at, ",");

        if (n == length && strncmp(at, name, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return at == NULL;
}

/* Whether it is this call's turn; errno is set then. */
static bool fails(const char *name, int error)
{
    static long count;
    const char *at = getenv("FAIL_AT"), *from = getenv("FAIL_FROM"), *number = getenv("FAIL_ERROR");
    long turn = at ? atol(at) : from ? atol(from) : 0;

    if (turn == 0 || !started || !is_meant(name) || ++count < turn || (at && count > turn))
        return false;
    if (count == turn)
        report(name);
    errno = number ? atoi(number) : error;
    return true;
}

static bool has_no_memory(const char *name)
{
    static long count;
    const char *from = getenv("FAIL_MEMORY_FROM");

    if (sparing > 0) {
        spared++;
        return false;
    }
    if (!from)
        return fails(name, ENOMEM);
    if (!started || ++count < atol(from))
        return false;
    if (count == atol(from))
        report(name);
    errno = ENOMEM;
    return true;
}

/* `interrupted` is one call's own, and remembers. */
static bool is_interrupted(bool *interrupted)
{
    if (!getenv("FAIL_EINTR"))
        return false;
    *interrupted = !*interrupted;
    if (*interrupted)
        errno = EINTR;
    return *interrupted;
}

static size_t shorten(size_t n)
{
    return n > 1 && getenv("FAIL_SHORT") ? 1 : n;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The next one may be AddressSanitizer's. Looking it up may allocate. */
#define WRAP_ALLOCATION(name, parameters, arguments)                                               \
    void *name parameters                                                                          \
    {                                                                                              \
        static void *(*real)parameters;                                                            \
        static bool looking;                                                                       \
                                                                                                   \
        if (!real && !looking) {                                                                   \
            looking = true;                                                                        \
            *(void **)&real = next(#name);                                                         \
        }                                                                                          \
        if (!real)                                                                                 \
            return __libc_##name arguments;                                                        \
        return has_no_memory(#name) ? NULL : real arguments;                                       \
    }

WRAP_ALLOCATION(malloc, (size_t n), (n))
WRAP_ALLOCATION(calloc, (size_t n, size_t each), (n, each))
WRAP_ALLOCATION(realloc, (void *p, size_t n), (p, n))

/* The functions whose arguments are just handed on. */
#define WRAP(result, name, error, parameters, arguments)                                           \
    result name parameters                                                                         \
    {                                                                                              \
        static result(*real) parameters;                                                           \
                                                                                                   \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        return fails(#name, error) ? (result)-1 : real arguments;                                  \
    }

/* Those that move n bytes. */
#define WRAP_TRANSFER(name, error, parameters, arguments)                                          \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        static ssize_t(*real) parameters;                                                          \
        static bool interrupted;                                                                   \
                                                                                                   \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        if (fails(#name, error) || is_interrupted(&interrupted))                                   \
            return -1;                                                                             \
        n = shorten(n);                                                                            \
        return real arguments;                                                                     \
    }

WRAP_TRANSFER(read, EIO, (int fd, void *p, size_t n), (fd, p, n))
WRAP_TRANSFER(pread, EIO, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP_TRANSFER(pread64, EIO, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at))
WRAP_TRANSFER(write, ENOSPC, (int fd, const void *p, size_t n), (fd, p, n))
WRAP_TRANSFER(send, ECONNRESET, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
WRAP_TRANSFER(recv, ECONNRESET, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
WRAP(int, socket, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, setsockopt, ENOBUFS, (int fd, int level, int name, const void *p, socklen_t n),
     (fd, level, name, p, n))
WRAP(int, getsockopt, ENOBUFS, (int fd, int level, int name, void *p, socklen_t *n),
     (fd, level, name, p, n))
WRAP(int, getsockname, ENOBUFS, (int fd, __SOCKADDR_ARG a, socklen_t *n), (fd, a, n))
WRAP(int, getentropy, EIO, (void *p, size_t n), (p, n))
WRAP(int, fstat, EIO, (int fd, struct stat *st), (fd, st))
WRAP(int, stat, EIO, (const char *path, struct stat *st), (path, st))
WRAP(int, unlink, EIO, (const char *path), (path))
WRAP(int, memfd_create, EMFILE, (const char *name, unsigned flags), (name, flags))
WRAP(int, mkostemp, EACCES, (char *path, int flags), (path, flags))
WRAP(int, gethostname, EFAULT, (char *p, size_t n), (p, n))
WRAP_TRANSFER(pwrite, ENOSPC, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(int, lstat, EIO, (const char *path, struct stat *st), (path, st))
WRAP(int, fstatat, EIO, (int at, const char *path, struct stat *st, int flags),
     (at, path, st, flags))
WRAP(int, faccessat, EIO, (int at, const char *path, int mode, int flags), (at, path, mode, flags))
WRAP(int, fsync, EIO, (int fd), (fd))
WRAP(int, fdatasync, EIO, (int fd), (fd))
WRAP(int, ftruncate, EIO, (int fd, off_t size), (fd, size))
WRAP(int, fchmod, EPERM, (int fd, mode_t mode), (fd, mode))
WRAP(int, flock, ENOLCK, (int fd, int operation), (fd, operation))
WRAP(int, mkdir, ENOSPC, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, ENOSPC, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(int, rename, EIO, (const char *from, const char *to), (from, to))
WRAP(int, renameat, EIO, (int from_at, const char *from, int to_at, const char *to),
     (from_at, from, to_at, to))
WRAP(int, unlinkat, EIO, (int at, const char *path, int flags), (at, path, flags))
WRAP(pid_t, fork, EAGAIN, (void), ())

DIR *fdopendir(int fd)
{
    static DIR *(*real)(int);

    if (!real)
        *(void **)&real = next("fdopendir");
    return fails("fdopendir", ENOMEM) ? NULL : real(fd);
}

struct dirent *readdir(DIR *folder)
{
    static struct dirent *(*real)(DIR *);

    if (!real)
        *(void **)&real = next("readdir");
    return fails("readdir", EIO) ? NULL : real(folder);
}

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
    static bool interrupted;

    if (fails("getrandom", ENOSYS) || is_interrupted(&interrupted))
        return -1;
    return syscall(SYS_getrandom, p, n, flags);
}

/* How many times as fast time is. */
static int64_t hurry(void)
{
    const char *times = getenv("FAIL_HURRY");

    return times ? atol(times) : 1;
}

/* For ever stays for ever, and a moment is no less than one. */
static int64_t in_a_hurry(int64_t wait)
{
    return wait > 0 ? (wait + hurry() - 1) / hurry() : wait;
}

static int64_t nanoseconds_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static struct timespec timespec_of(int64_t nanoseconds)
{
    return (struct timespec){ .tv_sec = nanoseconds / 1000000000,
                              .tv_nsec = nanoseconds % 1000000000 };
}

int poll(struct pollfd *p, nfds_t n, int timeout)
{
    static int (*real)(struct pollfd *, nfds_t, int);
    static bool interrupted;
    const int64_t wait = in_a_hurry(timeout);

    if (!real)
        *(void **)&real = next("poll");
    return fails("poll", ENOMEM) || is_interrupted(&interrupted) ? -1 : real(p, n, (int)wait);
}

int ppoll(struct pollfd *p, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    static int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    struct timespec wait = { 0 };

    if (!real)
        *(void **)&real = next("ppoll");
    if (timeout)
        wait = timespec_of(in_a_hurry(nanoseconds_of(timeout)));
    return real(p, n, timeout ? &wait : NULL, mask);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    static int64_t began;
    int result;

    if (!real)
        *(void **)&real = next("clock_gettime");
    result = real(clock, now);
    if (began == 0 && clock == CLOCK_MONOTONIC)
        began = nanoseconds_of(now);
    if (result == 0 && clock == CLOCK_MONOTONIC)
        *now = timespec_of(began + (nanoseconds_of(now) - began) * hurry());
    return result;
}

/* An interrupted connect goes on by itself: POSIX forbids to ask for it again. */
int connect(int fd, __CONST_SOCKADDR_ARG a, socklen_t n)
{
    static int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t);
    static bool interrupted;
    int result;

    if (!real)
        *(void **)&real = next("connect");
    if (fails("connect", ECONNREFUSED))
        return -1;
    result = real(fd, a, n);
    if (result != 0 && errno != EINPROGRESS)
        return result;
    return is_interrupted(&interrupted) ? -1 : result;
}

/* The descriptor is gone whatever close says. */
int close(int fd)
{
    static int (*real)(int);
    int result;

    if (!real)
        *(void **)&real = next("close");
    result = real(fd);
    return fails("close", EIO) ? -1 : result;
}

/* The mode is there only when a file may be made. */
#define WRAP_OPEN(name)                                                                            \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        static int (*real)(const char *, int, ...);                                                \
        va_list arguments;                                                                         \
        mode_t mode = 0;                                                                           \
                                                                                                   \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                     \
            va_start(arguments, flags);                                                            \
            mode = va_arg(arguments, mode_t);                                                      \
            va_end(arguments);                                                                     \
        }                                                                                          \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        return fails(#name, EMFILE) ? -1 : real(path, flags, mode);                                \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)

int openat(int at, const char *path, int flags, ...)
{
    static int (*real)(int, const char *, int, ...);
    va_list arguments;
    mode_t mode = 0;

    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if (!real)
        *(void **)&real = next("openat");
    return fails("openat", EMFILE) ? -1 : real(at, path, flags, mode);
}

int fcntl(int fd, int command, ...)
{
    static int (*real)(int, int, ...);
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    if (!real)
        *(void **)&real = next("fcntl");
    return fails("fcntl", EMFILE) ? -1 : real(fd, command, argument);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    int result;

    if (!real)
        *(void **)&real = next("getaddrinfo");
    if (fails("getaddrinfo", ENOMEM))
        return EAI_MEMORY;
    sparing++;
    result = real(host, service, hints, list);
    sparing--;
    return result;
}

struct passwd *getpwuid(uid_t user)
{
    static struct passwd *(*real)(uid_t);
    struct passwd *result;

    if (!real)
        *(void **)&real = next("getpwuid");
    if (fails("getpwuid", ENOMEM))
        return NULL;
    sparing++;
    result = real(user);
    sparing--;
    return result;
}

/*
 * How stdio reads a file is hidden inside libc. So iniparser's reads come here: they fail and are
 * short as others are, but not interrupted, since a file on disk is not, and stdio takes it for the
 * end.
 */
static ssize_t read_ini(void *cookie, char *p, size_t n)
{
    return fails("fread", EIO) ? -1 : syscall(SYS_read, *(int *)cookie, p, shorten(n));
}

static int close_ini(void *cookie)
{
    return (int)syscall(SYS_close, *(int *)cookie);
}

static FILE *open_ini(const char *path)
{
    static const cookie_io_functions_t functions = { .read = read_ini, .close = close_ini };
    static int fd;

    sparing++;
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ini = fd >= 0 ? fopencookie(&fd, "r", functions) : NULL;
    if (!ini)
        sparing--;
    return ini;
}

FILE *fopen(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);
    const char *dot = strrchr(path, '.');

    if (!real)
        *(void **)&real = next("fopen");
    if (fails("fopen", EMFILE))
        return NULL;
    return dot && strcmp(dot, ".ini") == 0 ? open_ini(path) : real(path, mode);
}

int fclose(FILE *file)
{
    static int (*real)(FILE *);
    char line[32];
    int result;

    if (!real)
        *(void **)&real = next("fclose");
    result = real(file);
    if (file == ini) {
        ini = NULL;
        sparing--;
        (void)snprintf(line, sizeof line, "spared %d", spared);
        report(line);
    }
    return result;
}
