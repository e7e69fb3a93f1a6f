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

#ifndef QUEUE_FOLDER
#define QUEUE_FOLDER "/var/spool/orsino"
#endif

struct config;

/*
 * Loads the environment (environment.h) and `path`, or with NULL the first of these that exists:
 * $XDG_CONFIG_HOME/orsino/orsino.ini (~/.config without that variable), ~/.orsino.ini,
 * /etc/orsino.ini. A home directory comes from $HOME, and a file found there counts only when the
 * real user owns it: cron and at run with another user's HOME. More rights than the caller has are
 * given up for such a file (CODE_SYSTEM when they stay), and while we have them no variable counts;
 * for a `path` from him the caller of this function gives them up before. On CODE_OK the caller
 * frees *out with config_free.
 *
 * A missing file, one that may not be read, and one that is wrong are told apart: CODE_CONFIG,
 * CODE_PERMISSION, CODE_CONFIG; the status names file, line and key, or the variable. CODE_READ
 * when reading fails or the file changes meanwhile. With NULL an environment that names a host or a
 * provider does without a file, also without one that may not be read, which gives a warning.
 * ini_file_guard() says which files are refused for their mode.
 */
enum code config_load(const char *path, struct config **out, struct status *why)
    __attribute__((warn_unused_result));
void config_free(struct config *c); /* also wipes the secrets */

/* A line for the administrator's log, or NULL. */
const char *config_warning(const struct config *c);

/* Adds that line to a failure: a variable that does not count, say, may be why. */
void config_add_warning(const struct config *c, struct status *why);

/* Where the configuration comes from, for messages: the file, or "environment" without one. */
const char *config_path(const struct config *c);

/*
 * Fills *account by name, or with NULL the first account one of whose `match` patterns fits the
 * sender, else the default account, else the only one; without any account section, [orsino] is
 * one, and without any section at all the environment, by the name "environment". `match` counts in
 * an account's own section only. `sender` may be "". A value is that of the environment, else of
 * the account's section, else of [orsino], else the default. Strings of *account live as long as
 * `c`. CODE_CONFIG: no such account, no default among several, host missing, no such provider, user
 * without password, contradictory keys. CODE_MEMORY. password_file is not read here (see
 * account_password).
 */
enum code config_account(struct config *c, const char *name, const char *sender,
                         struct account *account, struct status *why)
    __attribute__((warn_unused_result));

/*
 * The globals alone (the environment, [orsino], the defaults), for what must be known before there
 * is a sender, or without any account: log, dot_terminates, max_message, the relay's listen.
 * The keys of an account are not looked at: their fields are zero.
 */
enum code config_globals(struct config *c, struct account *account, struct status *why)
    __attribute__((warn_unused_result));

#endif
