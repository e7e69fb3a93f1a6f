#include "unit.h"

#include "mail/fold.h"

/* A field is described in pieces: text, then so many times a filler, then text. */
struct pieces {
    const char *before;
    char filler;
    size_t times;
    const char *after;
};

static void add_pieces(struct buf *b, const struct pieces *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_string(b, p[i].before ? p[i].before : "");
        for (size_t t = 0; t < p[i].times; t++)
            buf_add_char(b, p[i].filler);
        buf_add_string(b, p[i].after ? p[i].after : "");
    }
}

static void folding(void **state)
{
    static const struct {
        const char *sentence;
        bool is_list;
        struct pieces field[3], want[3];
    } rows[] = {
        { "998 octets are kept",
          false,
          { { "X: ", 'a', 995, "\n" } },
          { { "X: ", 'a', 995, "\n" } } },
        { "999 without white space are cut",
          false,
          { { "X: ", 'a', 996, "\n" } },
          { { "X: ", 'a', 995, "\n a\n" } } },
        { "the rest of a cut is cut again",
          false,
          { { "X: ", 'a', 995 + 997 + 1, "\n" } },
          { { "X: ", 'a', 995, "\n " }, { NULL, 'a', 997, "\n a\n" } } },
        { "white space is where it folds",
          false,
          { { "X: ", 'a', 500, " " }, { NULL, 'b', 600, "\n" } },
          { { "X: ", 'a', 500, "\n " }, { NULL, 'b', 600, "\n" } } },
        { "the last white space that is near enough",
          false,
          { { "X: b ", 'a', 993, " c d\n" } },
          { { "X: b ", 'a', 993, "\n c d\n" } } },
        { "never behind the name alone",
          false,
          { { "X: ", 'a', 996, " b\n" } },
          { { "X: ", 'a', 995, "\n a b\n" } } },
        { "a list folds behind a comma, not inside a name",
          true,
          { { "To: a@b.it, ", 'c', 980, " d <d@x.it>\n" } },
          { { "To: a@b.it,\n ", 'c', 980, " d <d@x.it>\n" } } },
        { "a list without white space folds behind a comma",
          true,
          { { "To: a@b.it,", 'c', 1000 - 15, "@x.it\n" } },
          { { "To: a@b.it,\n ", 'c', 1000 - 15, "@x.it\n" } } },
        { "a text does not",
          false,
          { { "X: a,", 'c', 994, "\n" } },
          { { "X: a,", 'c', 993, "\n c\n" } } },
        { "a continuation line too",
          false,
          { { "X: a\n\t", 'b', 500, " " }, { NULL, 'c', 500, "\n" } },
          { { "X: a\n ", 'b', 500, "\n " }, { NULL, 'c', 500, "\n" } } },
        { "white space that fills a line is one space",
          false,
          { { "X: a\n", ' ', 1200, "b\n" } },
          { { .before = "X: a\n b\n" } } },
        { "white space at the end is no line of its own",
          false,
          { { "X: a", ' ', 1200, "\n" } },
          { { .before = "X: a\n" } } },
        { "a short line keeps its white space",
          false,
          { { .before = "X: a  \n  b \n" } },
          { { .before = "X: a  \n  b \n" } } },
        { "a line of white space goes",
          false,
          { { .before = "X: a\n \t\n b\n" } },
          { { .before = "X: a\n b\n" } } },
        { "a character of two octets stays whole",
          false,
          { { "X: ", 'a', 994, "\xc3\xa9\n" } },
          { { "X: ", 'a', 994, "\n \xc3\xa9\n" } } },
        { "one of four as well",
          false,
          { { "X: ", 'a', 992, "\xf0\x9f\x90\xbb\n" } },
          { { "X: ", 'a', 992, "\n \xf0\x9f\x90\xbb\n" } } },
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct buf field, want, out;

        buf_init(&field, 10000);
        buf_init(&want, 10000);
        buf_init(&out, 10000);
        add_pieces(&field, rows[i].field, LENGTH(rows[i].field));
        add_pieces(&want, rows[i].want, LENGTH(rows[i].want));
        fold_add(&out, buf_slice(&field), rows[i].is_list);
        check_text(rows[i].sentence, buf_slice(&out), buf_slice(&want));
        buf_free(&field);
        buf_free(&want);
        buf_free(&out);
    }
}

static void cleaning(void **state)
{
    static const char field[] = "X: a\0b\tc\x1b[d\x7f \xc2\x80\r\n e\n";
    static const char want[] = "X: a b\tc [d  \xc2\x80 \n e\n";
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add(&b, field, sizeof field - 1);
    fold_clean(&b);
    check_text("all but tab and LF", buf_slice(&b), slice_of(want));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding),
        cmocka_unit_test(cleaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
