/* The role of sendmail(8): argv and stdin to a submission, its result to an exit code. */
#ifndef ORSINO_CLI_SENDMAIL_H
#define ORSINO_CLI_SENDMAIL_H

/* Whatever happens, stdin is read to its end first: a caller never gets SIGPIPE. The exit code. */
int sendmail_main(int argc, char **argv);

#endif
