/*
 * The inside of `orsino setup`: setup.c has the command, setup_gather.c brings together what an
 * account needs, setup_server.c finds the server; setup_file.c reads the INI, setup_put.c writes
 * it.
 */
#ifndef ORSINO_CLI_SETUP_INSIDE_H
#define ORSINO_CLI_SETUP_INSIDE_H

#include "cli/ask.h"
#include "cli/setup_file.h"
#include "conf/provider.h"

/* The keys of an account that it writes; up to SETUP_LAST_OF_SERVER they go with the server. */
enum setup_key {
    SETUP_PROVIDER,
    SETUP_REGION,
    SETUP_HOST,
    SETUP_PORT,
    SETUP_TLS,
    SETUP_CA_FILE,
    SETUP_FINGERPRINT,
    SETUP_TLS_NAME,
    SETUP_AUTH,
    SETUP_LAST_OF_SERVER = SETUP_AUTH,
    SETUP_USER,
    SETUP_PASSWORD,
    SETUP_PASSWORD_FILE,
    SETUP_FROM,
    SETUP_KEYS
};

extern const char *const setup_keys[SETUP_KEYS]; /* their names in the INI */

struct setup {
    bool asks, checks, helps, password_from_stdin;
    bool is_present;     /* the file has the account already, with this server */
    bool keeps_password; /* that it has there */
    bool is_default;     /* the account becomes the one for all mail */
    const char *config;  /* of -C, or NULL */
    const char *account; /* of --account, or NULL */
    const char *local;   /* who gets root's mail; NULL: not said */
    struct setup_file file;
    const char *address; /* "" when it is not known yet */
    char section[SETUP_NAME_ROOM];
    /* Of options, which stay, or what was found and answered, in `rooms`. NULL: not set. */
    const char *values[SETUP_KEYS];
    char rooms[SETUP_KEYS][ASK_ROOM];
    const struct provider *provider; /* of the server, if he is known, also without `provider =` */
    char host[ASK_ROOM];             /* the server's name, also where a provider stands for it */
    char address_room[ASK_ROOM], local_room[ASK_ROOM];
};

/* Sets a value that was found or answered. */
void setup_take(struct setup *s, enum setup_key key, const char *value);

/* The section of the account as it is in the file: the one that is named, or of the address. */
bool setup_find_present(const struct setup *s, char out[SETUP_NAME_ROOM]);

/* Whether the file's key takes the value; else why it does not. */
enum code setup_judge(const char *key, const char *value, struct status *why);

/*
 * Brings together what an account needs: from the options, from the environment when nothing is
 * asked, from the file, from DNS and a probe, and from the one at the terminal. CODE_USAGE names
 * what is missing; CODE_CONFIG what cannot be written.
 */
enum code setup_gather(struct setup *s, struct status *why) __attribute__((warn_unused_result));

/* The part of it that is about the server: which one, and how it is spoken to. */
enum code setup_gather_server(struct setup *s, struct status *why)
    __attribute__((warn_unused_result));

enum code setup_missing(struct status *why, const char *what);
enum code setup_give_up(struct status *why);

/* Writes it. As setup_file_write. */
enum code setup_write(struct setup *s, struct status *why) __attribute__((warn_unused_result));

/* Asks for the password once more, and writes that alone. False when there is no answer. */
bool setup_mend_password(struct setup *s, struct status *why);

#endif
