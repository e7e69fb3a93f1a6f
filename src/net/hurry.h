/* How long libc's resolver waits for nameservers that are silent. */
#ifndef ORSINO_NET_HURRY_H
#define ORSINO_NET_HURRY_H

enum {
    HURRY_SECONDS = 1, /* for the first nameserver, where nobody else says how long */
};

/*
 * Sets the variable RES_OPTIONS, unless it is set already, so that glibc waits that many whole
 * seconds, 1 to 5, for the first nameserver, once, and in proportion for others. It is read at the
 * first look-up of the process. musl heeds /etc/resolv.conf alone.
 */
void hurry_lookup(int seconds);

#endif
