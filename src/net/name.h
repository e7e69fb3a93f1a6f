/* The name of a server as an account gives it: a DNS name or an IP address. */
#ifndef ORSINO_NET_NAME_H
#define ORSINO_NET_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SERVER_NAME_ROOM = 256, /* RFC 1035 section 2.3.4, with a NUL */
};

struct server_name {
    char text[SERVER_NAME_ROOM]; /* without brackets, and without a dot at the end */
    unsigned char address[16];   /* as in a certificate, RFC 5280 section 4.2.1.6 */
    size_t address_length;       /* 4 or 16; 0 for a DNS name */
};

/* False when host cannot be either: empty, too long, or with white space or control characters. */
bool server_name_read(const char *host, struct server_name *name);

#endif
