/*
 * What the loader and the lz4 sources need of the C library's string.h. Defined in string.c.
 */
#pragma once

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *one, const void *other, size_t size);
size_t strlen(const char *text);
int strcmp(const char *one, const char *other);

/* Freestanding compilers do not do this by themselves; small copies become single moves. */
#define memcpy(to, from, size)  __builtin_memcpy(to, from, size)
#define memset(to, value, size) __builtin_memset(to, value, size)
