/*
 * The page tables that the loader is on, and that the kernel starts on: the low 4 GiB one to one,
 * and at last the kernel's half.
 */
#pragma once

#include <stdint.h>

/*
 * Forbid execution in the one-to-one part except for the first 2 MiB, which hold the loader and
 * the frame where the other CPUs start; then make all changes valid on this CPU.
 */
void paging_seal(void);

/* Add the kernel's half of this top table. Nobody has used that part yet. */
void paging_add_kernel(const uint64_t *root);
