/* Where a message ends that can neither be delivered nor kept, when its caller will not look. */
#ifndef ORSINO_CLI_DEAD_LETTER_H
#define ORSINO_CLI_DEAD_LETTER_H

#include "mail/message.h"

enum {
    DEAD_LETTER_PATH_ROOM = 1024,
};

/*
 * Appends the message to dead.letter in the home directory that the user database has for the real
 * user, as an mbox (RFC 4155) of mode 0600, under a lock that other mail programs know (fcntl(2)),
 * and syncs it. The file must be a regular one of that user's, with one name; it is made when it is
 * not there, and what others may do with it is taken away. Links are not followed. What could not
 * be written whole is taken back. `reverse_path` is for the "From " line, and `why_not` for a field
 * X-Orsino-Error. Lines that begin with "From ", behind any number of '>', get one more '>'. Gives
 * the path in `where`, or "" without a home. CODE_FILE_CREATE (also for a lock that another holds
 * for too long), CODE_PERMISSION, CODE_FILE_MISSING (no home), CODE_READ, CODE_MEMORY, CODE_SYSTEM.
 * Without raised rights alone: they must be set aside.
 */
enum code dead_letter_add(const struct message *m, const char *reverse_path, const char *why_not,
                          char where[DEAD_LETTER_PATH_ROOM], struct status *why)
    __attribute__((warn_unused_result));

#endif
