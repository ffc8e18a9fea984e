/* The machine's command line: words separated by spaces, NAME or NAME=VALUE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a longer text; not NUL-terminated. */
struct word {
    const char *text;
    size_t length;
};

/*
 * Finds the first word NAME or NAME=VALUE in line. *value is what follows the '=', empty for a
 * bare NAME. False if there is none.
 */
bool option_find(const char *line, const char *name, struct word *value);

/* Finds NAME=NUMBER (decimal). False if there is none, or no number, or it exceeds 64 bits. */
bool option_number(const char *line, const char *name, uint64_t *value);

/* True if word holds exactly the characters of text. */
bool word_equal(struct word word, const char *text);
