/* Reading the command line. It comes from outside, so numbers are checked for overflow. */
#include "options.h"

bool option_find(const char *line, const char *name, struct word *value)
{
    while (*line) {
        size_t i = 0, end = 0;

        while (line[end] && line[end] != ' ') {
            end++;
        }
        while (i < end && name[i] && line[i] == name[i]) {
            i++;
        }
        if (end > 0 && !name[i] && (i == end || line[i] == '=')) {
            i += i < end;
            *value = (struct word){line + i, end - i};
            return true;
        }
        line += end;
        line += *line == ' ';
    }
    return false;
}

bool option_number(const char *line, const char *name, uint64_t *value)
{
    struct word word;
    uint64_t number = 0;

    if (!option_find(line, name, &word) || word.length == 0) {
        return false;
    }
    for (size_t i = 0; i < word.length; i++) {
        if (word.text[i] < '0' || word.text[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (unsigned)(word.text[i] - '0'), &number)) {
            return false;
        }
    }
    *value = number;
    return true;
}

bool word_equal(struct word word, const char *text)
{
    size_t i = 0;

    while (i < word.length && text[i] && word.text[i] == text[i]) {
        i++;
    }
    return i == word.length && !text[i];
}
