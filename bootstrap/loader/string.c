/*
 * Memory and string functions that compilers and the lz4 sources call. See shims/string.h.
 */
#include <stdint.h>
#include <string.h>

#undef memcpy
#undef memset

void *memcpy(void *to, const void *from, size_t size)
{
    void *start = to;
    size_t words = size / 8;

    size %= 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return start;
}

/* Downwards, byte by byte, only where an upward copy would overwrite its own source. */
void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *target = to;
    const uint8_t *source = from;

    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    while (size--)
        target[size] = source[size];
    return to;
}

void *memset(void *to, int value, size_t size)
{
    void *start = to;
    uint64_t word = (uint8_t)value * 0x0101010101010101ull;
    size_t words = size / 8;

    size %= 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(word) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(word) : "memory");
    return start;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const uint8_t *a = one, *b = other;

    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return a[i] - b[i];
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

int strcmp(const char *one, const char *other)
{
    while (*one && *one == *other) {
        one++;
        other++;
    }
    return (uint8_t)*one - (uint8_t)*other;
}
