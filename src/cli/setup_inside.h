/* The inside of `orsino setup`: setup.c has the command, setup_gather.c finds and asks. */
#ifndef ORSINO_CLI_SETUP_INSIDE_H
#define ORSINO_CLI_SETUP_INSIDE_H

#include "cli/ask.h"
#include "cli/setup_file.h"
#include "conf/provider.h"

/* The keys of an account that it writes. */
enum setup_key {
    SETUP_PROVIDER,
    SETUP_REGION,
    SETUP_HOST,
    SETUP_PORT,
    SETUP_TLS,
    SETUP_CA_FILE,
    SETUP_FINGERPRINT,
    SETUP_USER,
    SETUP_PASSWORD,
    SETUP_PASSWORD_FILE,
    SETUP_FROM,
    SETUP_KEYS
};

struct setup {
    bool asks, checks, helps, password_from_stdin;
    const char *config;  /* of -C, or NULL */
    const char *account; /* of --account, or NULL */
    const char *local;   /* who gets root's mail; NULL: not said */
    struct setup_file file;
    const char *address; /* "" when it is not known yet */
    char section[SETUP_NAME_ROOM];
    const char *values[SETUP_KEYS];  /* NULL: not set */
    const struct provider *provider; /* of the server, if he is known, also without `provider =` */
    /* What values may point into. */
    char address_room[ASK_ROOM], region[ASK_ROOM], host[ASK_ROOM], port[12], user[ASK_ROOM];
    char password[ASK_ROOM], local_room[ASK_ROOM];
};

/*
 * Brings together what an account needs: from the options, from the environment when nothing is
 * asked, from DNS and a probe, and from the one at the terminal. CODE_USAGE names what is missing.
 */
enum code setup_gather(struct setup *s, struct status *why) __attribute__((warn_unused_result));

/* Writes it. As setup_file_write. */
enum code setup_write(struct setup *s, struct status *why) __attribute__((warn_unused_result));

#endif
