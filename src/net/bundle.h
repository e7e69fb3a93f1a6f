/*
 * A file of CA certificates in PEM (RFC 7468), read in pieces of a fixed size: a bundle of the
 * system holds 150 of them, of which one is wanted.
 */
#ifndef ORSINO_NET_BUNDLE_H
#define ORSINO_NET_BUNDLE_H

#include "base/status.h"

enum {
    BUNDLE_WINDOW = 32 * 1024, /* no certificate's text may be longer */
    BUNDLE_DER_MAX = BUNDLE_WINDOW / 4 * 3,
    BUNDLE_FILE_MAX = 8 * 1024 * 1024,
};

struct bundle {
    int fd;
    int error;        /* errno of a read that failed, or 0 */
    size_t offset;    /* of the file, where the next read begins */
    size_t from, end; /* of the window, what was not looked at yet */
    char window[BUNDLE_WINDOW];
};

/*
 * Opens a file and makes sure that it can be read and holds a certificate, so that a missing bundle
 * is found before a server is bothered. CODE_NO_CA when there is none, CODE_PERMISSION, CODE_READ,
 * with the path in why->where.
 * bundle_close also takes one that was never opened but has fd -1.
 */
enum code bundle_open(struct bundle *b, const char *path, struct status *why)
    __attribute__((warn_unused_result));
void bundle_close(struct bundle *b);

/* To the beginning of the file. */
void bundle_rewind(struct bundle *b);

/*
 * The base64 text of the next CERTIFICATE, valid until the next call; anything else in the file is
 * passed over, and so is a certificate too long for the window. False at the end, or when reading
 * failed: then b->error is set.
 */
bool bundle_next(struct bundle *b, struct slice *text);

/*
 * Decodes base64 with line ends in it until `room` bytes are full. Returns the count of bytes, 0
 * when there is a character that does not belong there.
 */
size_t bundle_decode(struct slice text, unsigned char *out, size_t room);

#endif
