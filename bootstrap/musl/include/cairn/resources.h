/*
 * What the C library's port shares with the program that it is in: selectors, the kernel's memory,
 * and places in the address space. All of it can be called by any thread and any handler.
 */
#pragma once

#include <stddef.h>

#include "process.h"
#include "system.h"

/* The port hands out selectors from PROCESS_OWN on; from here to PROCESS_OWN_END it never does. */
#define CAIRN_SELECTORS_FREE (PROCESS_OWN + 1056u)

/* count adjacent selectors that are empty; 0: there are not so many. */
uint32_t cairn_selectors_take(uint32_t count);
void cairn_selectors_give(uint32_t selector, uint32_t count);

/*
 * After a call that returned *answer: true if it lacked frames in PROCESS_POOL and they were
 * deposited, so that it is to be tried again:
 *
 *     do
 *         answer = semaphore_create(selector, PROCESS_POOL, 0);
 *     while (cairn_funds_add(&answer));
 */
__attribute__((warn_unused_result)) bool cairn_funds_add(const struct answer *answer);

/*
 * Maps `size` bytes of a MEM from `offset` on, both whole pages, anywhere. rights: MEM_RIGHT_READ,
 * and MEM_RIGHT_WRITE or not. munmap undoes it, in whole or in part. NULL: errno says why.
 */
void *cairn_map(uint32_t memory, uint64_t offset, size_t size, uint32_t rights);
