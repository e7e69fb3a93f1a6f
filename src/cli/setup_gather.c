/* `orsino setup`, the account: what is said, what is asked, and the writing of it. */
#include "cli/setup_inside.h"

#include "conf/environment.h"
#include "conf/keys.h"
#include "mail/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VARIABLE_ROOM = 32,
};

const char *const setup_keys[SETUP_KEYS] = {
    [SETUP_PROVIDER] = "provider",
    [SETUP_REGION] = "region",
    [SETUP_HOST] = "host",
    [SETUP_PORT] = "port",
    [SETUP_TLS] = "tls",
    [SETUP_CA_FILE] = "ca_file",
    [SETUP_FINGERPRINT] = "fingerprint",
    [SETUP_TLS_NAME] = "tls_name",
    [SETUP_AUTH] = "auth",
    [SETUP_USER] = "user",
    [SETUP_PASSWORD] = "password",
    [SETUP_PASSWORD_FILE] = "password_file",
    [SETUP_FROM] = "from",
};

enum code setup_missing(struct status *why, const char *what)
{
    return status_set(why, CODE_USAGE, STAGE_OPTIONS, "%s is missing", what);
}

enum code setup_give_up(struct status *why)
{
    return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                      "no answer that can be used: nothing is written");
}

void setup_take(struct setup *s, enum setup_key key, const char *value)
{
    (void)snprintf(s->rooms[key], ASK_ROOM, "%s", value);
    s->values[key] = s->rooms[key];
}

enum code setup_judge(const char *key, const char *value, struct status *why)
{
    bool is_global = (keys_find(slice_of(key))->flags & KEY_GLOBAL) != 0;
    const struct edit_change change = { key, value };
    struct buf unused;
    enum code code;

    buf_init(&unused, SCAN_LINE_MAX * 2);
    code = edit_section(slice_of(""), is_global ? SCAN_GLOBALS : "a", &change, 1, &unused, why);
    buf_wipe(&unused);
    return code;
}

/* For who has just given an answer: the reason why it cannot be one is told. */
static bool is_taken(const char *key, const char *value)
{
    struct status why = { 0 };

    if (setup_judge(key, value, &why) == CODE_OK)
        return true;
    (void)printf("%s.\n", why.what);
    return false;
}

static struct slice global(const struct setup *s, const char *key)
{
    return setup_file_value(&s->file, slice_of(SCAN_GLOBALS), key);
}

/* Options that name the server, or the password, count before all variables that are about it. */
static bool is_settled(const struct setup *s, int key)
{
    bool is_about_password = key == SETUP_PASSWORD || key == SETUP_PASSWORD_FILE;
    bool is_about_server = key <= SETUP_LAST_OF_SERVER && key != SETUP_CA_FILE;

    return s->values[key] ||
           (is_about_password && (s->password_from_stdin || s->values[SETUP_PASSWORD_FILE])) ||
           (is_about_server && (s->values[SETUP_HOST] || s->values[SETUP_PROVIDER]));
}

static const char *variable_of(const char *key)
{
    char name[VARIABLE_ROOM] = ENVIRONMENT_PREFIX;
    size_t n = strlen(name);
    const char *value;

    for (; *key && n < sizeof name - 1; key++)
        name[n++] = (char)(*key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key);
    name[n] = 0;
    value = getenv(name);
    return value && value[0] != 0 ? value : NULL;
}

static enum code take_environment(struct setup *s, struct status *why)
{
    bool settled[SETUP_KEYS];

    for (int i = 0; i < SETUP_KEYS; i++)
        settled[i] = is_settled(s, i);
    for (int i = 0; i < SETUP_KEYS; i++) {
        const char *value = settled[i] ? NULL : variable_of(setup_keys[i]);

        if (value && strlen(value) >= ASK_ROOM)
            return status_set(why, CODE_CONFIG, STAGE_OPTIONS, "the variable for %s is too long",
                              setup_keys[i]);
        if (value)
            setup_take(s, (enum setup_key)i, value);
    }
    if (!s->local)
        s->local = variable_of("local");
    return CODE_OK;
}

/* Before anything is asked: nobody wants to hear of it after the last answer. */
static enum code judge_values(const struct setup *s, enum code code, struct status *why)
{
    struct status fault = { 0 };

