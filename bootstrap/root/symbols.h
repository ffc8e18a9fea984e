/*
 * Names for addresses of a program: the symbol table of its ELF file (System V ABI, "Sections" and
 * "Symbol Table"). The file is only read, and nothing outside of it, whatever it says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_NAME_MAX 64u /* with its NUL; what is longer is cut */

struct symbols {
    const uint8_t *entry; /* of the table */
    uint64_t count;
    const uint8_t *names; /* its names, each ended by NUL, */
    uint64_t names_size;  /* in so many bytes */
};

/* The table of a file of size bytes, aligned or not. False: it has none, or none that holds. */
__attribute__((warn_unused_result)) bool symbols_open(const uint8_t *file, uint64_t size,
                                                      struct symbols *symbols);

/*
 * The function in which an address lies: its name, and the bytes from its start. One whose size is
 * not known, as in assembly, reaches up to the next symbol. False: there is none.
 */
__attribute__((warn_unused_result)) bool symbols_find(const struct symbols *symbols,
                                                      uint64_t address, char name[SYMBOL_NAME_MAX],
                                                      uint64_t *offset);
