/*
 * The guest's RAM as the VMM sees it. The guest writes it at any time, on other CPUs too: whoever
 * reads something twice may find two things, so what is checked is a copy.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GUEST_LOW_END 0xc0000000ull  /* RAM below 4 GiB ends here at the latest, devices follow */
#define GUEST_HIGH    0x100000000ull /* where RAM goes on */
#define GUEST_VGA     0xa0000ull     /* no RAM from here, */
#define GUEST_VGA_END 0xc0000ull     /* to here */

/* A piece of RAM, in whole pages. */
struct guest_ram {
    uint64_t gpa, size; /* bytes */
    uint8_t *host;      /* where the VMM has it */
};

#define GUEST_RAMS 3u

struct guest_memory {
    uint32_t count;
    struct guest_ram ram[GUEST_RAMS]; /* by address; they do not touch */
};

/* Lays out so many bytes of RAM (a multiple of 2 MiB) that begin at `host`: what would be in the
 * VGA's window is there and not used. */
void guest_memory_lay(struct guest_memory *memory, uint8_t *host, uint64_t size);

/* Where the VMM has [gpa, gpa + size); NULL: not all of that is in one piece of RAM. */
void *guest_at(const struct guest_memory *memory, uint64_t gpa, uint64_t size);

/* Copies; false, and nothing is copied, if not all of it is RAM of one piece. */
bool guest_read(const struct guest_memory *memory, uint64_t gpa, void *to, uint64_t size);
bool guest_write(const struct guest_memory *memory, uint64_t gpa, const void *from, uint64_t size);
