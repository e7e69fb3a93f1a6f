/*
 * The tokens of RFC 5322 section 3.2 that structured header fields are made of, with the bytes that
 * people write among them. Taken one by one off a slice that is never copied; each byte is looked
 * at once, also in a text that is broken.
 */
#ifndef ORSINO_MAIL_TOKEN_H
#define ORSINO_MAIL_TOKEN_H

#include "base/text.h"

/* Kinds of tokens; the specials < > , ; : @ . stand for themselves. */
enum {
    TOKEN_END = 0,
    TOKEN_SPACE = ' ', /* white space, folding with it */
    TOKEN_COMMENT = '(',
    TOKEN_QUOTED = '"',
    TOKEN_LITERAL = '[',
    TOKEN_ATOM = 'a',   /* bytes beyond ASCII are atom text: RFC 6532 section 3.2 */
    TOKEN_OTHER = '?',  /* a byte that has no place outside quotes, but that people write there */
    TOKEN_BROKEN = '!', /* nothing that may be read over: problem says why */
};

struct token {
    int kind;
    size_t from, to;
    const char *problem;
};

/*
 * The token of text that begins at from. NUL, and a CR or LF that is no part of folding, make their
 * token TOKEN_BROKEN wherever they stand; so does a quote or comment that is not closed.
 */
struct token token_read(struct slice text, size_t from);

/* White space or a comment. */
bool token_is_gap(int kind);

/* What ends a member of an address list: ',', ';' or the end. */
bool token_is_separator(int kind);

bool token_is_atom_text(char c);

struct scanner {
    struct slice text;
    struct token token;   /* the next one, not taken yet */
    size_t end;           /* of the last token taken that was not white space */
    struct slice comment; /* the last one taken, without its parentheses */
};

void scanner_begin(struct scanner *s, struct slice text);

/* Takes one token. */
void scanner_advance(struct scanner *s);

/* Takes white space and comments. */
void scanner_skip_gaps(struct scanner *s);

#endif
