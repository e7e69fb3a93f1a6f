#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* THE table: what follows from a cause. A reply of the server overrides `temporary`. */
static const struct row {
    int exit;
    bool temporary;
    const char *sentence;
} rows[] = {
    [CODE_OK] = { EX_OK, false, "ok" },
    [CODE_USAGE] = { EX_USAGE, false, "wrong usage" },
    [CODE_NO_RECIPIENT] = { EX_USAGE, false, "no recipient" },
    [CODE_ADDRESS] = { EX_DATAERR, false, "an address cannot be used" },
    [CODE_MESSAGE] = { EX_DATAERR, false, "the message cannot be used" },
    [CODE_READ] = { EX_IOERR, true, "reading failed" },
    [CODE_FILE_MISSING] = { EX_OSFILE, false, "a file is missing" },
    [CODE_FILE_CREATE] = { EX_CANTCREAT, true, "a file cannot be written" },
    [CODE_MEMORY] = { EX_OSERR, true, "out of memory" },
    [CODE_SYSTEM] = { EX_OSERR, true, "the operating system refused" },
    [CODE_BUG] = { EX_SOFTWARE, false, "this is a bug in orsino, please report it" },
    [CODE_CONFIG] = { EX_CONFIG, false, "the configuration is wrong" },
    [CODE_PERMISSION] = { EX_NOPERM, false, "permission denied" },
    [CODE_RESOLVE] = { EX_NOHOST, false, "the host name does not exist" },
    [CODE_RESOLVE_LATER] = { EX_TEMPFAIL, true, "the host name cannot be looked up now" },
    [CODE_REFUSED] = { EX_TEMPFAIL, true, "connection refused" },
    [CODE_UNREACHABLE] = { EX_TEMPFAIL, true, "the host cannot be reached" },
    [CODE_TIMEOUT] = { EX_TEMPFAIL, true, "no answer in time" },
    [CODE_CLOSED] = { EX_TEMPFAIL, true, "the connection broke" },
    [CODE_UNKNOWN_END] = { EX_TEMPFAIL, true, "the connection broke after the message was sent" },
    [CODE_NOT_TLS] = { EX_PROTOCOL, false, "no TLS on this port" },
    [CODE_TLS_AT_ONCE] = { EX_PROTOCOL, false, "this port expects TLS at once" },
    [CODE_TLS_MISMATCH] = { EX_PROTOCOL, false, "no TLS that both sides speak" },
    [CODE_TLS] = { EX_PROTOCOL, false, "TLS failed" },
    [CODE_NO_CA] = { EX_CONFIG, false, "no CA certificates to verify the server with" },
    [CODE_UNTRUSTED] = { EX_NOPERM, false, "the server's certificate is not trusted" },
    [CODE_NO_STARTTLS] = { EX_PROTOCOL, false, "the server does not offer STARTTLS" },
    [CODE_INJECTED] = { EX_PROTOCOL, false, "plaintext where only TLS may come" },
    [CODE_GREETING] = { EX_UNAVAILABLE, false, "the server refuses to serve us" },
    [CODE_NO_AUTH] = { EX_NOPERM, false, "no way to log in" },
    [CODE_LOGIN] = { EX_NOPERM, false, "login refused" },
    [CODE_SENDER] = { EX_UNAVAILABLE, false, "sender refused" },
    [CODE_RECIPIENT] = { EX_UNAVAILABLE, false, "recipient refused" },
    [CODE_CONTENT] = { EX_UNAVAILABLE, false, "message refused" },
    [CODE_TOO_BIG] = { EX_DATAERR, false, "the message is too big" },
    [CODE_NO_8BITMIME] = { EX_DATAERR, false, "the server takes no 8-bit message" },
    [CODE_NO_SMTPUTF8] = { EX_DATAERR, false, "the server takes no address beyond ASCII" },
    [CODE_PROTOCOL] = { EX_PROTOCOL, false, "a reply that makes no sense" },
};
_Static_assert(sizeof rows / sizeof *rows == CODE_END, "a row for each code");

static void fill(struct status *why, enum code code, enum stage stage, const char *format,
                 va_list arguments)
{
    why->code = code;
    why->stage = stage;
    (void)vsnprintf(why->what, sizeof why->what, format, arguments);
}

enum code status_set(struct status *why, enum code code, enum stage stage, const char *format, ...)
{
    va_list arguments;

    if (why->code != CODE_OK)
        return why->code;
    va_start(arguments, format);
    fill(why, code, stage, format, arguments);
    va_end(arguments);
    return why->code;
}

enum code status_set_errno(struct status *why, enum code code, enum stage stage, int error,
                           const char *format, ...)
{
    va_list arguments;
    size_t length;

    if (why->code != CODE_OK)
        return why->code;
    va_start(arguments, format);
    fill(why, code, stage, format, arguments);
    va_end(arguments);
    why->os = error;
    length = strlen(why->what);
    (void)snprintf(why->what + length, sizeof why->what - length, ": %s", strerror(error));
    return why->code;
}

void status_at(struct status *why, const char *format, ...)
{
    va_list arguments;

    if (why->where[0] != 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(why->where, sizeof why->where, format, arguments);
    va_end(arguments);
}

void status_said(struct status *why, struct slice said)
{
    said = slice_part(said, 0, sizeof why->said - 1);
    if (said.n > 0)
        memcpy(why->said, said.p, said.n);
    why->said[said.n] = 0;
    text_make_printable(why->said, said.n);
}

bool status_is_temporary(const struct status *st)
{
    if (st->reply >= 400)
        return st->reply < 500;
    return rows[st->code].temporary;
}

int status_exit(const struct status *st)
{
    if (st->reply >= 400 && st->reply < 500)
        return EX_TEMPFAIL;
    /* RFC 3463 section 3.2: X.1.x says that the address itself is wrong. */
    if (st->code == CODE_RECIPIENT && strncmp(st->enhanced, "5.1.", 4) == 0)
        return EX_NOUSER;
    return rows[st->code].exit;
}

const struct status *status_worse(const struct status *a, const struct status *b)
{
    if (a->code == CODE_OK || b->code == CODE_OK)
        return a->code == CODE_OK ? b : a;
    return status_is_temporary(a) && !status_is_temporary(b) ? b : a;
}

void status_describe(const struct status *st, struct buf *out)
{
    if (st->where[0] != 0)
        buf_addf(out, "%s: ", st->where);
    buf_add_string(out, st->what[0] != 0 ? st->what : rows[st->code].sentence);
    if (st->said[0] != 0)
        buf_addf(out, ", it said \"%s\"", st->said);
}
