/*
 * The machine's memory: parts of it for programs, for the whole run, and mapping in pieces.
 */
#pragma once

#include "root.h"

/* Where root looks at memory that is not its own, while it does. */
#define WINDOW_MODULE 0x100000000ull
#define WINDOW_IMAGE  0x200000000ull
#define WINDOW_CLEAR  0x280000000ull /* up to 1 GiB */

/* And where it has the notices of programs that run, a page for each. */
#define WINDOW_NOTICES 0x300000000ull

/* Takes what root's own objects are paid with. False, and a line said: there is too little. */
__attribute__((warn_unused_result)) bool memory_open(void);

/* Bytes that nobody has, and those of the largest piece of it. */
uint64_t memory_left(void);
uint64_t memory_largest(void);

/*
 * A MEM of size bytes, a multiple of 4096, at selector: free memory, never given back, cleared.
 * False: there is no such piece.
 */
__attribute__((warn_unused_result)) bool memory_take(uint32_t selector, uint64_t size);

/*
 * The same in two steps, for what a program has from the start to the end of the run. *base: its
 * physical address. RAM of a guest begins at a multiple of 2 MiB, and of 1 GiB if it has so much
 * and there is such a piece.
 */
__attribute__((warn_unused_result)) bool memory_reserve(uint32_t selector, uint64_t size,
                                                        uint64_t *base);
__attribute__((warn_unused_result)) bool memory_reserve_ram(uint32_t selector, uint64_t size,
                                                            uint64_t *base);
__attribute__((warn_unused_result)) bool memory_clear(uint32_t selector, uint64_t size,
                                                      uint64_t base);

/* Maps size bytes, whole pages, into a domain; the funds are those of the pool that pays. */
__attribute__((warn_unused_result)) enum status pages_map(struct funds *funds, uint32_t memory,
                                                          uint32_t domain, uint64_t address,
                                                          uint64_t offset, uint64_t size,
                                                          uint32_t rights);

/* Undoes that, in root's own domain. */
void pages_unmap(uint64_t address, uint64_t size);
