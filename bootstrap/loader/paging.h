/*
 * The page tables that the kernel starts on: the low 4 GiB one to one, the kernel's segments at
 * their virtual addresses with their rights, nothing else.
 */
#ifndef CAIRN_LOADER_PAGING_H
#define CAIRN_LOADER_PAGING_H

#include "handoff.h"
#include "ranges.h"

/* Map a segment of the kernel with 4 KiB pages. Page tables are MEMORY_LOADER. */
void paging_map(struct ranges *map, const struct handoff_segment *segment);

/*
 * Forbid execution in the one-to-one part except for the first 2 MiB, which hold the loader and
 * the frame where the other CPUs start; then make all changes valid on this CPU.
 */
void paging_seal(void);

#endif
