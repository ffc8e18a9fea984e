/* Names against patterns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the whole of name matches pattern[0..length): '*' stands for any characters (also
 * none), '?' for exactly one, every other character for itself. Takes at most
 * (length + 1) * (strlen(name) + 1) steps; no recursion.
 */
bool glob_match(const char *pattern, size_t length, const char *name);
