/*
 * Makes what a program finds in memory when it starts: its environment and the top of its stack
 * (ipc/protocol/process.h). Pure: both are written to memory of the caller's, for addresses that
 * they will have in the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "process.h"

/* Appends to one block. What does not fit sets full, and is not there. */
struct environment_writer {
    struct environment *block;
    uint32_t size; /* of the block */
    uint32_t used;
    bool full;
};

/* Begins a block in memory[size], which is zero and 8-byte aligned. */
void environment_begin(struct environment_writer *writer, void *memory, uint32_t size);

/* The offset of a copy of the text, which the caller puts into a name field. */
uint32_t environment_text(struct environment_writer *writer, const char *text);

/*
 * A table of count entries of bytes each, zero; NULL if it is full. The entries are the caller's to
 * fill before anything else is appended to the block, or after.
 */
void *environment_table(struct environment_writer *writer, struct environment_table *table,
                        uint32_t count, uint32_t bytes);

/* Ends it: false if it was too small for all that. */
bool environment_end(struct environment_writer *writer);

/* What the auxiliary vector says (System V ABI for x86-64, 3.4.3). */
struct stack_start {
    const char *name; /* argv[0] */
    const char *const *argument;
    uint32_t arguments;
    uint64_t headers; /* address of the program headers, */
    uint64_t header_count;
    uint64_t entry;
    uint8_t random[16];
};

/*
 * Fills the end of memory[size], which will be below the address end in the program. Returns what
 * RSP is to be; 0: it does not fit.
 */
uint64_t stack_make(void *memory, size_t size, uint64_t end, const struct stack_start *start);
