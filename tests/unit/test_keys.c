#include "conf/keys.h"

#include "mail/submission.h"

#include "unit.h"

#include <string.h>

#define DIGITS "0123456789abcdefABCDEF00112233445566778899aabbccddeeffAABBCCDDEE"

/* What a value becomes, as a number; -1 when it is refused. */
static int64_t parsed(const char *name, const char *text, struct status *why)
{
    struct account account = { 0 };
    const struct key *key = keys_find(slice_of(name));
    const char *field = (const char *)&account + key->offset;
    bool yes;
    unsigned number;
    int64_t wide;

    if (keys_parse(key, text, &account, why))
        return -1;
    switch (key->type) {
    case KEY_BOOL:
        memcpy(&yes, field, sizeof yes);
        return yes;
    case KEY_NUMBER:
    case KEY_CHOICE:
    case KEY_FLAGS:
        memcpy(&number, field, sizeof number);
        return number;
    case KEY_SIZE:
    case KEY_TIME:
        memcpy(&wide, field, sizeof wide);
        return wide;
    default:
        return 0;
    }
}

static void values(void **state)
{
    static const struct {
        const char *key, *text;
        int64_t want;
    } rows[] = {
        { "port", "465", 465 },
        { "port", "1", 1 },
        { "port", "65535", 65535 },
        { "port", "0", -1 },
        { "port", "65536", -1 },
        { "port", "0x1d1", -1 },
        { "port", " 25", -1 },
        { "port", "-1", -1 },
        { "port", "", -1 },
        { "port", "99999999999999999999999", -1 },
        { "pipelining", "yes", 1 },
        { "pipelining", "TRUE", 1 },
        { "pipelining", "on", 1 },
        { "pipelining", "1", 1 },
        { "pipelining", "no", 0 },
        { "pipelining", "off", 0 },
        { "pipelining", "false", 0 },
        { "pipelining", "0", 0 },
        { "pipelining", "y", -1 },
        { "pipelining", "", -1 },
        { "max_message", "50M", 50 << 20 },
        { "max_message", "2048", 2048 },
        { "max_message", "1k", 1024 },
        { "max_message", "1K", 1024 },
        { "max_message", "1g", 1 << 30 },
        { "max_message", "1024G", (int64_t)1 << 40 },
        { "max_message", "1025G", -1 },
        { "max_message", "17179869184G", -1 },
        { "max_message", "1023", -1 },
        { "max_message", "50MB", -1 },
        { "max_message", "M", -1 },
        { "max_message", "", -1 },
        { "timeout", "30s", 30000 },
        { "timeout", "5", 5000 },
        { "timeout", "15m", 900000 },
        { "timeout", "1h", 3600000 },
        { "timeout", "1d", 86400000 },
        { "timeout", "2d", -1 },
        { "timeout", "0", -1 },
        { "timeout", "1.5m", -1 },
        { "tls", "implicit", TLS_IMPLICIT },
        { "tls", "STARTTLS", TLS_STARTTLS },
        { "tls", "none", TLS_NONE },
        { "tls", "Auto", TLS_AUTO },
        { "tls", "ssl", -1 },
        { "tls", "", -1 },
        { "fingerprint", "", 0 },
        { "fingerprint", DIGITS, 0 },
        { "fingerprint", DIGITS "0", -1 },
        { "fingerprint", "ab:cd", -1 },
        { "fingerprint", "sha256:" DIGITS, -1 },
        { "provider", "whatever", 0 },
        { "auth", "login", AUTH_LOGIN },
        { "dot_terminates", "no", DOT_TERMINATES_NO },
        { "from_header", "fill", FROM_HEADER_FILL },
        { "from_header", "Keep", FROM_HEADER_KEEP },
        { "from_header", "force", FROM_HEADER_FORCE },
        { "from_header", "yes", -1 },
        { "queue", "", 0 },
        { "queue", "/var/spool/orsino", 0 },
        { "queue", "spool", -1 },
        { "queue_lifetime", "1m", 60000 },
        { "queue_lifetime", "365d", (int64_t)365 * 86400000 },
        { "queue_lifetime", "59s", -1 },
        { "queue_lifetime", "366d", -1 },
        { "delivery", "direct", DELIVERY_DIRECT },
        { "delivery", "Background", DELIVERY_BACKGROUND },
        { "delivery", "queue", DELIVERY_QUEUE },
        { "delivery", "later", -1 },
        { "patience", "10s", 10000 },
        { "patience", "1d", 86400000 },
        { "patience", "0", -1 },
        { "keep_failed", "no", 0 },
        { "bounce", "yes", 1 },
        { "listen_max", "1", 1 },
        { "listen_max", "10000", 10000 },
        { "listen_max", "0", -1 },
        { "listen_max", "10001", -1 },
        { "aliases", "", 0 },
        { "aliases", "/etc/mail/aliases", 0 },
        { "aliases", "aliases", -1 },
        { "local", "", 0 },
        { "local", "admin@example.it", 0 },
        { "local", "\"a@b\"@example.it", 0 },
        { "local", "admin", -1 },
        { "local", "admin@", -1 },
        { "local", "@example.it", -1 },
        { "local", "Admin <admin@example.it>", -1 },
        { "local", "a@example.it,b@example.it", -1 },
        { "local", "a@example.it\r\nb", -1 },
        { "listen", "127.0.0.1:2525, /run/orsino.sock", 0 },
        { "listen_cert", "cert.pem", -1 },
        { "dsn_notify", "never", DSN_NOTIFY_NEVER },
        { "dsn_notify", "success, Failure,delay",
          DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY },
        { "dsn_notify", "never, delay", -1 },
        { "dsn_notify", "delay,,failure", -1 },
        { "dsn_notify", "", -1 },
        { "dsn_return", "headers", DSN_RETURN_HEADERS },
        { "dsn_return", "full", DSN_RETURN_FULL },
        { "log", "syslog", 0 },
        { "log", "none", 0 },
        { "log", "/var/log/mail", 0 },
        { "log", "mail.log", -1 },
        { "ca_file", "", 0 },
        { "ca_file", "/etc/ca.pem", 0 },
        { "ca_file", "ca.pem", -1 },
        { "password_file", "~/p", -1 },
        { "host", "smtp.example.it", 0 },
        { "host", "2001:db8::1", 0 },
        { "host", "smtp.example.it:465", -1 },
        { "host", "smtps://smtp.example.it", -1 },
        { "host", "smtp example", -1 },
        { "host", "a\r\nb", -1 },
        { "hostname", "[192.0.2.1]", 0 },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        int64_t got = parsed(rows[i].key, rows[i].text, &why);

        if (got != rows[i].want)
            print_error("failed: %s = %s\n", rows[i].key, rows[i].text);
        assert_true(got == rows[i].want);
        assert_int_equal(why.code, got < 0 ? CODE_CONFIG : CODE_OK);
    }
}

