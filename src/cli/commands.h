/* The small commands: what they print goes to stdout. Each gives the exit code. */
#ifndef ORSINO_CLI_COMMANDS_H
#define ORSINO_CLI_COMMANDS_H

int help_main(int argc, char **argv);
int version_main(int argc, char **argv);

/* The help on stderr after a command that is none; argv[1] is that word, if there is one. */
int usage_main(int argc, char **argv);

#endif
