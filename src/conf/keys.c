#include "conf/keys.h"

#include "conf/nearest.h"

#include <stdio.h>
#include <string.h>

#define FIELD(name)  offsetof(struct account, name)
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    DAY = 24 * 60 * MINUTE,
    PORT_MAX = 65535,
    HOST_MAX = 255, /* RFC 1035 section 2.3.4 */
    SENTENCE_ROOM = 160,
};

/* Every field that holds a number of choices is read as unsigned. */
_Static_assert(sizeof(enum tls_mode) == sizeof(unsigned), "tls");
_Static_assert(sizeof(enum auth_mode) == sizeof(unsigned), "auth");
_Static_assert(sizeof(enum dots_mode) == sizeof(unsigned), "dot_terminates");
_Static_assert(sizeof(enum delivery_mode) == sizeof(unsigned), "delivery");
_Static_assert(sizeof(enum from_header_mode) == sizeof(unsigned), "from_header");

static const struct choice log_choices[] = {
    { "syslog", 0 },
    { "stderr", 0 },
    { "none", 0 },
    { NULL, 0 },
};
static const struct choice dots_choices[] = {
    { "auto", DOT_TERMINATES_AUTO },
    { "yes", DOT_TERMINATES_YES },
    { "no", DOT_TERMINATES_NO },
    { NULL, 0 },
};
static const struct choice delivery_choices[] = {
    { "direct", DELIVERY_DIRECT },
    { "background", DELIVERY_BACKGROUND },
    { "queue", DELIVERY_QUEUE },
    { NULL, 0 },
};
static const struct choice tls_choices[] = {
    { "implicit", TLS_IMPLICIT },
    { "starttls", TLS_STARTTLS },
    { "auto", TLS_AUTO },
    { "none", TLS_NONE },
    { NULL, 0 },
};
static const struct choice auth_choices[] = {
    { "auto", AUTH_AUTO }, { "plain", AUTH_PLAIN }, { "login", AUTH_LOGIN }, { "none", AUTH_NONE },
    { NULL, 0 },
};
static const struct choice from_header_choices[] = {
    { "fill", FROM_HEADER_FILL },
    { "keep", FROM_HEADER_KEEP },
    { "force", FROM_HEADER_FORCE },
    { NULL, 0 },
};
/* The values of enum dsn_notify and enum dsn_return, which stand on this floor but not with us. */
static const struct choice notify_choices[] = {
    { "never", 1 }, { "success", 2 }, { "failure", 4 }, { "delay", 8 }, { NULL, 0 },
};
static const struct choice return_choices[] = {
    { "headers", 1 },
    { "full", 2 },
    { NULL, 0 },
};

