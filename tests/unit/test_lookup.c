#include "net/lookup.h"

#include "unit.h"

#include <string.h>

/* An answer to one question, a.test, with `count` records behind it. */
#define HEADER(count) "\x12\x34\x81\x80\x00\x01\x00" count "\x00\x00\x00\x00"
#define QUESTION(type)                                                                             \
    "\x01"                                                                                         \
    "a\x04test\x00\x00" type "\x00\x01"
#define RECORD(type, length) "\xc0\x0c\x00" type "\x00\x01\x00\x00\x00\x3c\x00" length
#define SRV                  "\x21"
#define MX                   "\x0f"
#define TXT                  "\x10"
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct row {
    const char *sentence;
    struct slice answer;
    enum lookup_type type;
    bool makes_sense;
    const char *want; /* "priority weight port name" of each row, with commas */
} rows[] = {
    { "one SRV",
      BYTES(HEADER("\x01") QUESTION(SRV) RECORD(SRV, "\x0a") "\x00\x0a\x00\x05\x01\xd1\x01"
                                                             "b\xc0\x0e"),
      LOOKUP_SRV, true, "10 5 465 b.test" },
    { "by priority, then the heavier first",
      BYTES(HEADER("\x03") QUESTION(SRV)
                RECORD(SRV, "\x0a") "\x00\x14\x00\x00\x02\x4b\x01"
                                    "c\xc0\x0e" RECORD(
                                        SRV, "\x0a") "\x00\x0a\x00\x01\x02\x4b\x01"
                                                     "d\xc0\x0e" RECORD(
                                                         SRV, "\x0a") "\x00\x0a\x00\x09\x02\x4b\x01"
                                                                      "e\xc0\x0e"),
      LOOKUP_SRV, true, "10 9 587 e.test, 10 1 587 d.test, 20 0 587 c.test" },
    { "the root says that there is none",
      BYTES(HEADER("\x01") QUESTION(SRV) RECORD(SRV, "\x07") "\x00\x00\x00\x00\x00\x00\x00"),
      LOOKUP_SRV, true, "0 0 0 " },
    { "MX",
      BYTES(HEADER("\x01") QUESTION(MX) RECORD(MX, "\x06") "\x00\x0a\x01"
                                                           "m\xc0\x0e"),
      LOOKUP_MX, true, "10 0 0 m.test" },
    { "what was not asked for is passed over",
      BYTES(HEADER("\x02") QUESTION(MX) RECORD(TXT, "\x02") "\x01"
                                                            "x" RECORD(MX, "\x06") "\x00\x0a\x01"
                                                                                   "m\xc0\x0e"),
      LOOKUP_MX, true, "10 0 0 m.test" },
    { "nothing", BYTES(HEADER("\x00") QUESTION(SRV)), LOOKUP_SRV, true, "" },
    { "a record that is too short",
      BYTES(HEADER("\x01") QUESTION(SRV) RECORD(SRV, "\x04") "\x00\x00\x00\x00"), LOOKUP_SRV, true,
      "" },
    { "a name that no host can have",
      BYTES(HEADER("\x01") QUESTION(MX) RECORD(MX, "\x08") "\x00\x0a\x03"
                                                           "b c\xc0\x0e"),
      LOOKUP_MX, true, "" },
    { "a name that leads to itself",
      BYTES(HEADER("\x01") QUESTION(MX) RECORD(MX, "\x04") "\x00\x0a\xc0\x26"), LOOKUP_MX, true,
      "" },
    { "a record beyond the end", BYTES(HEADER("\x01") QUESTION(SRV) RECORD(SRV, "\xff") "\x00"),
      LOOKUP_SRV, false, "" },
    { "a header that is cut", BYTES("\x12\x34\x81\x80\x00"), LOOKUP_SRV, false, "" },
    { "no bytes at all", BYTES(""), LOOKUP_SRV, false, "" },
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct lookup_answer answer = { .count = 0 };
        struct buf got;

        buf_init(&got, 1000);
        check(rows[i].sentence,
              lookup_parse(rows[i].answer, rows[i].type, &answer) == rows[i].makes_sense);
        for (size_t k = 0; k < answer.count; k++)
            buf_addf(&got, "%s%u %u %u %s", k > 0 ? ", " : "", answer.rows[k].priority,
                     answer.rows[k].weight, answer.rows[k].port, answer.rows[k].name);
        check_text(rows[i].sentence, buf_slice(&got), slice_of(rows[i].want));
        buf_free(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
