#include "cli/dead_letter.h"

#include "base/clock.h"
#include "base/memory.h"
#include "mail/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD_MAX = 8192,
    LOCK_PATIENCE = 10 * 1000, /* milliseconds */
    LOCK_PAUSE = 50,
    OPEN_TRIES = 3,
};

static const char file_name[] = "dead.letter";
static const char from_words[] = "From ";

/* The file under way. */
struct letter {
    int folder, fd;
    bool made; /* by us */
    off_t old_size;
    struct buf piece;
    bool line_begins; /* but for '>' */
    size_t matched;   /* bytes of from_words that are held back */
};

static enum code fail(struct status *why, int error, const char *what)
{
    bool denied = error == EACCES || error == EPERM || error == ELOOP;

    return status_set_errno(why, denied ? CODE_PERMISSION : CODE_FILE_CREATE, STAGE_QUEUE, error,
                            "%s %s", file_name, what);
}

static enum code refuse(struct status *why, const char *what)
{
    return status_set(why, CODE_PERMISSION, STAGE_QUEUE, "%s %s", file_name, what);
}

/* The home of the real user; glibc crashes when it gets no memory in there. */
static enum code open_home(struct letter *l, char *where, struct status *why)
{
    const struct passwd *entry;
    int length;

    if (!memory_suffices(MEMORY_FOR_LOOKUP))
        return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
    entry = getpwuid(getuid());
    if (!entry || !entry->pw_dir || entry->pw_dir[0] != '/')
        return status_set(why, CODE_FILE_MISSING, STAGE_QUEUE,
                          "the caller has no home for %s in the user database", file_name);
    length = snprintf(where, DEAD_LETTER_PATH_ROOM, "%s/%s", entry->pw_dir, file_name);
    if (length < 0 || length >= DEAD_LETTER_PATH_ROOM)
        return fail(why, ENAMETOOLONG, "cannot be made");
    status_at(why, "%s", where);
    l->folder = open(entry->pw_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->folder >= 0)
        return CODE_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return status_set_errno(why, CODE_FILE_MISSING, STAGE_QUEUE, errno,
                                "the home for %s is missing", file_name);
    return fail(why, errno, "cannot be made");
}

/* Nothing that waits: a FIFO or a device is opened at once, and refused later. */
static enum code open_file(struct letter *l, struct status *why)
{
    const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

    for (int i = 0; i < OPEN_TRIES && l->fd < 0; i++) {
        l->fd = openat(l->folder, file_name, flags);
        if (l->fd >= 0 || errno != ENOENT)
            break;
        l->fd = openat(l->folder, file_name, flags | O_CREAT | O_EXCL, 0600);
        l->made = l->fd >= 0;
        if (l->fd < 0 && errno != EEXIST)
            break;
    }
    return l->fd >= 0 ? CODE_OK : fail(why, errno, "cannot be opened");
}

static enum code check_file(const struct letter *l, struct status *why)
{
    struct stat st;

    if (fstat(l->fd, &st) != 0)
        return fail(why, errno, "cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return refuse(why, "is not a regular file");
    if (st.st_uid != getuid())
        return refuse(why, "belongs to another user");
    if (st.st_nlink != 1)
        return refuse(why, st.st_nlink > 1 ? "has a second name" : "was taken away");
    if ((st.st_mode & 07777) != 0600 && fchmod(l->fd, 0600) != 0)
        return fail(why, errno, "cannot be closed to others");
    return CODE_OK;
}

/* Closing the file gives the lock back. */
static enum code lock_file(struct letter *l, struct status *why)
{
    const struct timespec pause = { .tv_nsec = LOCK_PAUSE * 1000000L };
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    struct deadline until = deadline_in(LOCK_PATIENCE);

    while (fcntl(l->fd, F_SETLK, &lock) != 0) {
        if (errno != EACCES && errno != EAGAIN && errno != EINTR)
            return fail(why, errno, "cannot be locked");
        if (deadline_left(until) == 0)
            return status_set(why, CODE_FILE_CREATE, STAGE_QUEUE, "%s is locked by another program",
                              file_name);
        (void)nanosleep(&pause, NULL);
    }
    l->old_size = lseek(l->fd, 0, SEEK_END);
    return l->old_size >= 0 ? CODE_OK : fail(why, errno, "cannot be measured");
}

static enum code flush(struct letter *l, struct status *why)
{
    struct slice rest = buf_slice(&l->piece);

