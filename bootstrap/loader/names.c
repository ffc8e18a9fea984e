/*
 * The names of boot modules. See names.h.
 */
#include "names.h"

#include <stdbool.h>
#include <stddef.h>

static bool starts_with(const char *text, const char *start)
{
    while (*start)
        if (*text++ != *start++)
            return false;
    return true;
}

static bool character_allowed(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static enum name_status name_copy(const char *word, char name[NAME_MAX_BYTES])
{
    size_t length = 0;

    while (*word && *word != ' ') {
        if (!character_allowed(*word) || length + 1 == NAME_MAX_BYTES)
            return NAME_BAD;
        name[length++] = *word++;
    }
    name[length] = '\0';
    return length ? NAME_SUCCESS : NAME_BAD;
}

enum name_status name_find(const char *arguments, char name[NAME_MAX_BYTES])
{
    enum name_status status = NAME_MISSING;
    bool word_starts = true;

    for (; *arguments; arguments++) {
        if (word_starts && starts_with(arguments, "name=")) {
            if (status != NAME_MISSING)
                return NAME_TWICE;
            status = name_copy(arguments + 5, name);
            if (status)
                return status;
        }
        word_starts = *arguments == ' ';
    }
    return status;
}

const char *name_status_text(enum name_status status)
{
    static const char *const words[] = {
        [NAME_SUCCESS] = "no error",
        [NAME_MISSING] = "has no name=NAME in its arguments",
        [NAME_TWICE] = "has more than one name= in its arguments",
        [NAME_BAD] =
            "has a name that is empty, too long or of other characters than A-Z a-z 0-9 . _ -",
    };

    return words[status];
}
