/* SMTP with a client: the second door. Over stdin and stdout for -bs, over a socket for the relay.
 */
#ifndef ORSINO_CLI_DIALOGUE_H
#define ORSINO_CLI_DIALOGUE_H

#include "cli/door.h"
#include "net/identity.h"
#include "net/listen.h"
#include "net/peer.h"

#include <signal.h>

struct dialogue_params {
    struct door *door;
    const struct status *closed;     /* why the door could not be opened: then no sender is taken */
    const struct peer *peer;         /* who it is with; NULL on stdin when that is no socket */
    const struct identity *identity; /* for TLS with the client, NULL for none */
    bool implicit_tls;               /* the handshake comes first */
    bool is_crowded;                 /* few more can be served: idle clients are not waited for */
    bool is_relay;                   /* over a network: the keys listen_ count */
    const struct listener *listeners; /* where the relay listens: no account may lead back there */
    size_t listener_count;
    const volatile sig_atomic_t *ending; /* set by SIGTERM; NULL when that just ends us */
};

/*
 * Speaks with the client over a connected, non-blocking socket, which is closed in the end; or with
 * fd -1 over stdin and stdout. Each recipient is asked for at the provider when the client names
 * it, and the message is answered when the provider has answered: what is replied is true.
 */
void dialogue_run(const struct dialogue_params *params, int fd);

/* The role of -bs. The exit code: 0, since all that goes wrong is said in replies. */
int dialogue_main(const struct options *options);

/*
 * Whether a client may send without a login: it is on this machine, or in listen_allow. One that
 * may not gets a login where listen_users is set, else no service.
 */
bool dialogue_is_trusted(const struct account *globals, const struct peer *peer);

#endif
