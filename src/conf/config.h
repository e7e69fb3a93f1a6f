/*
 * The INI file: found, checked line by line, read with iniparser, and asked for an account.
 *
 * iniparser forgives what would hurt here: it cuts a value at an unquoted '#' or ';' without a
 * word, lets the last of two equal keys win, and gives no line numbers. So the file is scanned
 * first (scan.c) and what iniparser would do silently is an error that names file, line and key.
 */
#ifndef ORSINO_CONF_CONFIG_H
#define ORSINO_CONF_CONFIG_H

#include "base/status.h"
#include "conf/account.h"

/* A build may move it; tests do. */
#ifndef SYSTEM_CONFIG
#define SYSTEM_CONFIG "/etc/orsino.ini"
#endif

struct config;

/*
 * Loads `path`, or with NULL the first of these that exists: $XDG_CONFIG_HOME/orsino/orsino.ini
 * (~/.config without that variable), ~/.orsino.ini, /etc/orsino.ini. A home directory comes from
 * $HOME, and a file found there counts only when the real user owns it: cron and at run with
 * another user's HOME. On CODE_OK the caller frees *out with config_free. A missing file, one that
 * may not be read, and one that is wrong are told apart: CODE_CONFIG, CODE_PERMISSION, CODE_CONFIG;
 * the status names file, line and key. CODE_READ when reading fails or the file changes meanwhile.
 * A file that holds a password and that others can read is CODE_PERMISSION, but for SYSTEM_CONFIG,
 * which gives a warning in config_warning(). The group counts among the others when the file is a
 * user's own, not when it is root's or somebody else's.
 */
enum code config_load(const char *path, struct config **out, struct status *why)
    __attribute__((warn_unused_result));
void config_free(struct config *c); /* also wipes the secrets */

/* A line for the administrator's log, or NULL. */
const char *config_warning(const struct config *c);

/*
 * Fills *account by name, or with NULL the first account one of whose `match` patterns fits the
 * sender, else the default account, else the only one; without any account section, [orsino] is
 * one. `match` counts in an account's own section only. `sender` may be "". Strings of *account
 * live as long as `c`. CODE_CONFIG: no such account, no default among several, host missing, port
 * without tls mode, user without password, contradictory keys. password_file is not read here (see
 * account_password).
 */
enum code config_account(struct config *c, const char *name, const char *sender,
                         struct account *account, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The globals alone ([orsino] over the defaults), for what must be known before there is a sender:
 * log, dot_terminates, max_message. Account keys hold what [orsino] says of them.
 */
enum code config_globals(struct config *c, struct account *account, struct status *why)
    __attribute__((warn_unused_result));

#endif
