/*
 * Bytes with a length, and growing bytes with a maximum.
 *
 * What comes from outside (stdin, a server, the INI) is never a C string: a NUL is data and a line
 * may lack its end. A slice points into bytes that somebody else owns; a buf owns its bytes and is
 * born with the largest size it may ever have.
 */
#ifndef ORSINO_BASE_TEXT_H
#define ORSINO_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *p;
    size_t n;
};

/* The slice of a C string, without its NUL; NULL gives an empty slice. */
struct slice slice_of(const char *string);

/* The bytes [from, to) of s; bounds past the end are moved to the end. */
struct slice slice_part(struct slice s, size_t from, size_t to);

bool slice_equal(struct slice a, struct slice b);

/* Compare without regard to ASCII case; other bytes must be the same. No locale. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);

/* Whether needle occurs in s, without regard to ASCII case. An empty needle does. */
bool slice_contains_nocase(struct slice s, struct slice needle);

/* s without leading and trailing space, tab, CR and LF. */
struct slice slice_trim(struct slice s);

/* Index of the first byte c, or s.n when there is none. */
size_t slice_find(struct slice s, char c);

/*
 * Takes bytes off *in up to the first byte of set, gives them in *out, and drops that one byte.
 * Without such a byte all is taken. False, and nothing changed, when *in is empty.
 */
bool slice_take_until(struct slice *in, const char *set, struct slice *out);

/* Takes the next line off *in, without its LF and without one CR before that. False at the end. */
bool slice_take_line(struct slice *in, struct slice *line);

/* Takes the next word off *in: skips space and tab, gives what follows up to the next of them. */
bool slice_take_word(struct slice *in, struct slice *word);

/* Reads s, decimal digits only, as a number of at most max. False leaves *out alone. */
bool slice_number(struct slice s, uint64_t max, uint64_t *out);

/* ASCII, whatever the locale says. */
bool is_digit(char c);
bool is_alpha(char c);
bool is_space(char c);   /* space and tab only: RFC 5322 WSP */
bool is_control(char c); /* tab, CR and LF too */
char to_lower(char c);

/* Whether s is well-formed UTF-8 as RFC 3629 has it: no overlong form, no surrogate. */
bool slice_is_utf8(struct slice s);

/* The same for bytes that come in pieces: all-zero at the start; in the end it is UTF-8 when there
 * is nothing bad and nothing left. */
struct utf8_check {
    unsigned left; /* bytes that the sequence under way still needs */
    unsigned char low, high;
    bool bad;
};
void utf8_check_piece(struct utf8_check *u, struct slice piece);

bool slice_is_ascii(struct slice s);

/* Turns into '?' what a terminal may obey instead of showing it: control characters, also those
 * from U+0080 to U+009F, and bytes that are no UTF-8. */
void text_make_printable(char *p, size_t n);

/*
 * Growing bytes. All-zero is a valid empty buf that may not grow; buf_init gives it its maximum.
 * Appending is never checked by the caller: what does not fit, for want of memory or because of
 * the maximum, sets failed, and from then on nothing more is appended. Ask once, at the end.
 */
struct buf {
    char *p;
    size_t n, capacity, max;
    bool failed;
};

void buf_init(struct buf *b, size_t max);

/*
 * A buf over memory of the caller's: it cannot grow, so that no allocation can fail, and buf_free
 * must not be called. For what has to be said when there is no memory left.
 */
void buf_over(struct buf *b, char *room, size_t size);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_string(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is in it; valid until the next append, drop or free. */
struct slice buf_slice(const struct buf *b);

/* The same as a C string: NULL when it failed, holds a NUL, or the NUL at the end has no room. */
const char *buf_string(struct buf *b);

/* Removes n bytes at the front. */
void buf_drop(struct buf *b, size_t n);

/* Empties it and keeps the memory; failed is forgotten. */
void buf_clear(struct buf *b);

/* Frees it, all-zero but for max. buf_wipe also overwrites the bytes: for secrets. Secrets must
 * not grow: give buf_reserve their size first, since a move in memory leaves a copy behind. */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b);
void buf_reserve(struct buf *b, size_t capacity);

/* A copy of s as a C string, to be freed by the caller; NULL without memory or when s holds a NUL.
 */
char *slice_dup(struct slice s);

/* Appends the base64 form of s (RFC 4648 section 4, with padding, on one line). */
void buf_add_base64(struct buf *b, struct slice s);

/*
 * Appends what the base64 text s stands for. False, and nothing appended, when s is not strict
 * base64: a foreign character, a wrong length, or padding in the middle.
 */
bool buf_add_decoded_base64(struct buf *b, struct slice s);

#endif
