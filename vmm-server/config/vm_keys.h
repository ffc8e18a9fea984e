/*
 * The table of all sections and keys of a VM file.
 */
#pragma once

#include "vm_config.h"

enum vm_type {
    VM_TYPE_NAME,   /* letters, digits, '.', '_', '-' */
    VM_TYPE_SIZE,   /* bytes with K, M or G, into a uint64_t */
    VM_TYPE_NUMBER, /* into a uint32_t */
    VM_TYPE_CHOICE, /* one of words, whose number goes into a uint32_t */
    VM_TYPE_TEXT,   /* what stands there, into characters with a NUL */
    VM_TYPE_MODULE, /* a path and arguments, one more each time */
};

struct vm_key {
    const char *name;
    enum vm_type type;
    const char *fallback; /* what it is if nothing is said; NULL: it must be said */
    const char *help;
    uint64_t least, most;     /* of a size or number; most: of a text, its bytes with NUL */
    uint64_t built;           /* most so far, of a number; words so far, of a choice; 0: all */
    const char *const *words; /* of a choice, up to NULL */
    size_t offset;            /* in struct vm_config */
};

struct vm_section {
    const char *name;
    const char *help;
    bool repeats;
    bool built; /* false: it is refused so far, and its keys are here to be documented */
    uint32_t keys;
    const struct vm_key *key;
};

#define VM_SECTIONS 4u

extern const struct vm_section vm_sections[VM_SECTIONS];

#define VM_MEMORY_UNIT (2ull << 20) /* RAM is mapped in pages of that size */

/* What a key takes, in words. */
void vm_key_expected(const struct vm_key *key, char *text, size_t size);