    for (int i = 0; i < SETUP_KEYS && fault.code == CODE_OK; i++)
        if (s->values[i] && i != SETUP_PROVIDER)
            (void)setup_judge(setup_keys[i], s->values[i], &fault);
    if (s->local && fault.code == CODE_OK)
        (void)setup_judge("local", s->local, &fault);
    return fault.code ? status_set(why, code, STAGE_OPTIONS, "%s", fault.what) : CODE_OK;
}

static enum code judge_options(const struct setup *s, struct status *why)
{
    if (judge_values(s, CODE_USAGE, why))
        return why->code;
    if (s->account && !scan_is_section_name(slice_of(s->account)))
        return status_set(why, CODE_USAGE, STAGE_OPTIONS, "no account can be called \"%.80s\"",
                          s->account);
    if (s->asks && s->password_from_stdin)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "--password-stdin goes with --non-interactive alone");
    if (s->password_from_stdin && s->values[SETUP_PASSWORD_FILE])
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "--password-stdin and --password-file: only one can be");
    return CODE_OK;
}

static enum code judge_variables(const struct setup *s, struct status *why)
{
    if (s->values[SETUP_PASSWORD] && s->values[SETUP_PASSWORD_FILE])
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "ORSINO_PASSWORD and ORSINO_PASSWORD_FILE: only one can be");
    return judge_values(s, CODE_CONFIG, why);
}

static bool is_address(const char *text)
{
    struct status ignored = { 0 };
    struct address address;

    return address_parse(slice_of(text), &address, &ignored) == CODE_OK && address.at > 0 &&
           strchr(text, '@') != NULL && setup_judge("local", text, &ignored) == CODE_OK;
}

static enum code gather_address(struct setup *s, struct status *why)
{
    if (s->address[0] == 0 && s->values[SETUP_FROM])
        s->address = s->values[SETUP_FROM];
    if (s->address[0] == 0 && s->values[SETUP_USER] && strchr(s->values[SETUP_USER], '@'))
        s->address = s->values[SETUP_USER];
    if (!s->asks && s->address[0] == 0)
        return setup_missing(why, "the mail address, as an argument or --from,");
    for (int i = 0; i < ASK_TIMES && !is_address(s->address); i++) {
        if (!s->asks)
            return status_set(why, CODE_ADDRESS, STAGE_OPTIONS, "\"%.80s\" is no mail address",
                              s->address);
        if (s->address[0] != 0)
            (void)puts("This is no mail address.");
        s->address = s->address_room;
        if (!ask_text("Your mail address", "", s->address_room))
            break;
    }
    return is_address(s->address) ? CODE_OK : setup_give_up(why);
}

static enum code gather_user(struct setup *s, struct status *why)
{
    char room[PROVIDER_HOST_ROOM], answer[ASK_ROOM], section[SETUP_NAME_ROOM];
    const char *fixed = s->provider ? provider_fixed_user(s->provider, room) : NULL;
    const char *usual = fixed ? fixed : s->address;
    struct slice now = { .n = 0 };

    if (s->values[SETUP_USER])
        return CODE_OK;
    if (!fixed && setup_file_find(&s->file, s->address, section))
        now = setup_file_value(&s->file, slice_of(section), "user");
    if (now.n > 0)
        (void)snprintf(answer, sizeof answer, "%.*s", (int)now.n, now.p);
    else
        (void)snprintf(answer, sizeof answer, "%s", usual);
    setup_take(s, SETUP_USER, answer);
    if (!s->asks || fixed)
        return CODE_OK;
    if (s->provider)
        (void)printf("The user name at %s: %s.\n", s->provider->title, s->provider->user);
    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_text("User name", s->values[SETUP_USER], answer))
            break;
        if (!is_taken("user", answer))
            continue;
        setup_take(s, SETUP_USER, answer);
        return CODE_OK;
    }
    return setup_give_up(why);
}

static enum code read_password(struct setup *s, struct status *why)
{
    char *password = s->rooms[SETUP_PASSWORD];
    size_t n = 0;
    int c;

    while ((c = getchar()) != EOF && c != '\n' && c != 0 && n < ASK_ROOM - 1)
        password[n++] = (char)c;
    if (c != EOF && c != '\n')
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "the password on standard input is too long, or has a NUL byte");
    if (n > 0 && password[n - 1] == '\r')
        n--;
    password[n] = 0;
    s->values[SETUP_PASSWORD] = password;
    return n > 0 ? CODE_OK : setup_missing(why, "the password on standard input");
}

