/* `orsino setup`: finds the server, asks for the rest, writes the INI. The exit code. */
#ifndef ORSINO_CLI_SETUP_H
#define ORSINO_CLI_SETUP_H

int setup_main(int argc, char **argv);

#endif
