#include "mail/envelope.h"

#include "unit.h"

#include <string.h>

/* All of an address list; of one that cannot be parsed, those before it. */
static enum code add_list(struct envelope *e, struct slice list, struct slice domain,
                          struct status *why)
{
    struct address a;

    do {
        if (address_next(&list, &a, why))
            return why->code;
        if (a.length > 0 && envelope_add(e, &a, domain, why))
            return why->code;
    } while (a.length > 0);
    return CODE_OK;
}

static void lists(void **state)
{
    static const struct {
        const char *sentence, *list, *domain;
        enum code code;
        const char *want; /* the recipients, parted by '|' */
        const char *said; /* words of the refusal */
    } rows[] = {
        { "nobody", "", "x", CODE_OK, "", "" },
        { "an empty group", "undisclosed-recipients:;", "x", CODE_OK, "", "" },
        { "the order is kept", "c@x, a@x, b@x", "", CODE_OK, "c@x|a@x|b@x", "" },
        { "the same one twice", "a@x, b@x, a@x", "", CODE_OK, "a@x|b@x", "" },
        { "the same one in another form", "\"a\"@X, Ann <a@x> (Ann)", "", CODE_OK, "a@X", "" },
        { "another case of the local part", "A@x, a@x", "", CODE_OK, "A@x|a@x", "" },
        { "a bare name", "root, b@y", "x.example", CODE_OK, "root@x.example|b@y", "" },
        { "a bare name that is there with its domain", "root@X, root", "x", CODE_OK, "root@X", "" },
        { "a bare name without a domain", "a@x, root, b@x", "", CODE_ADDRESS, "a@x",
          "\"root\" has no domain" },
        { "a bad member is named", "a@x, b@@y, c@x", "x", CODE_ADDRESS, "a@x", "\"b@@y\"" },
        { "empty brackets are nobody", "a@x, <>, b@x", "x", CODE_OK, "a@x|b@x", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct envelope e = { 0 };
        struct status why = { 0 };
        struct buf got;
        enum code code;

        buf_init(&got, 1000);
        code = add_list(&e, slice_of(rows[i].list), slice_of(rows[i].domain), &why);
        check(rows[i].sentence, code == rows[i].code && why.code == code);
        for (size_t r = 0; r < e.forward_count; r++)
            buf_addf(&got, "%s%s", r > 0 ? "|" : "", e.forward_paths[r]);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        check(rows[i].sentence, slice_contains_nocase(slice_of(why.what), slice_of(rows[i].said)));
        buf_free(&got);
        envelope_free(&e);
    }
}

static void senders(void **state)
{
    static const struct {
        const char *sentence, *first, *second;
    } rows[] = {
        { "an address", "a@x", "a@x" },
        { "the null path", "<>", "" },
        { "brackets go", "Ann <a@x>", "a@x" },
        { "a bare name is for the caller to qualify", "root", "root" },
    };
    struct envelope e = { 0 };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };
        struct address a;

        check(rows[i].sentence, address_parse(slice_of(rows[i].first), &a, &why) == CODE_OK);
        check(rows[i].sentence, envelope_set_sender(&e, &a, &why) == CODE_OK);
        check_text(rows[i].sentence, slice_of(e.reverse_path), slice_of(rows[i].second));
    }
    envelope_free(&e);
    assert_null(e.reverse_path);
    envelope_free(&e);
}

static void needing_utf8(void **state)
{
    static const struct {
        const char *sentence, *sender, *recipients;
        bool want;
    } rows[] = {
        { "ASCII alone", "a@x", "b@y, c@z", false },
        { "a sender beyond it", "\xc3\xb6@x", "b@y", true },
        { "a recipient beyond it", "a@x", "b@y, c@\xc3\xb6", true },
        { "a name beyond it", "\xc3\xb6 <a@x>", "\xc3\xb6 <b@y>", false },
        { "the null sender", "<>", "b@y", false },
        { "no sender yet", NULL, "b@\xc3\xb6", true },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct envelope e = { 0 };
        struct status why = { 0 };
        struct address a;

        if (rows[i].sender) {
            check(rows[i].sentence, address_parse(slice_of(rows[i].sender), &a, &why) == CODE_OK);
            check(rows[i].sentence, envelope_set_sender(&e, &a, &why) == CODE_OK);
        }
        check(rows[i].sentence,
              add_list(&e, slice_of(rows[i].recipients), slice_of(""), &why) == CODE_OK);
        check(rows[i].sentence, envelope_needs_utf8(&e) == rows[i].want);
        envelope_free(&e);
    }
}

static void null_recipient(void **state)
{
    struct envelope e = { 0 };
    struct status why = { 0 };
    struct address a = { .length = 0 };

    (void)state;
    assert_int_equal(envelope_add(&e, &a, slice_of("x"), &why), CODE_ADDRESS);
    assert_int_equal(e.forward_count, 0);
    envelope_free(&e);
}

/* Writes a list of addresses, from the first number on. */
static void write_list(struct buf *list, unsigned first, unsigned count, const char *domain)
{
    for (unsigned i = first; i < first + count; i++)
        buf_addf(list, "User %u <user%u@%s>,\n ", i, i, domain);
}

