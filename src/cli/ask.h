/* Questions to a person at a terminal. */
#ifndef ORSINO_CLI_ASK_H
#define ORSINO_CLI_ASK_H

#include "base/text.h"

enum {
    ASK_ROOM = 256,
    ASK_TIMES = 5, /* that a question is put before it is given up */
};

/* Whether there is somebody to be asked: stdin and stdout are a terminal. */
bool ask_is_possible(void);

/*
 * Puts the question, with the answer that Enter stands for in brackets when there is one, and takes
 * a line without its end and the white space around it. False at the end of input.
 */
bool ask_text(const char *question, const char *usual, char out[ASK_ROOM]);

/*
 * The same without showing what is typed; out is wiped by the caller. Whatever signal ends the
 * program meanwhile, the terminal shows again what is typed.
 */
bool ask_secret(const char *question, char out[ASK_ROOM]);

/* Yes or no; Enter, and the end of input, stand for `usual`. */
bool ask_yes(const char *question, bool usual);

#endif
