/* Questions to a person at a terminal. */
#ifndef ORSINO_CLI_ASK_H
#define ORSINO_CLI_ASK_H

#include "base/text.h"

enum {
    ASK_ROOM = 1024, /* as much as a line of the INI holds */
    ASK_TIMES = 5,   /* that a question is put before it is given up */
    ASK_ENDING = 4,
};

/* Whether there is somebody to be asked: stdin and stdout are a terminal. */
bool ask_is_possible(void);

/*
 * Puts the question, with the answer that Enter stands for in brackets when there is one, and takes
 * a line without its end and the white space around it. One that is too long is asked for again.
 * False at the end of input, and when it is given up.
 */
bool ask_text(const char *question, const char *usual, char out[ASK_ROOM]);

/*
 * The same without showing what is typed, with the white space around it, and empty for what is too
 * long; out is wiped by the caller. Whatever signal ends the program meanwhile, the terminal shows
 * again what is typed.
 */
bool ask_secret(const char *question, char out[ASK_ROOM]);

/* The signals by which a person ends a program. */
extern const int ask_ending[ASK_ENDING];

/* Yes or no; Enter stands for `usual`, and the end of input, or giving up, for no. */
bool ask_yes(const char *question, bool usual);

#endif
