/*
 * What the loader left: the handoff, of which the kernel keeps a copy, and the boot information
 * area, which the kernel completes for the first program.
 */
#ifndef CAIRN_BOOT_H
#define CAIRN_BOOT_H

#include "handoff.h"
#include "types.h"

/*
 * Checks the handoff and keeps a copy. Stops the kernel if it is not one of this version or if a
 * count or address in it is impossible.
 */
void boot_accept(const struct handoff *handoff);

/* The copy; read-only once the kernel is on its own page tables. */
extern struct handoff boot_handoff;

/* The boot information area, at the place where frame_pointer says at the time. */
struct boot_info *boot_info(void);

/* First entry of one of its tables, whose entries have at least the size the kernel knows. */
void *boot_table(const struct boot_table *table);

/* Gives the loader's memory to the machine. No CPU may be on the loader's page tables any more. */
void boot_free_loader(void);

#endif