static void sentences(void **state)
{
    static const struct {
        const char *key, *text, *want;
    } rows[] = {
        { "port", "smtps", "port takes a number from 1 to 65535, not \"smtps\"" },
        { "pipelining", "maybe", "pipelining takes yes or no, not \"maybe\"" },
        { "max_message", "1", "max_message takes a size from 1k to 1024G, such as 50M, not \"1\"" },
        { "timeout", "1w", "timeout takes a time from 1s to 1d, such as 30s or 5m, not \"1w\"" },
        { "queue_lifetime", "1w",
          "queue_lifetime takes a time from 1m to 365d, such as 30s or 5m, not \"1w\"" },
        { "delivery", "odb", "delivery takes direct, background or queue, not \"odb\"" },
        { "tls", "ssl", "tls takes implicit, starttls, auto or none, not \"ssl\"" },
        { "fingerprint", "ab:cd",
          "fingerprint takes the SHA-256 of a certificate, 64 hexadecimal digits, not "
          "\"ab:cd\"" },
        { "dsn_notify", "x",
          "dsn_notify takes never alone, or a list of success, failure, delay, "
          "not \"x\"" },
        { "log", "x", "log takes an absolute path, or syslog, stderr or none, not \"x\"" },
        { "local", "root", "local takes one address, name@domain, not \"root\"" },
        { "listen_max", "many", "listen_max takes a number from 1 to 10000, not \"many\"" },
        { "from_header", "x", "from_header takes fill, keep or force, not \"x\"" },
        { "ca_file", "x", "ca_file takes an absolute path, not \"x\"" },
        { "host", "a:1",
          "host takes a host's name or address alone, without port or ://, not "
          "\"a:1\"" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };

        assert_true(parsed(rows[i].key, rows[i].text, &why) == -1);
        check_text(rows[i].key, slice_of(why.what), slice_of(rows[i].want));
    }
}

static void nearest(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        { "hots", "host" },
        { "Prot", "port" },
        { "pasword", "password" },
        { "passwd", "password" },
        { "time_out", "timeout" },
        { "alias", "aliases" },
        { "listen_port", "listen_cert" },
        { "starttls", NULL },
        { "povider", "provider" },
        { "fingerprnt", "fingerprint" },
        { "something", NULL },
        { "x", NULL },
        { "", NULL },
        { "passwordpasswordpasswordpasswordpassword", NULL },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const char *got = keys_nearest(slice_of(rows[i].name));

        check_text(rows[i].name, slice_of(got), slice_of(rows[i].want));
    }
}

static void the_table_is_sound(void **state)
{
    size_t count;
    const struct key *keys = keys_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct account account = { 0 };
        struct status why = { 0 };

        check(keys[i].name, keys_find(slice_of(keys[i].name)) == &keys[i]);
        check(keys[i].name, keys[i].help && keys[i].help[0] != 0);
        check(keys[i].name, !keys[i].fallback ||
                                keys_parse(&keys[i], keys[i].fallback, &account, &why) == CODE_OK);
    }
    assert_null(keys_find(slice_of("hots")));
    assert_ptr_equal(keys_find(slice_of("HOST")), keys_find(slice_of("host")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(sentences),
        cmocka_unit_test(nearest),
        cmocka_unit_test(the_table_is_sound),
    };

    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
