/* The little of MIME that repairs need: encoded words, and what a body is. */
#ifndef ORSINO_MAIL_MIME_H
#define ORSINO_MAIL_MIME_H

#include "base/status.h"

/*
 * Appends text as RFC 2047 encoded words of at most 75 octets, parted by "\n " so that the field
 * stays folded; no word splits a UTF-8 character. Charset utf-8 when text is that, else
 * unknown-8bit (RFC 1428): the bytes survive either way, but that line ends go and control
 * characters become spaces. `column` is where the first word begins.
 */
void mime_add_encoded_words(struct buf *out, struct slice text, size_t column);

/*
 * Appends a display name: as it is when it may stand so, as quoted-string when it holds specials,
 * as encoded words when it holds bytes beyond ASCII. Control characters become spaces.
 */
void mime_add_display_name(struct buf *out, struct slice name, size_t column);

/*
 * Appends text, which may be folded, to the byte, but for words that hold bytes beyond ASCII: a run
 * of them becomes encoded words. A word ends at white space and at the bytes of `specials`. Text
 * that has such words is also folded at its white space, to lines of 76 (RFC 2047 section 2).
 */
void mime_add_text(struct buf *out, struct slice text, const char *specials);

/*
 * Readies out for an encoded word and says in which column it begins: the line is folded at the
 * white space that out ends with when it is too full already.
 */
size_t mime_begin_word(struct buf *out);

/* What the header block says of the body. */
struct mime_kind {
    bool has_version;  /* MIME-Version */
    bool has_type;     /* Content-Type */
    bool has_encoding; /* Content-Transfer-Encoding */
    bool is_text;      /* text/…, or no Content-Type: one part that may be re-encoded */
    bool is_composite; /* multipart/… or message/…: the body has parts with their own fields */
    bool identity;     /* the transfer encoding is 7bit, 8bit, binary, or absent */
    bool is_signed;    /* a signature covers the bytes: DKIM, multipart/signed, S/MIME */
    struct slice encoding; /* the word for the transfer encoding, in the block; empty if absent */
};

/* The first field of each name counts; one without a value counts as absent. */
struct mime_kind mime_kind_of(struct slice header_block);

#endif
