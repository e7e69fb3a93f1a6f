/* What a session tells of its way to the login: the step that it is in, and what the server said.
 */
#include "unit.h"

#include "smtp/client.h"

#include <string.h>

enum {
    TIMEOUT = 100000, /* milliseconds */
};

#define LONG_TEXT                                                                                  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
#define FIVE(a) a a a a a

static struct session *begin(const struct account *account, bool secured,
                             struct hello_record *record)
{
    const struct session_params params = {
        .account = account,
        .ehlo_name = "client.example.org",
        .secured = secured,
        .record = record,
    };
    struct session *s = NULL;

    assert_int_equal(smtp_begin(&params, &s, &(struct status){ 0 }), CODE_OK);
    return s;
}

/* All that it says leaves. */
static void hear(struct session *s, const char *said)
{
    smtp_sent(s, smtp_output(s).n);
    smtp_input(s, slice_of(said));
}

static void records(void **state)
{
    static const struct {
        const char *sentence;
        bool secured;
        const char *greeting, *hello; /* the server's */
        const char *want_greeting, *before, *after;
    } rows[] = {
        { "in the clear", false, "220 mx ESMTP\r\n", "250-mx\r\n250-SIZE 10\r\n250 DSN\r\n",
          "mx ESMTP", "SIZE 10\nDSN", "" },
        { "within TLS", true, "220 mx ESMTP\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", "mx ESMTP", "",
          "AUTH PLAIN" },
        { "no keyword", false, "220 mx\r\n", "250 mx\r\n", "mx", "", "" },
        { "an empty name, and a keyword", false, "220 \r\n", "250-\r\n250 DSN\r\n", "", "DSN", "" },
        { "a greeting of two lines", false, "220-mx\r\n220 ready\r\n", "250 mx\r\n", "mx\nready",
          "", "" },
        { "a greeting that refuses", false, "554 go away\r\n", "", "go away", "", "" },
        { "an EHLO that is refused", false, "220 mx\r\n", "550-no\r\n550 DSN\r\n", "mx", "", "" },
        { "bytes that cannot be shown", false, "220 m\x80x\r\n", "250-mx\r\n250 D\xffN\r\n", "m?x",
          "D?N", "" },
        { "a long greeting", false,
          "220-" LONG_TEXT "\r\n220-" LONG_TEXT "\r\n220-" LONG_TEXT "\r\n220 " LONG_TEXT "\r\n",
          "250 mx\r\n", LONG_TEXT "\n" LONG_TEXT "\n" LONG_TEXT "\n012345", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const struct account account = { .tls = TLS_NONE, .user = "", .timeout = TIMEOUT };
        struct hello_record record = { .greeting = "" };
        struct session *s = begin(&account, rows[i].secured, &record);

        hear(s, rows[i].greeting);
        hear(s, rows[i].hello);
        check_text(rows[i].sentence, slice_of(record.greeting), slice_of(rows[i].want_greeting));
        check_text(rows[i].sentence, slice_of(record.before), slice_of(rows[i].before));
        check_text(rows[i].sentence, slice_of(record.after), slice_of(rows[i].after));
        smtp_end(s);
    }
}

static void a_long_list_of_keywords_is_cut(void **state)
{
    const struct account account = { .tls = TLS_NONE, .user = "", .timeout = TIMEOUT };
    struct hello_record record = { .greeting = "" };
    struct session *s = begin(&account, false, &record);

    (void)state;
    hear(s, "220 mx\r\n");
    hear(s, "250-mx\r\n" FIVE(FIVE("250-X" LONG_TEXT "\r\n")) "250 DSN\r\n");
    assert_int_equal(strlen(record.before), HELLO_TEXT_ROOM - 1);
    assert_int_equal(smtp_wants(s), WANTS_MESSAGE); /* nothing was cut for the session */
    smtp_end(s);
}

static void both_sides_of_starttls(void **state)
{
    const struct account account = { .tls = TLS_STARTTLS, .user = "", .timeout = TIMEOUT };
    struct hello_record record = { .greeting = "" };
    struct session *s = begin(&account, false, &record);

    (void)state;
    assert_int_equal(smtp_stage(s), STAGE_GREETING);
    hear(s, "220 mx\r\n");
    assert_int_equal(smtp_stage(s), STAGE_HELLO);
    hear(s, "250-mx\r\n250 STARTTLS\r\n");
    assert_int_equal(smtp_stage(s), STAGE_STARTTLS);
    hear(s, "220 go ahead\r\n");
    assert_int_equal(smtp_stage(s), STAGE_TLS);
    smtp_secured(s);
    assert_int_equal(smtp_stage(s), STAGE_HELLO);
    hear(s, "250-mx\r\n250 DSN\r\n");
    assert_int_equal(smtp_stage(s), STAGE_NONE);
    assert_string_equal(record.before, "STARTTLS");
    assert_string_equal(record.after, "DSN");
    smtp_quit(s);
    assert_int_equal(smtp_stage(s), STAGE_NONE);
    smtp_end(s);
}

static void nobody_wants_to_know(void **state)
{
    const struct account account = { .tls = TLS_NONE, .user = "", .timeout = TIMEOUT };
    struct session *s = begin(&account, false, NULL);

    (void)state;
    hear(s, "220 mx\r\n");
    hear(s, "250-mx\r\n250 DSN\r\n");
    assert_int_equal(smtp_wants(s), WANTS_MESSAGE);
    smtp_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(a_long_list_of_keywords_is_cut),
        cmocka_unit_test(both_sides_of_starttls),
        cmocka_unit_test(nobody_wants_to_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