/* THE table. */
static const struct key rows[] = {
    { "account", KEY_TEXT, KEY_GLOBAL, FIELD(default_account),
      .help = "the account when nothing else chooses one" },
    { "domain", KEY_HOST, KEY_GLOBAL, FIELD(domain), .help = "completes addresses that have none" },
    { "hostname", KEY_HOST, KEY_GLOBAL, FIELD(hostname),
      .help = "the name this machine gives the server" },
    { "aliases", KEY_PATH, KEY_GLOBAL, FIELD(aliases), .fallback = "/etc/aliases",
      .help = "the file of names that stand for addresses" },
    { "local", KEY_ADDRESS, KEY_GLOBAL, FIELD(local),
      .help = "the address of bare recipients without an alias" },
    { "allow_from", KEY_TEXT, KEY_GLOBAL, FIELD(allow_from),
      .help = "senders that callers may choose; all without it" },
    { "log", KEY_PATH, KEY_GLOBAL, FIELD(log), .choices = log_choices, .fallback = "syslog",
      .help = "where a line for each message goes" },
    { "dot_terminates", KEY_CHOICE, KEY_GLOBAL, FIELD(dot_terminates), .choices = dots_choices,
      .fallback = "auto", .help = "whether a line with a lone dot ends the input" },
    { "max_message", KEY_SIZE, KEY_GLOBAL, FIELD(max_message), .min = 1024,
      .max = (uint64_t)1 << 40, .fallback = "1G", .help = "the largest message taken" },
    { "listen", KEY_TEXT, KEY_GLOBAL, FIELD(listen), .fallback = "25",
      .help = "where the relay waits for clients" },
    { "listen_allow", KEY_TEXT, KEY_GLOBAL, FIELD(listen_allow),
      .help = "networks that may use the relay" },
    { "listen_users", KEY_PATH, KEY_GLOBAL, FIELD(listen_users),
      .help = "a file of users who may use the relay" },
    { "listen_cert", KEY_PATH, KEY_GLOBAL, FIELD(listen_cert),
      .help = "the relay's certificate, in PEM; no TLS without it" },
    { "listen_key", KEY_PATH, KEY_GLOBAL, FIELD(listen_key),
      .help = "its key, when that is not in listen_cert" },
    { "listen_max", KEY_NUMBER, KEY_GLOBAL, FIELD(listen_max), .min = 1, .max = 10000,
      .fallback = "100", .help = "how many clients the relay serves at once" },
    { "queue", KEY_PATH, KEY_GLOBAL, FIELD(queue),
      .help = "the folder of messages that wait; empty for none" },
    { "queue_lifetime", KEY_TIME, KEY_GLOBAL, FIELD(queue_lifetime), .min = MINUTE,
      .max = (uint64_t)365 * DAY, .fallback = "5d", .help = "how long a message is tried again" },
    { "delivery", KEY_CHOICE, KEY_GLOBAL, FIELD(delivery), .choices = delivery_choices,
      .fallback = "direct", .help = "whether a caller waits for the provider" },
    { "patience", KEY_TIME, KEY_GLOBAL, FIELD(patience), .min = SECOND, .max = DAY,
      .fallback = "10s", .help = "how long he waits before the message is queued" },
    { "keep_failed", KEY_BOOL, KEY_GLOBAL, FIELD(keep_failed), .fallback = "yes",
      .help = "whether messages that failed for good are kept" },
    { "bounce", KEY_BOOL, KEY_GLOBAL, FIELD(bounce), .fallback = "no",
      .help = "whether their senders get a notification" },
    { "provider", KEY_TEXT, 0, FIELD(provider),
      .help = "a known provider: gives host, port and tls" },
    { "region", KEY_TEXT, 0, FIELD(region), .help = "of a provider that has several" },
    { "host", KEY_HOST, 0, FIELD(host), .help = "the provider's server" },
    { "port", KEY_NUMBER, 0, FIELD(port), .min = 1, .max = PORT_MAX,
      .help = "its port; follows from tls" },
    { "tls", KEY_CHOICE, 0, FIELD(tls), .choices = tls_choices,
      .help = "how it is encrypted; follows from port" },
    { "tls_name", KEY_HOST, 0, FIELD(tls_name),
      .help = "the name in the certificate, when it is not host" },
    { "ca_file", KEY_PATH, 0, FIELD(ca_file), .help = "certificates to trust, in PEM" },
    { "fingerprint", KEY_FINGERPRINT, 0, FIELD(fingerprint),
      .help = "SHA-256 of the one certificate to trust" },
    { "auth", KEY_CHOICE, 0, FIELD(auth), .choices = auth_choices, .fallback = "auto",
      .help = "how to log in" },
    { "user", KEY_TEXT, 0, FIELD(user), .help = "the login's name; none without it" },
    { "password", KEY_TEXT, KEY_SECRET, FIELD(password), .help = "the login's password" },
    { "password_file", KEY_PATH, 0, FIELD(password_file),
      .help = "a file whose first line is the password" },
    { "from", KEY_TEXT, 0, FIELD(from), .help = "the sender when the caller names none" },
    { "full_name", KEY_TEXT, 0, FIELD(full_name), .help = "the sender's name in From" },
    { "from_header", KEY_CHOICE, 0, FIELD(from_header), .choices = from_header_choices,
      .fallback = "fill", .help = "which From fields get the account's address" },
    { "match", KEY_TEXT, 0, FIELD(match), .help = "senders that choose this account" },
    { "timeout", KEY_TIME, 0, FIELD(timeout), .min = SECOND, .max = DAY, .fallback = "5m",
      .help = "how long to wait for a reply" },
    { "connect_timeout", KEY_TIME, 0, FIELD(connect_timeout), .min = SECOND, .max = DAY,
      .fallback = "30s", .help = "how long to try one address of the server" },
    { "pipelining", KEY_BOOL, 0, FIELD(pipelining), .fallback = "yes",
      .help = "commands in one go when the server offers it" },
    { "dsn_notify", KEY_FLAGS, 0, FIELD(dsn_notify), .choices = notify_choices,
      .help = "when the server reports to the sender" },
    { "dsn_return", KEY_CHOICE, 0, FIELD(dsn_return), .choices = return_choices,
      .help = "how much of the message such a report holds" },
};

_Static_assert(COUNT(rows) <= KEYS_MAX, "KEYS_MAX");

const struct key *keys_all(size_t *count)
{
    *count = COUNT(rows);
    return rows;
}

const struct key *keys_find(struct slice name)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (slice_equal_nocase(slice_of(rows[i].name), name))
            return &rows[i];
    return NULL;
}

