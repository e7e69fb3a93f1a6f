/* The small commands: what they print goes to stdout. Each gives the exit code. */
#ifndef ORSINO_CLI_COMMANDS_H
#define ORSINO_CLI_COMMANDS_H

int help_main(int argc, char **argv);
int version_main(int argc, char **argv);

/* After a word that is none of these names, up to NULL: a line on stderr, with the one that may be
 * meant. After no word at all, NULL, the help. */
int usage_main(const char *word, const char *const *names);

#endif
