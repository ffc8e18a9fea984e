/*
 * The names of boot modules: the word name=NAME in a module's argument string.
 *
 * Whatever stands in front of it (QEMU puts the host's path there) means nothing.
 */
#pragma once

#define NAME_MAX_BYTES 64 /* NUL included */

enum name_status {
    NAME_SUCCESS = 0,
    NAME_MISSING,
    NAME_TWICE, /* more than one name= in one string */
    NAME_BAD,   /* empty, too long, or not made of letters, digits, '.', '_', '-' */
};

/* Find the name in a module's arguments. On an error name[] means nothing. */
enum name_status name_find(const char *arguments, char name[NAME_MAX_BYTES])
    __attribute__((warn_unused_result));

/* The error in words, static. */
const char *name_status_text(enum name_status status);