const char *keys_nearest(struct slice name)
{
    struct nearest nearest;

    nearest_begin(&nearest, name);
    for (size_t i = 0; i < COUNT(rows); i++)
        nearest_offer(&nearest, rows[i].name);
    return nearest.name;
}

/* Rows from the largest down; the last, without a letter, is for a bare number. */
struct unit {
    char letter;
    uint64_t factor;
};

static const struct unit size_units[] = {
    { 'G', 1 << 30 },
    { 'M', 1 << 20 },
    { 'k', 1 << 10 },
    { 0, 1 },
};
static const struct unit time_units[] = {
    { 'd', DAY }, { 'h', 60 * MINUTE }, { 'm', MINUTE }, { 's', SECOND }, { 0, SECOND },
};

/* The row of a unit's letter, else the last one: a bare number's. */
static const struct unit *find_unit(const struct unit *units, char letter)
{
    while (units->letter != 0 && to_lower(units->letter) != to_lower(letter))
        units++;
    return units;
}

static bool parse_units(const struct key *key, const struct unit *units, struct slice text,
                        uint64_t *out)
{
    const struct unit *unit;

    if (text.n == 0)
        return false;
    unit = find_unit(units, text.p[text.n - 1]);
    if (unit->letter != 0)
        text.n--;
    if (!slice_number(text, key->max / unit->factor, out))
        return false;
    *out *= unit->factor;
    return *out >= key->min;
}

/* A bound as one would write it: in the largest unit that leaves no rest. */
static void add_units(struct buf *out, const struct unit *units, uint64_t value)
{
    while (units->letter != 0 && value % units->factor != 0)
        units++;
    buf_addf(out, "%llu", (unsigned long long)(value / units->factor));
    if (units->letter != 0)
        buf_add_char(out, units->letter);
}

static const struct choice *find_choice(const struct key *key, struct slice word)
{
    for (const struct choice *c = key->choices; c && c->word; c++)
        if (slice_equal_nocase(slice_of(c->word), word))
            return c;
    return NULL;
}

static void add_choices(struct buf *out, const struct key *key)
{
    for (const struct choice *c = key->choices; c->word; c++) {
        if (c != key->choices)
            buf_add_string(out, c[1].word ? ", " : " or ");
        buf_add_string(out, c->word);
    }
}

static bool set_text(const struct key *key, const char *text, void *field)
{
    (void)key;
    memcpy(field, &text, sizeof text);
    return true;
}

static bool set_path(const struct key *key, const char *text, void *field)
{
    if (text[0] != 0 && text[0] != '/' && !find_choice(key, slice_of(text)))
        return false;
    return set_text(key, text, field);
}

/*
 * Nothing more than to catch a bare name or a list: what an address is, the mail side knows. White
 * space or a comma in it would be one, quoted or not.
 */
static bool set_address(const struct key *key, const char *text, void *field)
{
    struct slice address = slice_of(text);
    size_t at = slice_find(address, '@');

    for (size_t i = 0; i < address.n; i++)
        if (is_control(text[i]) || strchr(" ,<>", text[i]))
            return false;
    return (address.n == 0 || (at > 0 && at + 1 < address.n)) && set_text(key, text, field);
}

/* One colon is a port's; an IPv6 address has more. */
static bool set_host(const struct key *key, const char *text, void *field)
{
    size_t colons = 0, n = strlen(text);

    for (size_t i = 0; i < n; i++) {
        colons += text[i] == ':';
        if (!is_digit(text[i]) && !is_alpha(text[i]) && !strchr(".-_:[]%", text[i]) &&
            (unsigned char)text[i] < 0x80)
            return false;
    }
    return n <= HOST_MAX && colons != 1 && set_text(key, text, field);
}

static bool set_fingerprint(const struct key *key, const char *text, void *field)
{
    char digits[FINGERPRINT_ROOM];

    return account_fingerprint(text, digits) && set_text(key, text, field);
}

static bool set_bool(const struct key *key, const char *text, void *field)
{
    static const struct choice words[] = {
        { "yes", 1 }, { "true", 1 },  { "on", 1 }, { "1", 1 },  { "no", 0 },
        { "off", 0 }, { "false", 0 }, { "0", 0 },  { NULL, 0 },
    };
    const struct key row = { .choices = words };
    const struct choice *found = find_choice(&row, slice_of(text));
    bool value = found && found->value == 1;

    (void)key;
    memcpy(field, &value, sizeof value);
    return found != NULL;
}

static bool set_number(const struct key *key, const char *text, void *field)
{
    uint64_t value = 0;
    unsigned number;

    if (!slice_number(slice_of(text), key->max, &value) || value < key->min)
        return false;
    number = (unsigned)value;
    memcpy(field, &number, sizeof number);
    return true;
}

