/*
 * What a send waits for, for who sits at a terminal: after a second a line on stderr, drawn anew in
 * place, "connecting to smtp.example.com:465", "sending 12.4 of 25.0 MB". Nothing at all when
 * stderr is no terminal, as for every program that calls us.
 */
#ifndef ORSINO_CLI_WAITING_H
#define ORSINO_CLI_WAITING_H

#include "conf/account.h"
#include "deliver/connection.h"

/*
 * Begins to watch a message of so many bytes on its way to the account's server. Gives who is to be
 * told of its steps, or NULL when nobody looks; one message at a time. waiting_end must follow.
 */
const struct watcher *waiting_begin(const struct account *account, uint64_t size);

/* Takes the line away, before any other. */
void waiting_end(void);

/* The line itself, for a step and so many bytes of all; of less than a megabyte none are counted.
 */
void waiting_draw(struct buf *out, enum stage stage, const char *where, uint64_t sent,
                  uint64_t size);

#endif
