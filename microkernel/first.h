/*
 * The first user program: its address space and its start.
 */
#ifndef CAIRN_FIRST_H
#define CAIRN_FIRST_H

#include "address_space.h"

/* Bitmap that allows the ports listed in the boot information and no others. */
struct io_bitmap first_ports(void);

/* Builds its address space under the kernel's complete tables. */
void first_build(void);

/* Starts it on this CPU. */
NORETURN void first_start(void);

#endif
