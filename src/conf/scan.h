/*
 * A line-by-line check of an INI file, with the eyes of iniparser: what it would take, cut, forget
 * or overwrite. It finds every problem that has a line number but a wrong value; the values
 * themselves are iniparser's, and config.c compares them with what was seen here.
 */
#ifndef ORSINO_CONF_SCAN_H
#define ORSINO_CONF_SCAN_H

#include "base/status.h"

#define SCAN_GLOBALS "orsino" /* the section of the globals and defaults */

enum {
    SCAN_FILE_MAX = 1024 * 1024,
    SCAN_LINE_MAX = 1022, /* iniparser holds 1024 with LF and NUL */
    SCAN_NAME_MAX = 100,  /* of an account */
    SCAN_ENTRY_MAX = 4096,
};

/* All slices point into the scanned text. */
struct scan_entry {
    struct slice section; /* in the case of the file, which means nothing */
    struct slice key;     /* likewise; p is NULL for a section line */
    struct slice value;   /* without quotes, white space around it and comment */
    unsigned line;
};

struct scan {
    struct scan_entry *entries; /* in the order of the file */
    size_t count, capacity;
    bool has_secret;
};

/*
 * Scans the text of the file `path` (a name for messages). CODE_CONFIG with file, line and key.
 * Whatever it gives, *s is to be freed; the text must live longer than *s.
 */
enum code scan_text(struct scan *s, const char *path, struct slice text, struct status *why)
    __attribute__((warn_unused_result));
void scan_free(struct scan *s);

/* Letters, digits, . - _ @ + and bytes beyond ASCII, at most SCAN_NAME_MAX of them. */
bool scan_is_section_name(struct slice name);

/* The line where a key stands, or with key NULL the section; 0 when it does not. */
unsigned scan_line(const struct scan *s, struct slice section, const char *key);

#endif
