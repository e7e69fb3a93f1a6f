#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_redraws(int fd)
{
    const char *kind = getenv("TERM");

    return isatty(fd) == 1 && !(kind && strcmp(kind, "dumb") == 0);
}

bool terminal_has_colour(int fd)
{
    const char *no = getenv("NO_COLOR");

    return terminal_redraws(fd) && (!no || no[0] == 0);
}
