/*
 * aliases(5): names of this machine to addresses, as Sendmail and Postfix have them.
 *
 * alias_text.h has the syntax. A value is an address, a name, which may have an alias in its turn,
 * or ":include:/path", a file with values on each of its lines. What would deliver to a program or
 * a file ("|command", "/file", also /dev/null) is refused when it is used: nothing is delivered
 * here, and nothing is lost without a word. Of two aliases with one name the first counts.
 */
#ifndef ORSINO_MAIL_ALIASES_H
#define ORSINO_MAIL_ALIASES_H

#include "mail/address.h"

enum {
    ALIASES_FILE_MAX = 4 * 1024 * 1024,
    ALIASES_DEPTH_MAX = 20,       /* of names and included files in one another */
    ALIASES_EXPANDED_MAX = 50000, /* values looked at for one name */
    ALIASES_INCLUDED_MAX = 100,   /* files read for one name */
};

struct aliases; /* opaque */

/*
 * Loads the file. *out is NULL with CODE_OK when `path` is empty or there is no such file: a
 * machine without aliases. `host` is the machine's own name, whose addresses are names too
 * (host.h), or "". CODE_PERMISSION, CODE_READ, CODE_CONFIG (no regular file, or too big),
 * CODE_MEMORY. A line that makes no sense is held against those names alone that are not found.
 */
enum code aliases_load(const char *path, const char *host, struct aliases **out, struct status *why)
    __attribute__((warn_unused_result));
void aliases_free(struct aliases *a);

/* What gets the addresses a name becomes: complete ones, and names that have no alias. An error
 * ends the expansion and is handed up. */
typedef enum code (*aliases_visit)(void *context, const struct address *address,
                                   struct status *why);

/*
 * Whether `name` (the local part of a recipient here, any case) has an alias; if so, its addresses
 * are visited. A name within its own alias stands for itself ("root: root, me@x"), as Sendmail has
 * it, and so does one after a backslash; a ring of several is CODE_CONFIG and names them.
 * "|command", "/file", a value that cannot be parsed and a file that cannot be included are
 * CODE_CONFIG with file and line. An included file is read with the rights of the caller alone:
 * CODE_PERMISSION when we have more. *found tells whether there was an alias. `a` may be NULL.
 */
enum code aliases_expand(const struct aliases *a, struct slice name, aliases_visit visit,
                         void *context, bool *found, struct status *why)
    __attribute__((warn_unused_result));

typedef void (*aliases_report)(void *context, const struct status *problem);

/* What newaliases does: looks at every alias, and reports each problem in the order of the file.
 * Gives the number of names; `a` may be NULL. */
size_t aliases_check(const struct aliases *a, aliases_report report, void *context);

#endif
