#include "mail/envelope.h"
#include "mail/message.h"
#include "mail/recipients.h"

#include "sink.h"

#include <string.h>

static void recipients(void **state)
{
    static const struct {
        const char *sentence, *header, *want;
    } rows[] = {
        { "To, Cc and Bcc", "To: a@x\nCc: b@x\nBcc: c@x\n", "a@x c@x b@x" },
        { "in any case", "TO: a@x\ncc: b@x\nbCC: c@x\n", "a@x c@x b@x" },
        { "all fields of a name", "To:\nTo: a@x\nTo: b@x\n", "a@x b@x" },
        { "a folded list", "To: a@x,\n b@x,\n\tc@x\n", "a@x b@x c@x" },
        { "other fields name nobody", "From: f@x\nReply-To: r@x\nX-To: t@x\nTo: a@x\n", "a@x" },
        { "nobody", "From: f@x\n", "" },
        { "an empty group", "To: undisclosed-recipients:;\nBcc: a@x\n", "a@x" },
        { "the same twice", "To: a@x\nCc: a@x\n", "a@x" },
        { "a bare name", "To: root\n", "root@example.it" },
        { "a resent message", "Resent-From: f@x\nResent-To: r@x\nTo: a@x\nCc: b@x\n", "r@x" },
        { "all three names",
          "Resent-To: a@x\nResent-Cc: b@x\nResent-Bcc: c@x\nResent-Date: today\nTo: d@x\n",
          "a@x b@x c@x" },
        { "below the other fields", "To: a@x\nSubject: s\nResent-To: r@x\n", "r@x" },
        { "below trace fields", "Received: by x\nResent-To: r@x\nReceived: by y\nTo: a@x\n",
          "r@x" },
        { "resent twice, the newest is first",
          "Resent-From: f@x\nResent-To: new@x\nResent-From: g@x\nResent-To: old@x\nTo: a@x\n",
          "new@x" },
        { "resent twice, parted by a trace field",
          "Resent-To: new@x\nReceived: by y\nResent-Cc: old@x\nResent-To: old@x\nTo: a@x\n",
          "new@x" },
        { "a run without recipients is not the one",
          "Resent-From: f@x\nX-Note: n\nResent-To: r@x\nX-Note: m\nResent-Cc: old@x\n", "r@x" },
        { "From and Date may be any place in it",
          "Resent-To: a@x\nResent-Date: d\nResent-Cc: b@x\nResent-From: f@x\nTo: c@x\n",
          "a@x b@x" },
        { "and leaves nothing behind",
          "Resent-From: f@x\nX-Note: n\nResent-To: a@x\nResent-From: g@x\nResent-Cc: b@x\n",
          "a@x b@x" },
        { "names that the RFC does not know may repeat",
          "Resent-To: a@x\nResent-User-Agent: u\nResent-Reply-To: r@x\nResent-Cc: b@x\n",
          "a@x b@x" },
        { "Resent-From alone resends to nobody new", "Resent-From: f@x\nTo: a@x\n", "a@x" },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct recipient_rules rules = { .aliases = "", .local = "", .domain = "example.it" };
        struct envelope e = { 0 };
        struct status why = { 0 };
        struct message m;
        struct buf got;
        size_t wanted = 0;
        struct slice want = slice_of(rows[i].want), word;

        read_message(&m, slice_of(rows[i].header), DOTS_AUTO);
        check(rows[i].sentence, message_recipients(&m, &e, &rules, &why) == CODE_OK);
        buf_init(&got, 1000);
        for (size_t r = 0; r < e.forward_count; r++)
            buf_addf(&got, "%s ", e.forward_paths[r]);
        for (; slice_take_word(&want, &word); wanted++)
            check(rows[i].sentence, slice_contains_nocase(buf_slice(&got), word));
        check(rows[i].sentence, e.forward_count == wanted);
        buf_free(&got);
        envelope_free(&e);
        message_free(&m);
    }
}

static void a_recipient_that_cannot_be_parsed(void **state)
{
    struct recipient_rules rules = { .aliases = "", .local = "", .domain = "" };
    struct envelope e = { 0 };
    struct status why = { 0 };
    struct message m;

    (void)state;
    read_message(&m, slice_of("To: a@x\nCc: b@@x\n\n"), DOTS_AUTO);
    check("is refused", message_recipients(&m, &e, &rules, &why) == CODE_ADDRESS);
    check("the field is named", strcmp(why.where, "Cc") == 0);
    check("the address is named", strstr(why.what, "b@@x") != NULL);
    envelope_free(&e);
    message_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipients),
        cmocka_unit_test(a_recipient_that_cannot_be_parsed),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
