/*
 * The top of a program's stack, from its end downwards: texts and random bytes, then the words that
 * RSP points to. Those are written upwards, from a place that leaves RSP a multiple of 16.
 */
#include <string.h>

#include "environment_make.h"

/* Types of the auxiliary vector (System V ABI for x86-64, table 3.10). */
enum auxiliary {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_ENTRY = 9,
    AT_SECURE = 23,
    AT_RANDOM = 25,
};

#define HEADER_BYTES 56u /* Elf64_Phdr */
#define PAIRS        8u

struct stack {
    char *memory;
    uint64_t base; /* address of memory[0] in the program */
    size_t top;    /* bytes of memory that are free */
};

/* Address of a copy; 0: there is no room. */
static uint64_t push(struct stack *stack, const void *bytes, size_t size)
{
    if (size > stack->top)
        return 0;
    stack->top -= size;
    memcpy(stack->memory + stack->top, bytes, size);
    return stack->base + stack->top;
}

static uint64_t *pair_put(uint64_t *word, enum auxiliary type, uint64_t value)
{
    word[0] = type;
    word[1] = value;
    return word + 2;
}

uint64_t stack_make(void *memory, size_t size, uint64_t end, const struct stack_start *start)
{
    struct stack stack = {memory, end - size, size};
    uint64_t random = push(&stack, start->random, sizeof(start->random));
    uint64_t words = 1 + (start->arguments + 1) + 1 + 1 + 2 * (uint64_t)PAIRS;
    uint64_t text = random ? push(&stack, start->name, strlen(start->name) + 1) : 0;

    if (!text)
        return 0;
    size_t names = stack.top;
    for (uint32_t i = 0; i < start->arguments; i++)
        if (!push(&stack, start->argument[i], strlen(start->argument[i]) + 1))
            return 0;
    if (stack.top < words * sizeof(uint64_t) + 15)
        return 0;

    size_t bottom = (stack.top - words * sizeof(uint64_t)) & ~(size_t)15;
    uint64_t *word = (uint64_t *)(stack.memory + bottom);
    *word++ = start->arguments + 1;
    *word++ = text;
    for (uint32_t i = 0; i < start->arguments; i++) {
        names -= strlen(start->argument[i]) + 1;
        *word++ = stack.base + names;
    }
    *word++ = 0; /* end of argv */
    *word++ = 0; /* end of the environment variables */
    word = pair_put(word, AT_PHDR, start->headers);
    word = pair_put(word, AT_PHENT, HEADER_BYTES);
    word = pair_put(word, AT_PHNUM, start->header_count);
    word = pair_put(word, AT_ENTRY, start->entry);
    word = pair_put(word, AT_PAGESZ, 4096);
    word = pair_put(word, AT_SECURE, 0);
    word = pair_put(word, AT_RANDOM, random);
    (void)pair_put(word, AT_NULL, 0);
    return stack.base + bottom;
}
