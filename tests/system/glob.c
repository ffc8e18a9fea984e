/*
 * Matching by one remembered star: when a character does not match, the last '*' takes one more
 * character. An earlier star never needs to be tried again, because the last one can take
 * whatever that one would have given up.
 */
#include "glob.h"

bool glob_match(const char *pattern, size_t length, const char *name)
{
    size_t p = 0, star = length;
    const char *retry = name;

    while (*name) {
        if (p < length && pattern[p] == '*') {
            star = p++;
            retry = name;
        } else if (p < length && (pattern[p] == '?' || pattern[p] == *name)) {
            p++;
            name++;
        } else if (star < length) {
            p = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (p < length && pattern[p] == '*') {
        p++;
    }
    return p == length;
}