static void as_many_as_there_may_be(void **state)
{
    struct envelope e = { 0 };
    struct status why = { 0 };
    struct buf list, want;

    (void)state;
    buf_init(&list, 10 * 1024 * 1024);
    buf_init(&want, 100);
    write_list(&list, 0, ENVELOPE_RECIPIENTS_MAX, "x.example");
    write_list(&list, 0, ENVELOPE_RECIPIENTS_MAX, "X.Example"); /* all of them once more */
    assert_false(list.failed);
    assert_int_equal(add_list(&e, buf_slice(&list), slice_of(""), &why), CODE_OK);
    assert_int_equal(e.forward_count, ENVELOPE_RECIPIENTS_MAX);
    for (unsigned i = 0; i < ENVELOPE_RECIPIENTS_MAX; i++) {
        buf_clear(&want);
        buf_addf(&want, "user%u@x.example", i);
        check_text("the order is kept", slice_of(e.forward_paths[i]), buf_slice(&want));
    }
    assert_int_equal(add_list(&e, slice_of("one@more"), slice_of(""), &why), CODE_MESSAGE);
    assert_non_null(strstr(why.what, "more than 50000 recipients"));
    assert_int_equal(e.forward_count, ENVELOPE_RECIPIENTS_MAX);
    buf_free(&want);
    buf_free(&list);
    envelope_free(&e);
}

/* Around the number from which a set is kept, and those at which it grows. */
static void duplicates_at_every_size(void **state)
{
    struct envelope e = { 0 };
    struct buf one;

    (void)state;
    buf_init(&one, 100);
    for (unsigned i = 0; i < 600; i++) {
        struct status why = { 0 };

        buf_clear(&one);
        write_list(&one, i, 1, "x");
        write_list(&one, 0, 1, "x");
        write_list(&one, i / 2, 1, "X");
        assert_int_equal(add_list(&e, buf_slice(&one), slice_of(""), &why), CODE_OK);
        assert_int_equal(e.forward_count, i + 1);
    }
    buf_free(&one);
    envelope_free(&e);
}

static void options(void **state)
{
    static const struct {
        const char *sentence;
        size_t before, index; /* recipients when it is set, and whose */
        unsigned notify;
        const char *original;
        enum code code;
    } rows[] = {
        { "the first", 1, 0, DSN_NOTIFY_SUCCESS, "rfc822;a@y", CODE_OK },
        { "another time", 1, 0, DSN_NOTIFY_DELAY, "rfc822;b@y", CODE_OK },
        { "the last that the list has room for", 8, 7, DSN_NOTIFY_NEVER, NULL, CODE_OK },
        { "the first after it grew", 9, 8, 0, "rfc822;c@y", CODE_OK },
        { "one of many", 200, 150, DSN_NOTIFY_FAILURE, "rfc822;d@y", CODE_OK },
        { "taken back", 200, 8, 0, NULL, CODE_OK },
        { "nobody", 200, 200, DSN_NOTIFY_FAILURE, "rfc822;e@y", CODE_BUG },
    };
    struct forward_options want[200] = { { 0 } };
    struct envelope e = { 0 };
    struct buf list;

    (void)state;
    buf_init(&list, 100000);
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct status why = { 0 };

        write_list(&list, (unsigned)e.forward_count, (unsigned)(rows[i].before - e.forward_count),
                   "x");
        assert_int_equal(add_list(&e, buf_slice(&list), slice_of(""), &why), CODE_OK);
        buf_clear(&list);
        check(rows[i].sentence, envelope_set_options(&e, rows[i].index, rows[i].notify,
                                                     rows[i].original, &why) == rows[i].code);
        if (rows[i].code == CODE_OK) {
            want[rows[i].index].notify = rows[i].notify;
            want[rows[i].index].original = (char *)(uintptr_t)rows[i].original;
        }
        for (size_t r = 0; r < e.forward_count; r++) {
            check(rows[i].sentence, e.options[r].notify == want[r].notify);
            check(rows[i].sentence, !e.options[r].original == !want[r].original);
            check_text(rows[i].sentence, slice_of(e.options[r].original),
                       slice_of(want[r].original));
        }
    }
    buf_free(&list);
    envelope_free(&e);
    assert_null(e.options);
}

static void notices(void **state)
{
    struct envelope e = { 0 };
    struct status why = { 0 };

    (void)state;
    for (int i = 0; i < 2; i++) { /* the second time over the first */
        assert_int_equal(envelope_set_notices(&e, DSN_NOTIFY_DELAY, DSN_RETURN_FULL,
                                              i ? "b+2B" : "a", &why),
                         CODE_OK);
        assert_int_equal(e.notify, DSN_NOTIFY_DELAY);
        assert_int_equal(e.dsn_return, DSN_RETURN_FULL);
        assert_string_equal(e.envelope_id, i ? "b+2B" : "a");
    }
    assert_int_equal(envelope_set_notices(&e, 0, DSN_RETURN_UNSET, NULL, &why), CODE_OK);
    assert_null(e.envelope_id);
    envelope_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(senders),
        cmocka_unit_test(needing_utf8),
        cmocka_unit_test(null_recipient),
        cmocka_unit_test(as_many_as_there_may_be),
        cmocka_unit_test(duplicates_at_every_size),
        cmocka_unit_test(options),
        cmocka_unit_test(notices),
    };

    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
