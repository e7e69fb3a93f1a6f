/*
 * newaliases, also sendmail -bi. No database is built from the file of aliases: it is looked
 * through, and what is wrong in it is told.
 */
#ifndef ORSINO_CLI_NEWALIASES_H
#define ORSINO_CLI_NEWALIASES_H

#include "cli/options.h"

/*
 * One line on stdout, "/etc/aliases: 12 aliases", as Sendmail has it; each problem is a line on
 * stderr, with file and line. Gives EX_OK, also without a file; EX_DATAERR when there are problems,
 * and what status_exit says when the file or the INI cannot be read. Without an INI the file is
 * /etc/aliases.
 */
int newaliases_main(int argc, char **argv);
int newaliases_with(const struct options *options);

#endif
