#include "cli/options.h"

#include "command_line.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* THE superset: every letter that some sendmail has, with a value that it takes. */
static const struct letter {
    char letter;
    bool next; /* the value may be the next word */
    const char *value;
    const char *want;
    const char *refused; /* what is said when there is something to send as well */
} letters[] = {
    { 'A', true, "c", "", NULL },
    { 'B', true, "8BITMIME", "", NULL },
    { 'C', true, "/x.ini", "C=/x.ini ", NULL },
    { 'D', true, "/x", "", NULL },
    { 'E', false, "x", "", NULL },
    { 'F', true, "A B", "F=<A B> ", NULL },
    { 'G', false, NULL, "", NULL },
    { 'I', false, NULL, "", NULL },
    { 'J', false, "x", "", NULL },
    { 'L', true, "tag", "L=<tag> ", NULL },
    { 'M', true, "rsmtp", "", NULL },
    { 'N', true, "never", "N=1 ", NULL },
    { 'O', true, "IgnoreDots=y", "i ", NULL },
    { 'Q', false, "why", "", NULL },
    { 'R', true, "full", "R=full ", NULL },
    { 'S', false, NULL, "", NULL },
    { 'T', false, NULL, "", NULL },
    { 'U', false, NULL, "", NULL },
    { 'V', true, "id", "V=id ", NULL },
    { 'X', true, "/x", "", NULL },
    { 'a', true, "work", "a=work ", NULL },
    { 'b', true, "s", "mode=s ", NULL },
    { 'c', false, NULL, "", NULL },
    { 'd', false, "0.1", "version ", NULL },
    { 'e', true, "q", "e=q ", NULL },
    { 'f', true, "b@x", "f=<b@x> ", NULL },
    { 'h', true, "5", "", NULL },
    { 'i', false, NULL, "i ", NULL },
    { 'm', false, NULL, "", NULL },
    { 'n', false, NULL, "n ", NULL },
    { 'o', true, "dq", "od=q ", NULL },
    { 'p', true, "x:y", "", NULL },
    { 'q', false, "15m", "mode=q q=900 ", "a run of the queue takes no recipient" },
    { 'r', true, "b@x", "f=<b@x> ", NULL },
    { 's', false, NULL, "", NULL },
    { 't', false, NULL, "t ", NULL },
    { 'v', false, NULL, "v ", NULL },
    { 'x', false, NULL, "", NULL },
};

static void expect_form(const struct letter *l, const char *first, const char *second,
                        const char *third, const char *want)
{
    char sentence[128];
    struct row row = { sentence, { first, second, third }, want };

    (void)snprintf(sentence, sizeof sentence, "-%c as in: %s %s %s", l->letter, first,
                   second ? second : "", third ? third : "");
    expect(&row);
}

static void expect_forms(const struct letter *l)
{
    const char *value = l->value ? l->value : "";
    char attached[32], clustered[32], bare[] = { '-', l->letter, 0 };
    char want[64], want_t[64], want_one[64], want_other[64], want_words[64], missing[64];

    (void)snprintf(attached, sizeof attached, "-%c%s", l->letter, value);
    (void)snprintf(clustered, sizeof clustered, "-t%c%s", l->letter, value);
    (void)snprintf(want, sizeof want, "%s|", l->want);
    (void)snprintf(want_t, sizeof want_t, "%s%s|", l->letter == 't' ? "" : "t ", l->want);
    (void)snprintf(want_one, sizeof want_one, "%s| one@x", l->want);
    (void)snprintf(want_words, sizeof want_words, "| %s one@x", attached);

    expect_form(l, attached, NULL, NULL, want);
    expect_form(l, attached, attached, NULL, want);
    expect_form(l, clustered, NULL, NULL, l->refused ? l->refused : want_t);
    expect_form(l, attached, "one@x", NULL, l->refused ? l->refused : want_one);
    expect_form(l, "one@x", attached, NULL, l->refused ? l->refused : want_one);
    expect_form(l, "--", attached, "one@x", want_words);
    if (l->next) {
        (void)snprintf(missing, sizeof missing, "-%c needs an argument", l->letter);
        expect_form(l, bare, value, NULL, want);
        expect_form(l, "one@x", bare, value, want_one);
        expect_form(l, "one@x", bare, NULL, missing);
    } else if (l->value) {
        /* The value is a word of its own then. */
        (void)snprintf(want_other, sizeof want_other, "| %s", value);
        expect_form(l, bare, value, NULL, l->refused ? l->refused : want_other);
    }
}

static void each_letter_in_each_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(letters); i++)
        expect_forms(&letters[i]);
}

static void no_other_letter(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char word[] = { '-', (char)c, 0 };
        char *argv[] = { (char *)"sendmail", word, (char *)"one@x", NULL };
        struct options options;
        struct status why = { 0 };
        bool known = c == '-'; /* the end of the options */
        enum code code;

        for (size_t i = 0; i < LENGTH(letters); i++)
            known = known || (char)c == letters[i].letter;
        if (known)
            continue;
        code = options_parse(3, argv, &options, &why);
        check(word, code == CODE_USAGE && strncmp(why.what, "unknown option -", 16) == 0);
    }
}

/* The table of options and that of the test know the same letters. */
static void no_letter_is_forgotten(void **state)
{
    size_t count;

    (void)state;
    (void)options_all(&count);
    assert_int_equal(count, LENGTH(letters));
}

static void each_letter_once(void **state)
{
    size_t count;
    const struct option_row *rows = options_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true((rows[i].argument == ARGUMENT_NONE) == (rows[i].value == NULL));
        for (size_t j = 0; j < i; j++)
            assert_true(rows[i].letter != rows[j].letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_letter_in_each_form),
        cmocka_unit_test(no_other_letter),
        cmocka_unit_test(no_letter_is_forgotten),
        cmocka_unit_test(each_letter_once),
    };

    return cmocka_run_group_tests_name("letters of options", tests, NULL, NULL);
}
