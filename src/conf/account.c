#include "conf/account.h"

#include "base/textfile.h"
#include "conf/file.h"
#include "conf/pattern.h"
#include "conf/provider.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    PASSWORD_LINE_MAX = 4096,
};

/* The first row that fits is taken. */
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

/* The port of a mode, 0 for one that has none; and the mode of a port, TLS_UNSET likewise: never
 * from port 25 to no TLS at all, who wants that says it. */
static unsigned port_of_mode(enum tls_mode tls)
{
    for (size_t i = 0; i < COUNT(usual_ports); i++)
        if (usual_ports[i].tls == tls)
            return usual_ports[i].port;
    return 0;
}

static enum tls_mode mode_of_port(unsigned port)
{
    for (size_t i = 0; i < COUNT(usual_ports); i++)
        if (usual_ports[i].port == port && usual_ports[i].tls != TLS_NONE)
            return usual_ports[i].tls;
    return TLS_UNSET;
}

static bool is_open(enum tls_mode tls)
{
    return tls == TLS_UNSET || tls == TLS_AUTO;
}

static void settle_tls(struct account *account)
{
    account->port_is_open = account->port == 0 && is_open(account->tls);
    if (account->port_is_open)
        account->tls = TLS_IMPLICIT;
    if (account->port == 0)
        account->port = port_of_mode(account->tls);
    if (is_open(account->tls))
        account->tls = mode_of_port(account->port);
    if (account->tls == TLS_UNSET)
        account->tls = TLS_AUTO;
}

static enum code refuse_provider(const struct account *account, struct status *why)
{
    const char *nearest = provider_nearest(slice_of(account->provider));

    if (nearest)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "no provider %.60s, did you mean %s?",
                          account->provider, nearest);
    return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                      "no provider %.60s: orsino.ini(5) lists them; else set host =",
                      account->provider);
}

static enum code refuse_region(const struct account *account, const struct provider *p,
                               struct status *why)
{
    if (!p)
        return refuse("region: only a provider = has regions", why);
    if (!p->region)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG, "region: %s has none", p->name);
    return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                      "region takes letters, digits, - and dots, as in %s, not \"%.60s\"",
                      p->region, account->region);
}

/* A port or a mode of the account's own leads away from the provider's pair. */
static void take_port(struct account *account, const struct provider *p)
{
    const bool port_fits = account->port == 0 || account->port == p->port;
    const bool port_says_nothing = mode_of_port(account->port) == TLS_UNSET;
    const bool mode_fits = is_open(account->tls) || account->tls == p->tls;

    if (is_open(account->tls) && (port_fits || port_says_nothing))
        account->tls = p->tls;
    if (account->port == 0 && mode_fits)
        account->port = p->port;
}

static enum code take_provider(struct account *account, struct account_strings *strings,
                               struct status *why)
{
    const struct provider *p = NULL;

    if (account->provider[0] != 0) {
        p = provider_find(slice_of(account->provider));
        if (!p)
            return refuse_provider(account, why);
    }
    if (p ? !provider_host(p, account->region, strings->host) : account->region[0] != 0)
        return refuse_region(account, p, why);
    if (!p)
        return CODE_OK;
    if (account->host[0] == 0)
        account->host = strings->host;
    take_port(account, p);
    if (account->user[0] == 0 && account->auth != AUTH_NONE &&
        provider_fixed_user(p, strings->user))
        account->user = strings->user;
    return CODE_OK;
}

static int digit_of(char c)
{
    c = to_lower(c);
    return is_digit(c) || (c >= 'a' && c <= 'f') ? c : 0;
}

bool account_fingerprint(const char *text, char out[FINGERPRINT_ROOM])
{
    size_t n = 0;

    for (; *text != 0; text++) {
        if (*text == ':' || *text == ' ')
            continue;
        if (digit_of(*text) == 0 || n == FINGERPRINT_ROOM - 1)
            return false;
        out[n++] = (char)digit_of(*text);
    }
    out[n] = 0;
    return n == 0 || n == FINGERPRINT_ROOM - 1;
}

static enum code settle_fingerprint(struct account *account, struct account_strings *strings,
                                    struct status *why)
{
    if (!account_fingerprint(account->fingerprint, strings->fingerprint))
        return refuse("fingerprint takes the SHA-256 of a certificate, 64 hexadecimal digits", why);
    if (strings->fingerprint[0] != 0 && account->tls == TLS_NONE)
        return refuse("fingerprint: with tls = none there is no certificate", why);
    account->fingerprint = strings->fingerprint;
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

enum code account_settle(struct account *account, struct account_strings *strings,
                         struct status *why)
{
    if (take_provider(account, strings, why))
        return why->code;
    if (account->host[0] == 0)
        return status_set(why, CODE_CONFIG, STAGE_CONFIG,
                          "host is missing in [%s]: the name of the provider's server, or set "
                          "provider =",
                          account->name);
    settle_tls(account);
    if (settle_fingerprint(account, strings, why))
        return why->code;
    return settle_login(account, why);
}

bool account_matches(const char *match, const char *sender)
{
    struct slice list = slice_of(match), whole = slice_of(sender), pattern;
    const char *at = strrchr(sender, '@');
    struct slice domain = slice_of(at ? at : "");

    while (slice_take_until(&list, ",", &pattern)) {
        pattern = slice_trim(pattern);
        if (pattern.n > 0 && whole.n > 0 &&
            pattern_fits(pattern, pattern.p[0] == '@' ? domain : whole))
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
