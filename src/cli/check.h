/* `orsino check`: the whole way of an account, without sending; see orsino(8). The exit code. */
#ifndef ORSINO_CLI_CHECK_H
#define ORSINO_CLI_CHECK_H

int check_main(int argc, char **argv);

#endif
