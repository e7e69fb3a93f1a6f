/*
 * Linked into orsino when it is built with SANITIZE=1. LeakSanitizer looks at itself as a debugger
 * does, which a program with more rights than its caller may not: it would fail at the end of each.
 */
#include <sys/auxv.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return getauxval(AT_SECURE) != 0;
}
