/*
 * THE table of mail providers: what their own pages say of the server for submission. A new one is
 * a row here; orsino.ini(5) lists the names, and a test compares the two.
 */
#ifndef ORSINO_CONF_PROVIDER_H
#define ORSINO_CONF_PROVIDER_H

#include "conf/account.h"

struct provider {
    const char *name;  /* of `provider =` */
    const char *title; /* for people */
    const char *host;  /* with "%s" where the region goes, in a row that has one */
    unsigned port;
    enum tls_mode tls;
    const char *region; /* the usual one; NULL when there are none */
    const char *user; /* what the login's name is, half a line; or in quotes, when it is always the
                         same word: "\"apikey\"" */
    const char *domains; /* of mail addresses, a list with commas; "" for none. Behind an item may
                            stand its region, when that is not the usual: "zoho.eu=eu" */
    const char *mx;      /* the same of patterns with '*' and '?' that its MX names fit */
    const char *note;    /* what people fail at, a sentence with a cure; NULL for nothing */
    const char *source;  /* where it was taken from, an address; never NULL */
};

enum {
    PROVIDER_HOST_ROOM = ACCOUNT_NAME_ROOM,
    PROVIDER_REGION_ROOM = 32,
};

/* THE table; *count rows. */
const struct provider *provider_all(size_t *count);

/* By name without regard to case; NULL when there is none. */
const struct provider *provider_find(struct slice name);

/* The name of the row nearest to a misspelt one, NULL when none is near. */
const char *provider_nearest(struct slice name);

/*
 * By the domain of an address, by the name of one of its MX, or by that of the server itself, and
 * its port: at an address such as 127.0.0.1 many are at home. NULL when nobody is known by it. The
 * region is that of the name, "" for the usual one.
 */
const struct provider *provider_of_domain(struct slice domain, char region[PROVIDER_REGION_ROOM]);
const struct provider *provider_of_mx(struct slice name, char region[PROVIDER_REGION_ROOM]);
const struct provider *provider_of_host(struct slice host, unsigned port,
                                        char region[PROVIDER_REGION_ROOM]);

/* The login's name when it is always the same word, "apikey"; NULL when it is the user's own. */
const char *provider_fixed_user(const struct provider *p, char room[PROVIDER_HOST_ROOM]);

/*
 * Writes the server's name; "" as region is the usual one. False when the region is not
 * made of letters, digits, '-' and single dots, or the provider has none and one is given.
 */
bool provider_host(const struct provider *p, const char *region, char out[PROVIDER_HOST_ROOM]);

#endif
