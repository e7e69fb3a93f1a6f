/*
 * Mail addresses: the mailboxes of RFC 5322 section 3.4 (with the obsolete forms of section 4.4 and
 * the UTF-8 of RFC 6532), and the paths of RFC 5321 section 4.1.2.
 */
#ifndef ORSINO_MAIL_ADDRESS_H
#define ORSINO_MAIL_ADDRESS_H

#include "base/status.h"

enum {
    ADDRESS_MAX = 320, /* 64 + "@" + 255: RFC 5321 section 4.5.3.1 */
};

/* One mailbox. The slices point into the text it was parsed from. */
struct address {
    char spec[ADDRESS_MAX + 1]; /* local@domain, canonical: no comments, no folding, no route;
                                   a C string, never with a control character in it */
    size_t length;              /* of spec; 0: no address (the end of a list, or "<>") */
    size_t at;            /* index of the '@' before the domain; length when it is a bare name */
    bool utf8;            /* bytes beyond ASCII, all of them well-formed UTF-8 */
    struct slice source;  /* the whole mailbox as written, name and comments with it */
    struct slice name;    /* the display name as written, quotes and encoded words kept */
    struct slice comment; /* the text of the last comment, without its parentheses */
};

/*
 * Takes the next mailbox off the address list *in. CODE_OK with length 0 at the end of the list.
 * Groups are looked through: their members come one by one, an empty group gives none. Empty list
 * members and a lone "<>" are skipped, and ';' parts like ','. Two addresses with only white space
 * between them are two addresses, if each has an '@'; words without one are a name that lacks its
 * address, and never a recipient: "John Smith" is CODE_ADDRESS. CODE_ADDRESS with the offending
 * text in `why` when there is no parsing it; *in then stands after that member, so that a caller
 * that can do without may go on. NUL, and CR or LF that are not part of folding, are CODE_ADDRESS
 * wherever they stand. A folded list may hold LF or CRLF.
 *
 * What RFC 5322 does not allow but mailboxes have is kept: dots at the rim of a local part or side
 * by side, a local part over 64 bytes, '_' in a domain. A dot at the end of a domain is dropped.
 */
enum code address_next(struct slice *in, struct address *out, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Parses one mailbox that must be all of s, as -f and a recipient argument give it: bare,
 * "user@host", "<user@host>" or "Name <user@host>". One pair of single quotes around it all is
 * taken off. "" and "<>" give CODE_OK with length 0, the null path. CODE_ADDRESS otherwise, and
 * for any CR or LF.
 */
enum code address_parse(struct slice s, struct address *out, struct status *why)
    __attribute__((warn_unused_result));

/* All of it; the part before and after the '@'. The domain is empty for a bare name. */
struct slice address_spec(const struct address *a);
struct slice address_local(const struct address *a);
struct slice address_domain(const struct address *a);

/* Whether it has no domain; and whether it has none, or one that means this machine, whose own name
 * is `host` (host_is_ours). */
bool address_is_bare(const struct address *a);
bool address_is_here(const struct address *a, const char *host);

/*
 * Adds @domain to a bare name; other addresses stay as they are. CODE_ADDRESS, and *a unchanged,
 * when domain is empty or none, or when it grows too long.
 */
enum code address_qualify(struct address *a, struct slice domain, struct status *why)
    __attribute__((warn_unused_result));

/*
 * Makes a bare name of an address whose domain is known near its own host alone, as root@vm or
 * root@localhost: to a provider it says no more, and as a sender most refuse it. Others, and
 * domain literals, stay as they are.
 */
void address_drop_local_domain(struct address *a);

/* Whether two specs mean one mailbox: the domain without regard to case (RFC 5321 section 2.4). */
bool address_equal(struct slice a, struct slice b);

/*
 * Whether s may stand between the angle brackets of a MAIL or RCPT command: not empty, no control
 * character, no NUL, no more than ADDRESS_MAX bytes, UTF-8 well-formed; space and any of < > ( ) "
 * \ , ; only inside a quoted local part. Asked again where the command is built, whoever parsed it
 * before.
 */
bool address_is_safe(struct slice s);

#endif