static bool ask_password(struct setup *s)
{
    char *password = s->rooms[SETUP_PASSWORD];

    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_secret("Password", password))
            return false;
        s->values[SETUP_PASSWORD] = password;
        if (password[0] != 0 && is_taken("password", password))
            return true;
    }
    return false;
}

/* Of the same user: that of another would be tried in vain. */
static bool has_password(const struct setup *s)
{
    char section[SETUP_NAME_ROOM];

    return setup_find_present(s, section) &&
           slice_equal(setup_file_value(&s->file, slice_of(section), "user"),
                       slice_of(s->values[SETUP_USER])) &&
           (setup_file_value(&s->file, slice_of(section), "password").n > 0 ||
            setup_file_value(&s->file, slice_of(section), "password_file").n > 0);
}

static enum code gather_password(struct setup *s, struct status *why)
{
    if (s->password_from_stdin)
        return read_password(s, why);
    if (s->values[SETUP_PASSWORD_FILE] || s->values[SETUP_PASSWORD])
        return CODE_OK;
    s->keeps_password = !s->asks && s->is_present && has_password(s);
    if (s->keeps_password)
        return CODE_OK;
    if (!s->asks)
        return setup_missing(why,
                             "the password: ORSINO_PASSWORD, --password-file or --password-stdin");
    return ask_password(s) ? CODE_OK : setup_give_up(why);
}

static enum code gather_local(struct setup *s, struct status *why)
{
    if (s->local || global(s, "local").n > 0 || !s->asks)
        return CODE_OK;
    for (int i = 0; i < ASK_TIMES; i++) {
        if (!ask_text("Who gets the mail for root and cron", s->address, s->local_room))
            break;
        s->local = s->local_room;
        if (is_taken("local", s->local))
            return CODE_OK;
    }
    return setup_give_up(why);
}

/* Where [orsino] is another account, it is not lost without a word. */
static enum code confirm_replacing(struct setup *s, struct status *why)
{
    static const char *const keys[] = { "from", "user", "host", "provider" };
    struct slice address = slice_of(s->address), now = { .n = 0 };

    for (size_t i = 0; i < sizeof keys / sizeof *keys && now.n == 0; i++)
        now = global(s, keys[i]);
    if (s->account || setup_file_has_accounts(&s->file) || now.n == 0 ||
        slice_equal_nocase(global(s, "user"), address) ||
        slice_equal_nocase(global(s, "from"), address))
        return CODE_OK;
    if (!s->asks)
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "the account of this file is that of %.*s: --account orsino replaces it",
                          (int)now.n, now.p);
    (void)printf("The account of %s is that of %.*s.\n", s->file.path, (int)now.n, now.p);
    if (ask_yes("Replace it?", false))
        return CODE_OK;
    return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                      "nothing is written: give the account in [orsino] a section of its own, and "
                      "--account NAME adds another");
}

/* Where [orsino] is the account, a section beside it would take that away. */
static bool would_hide(const struct setup *s)
{
    return !slice_equal_nocase(slice_of(s->account), slice_of(SCAN_GLOBALS)) &&
           !setup_file_has_accounts(&s->file) &&
           (global(s, "host").n > 0 || global(s, "provider").n > 0);
}

static enum code choose_section(struct setup *s, struct status *why)
{
    const char *domain = strrchr(s->address, '@') + 1;
    char word[SETUP_NAME_ROOM];

    if (s->account && would_hide(s))
        return status_set(why, CODE_USAGE, STAGE_OPTIONS,
                          "the account of this file is in [orsino]: give it a section of its own "
                          "before you add another, or use --account orsino to change it");
    if (s->account) {
        (void)snprintf(s->section, sizeof s->section, "%s", s->account);
        return CODE_OK;
    }
    if (s->provider)
        (void)snprintf(word, sizeof word, "%s", s->provider->name);
    else
        (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(domain, "."), domain);
    setup_file_section(&s->file, s->address, word, s->section);
    return CODE_OK;
}

/* Whether all mail goes by another account, or by none, as [orsino] says nothing of it. */
static bool is_beside_others(const struct setup *s)
{
    return global(s, "account").n == 0 && setup_file_count_others(&s->file, s->section) > 0;
}

