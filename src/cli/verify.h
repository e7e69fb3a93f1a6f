/* The roles of -bv and -bt: what would become of addresses. Nothing is sent. */
#ifndef ORSINO_CLI_VERIFY_H
#define ORSINO_CLI_VERIFY_H

#include "cli/options.h"

/*
 * A line on stdout for each address that an argument becomes, or with -bt a line of stdin: as
 * Sendmail prints it, "root... deliverable: mailer smtp, host smtp.example.org, user
 * admin@example.org". The provider is not asked. The exit code is that of the last failure.
 */
int verify_main(const struct options *options);

#endif
