/*
 * What the loader left: the handoff, of which the kernel keeps a copy, and the boot information
 * area, which the kernel completes for the first program.
 */
#pragma once

#include "address_space.h"
#include "handoff.h"

/* Keeps a copy of the handoff. Stops the kernel if it is not one of this version. */
void boot_accept(const struct handoff *handoff);

/* The copy. */
extern struct handoff boot_handoff;

/* The boot information area. */
static inline struct boot_info *boot_info(void)
{
    return frame_at(boot_handoff.boot_info);
}

/* First entry of one of its tables. */
static inline void *boot_table(const struct boot_table *table)
{
    return (char *)boot_info() + table->offset;
}

/* first.c: makes the first program, which owns everything at first (ipc/abi/syscall.h), ready to
 * run here. */
void first_make(void);