static bool set_size(const struct key *key, const char *text, void *field)
{
    uint64_t value;

    if (!parse_units(key, size_units, slice_of(text), &value))
        return false;
    memcpy(field, &value, sizeof value);
    return true;
}

static bool set_time(const struct key *key, const char *text, void *field)
{
    uint64_t value;
    int64_t millis;

    if (!parse_units(key, time_units, slice_of(text), &value))
        return false;
    millis = (int64_t)value;
    memcpy(field, &millis, sizeof millis);
    return true;
}

static bool set_choice(const struct key *key, const char *text, void *field)
{
    const struct choice *found = find_choice(key, slice_of(text));

    if (found)
        memcpy(field, &found->value, sizeof found->value);
    return found != NULL;
}

/* RFC 3461 section 4.1: the first word, never, stands alone. */
static bool set_flags(const struct key *key, const char *text, void *field)
{
    struct slice rest = slice_of(text), word;
    unsigned value = 0, alone = key->choices->value;

    while (slice_take_until(&rest, ",", &word)) {
        const struct choice *found = find_choice(key, slice_trim(word));

        if (!found)
            return false;
        value |= found->value;
    }
    memcpy(field, &value, sizeof value);
    return value != 0 && (!(value & alone) || value == alone);
}

static void takes_path(struct buf *out, const struct key *key)
{
    buf_add_string(out, "an absolute path");
    if (!key->choices)
        return;
    buf_add_string(out, ", or ");
    add_choices(out, key);
}

static void takes_address(struct buf *out, const struct key *key)
{
    (void)key;
    buf_add_string(out, "one address, name@domain");
}

static void takes_host(struct buf *out, const struct key *key)
{
    (void)key;
    buf_add_string(out, "a host's name or address alone, without port or ://");
}

static void takes_fingerprint(struct buf *out, const struct key *key)
{
    (void)key;
    buf_add_string(out, "the SHA-256 of a certificate, 64 hexadecimal digits");
}

static void takes_bool(struct buf *out, const struct key *key)
{
    (void)key;
    buf_add_string(out, "yes or no");
}

static void takes_number(struct buf *out, const struct key *key)
{
    buf_addf(out, "a number from %llu to %llu", (unsigned long long)key->min,
             (unsigned long long)key->max);
}

static void takes_size(struct buf *out, const struct key *key)
{
    buf_add_string(out, "a size from ");
    add_units(out, size_units, key->min);
    buf_add_string(out, " to ");
    add_units(out, size_units, key->max);
    buf_add_string(out, ", such as 50M");
}

static void takes_time(struct buf *out, const struct key *key)
{
    buf_add_string(out, "a time from ");
    add_units(out, time_units, key->min);
    buf_add_string(out, " to ");
    add_units(out, time_units, key->max);
    buf_add_string(out, ", such as 30s or 5m");
}

static void takes_flags(struct buf *out, const struct key *key)
{
    buf_addf(out, "%s alone, or a list of ", key->choices->word);
    for (const struct choice *c = key->choices + 1; c->word; c++)
        buf_addf(out, "%s%s", c == key->choices + 1 ? "" : ", ", c->word);
}

/* How a value of each type is read, and the words for what it takes. */
static const struct {
    bool (*set)(const struct key *key, const char *text, void *field);
    void (*takes)(struct buf *out, const struct key *key);
} types[] = {
    [KEY_TEXT] = { set_text, NULL },
    [KEY_PATH] = { set_path, takes_path },
    [KEY_ADDRESS] = { set_address, takes_address },
    [KEY_FINGERPRINT] = { set_fingerprint, takes_fingerprint },
    [KEY_HOST] = { set_host, takes_host },
    [KEY_BOOL] = { set_bool, takes_bool },
    [KEY_NUMBER] = { set_number, takes_number },
    [KEY_SIZE] = { set_size, takes_size },
    [KEY_TIME] = { set_time, takes_time },
    [KEY_CHOICE] = { set_choice, add_choices },
    [KEY_FLAGS] = { set_flags, takes_flags },
};

enum code keys_parse(const struct key *key, const char *text, struct account *account,
                     struct status *why)
{
    struct buf sentence;
    const char *takes;
    enum code code;

    if (types[key->type].set(key, text, (char *)account + key->offset))
        return CODE_OK;
    buf_init(&sentence, SENTENCE_ROOM);
    types[key->type].takes(&sentence, key);
    takes = buf_string(&sentence);
    if (key->flags & KEY_SECRET)
        code = status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s takes %s", key->name,
                          takes ? takes : "another value");
    else
        code = status_set(why, CODE_CONFIG, STAGE_CONFIG, "%s takes %s, not \"%.60s\"", key->name,
                          takes ? takes : "another value", text);
    buf_free(&sentence);
    return code;
}
