#include "cli/users.h"

#include "base/textfile.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECRET_MAX = 1024, /* of a password, and of a hash */
};

/* Takes the next line's name and hash off *text; false at the end. */
static bool next_user(struct slice *text, struct slice *name, struct slice *hash)
{
    struct slice line;

    while (slice_take_line(text, &line)) {
        if (line.n == 0 || line.p[0] == '#' || !slice_take_until(&line, ":", name))
            continue;
        *hash = (struct slice){ 0 };
        (void)slice_take_until(&line, ":", hash);
        *hash = slice_trim(*hash);
        return true;
    }
    return false;
}

/* The hash of a user's line. Without one it is somebody else's, the first one's: a name that is not
 * there must take as long as one that is. */
static struct slice find_hash(struct slice text, struct slice user, bool *found)
{
    struct slice first = { 0 }, name, hash;

    *found = false;
    while (next_user(&text, &name, &hash)) {
        *found = slice_equal(name, user);
        if (*found)
            return hash;
        if (first.n == 0)
            first = hash;
    }
    return first;
}

/* In a time that does not depend on where they differ. */
static bool is_same(const char *a, const char *b)
{
    size_t n = strlen(b);
    unsigned char differences = strlen(a) != n;

    for (size_t i = 0; i < n && a[i] != 0; i++)
        differences |= (unsigned char)(a[i] ^ b[i]);
    return differences == 0;
}

/* A hash that crypt(3) does not know gives none, or one that begins with '*'. */
static bool fits(const char *password, const char *hash)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *made = data ? crypt_r(password, hash, data) : NULL;
    bool same = made && made[0] != '*' && hash[0] != 0 && is_same(made, hash);

    if (data)
        explicit_bzero(data, sizeof *data);
    free(data);
    return same;
}

static enum code compare(struct slice text, struct slice user, struct slice password,
                         struct status *why)
{
    bool found, right;
    struct slice hash = find_hash(text, user, &found);
    struct buf secret, wanted;
    const char *given, *known;

    buf_init(&secret, SECRET_MAX);
    buf_init(&wanted, SECRET_MAX);
    buf_reserve(&secret, password.n + 1);
    buf_add_slice(&secret, password);
    buf_add_slice(&wanted, hash);
    given = buf_string(&secret);
    known = buf_string(&wanted);
    right = given && known && fits(given, known) && found;
    buf_wipe(&secret);
    buf_wipe(&wanted);
    return right ? CODE_OK : status_set(why, CODE_LOGIN, STAGE_LOGIN, "wrong user or password");
}

enum code users_check(const char *path, struct slice user, struct slice password,
                      struct status *why)
{
    struct buf text;

    buf_init(&text, USERS_FILE_MAX);
    if (textfile_read(path, &text, why))
        status_at(why, "%s", path);
    else
        (void)compare(buf_slice(&text), user, password, why);
    buf_wipe(&text);
    return why->code;
}

enum code users_look(const char *path, struct status *why)
{
    struct buf text;
    struct slice rest, name, hash = { 0 };

    buf_init(&text, USERS_FILE_MAX);
    if (textfile_read(path, &text, why) == CODE_OK) {
        rest = buf_slice(&text);
        while (hash.n == 0 && next_user(&rest, &name, &hash))
            ;
        if (hash.n == 0)
            (void)status_set(why, CODE_CONFIG, STAGE_CONFIG,
                             "no user in this file: a line is name:hash");
    }
    if (why->code)
        status_at(why, "%s", path);
    buf_wipe(&text);
    return why->code;
}