static void confirm_default(struct setup *s)
{
    char other[SETUP_NAME_ROOM];

    if (!s->asks || !is_beside_others(s))
        return;
    if (setup_file_only_account(&s->file, other))
        (void)printf("All mail goes by the account %s.\n", other);
    else
        (void)puts("No account is chosen for all mail.");
    s->is_default = ask_yes("Shall it go by this one?", false);
}

enum code setup_gather(struct setup *s, struct status *why)
{
    if (judge_options(s, why) || (!s->asks && take_environment(s, why)))
        return why->code;
    environment_forget();
    if (judge_variables(s, why) || gather_address(s, why) || confirm_replacing(s, why) ||
        setup_gather_server(s, why) || gather_user(s, why) || gather_password(s, why) ||
        gather_local(s, why))
        return why->code;
    s->values[SETUP_FROM] = s->values[SETUP_FROM] ? s->values[SETUP_FROM] : s->address;
    if (choose_section(s, why) == CODE_OK)
        confirm_default(s);
    return why->code;
}

/* The account for all mail, where one has to be named; NULL where that is said, or clear. */
static const char *choose_default(const struct setup *s, char other[SETUP_NAME_ROOM])
{
    if (!is_beside_others(s))
        return NULL;
    if (s->is_default)
        return s->section;
    return setup_file_only_account(&s->file, other) ? other : NULL;
}

/*
 * A line of [orsino] for all accounts must not reach this one, whose server is another: its port is
 * written even when it is the usual one, and what would make a server's certificate good is taken
 * away by an empty value.
 */
static void guard_against_globals(struct setup *s)
{
    static const enum setup_key of_certificate[] = { SETUP_FINGERPRINT, SETUP_TLS_NAME };
    const char *tls = s->values[SETUP_TLS];

    if (slice_equal_nocase(slice_of(s->section), slice_of(SCAN_GLOBALS)))
        return;
    if (!s->values[SETUP_PORT] && s->values[SETUP_HOST] && global(s, "port").n > 0)
        setup_take(s, SETUP_PORT, tls && strcmp(tls, "starttls") == 0 ? "587" : "465");
    for (size_t i = 0; i < sizeof of_certificate / sizeof *of_certificate; i++)
        if (!s->values[of_certificate[i]] && global(s, setup_keys[of_certificate[i]]).n > 0)
            setup_take(s, of_certificate[i], "");
}

enum code setup_write(struct setup *s, struct status *why)
{
    struct edit_change changes[SETUP_KEYS], globals[2];
    char other[SETUP_NAME_ROOM] = "";
    const char *account = choose_default(s, other);
    size_t count = 0, global_count = 0;
    bool is_beside = is_beside_others(s);

    guard_against_globals(s);
    for (int i = 0; i < SETUP_KEYS; i++)
        if (!s->keeps_password || (i != SETUP_PASSWORD && i != SETUP_PASSWORD_FILE))
            changes[count++] = (struct edit_change){ setup_keys[i], s->values[i] };
    if (s->local && s->local[0] != 0)
        globals[global_count++] = (struct edit_change){ "local", s->local };
    if (account)
        globals[global_count++] = (struct edit_change){ "account", account };
    if (setup_file_write(&s->file, s->section, changes, count, globals, global_count, why))
        return why->code;
    if (is_beside && !s->is_default && account)
        (void)printf("All mail goes by the account %s still; -a %s takes the new one.\n", account,
                     s->section);
    else if (is_beside && !s->is_default)
        (void)printf("No account is chosen for all mail: -a %s takes this one, and so does account "
                     "= %s in [orsino].\n",
                     s->section, s->section);
    return CODE_OK;
}

bool setup_mend_password(struct setup *s, struct status *why)
{
    const struct edit_change changes[] = {
        { setup_keys[SETUP_PASSWORD], s->rooms[SETUP_PASSWORD] },
        { setup_keys[SETUP_PASSWORD_FILE], NULL },
    };

    return ask_yes("Enter the password once more?", true) && ask_password(s) &&
           setup_file_reopen(&s->file, why) == CODE_OK &&
           setup_file_write(&s->file, s->section, changes, 2, NULL, 0, why) == CODE_OK;
}
