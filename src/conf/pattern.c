#include "conf/pattern.h"

/* Without recursion: after a mismatch only the last '*' takes one byte more. */
bool pattern_fits(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = pattern.n, resume = 0;

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.n &&
                   (pattern.p[p] == '?' || to_lower(pattern.p[p]) == to_lower(text.p[t]))) {
            p++;
            t++;
        } else if (star < pattern.n) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}