    if (l->piece.failed)
        return status_set(why, CODE_MEMORY, STAGE_QUEUE, "out of memory");
    while (rest.n > 0) {
        ssize_t n = write(l->fd, rest.p, rest.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(why, n < 0 ? errno : ENOSPC, "cannot be written");
        rest = slice_part(rest, (size_t)n, rest.n);
    }
    buf_clear(&l->piece);
    return CODE_OK;
}

/* What the caller or a server said, as part of a line. */
static void add_shown(struct buf *out, const char *text)
{
    size_t start = out->n;

    buf_add_slice(out, slice_part(slice_of(text), 0, MESSAGE_LINE_MAX - 64));
    if (!out->failed && out->n > start)
        text_make_printable(out->p + start, out->n - start);
}

/* RFC 4155: the time is UTC, in the form of asctime(3). */
static void add_date(struct buf *out)
{
    static const char names[] = "SunMonTueWedThuFriSat"
                                "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm = { .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };

    (void)gmtime_r(&now, &tm);
    buf_addf(out, "%.3s %.3s %2d %02d:%02d:%02d %d", names + 3 * (tm.tm_wday % 7),
             names + 21 + 3 * (tm.tm_mon % 12), tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             tm.tm_year + 1900);
}

/* An empty line stands between two messages; not every program that appends writes one. */
static enum code add_gap(struct letter *l, struct status *why)
{
    char end[2] = { 0 };
    off_t from = l->old_size > 1 ? l->old_size - 2 : 0;
    ssize_t n = pread(l->fd, end, sizeof end, from);

    if (n < 0)
        return status_set_errno(why, CODE_READ, STAGE_QUEUE, errno, "%s cannot be read", file_name);
    if (n > 0 && end[n - 1] != '\n')
        buf_add_string(&l->piece, "\n\n");
    else if (n > 0 && !(n == 2 && end[0] == '\n'))
        buf_add_char(&l->piece, '\n');
    return CODE_OK;
}

static void add_head(struct letter *l, const char *reverse_path, const char *why_not)
{
    buf_add_string(&l->piece, from_words);
    add_shown(&l->piece, reverse_path[0] != 0 ? reverse_path : "MAILER-DAEMON");
    buf_add_char(&l->piece, ' ');
    add_date(&l->piece);
    buf_add_string(&l->piece, "\nX-Orsino-Error: ");
    add_shown(&l->piece, why_not);
    buf_add_char(&l->piece, '\n');
}

/* Nothing but a separator may look like one: mboxrd's way, which can be undone. */
static void add_byte(struct letter *l, char c)
{
    struct buf *out = &l->piece;

    if (l->line_begins && c == from_words[l->matched]) {
        l->matched++;
        if (from_words[l->matched] != 0)
            return;
        buf_addf(out, ">%s", from_words);
        l->matched = 0;
        l->line_begins = false;
        return;
    }
    if (l->matched > 0) {
        buf_add(out, from_words, l->matched);
        l->line_begins = false;
        l->matched = 0;
    }
    buf_add_char(out, c);
    l->line_begins = c == '\n' || (l->line_begins && c == '>');
}

/* On the wire, a CR is never alone: what is left without them has the LF line ends of an mbox. */
static enum code add_message(struct letter *l, const struct message *m, struct status *why)
{
    struct wire w;
    char chunk[4096];
    size_t got;

    l->line_begins = true;
    wire_begin(&w, m, WIRE_PLAIN);
    do {
        if (wire_next(&w, chunk, sizeof chunk, &got, why))
            return why->code;
        for (size_t i = 0; i < got; i++)
            if (chunk[i] != '\r')
                add_byte(l, chunk[i]);
        if (flush(l, why))
            return why->code;
    } while (got > 0);
    buf_add_char(&l->piece, '\n');
    return flush(l, why);
}

static enum code sync_all(const struct letter *l, struct status *why)
{
    if (fsync(l->fd) != 0 || (l->made && fsync(l->folder) != 0))
        return fail(why, errno, "cannot be written");
    return CODE_OK;
}

/* Makes the file again what it was. */
static void take_back(const struct letter *l)
{
    if (ftruncate(l->fd, l->old_size) == 0)
        (void)fsync(l->fd);
    if (l->made && l->old_size == 0)
        (void)unlinkat(l->folder, file_name, 0);
}

static enum code append(struct letter *l, const struct message *m, const char *reverse_path,
                        const char *why_not, struct status *why)
{
    /* It may have lost its name while we waited for the lock. */
    if (check_file(l, why) || lock_file(l, why) || check_file(l, why))
        return why->code;
    buf_init(&l->piece, HEAD_MAX + 2 * (size_t)WIRE_CHUNK);
    if (add_gap(l, why) == CODE_OK) {
        add_head(l, reverse_path, why_not);
        if (add_message(l, m, why) || sync_all(l, why))
            take_back(l);
    }
    buf_free(&l->piece);
    return why->code;
}

enum code dead_letter_add(const struct message *m, const char *reverse_path, const char *why_not,
                          char where[DEAD_LETTER_PATH_ROOM], struct status *why)
{
    struct letter l = { .folder = -1, .fd = -1 };

    where[0] = 0;
    if (open_home(&l, where, why) == CODE_OK && open_file(&l, why) == CODE_OK)
        (void)append(&l, m, reverse_path, why_not, why);
    if (l.fd >= 0)
        (void)close(l.fd);
    if (l.folder >= 0)
        (void)close(l.folder);
    return why->code;
}
