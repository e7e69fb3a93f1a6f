#include "conf/account.h"

#include "base/textfile.h"
#include "conf/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    PASSWORD_LINE_MAX = 4096,
};

/* tls and port follow from each other; the first row that fits is taken. */
static const struct {
    enum tls_mode tls;
    unsigned port;
} usual_ports[] = {
    { TLS_IMPLICIT, 465 },
    { TLS_STARTTLS, 587 },
    { TLS_NONE, 25 },
    { TLS_STARTTLS, 25 },
};

static enum code refuse(const char *sentence, struct status *why)
{
    return status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s", sentence);
}

static enum code settle_tls(struct account *account, struct status *why)
{
    const size_t count = sizeof usual_ports / sizeof *usual_ports;

    if (account->port == 0 && account->tls == TLS_UNSET)
        account->tls = TLS_IMPLICIT;
    for (size_t i = 0; i < count && account->port == 0; i++)
        if (usual_ports[i].tls == account->tls)
            account->port = usual_ports[i].port;
    /* Never from port 25 to no TLS at all: who wants that says it. */
    for (size_t i = 0; i < count && account->tls == TLS_UNSET; i++)
        if (usual_ports[i].port == account->port && usual_ports[i].tls != TLS_NONE)
            account->tls = usual_ports[i].tls;
    if (account->tls == TLS_UNSET)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "tls is missing: with port = %u say implicit, starttls or none",
                          account->port);
    return CODE_OK;
}

static enum code settle_login(const struct account *account, struct status *why)
{
    bool password = account->password[0] != 0, file = account->password_file[0] != 0;

    if (account->auth == AUTH_NONE)
        return CODE_OK;
    if (account->user[0] == 0 && (password || file || account->auth != AUTH_AUTO))
        return refuse("user is missing: a login needs user and password, or set auth = none", why);
    if (account->user[0] != 0 && !password && !file)
        return refuse("password is missing: user needs password or password_file", why);
    if (password && file)
        return refuse("password and password_file: only one can be", why);
    return CODE_OK;
}

enum code account_settle(struct account *account, struct status *why)
{
    if (account->host[0] == 0)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "host is missing in [%s]: the name of the provider's server",
                          account->name);
    return settle_tls(account, why) ? why->code : settle_login(account, why);
}

/* '*' and '?' without recursion: after a mismatch only the last '*' takes one byte more. */
static bool fits_pattern(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = pattern.n, resume = 0;

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.n &&
                   (pattern.p[p] == '?' || to_lower(pattern.p[p]) == to_lower(text.p[t]))) {
            p++;
            t++;
        } else if (star < pattern.n) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool account_matches(const char *match, const char *sender)
{
    struct slice list = slice_of(match), whole = slice_of(sender), pattern;
    const char *at = strrchr(sender, '@');
    struct slice domain = slice_of(at ? at : "");

    while (slice_take_until(&list, ",", &pattern)) {
        pattern = slice_trim(pattern);
        if (pattern.n > 0 && whole.n > 0 &&
            fits_pattern(pattern, pattern.p[0] == '@' ? domain : whole))
            return true;
    }
    return false;
}

static enum code refuse_errno(int error, struct status *why)
{
    return status_set_errno(why, textfile_code(error), STAGE_CONFIG, error,
                            "password_file cannot be read");
}

/*
 * A web form that gets -C and an INI of its own into a command line must not have root's secrets
 * sent to a server of its choice, though the web server may read them.
 */
static enum code check_file(const struct account *account, int fd, struct status *why)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return refuse_errno(errno, why);
    if (!S_ISREG(st.st_mode))
        return refuse("password_file is not a regular file", why);
    if (st.st_uid != 0 && st.st_uid != getuid())
        return status_set(why, CODE_PERMISSION, STAGE_CONFIG,
                          "password_file belongs to user %lu: it must be root's or your own",
                          (unsigned long)st.st_uid);
    if (account->is_callers && st.st_uid != getuid())
        return status_set(why, CODE_PERMISSION, STAGE_CONFIG,
                          "password_file must be your own in a configuration that -C names");
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return status_set(why, CODE_PERMISSION, STAGE_CONFIG,
                          "other users can write password_file: chmod 600");
    return CODE_OK;
}

static enum code read_start(int fd, char *room, size_t size, size_t *n, struct status *why)
{
    *n = 0;
    while (*n < size) {
        ssize_t got = read(fd, room + *n, size - *n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse_errno(errno, why);
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return CODE_OK;
}

static enum code add_secret(struct buf *secret, struct slice password, struct status *why)
{
    if (password.n == 0)
        return refuse("password_file: its first line is empty", why);
    if (password.n > PASSWORD_LINE_MAX || password.n > secret->max)
        return refuse("the password is too long", why);
    if (slice_find(password, 0) < password.n)
        return refuse("password_file: a NUL byte in its first line", why);
    buf_reserve(secret, password.n);
    buf_add_slice(secret, password);
    return secret->failed ? status_set(why, CODE_MEMORY, STAGE_CONFIG, "no memory for the password")
                          : CODE_OK;
}

static enum code read_password(const struct account *account, int fd, struct buf *secret,
                               struct status *why)
{
    char room[PASSWORD_LINE_MAX + 2]; /* with CR and LF */
    struct slice rest, line = { 0 };
    size_t n;

    if (check_file(account, fd, why) || read_start(fd, room, sizeof room, &n, why))
        return why->code;
    rest = (struct slice){ room, n };
    (void)slice_take_line(&rest, &line);
    (void)add_secret(secret, line, why);
    explicit_bzero(room, sizeof room);
    return why->code;
}

enum code account_password(const struct account *account, struct buf *secret, struct status *why)
{
    const char *path = account->password_file;
    bool unused;
    int fd;

    if (account->password[0] != 0)
        return add_secret(secret, slice_of(account->password), why);
    /* With our rights as well: they are given up when the system's file is not where this is from.
     */
    fd = ini_file_open(path, &unused);
    if (fd < 0)
        (void)refuse_errno(errno, why);
    else
        (void)read_password(account, fd, secret, why);
    if (fd >= 0)
        (void)close(fd);
    if (why->code)
        status_at(why, "%s", path);
    return why->code;
}
