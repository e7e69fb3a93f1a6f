#include "cli/ask.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* What a signal has to put back; only the handler and ask_secret touch it. */
static struct termios shown;
const int ask_ending[ASK_ENDING] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static const char too_long[] = "This is too long.";

enum line {
    LINE_END,
    LINE_TAKEN,
    LINE_LONG,
};

bool ask_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* A line that is too long is read to its end, and nothing of it is taken: half an address or half a
 * password would be another one. */
static enum line read_line(bool trims, char out[ASK_ROOM])
{
    char line[ASK_ROOM];
    struct slice text;
    bool is_long = false;

    (void)fflush(stdout);
    out[0] = 0;
    if (!fgets(line, sizeof line, stdin))
        return LINE_END;
    text = slice_of(line);
    if (text.n == sizeof line - 1 && text.p[text.n - 1] != '\n')
        for (int c = getchar(); c != '\n' && c != EOF; c = getchar())
            is_long = true;
    if (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    if (trims)
        text = slice_trim(text);
    if (!is_long) {
        memcpy(out, text.p, text.n);
        out[text.n] = 0;
    }
    explicit_bzero(line, sizeof line);
    return is_long ? LINE_LONG : LINE_TAKEN;
}

bool ask_text(const char *question, const char *usual, char out[ASK_ROOM])
{
    for (int i = 0; i < ASK_TIMES; i++) {
        enum line line;

        (void)printf(usual[0] != 0 ? "%s [%s]: " : "%s: ", question, usual);
        line = read_line(true, out);
        if (line == LINE_END)
            return false;
        if (line == LINE_TAKEN && out[0] == 0)
            (void)snprintf(out, ASK_ROOM, "%s", usual);
        if (line == LINE_TAKEN)
            return true;
        (void)puts(too_long);
    }
    return false;
}

static void show_again(int number)
{
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void watch_signals(void (*handler)(int))
{
    for (size_t i = 0; i < ASK_ENDING; i++)
        if (signal(ask_ending[i], handler) == SIG_IGN)
            (void)signal(ask_ending[i], SIG_IGN);
}

/* Who is stopped at the question would find the shell's echo again when he goes on. */
static void hold_stops(void (*handler)(int))
{
    (void)signal(SIGTSTP, handler);
    (void)signal(SIGTTIN, handler);
    (void)signal(SIGTTOU, handler);
}

bool ask_secret(const char *question, char out[ASK_ROOM])
{
    struct termios hidden;
    bool is_hidden = tcgetattr(STDIN_FILENO, &shown) == 0;
    enum line line;

    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    watch_signals(show_again);
    hold_stops(SIG_IGN);
    if (is_hidden)
        is_hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
    (void)printf("%s: ", question);
    line = read_line(false, out);
    if (is_hidden)
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    watch_signals(SIG_DFL);
    hold_stops(SIG_DFL);
    (void)putchar('\n');
    if (line == LINE_LONG)
        (void)puts(too_long);
    return line != LINE_END;
}

bool ask_yes(const char *question, bool usual)
{
    char answer[ASK_ROOM];

    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_text(question, usual ? "Y/n" : "y/N", answer))
            return false;
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
    return false;
}
