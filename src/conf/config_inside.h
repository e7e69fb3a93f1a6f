/* The inside of a loaded configuration, for config.c, which loads it, and config_account.c, which
 * gives accounts out. */
#ifndef ORSINO_CONF_CONFIG_INSIDE_H
#define ORSINO_CONF_CONFIG_INSIDE_H

#include "conf/environment.h"
#include "conf/file.h"
#include "conf/scan.h"

#include <iniparser.h>

enum {
    CONFIG_WARNING_ROOM = 1024,
};

/* What was made for an account and is in neither the file nor the environment. */
struct kept_strings {
    struct kept_strings *next;
    const char *name; /* of the account */
    struct account_strings strings;
};

struct config {
    struct environment environment;
    struct ini_file file;
    struct scan scan;          /* of no entry when there is no file */
    dictionary *ini;           /* NULL when there is no file */
    bool is_callers;           /* the file was named by him, and is not root's */
    char queue[INI_PATH_ROOM]; /* where no key names one */
    struct kept_strings *kept; /* one for each section that was asked for */
    char warning[CONFIG_WARNING_ROOM];
};

bool config_is_section_line(const struct scan_entry *entry);

/* As it stands in that section of the file itself, NULL when it does not. */
const char *config_value(const struct config *c, struct slice section, struct slice key);

#endif
