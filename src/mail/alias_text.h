/*
 * The syntax of aliases(5), as Sendmail and Postfix read it: bytes to names and values, and nothing
 * of what they mean.
 *
 * "name: value, value …"; a line that begins with white space goes on with the one before, also
 * past empty lines and comments, which are lines whose first character that is no white space is
 * '#'. A name or a value may stand in double quotes, where a backslash takes the meaning off the
 * next character.
 */
#ifndef ORSINO_MAIL_ALIAS_TEXT_H
#define ORSINO_MAIL_ALIAS_TEXT_H

#include "base/text.h"

enum {
    ALIAS_QUOTED_MAX = 1024, /* of a value, without its quotes */
};

struct alias_line {
    struct slice name;   /* without quotes; empty only with a problem */
    struct slice value;  /* all behind the colon, line ends in it */
    size_t number;       /* of its first line */
    const char *problem; /* why it gives no name; NULL mostly */
};

struct alias_lines {
    struct alias_line *rows; /* in the order of the file */
    size_t count, capacity;
};

/*
 * Parts a text into lines that point into it, and changes it for that: comments become spaces,
 * names lose their quotes. False without memory. *out is to be freed in any case.
 */
bool alias_lines_parse(char *text, size_t n, struct alias_lines *out)
    __attribute__((warn_unused_result));
void alias_lines_free(struct alias_lines *l);

enum alias_kind {
    ALIAS_MAILBOX, /* an address or a name */
    ALIAS_INCLUDE, /* text is the path */
    ALIAS_COMMAND, /* text is the command */
    ALIAS_FILE,    /* text is the path */
    ALIAS_BROKEN,  /* a quote that is not closed, or too long, or nothing in it */
};

struct alias_value {
    enum alias_kind kind;
    bool final;          /* after a backslash: it stands for itself, no alias counts */
    bool quoted;         /* the whole of it was, and text is without the quotes */
    struct slice source; /* as written */
    struct slice text;   /* into the source, or into room */
    char room[ALIAS_QUOTED_MAX];
};

/* Takes the next value off the list *in; empty ones are skipped. False at the end. */
bool alias_value_next(struct slice *in, struct alias_value *out);

/* Copies the inside of a quoted string, which is all of s, to room. False when s is no such string
 * or does not fit. */
bool alias_unquote(struct slice s, char *room, size_t size, struct slice *out);

#endif
