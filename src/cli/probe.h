/* `orsino probe`: what a provider's server speaks, and the INI lines that follow from it. */
#ifndef ORSINO_CLI_PROBE_H
#define ORSINO_CLI_PROBE_H

int probe_main(int argc, char **argv);

#endif
