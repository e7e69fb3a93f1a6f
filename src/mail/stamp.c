#include "mail/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    RANDOM_BYTES = 16,
    WORD_MAX = 255, /* RFC 1035 section 2.3.4: a host name */
    TRIES = 16,     /* of a call that signals interrupt */
};

void stamp_add_date(struct buf *out, time_t when)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm = { .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };
    long minutes;

    /* localtime_r alone need not look at TZ. */
    tzset();
    (void)localtime_r(&when, &tm);
    minutes = labs(tm.tm_gmtoff / 60);
    buf_addf(out, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday % 7], tm.tm_mday,
             months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
             tm.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static bool read_device(unsigned char *p, size_t n)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t have = 0;

    if (fd < 0)
        return false;
    for (int i = 0; i < TRIES && have < n; i++) {
        ssize_t got = read(fd, p + have, n - have);

        if (got > 0)
            have += (size_t)got;
    }
    (void)close(fd);
    return have == n;
}

/* The last resort: a machine with no source of randomness still gets different names. */
static void mix_clock(unsigned char *p, size_t n)
{
    struct timespec now = { 0 };
    uint64_t mixed;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    mixed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    mixed ^= (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&now << 20;
    for (size_t i = 0; i < n; i++) {
        mixed = mixed * 6364136223846793005u + 1442695040888963407u;
        p[i] = (unsigned char)(mixed >> 56);
    }
}

/* Never waits: early at boot the kernel may have no randomness for minutes. */
static void fill_random(unsigned char *p, size_t n)
{
    for (int i = 0; i < TRIES; i++) {
        ssize_t got = getrandom(p, n, GRND_NONBLOCK);

        if (got == (ssize_t)n)
            return;
        if (got < 0 && errno != EINTR)
            break;
    }
    if (!read_device(p, n))
        mix_clock(p, n);
}

void stamp_add_message_id(struct buf *out, time_t when, struct slice domain)
{
    unsigned char random[RANDOM_BYTES];

    fill_random(random, sizeof random);
    buf_addf(out, "<%jd.", (intmax_t)when);
    for (size_t i = 0; i < sizeof random; i++)
        buf_addf(out, "%02x", (unsigned)random[i]);
    buf_add_char(out, '@');
    buf_add_slice(out, domain);
    buf_add_char(out, '>');
}

void stamp_add_id(struct buf *out)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned char random[STAMP_ID_LENGTH];

    fill_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        buf_add_char(out, digits[random[i] % (sizeof digits - 1)]);
}

static bool is_harmless(char c)
{
    return is_digit(c) || is_alpha(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' ||
           c == ']';
}

static void add_word(struct buf *out, const char *word)
{
    struct slice s = slice_part(slice_of(word), 0, WORD_MAX);

    if (s.n == 0)
        s = slice_of("unknown");
    for (size_t i = 0; i < s.n; i++)
        buf_add_char(out, is_harmless(s.p[i]) ? s.p[i] : '?');
}

/* The peer as TCP-info; what did not come over a network has no literal. */
static void add_peer(struct buf *out, const char *peer)
{
    bool local = slice_equal(slice_of(peer), slice_of("local"));

    buf_add_string(out, local ? " (" : " ([");
    add_word(out, peer);
    buf_add_string(out, local ? ")" : "])");
}

void stamp_add_received(struct buf *out, const struct stamp_received *r)
{
    buf_add_string(out, "from ");
    add_word(out, r->client);
    add_peer(out, r->peer);
    buf_add_string(out, "\n\tby ");
    add_word(out, r->host);
    buf_add_string(out, " (orsino) with ");
    add_word(out, r->protocol);
    buf_add_string(out, " id ");
    add_word(out, r->id);
    buf_add_string(out, ";\n\t");
    stamp_add_date(out, r->when);
}
