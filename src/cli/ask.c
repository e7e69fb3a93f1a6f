#include "cli/ask.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* What a signal has to put back; only the handler and ask_secret touch it. */
static struct termios shown;
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

bool ask_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* A line that is too long is read to its end, and cut. */
static bool read_line(char out[ASK_ROOM])
{
    char line[ASK_ROOM];
    struct slice text;

    (void)fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return false;
    text = slice_of(line);
    if (text.n > 0 && text.p[text.n - 1] != '\n')
        for (int c = getchar(); c != '\n' && c != EOF; c = getchar())
            ;
    text = slice_trim(text);
    memcpy(out, text.p, text.n);
    out[text.n] = 0;
    explicit_bzero(line, sizeof line);
    return true;
}

bool ask_text(const char *question, const char *usual, char out[ASK_ROOM])
{
    (void)printf(usual[0] != 0 ? "%s [%s]: " : "%s: ", question, usual);
    if (!read_line(out))
        return false;
    if (out[0] == 0)
        (void)snprintf(out, ASK_ROOM, "%s", usual);
    return true;
}

static void show_again(int number)
{
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void watch_signals(void (*handler)(int))
{
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (signal(ending[i], handler) == SIG_IGN)
            (void)signal(ending[i], SIG_IGN);
}

bool ask_secret(const char *question, char out[ASK_ROOM])
{
    struct termios hidden;
    bool is_hidden = tcgetattr(STDIN_FILENO, &shown) == 0, got;

    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    watch_signals(show_again);
    if (is_hidden)
        is_hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
    (void)printf("%s: ", question);
    got = read_line(out);
    if (is_hidden)
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    watch_signals(SIG_DFL);
    (void)putchar('\n');
    return got;
}

bool ask_yes(const char *question, bool usual)
{
    char answer[ASK_ROOM];

    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_text(question, usual ? "Y/n" : "y/N", answer))
            return usual;
        switch (to_lower(answer[0])) {
        case 'y':
            if (strcmp(answer, "Y/n") == 0 || strcmp(answer, "y/N") == 0)
                return usual;
            return true;
        case 'n':
            return false;
        default:
            (void)puts("Please answer y or n.");
        }
    }
    return usual;
}
