/*
 * What the loader left: the handoff, of which the kernel keeps a copy, and the boot information
 * area, which the kernel completes for the first program.
 */
#ifndef CAIRN_BOOT_H
#define CAIRN_BOOT_H

#include "address_space.h"
#include "handoff.h"
#include "types.h"

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

/* Gives the loader's memory to the machine. No CPU may be on the loader's page tables any more. */
void boot_free_loader(void);

#endif
