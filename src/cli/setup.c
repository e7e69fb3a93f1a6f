#include "cli/setup.h"

#include "base/rights.h"
#include "cli/ask.h"
#include "cli/check.h"
#include "cli/command_option.h"
#include "cli/probe_ports.h"
#include "cli/report.h"
#include "cli/setup_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: orsino setup [options] [you@domain]\n"
    "  --account NAME      the section to write\n"
    "  --provider NAME, --region NAME, --host NAME, --port N, --tls MODE, --user NAME,\n"
    "  --from ADDRESS, --local ADDRESS, --ca-file FILE, --fingerprint DIGITS,\n"
    "  --password-file FILE\n"
    "  --password-stdin    the password is the first line of standard input\n"
    "  --non-interactive   ask nothing; ORSINO_HOST, ORSINO_PASSWORD and so on count as well\n"
    "  --no-check          do not ask the network whether it works\n"
    "  -C FILE             the configuration to write\n";

/* Options that are keys of the INI, by the words of these. */
static const struct {
    const char *option;
    enum setup_key key;
} key_options[] = {
    { "provider", SETUP_PROVIDER },
    { "region", SETUP_REGION },
    { "host", SETUP_HOST },
    { "port", SETUP_PORT },
    { "tls", SETUP_TLS },
    { "user", SETUP_USER },
    { "from", SETUP_FROM },
    { "ca-file", SETUP_CA_FILE },
    { "fingerprint", SETUP_FINGERPRINT },
    { "password-file", SETUP_PASSWORD_FILE },
};

enum {
    KEY_OPTIONS = sizeof key_options / sizeof *key_options,
    OPTION_KEY = COMMAND_LONG, /* and on, one for each */
    OPTION_ACCOUNT = OPTION_KEY + KEY_OPTIONS,
    OPTION_LOCAL,
    OPTION_PASSWORD_STDIN,
    OPTION_NON_INTERACTIVE,
    OPTION_NO_CHECK,
    OPTION_HELP,
};

static void take_option(struct setup *s, int option)
{
    switch (option) {
    case 'C':
        s->config = optarg;
        break;
    case OPTION_ACCOUNT:
        s->account = optarg;
        break;
    case OPTION_LOCAL:
        s->local = optarg;
        break;
    case OPTION_PASSWORD_STDIN:
        s->password_from_stdin = true;
        break;
    case OPTION_NON_INTERACTIVE:
        s->asks = false;
        break;
    case OPTION_NO_CHECK:
        s->checks = false;
        break;
    case OPTION_HELP:
        s->helps = true;
        break;
    default:
        s->values[key_options[option - OPTION_KEY].key] = optarg;
    }
}

static enum code parse(int argc, char **argv, struct setup *s, struct status *why)
{
    static const struct option others[] = {
        { "account", required_argument, NULL, OPTION_ACCOUNT },
        { "local", required_argument, NULL, OPTION_LOCAL },
        { "password-stdin", no_argument, NULL, OPTION_PASSWORD_STDIN },
        { "non-interactive", no_argument, NULL, OPTION_NON_INTERACTIVE },
        { "no-check", no_argument, NULL, OPTION_NO_CHECK },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
    };
    struct option rows[KEY_OPTIONS + sizeof others / sizeof *others];
    int option;

    for (int i = 0; i < KEY_OPTIONS; i++)
        rows[i] = (struct option){ key_options[i].option, required_argument, NULL, OPTION_KEY + i };
    memcpy(rows + KEY_OPTIONS, others, sizeof others);
    while ((option = command_option(argc, argv, "C:", rows, "orsino setup", why)) != -1) {
        if (option == '?')
            return why->code;
        take_option(s, option);
    }
    if (argc - optind > 1)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "one address at most; see orsino setup --help");
    if (optind < argc)
        s->address = argv[optind];
    return CODE_OK;
}

/* How a check finds the file as later sends will: NULL, unless that takes a name. */
static const char *name_file(const struct setup *s)
{
    char own[SETUP_PATH_ROOM];

    if (s->config)
        return s->config;
    if (!setup_file_is_shadowed(&s->file, own))
        return NULL;
    (void)printf("Your own mail goes by %s, and not by this file.\n", own);
    return s->file.path;
}

/* The way of the account; a password that is refused may be entered again. */
static int check_way(struct setup *s, const char *config, const char *account, struct status *why)
{
    enum code code;
    int result;

    for (int i = 0;; i++) {
        (void)putchar('\n');
        result = check_with(config, account, &code);
        if (code != CODE_LOGIN || !s->asks || i == ASK_TIMES || s->values[SETUP_PASSWORD_FILE] ||
            !setup_mend_password(s, why))
            return why->code ? status_exit(why) : result;
    }
}

/* The check of this account in this file. */
static void tell_next(const char *config, const char *account)
{
    (void)printf(
        "\nWhen that is mended, orsino check%s%s%s%s looks again; orsino setup changes the "
        "answers.\n",
        config ? " -C " : "", config ? config : "", account ? " " : "", account ? account : "");
}

static void tell_written(const struct setup *s)
{
    if (s->file.backup[0] != 0)
        (void)printf("%s is written; the old one is %s.\n", s->file.path, s->file.backup);
    else
        (void)printf("%s is written.\n", s->file.path);
}

/* What it came to in the end: the way of the account, and a message if that is wanted. */
static int conclude(struct setup *s, struct status *why)
{
    char question[ASK_ROOM + 64];
    const char *account = strcmp(s->section, SCAN_GLOBALS) == 0 ? NULL : s->section;
    const char *config;
    int result;

    tell_written(s);
    if (!s->checks)
        return EX_OK;
    config = name_file(s);
    result = check_way(s, config, account, why);
    if (result != EX_OK && s->asks && why->code == CODE_OK)
        tell_next(config, account);
    if (result != EX_OK || !s->asks)
        return result;
    (void)snprintf(question, sizeof question, "\nSend a test message to %s?", s->address);
    return ask_yes(question, true) ? check_by_message(config, account, s->address) : EX_OK;
}

static int run(struct setup *s, struct status *why)
{
    int result = EX_OK;

    if (setup_file_open(&s->file, s->config, why) == CODE_OK && setup_gather(s, why) == CODE_OK &&
        setup_write(s, why) == CODE_OK)
        result = conclude(s, why);
    setup_file_free(&s->file);
    return result;
}

int setup_main(int argc, char **argv)
{
    struct setup s = { .asks = true, .checks = true, .address = "" };
    struct status why = { 0 };
    int result = EX_OK;

    (void)setvbuf(stdin, NULL, _IONBF, 0); /* no copy of the password stays there */
    if (!rights_drop())
        (void)status_set(&why, CODE_SYSTEM, STAGE_CONFIG, "the rights of the group stay");
    else if (parse(argc, argv, &s, &why) == CODE_OK && s.helps)
        (void)fputs(usage, stdout);
    else if (why.code == CODE_OK && s.asks && !ask_is_possible())
        (void)status_set(&why, CODE_USAGE, STAGE_OPTIONS,
                         "there is no terminal to ask questions at: use --non-interactive");
    else if (why.code == CODE_OK)
        result = run(&s, &why);
    explicit_bzero(s.rooms, sizeof s.rooms);
    if (why.code == CODE_OK && result != EX_OK) /* the check has told why */
        return result;
    return report_finish(&why, false);
}
