/*
 * The inside of a dialogue, shared by the files that hold its halves: dialogue.c (bytes, TLS,
 * login), transaction (one message, in dialogue_message.c).
 */
#ifndef ORSINO_CLI_DIALOGUE_INSIDE_H
#define ORSINO_CLI_DIALOGUE_INSIDE_H

#include "cli/dialogue.h"
#include "deliver/courier.h"
#include "mail/stamp.h"
#include "smtp/server.h"

enum {
    DIALOGUE_PENDING_MAX = 256 * 1024,
    DIALOGUE_USER_ROOM = 65,
    DIALOGUE_ORIGIN_ROOM = 256,
};

struct dialogue {
    const struct dialogue_params *params;
    int in, out;
    const char *peer; /* for the log */
    char name[HOST_NAME_ROOM];
    struct stream *stream;
    struct server *server;
    struct buf pending; /* what came and the machine did not take yet */
    bool broken;        /* the client is gone, or stopped writing */
    bool told_to_stop;
    /* The message under way. */
    bool has_message;
    struct making making;
    struct message_reader *reader;
    struct status content; /* why it cannot be kept */
    struct declared declared;
    char id[STAMP_ID_LENGTH + 1];
    char origin[DIALOGUE_ORIGIN_ROOM];
    /* The connection to the provider, kept from message to message. */
    struct courier *courier;
    struct account courier_account;
};

/* What the machine wants to know is answered, each by one of these. */
void dialogue_take_sender(struct dialogue *d);
void dialogue_take_recipient(struct dialogue *d);
void dialogue_take_content(struct dialogue *d);
void dialogue_deliver(struct dialogue *d);
void dialogue_forget(struct dialogue *d);

/*
 * A user's name for the log, cut. It may be written so that it looks like more fields of the line:
 * what watches the log would lock out somebody else.
 */
void dialogue_show_user(char shown[DIALOGUE_USER_ROOM], struct slice user);

/* Releases the message under way, if there is one. */
void dialogue_drop(struct dialogue *d);

#endif
