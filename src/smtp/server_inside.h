/*
 * The inside of the server side, shared by the files that hold its parts: server.c (the machine,
 * and the answers of the one who drives it), server_command.c (lines, and THE table of commands),
 * server_mail.c (MAIL and RCPT), server_login.c (AUTH), server_content.c (DATA and BDAT),
 * server_reply.c (what is said).
 *
 * Everything that bytes from outside can fill has its room in the struct, so that nothing is
 * allocated after server_begin and no client can make it grow.
 */
#ifndef ORSINO_SMTP_SERVER_INSIDE_H
#define ORSINO_SMTP_SERVER_INSIDE_H

#include "base/clock.h"
#include "smtp/server.h"

enum {
    SERVER_LINE_MAX = 2048, /* of a command that is not AUTH, its CR LF included */
    SERVER_OUT_MAX = 8192,
    SERVER_OUT_ENOUGH = 4096, /* no further command is heard until some of it is sent */
    SERVER_CONTENT_PIECE = 16384,
    SERVER_EATEN_MAX = 1 << 30,      /* bytes of a message that is refused already */
    SERVER_LINE_EATEN_MAX = 1 << 20, /* bytes of a line that is too long already */
    SERVER_NAME_MAX = 255,
    SERVER_ORIGINAL_MAX = 500,
};

/* What the next byte is part of. */
enum server_phase {
    PHASE_COMMAND,
    PHASE_LOGIN, /* a response to a challenge */
    PHASE_DATA,
    PHASE_CHUNK, /* of BDAT */
    PHASE_END
};

/* A line under way, of a command or a login. */
struct server_line {
    struct buf text; /* without its CR LF */
    uint64_t length; /* as it came, also what is not kept */
    bool after_cr;
    bool broken; /* it holds a NUL, or a CR or LF alone */
    bool last;   /* nothing came behind it in the same bytes */
};

enum server_login_step {
    LOGIN_PLAIN,
    LOGIN_USER,
    LOGIN_PASSWORD,
    LOGIN_STEPS
};

struct server_secret {
    enum server_login_step step;
    struct buf text; /* decoded; what follows points into it */
    struct server_login login;
    unsigned failures;
};

/* Where in its line the message is. */
enum server_text {
    TEXT_START, /* behind CR LF, or nothing came yet */
    TEXT_MIDDLE,
    TEXT_CR,
    TEXT_DOT, /* a dot at the start, not yet known for what it is */
    TEXT_DOT_CR,
    TEXT_END
};

struct server_message {
    enum server_text at;
    struct buf content;  /* taken, not yet fetched by the one who drives us */
    bool due;            /* it has to be fetched before anything else */
    uint64_t size;       /* bytes so far, also those that are not kept */
    const char *refusal; /* the reply that its end will get; NULL while there is nothing wrong */
    bool chunked;        /* it comes by BDAT */
    bool chunk_last;
    uint64_t chunk_left;
    const char *chunk_refusal; /* the chunk came out of order: its bytes are eaten, then this */
};

struct server {
    struct server_params params; /* `secured` is kept up to date */
    enum server_phase phase;
    enum server_wants asked; /* what is wanted, when no content is due */
    enum server_wants then;  /* what is wanted after RESET */
    bool closed, stopping;
    struct deadline silence, grace;
    struct server_line line;
    struct buf out;
    unsigned errors;

    bool extended;
    char client_name[SERVER_NAME_MAX + 1];
    char user[SERVER_NAME_MAX + 1];
    struct server_secret secret;

    bool in_transaction; /* MAIL was taken */
    size_t recipients;   /* that were taken */
    bool refused; /* what was asked for: commands sent ahead will be out of order, and mean no harm
                   */
    struct server_mail mail;
    struct server_recipient recipient;
    struct server_message message;

    char envelope_id[DSN_ENVELOPE_ID_MAX + 1];
    char original[SERVER_ORIGINAL_MAX + 1];
    char line_room[SERVER_COMMAND_MAX];
    char secret_room[SERVER_COMMAND_MAX];
    char out_room[SERVER_OUT_MAX];
    char content_room[SERVER_CONTENT_PIECE];
};

/* server_reply.c: one line, with code and enhanced code in it. */
void server_say(struct server *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What follows from a failure: the provider's own reply where that makes sense, else our own. */
void server_say_status(struct server *d, const struct status *why);

/* A reply of any length, in as many lines as it takes. An empty enhanced code is left out. */
void server_say_words(struct server *d, int code, const char *enhanced, struct slice words);

/* server.c: says it and counts an error; after too many of them the session ends. */
void server_refuse(struct server *d, const char *reply);

/* The same for a command out of order, which is no error of a client that sent it ahead. */
void server_refuse_order(struct server *d, const char *reply);

/* Forgets the message and the transaction; the one who drives us is told when there was one. */
void server_abandon(struct server *d, enum server_wants then);

/* Says it, and the session is over. */
void server_leave(struct server *d, const char *reply);

/* server_command.c: takes bytes up to the end of a line, and does what it says. */
void server_take_line(struct server *d, struct slice *in);

/* What a command needs before it. */
enum server_needs {
    NEEDS_HELLO = 1,
    NEEDS_TLS = 2, /* where a login needs it */
    NEEDS_LOGIN = 4,
    NEEDS_MAIL = 8,
    NEEDS_NO_MAIL = 16,
    NEEDS_NO_CHUNKS = 32,
    NEEDS_RECIPIENT = 64,
};

/* The reply to a command that lacks one of `needs`; NULL when it lacks none. */
const char *server_lacks(const struct server *d, unsigned needs);

/* server_mail.c */
void server_do_mail(struct server *d, struct slice arguments);
void server_do_rcpt(struct server *d, struct slice arguments);

/* server_login.c */
void server_do_auth(struct server *d, struct slice arguments);
void server_take_response(struct server *d, struct slice line);
void server_end_login(struct server *d, const struct status *why);
void server_forget_secret(struct server *d);

/* server_content.c */
void server_do_data(struct server *d, struct slice arguments);
void server_do_bdat(struct server *d, struct slice arguments);
void server_take_data(struct server *d, struct slice *in);
void server_take_chunk(struct server *d, struct slice *in);

#endif
