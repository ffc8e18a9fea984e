/*
 * I/O ports of protection domains. A domain without any shares one bitmap that forbids all; the
 * first port gives it a bitmap of its own, two frames of its pool, which it keeps until it ends. A
 * set bit forbids the port (SDM 1, 19.5.2). What is open is recorded in the space (mapping.h),
 * whose lock protects the bits; the processor reads them from memory at each access.
 *
 * The bitmap that a CPU obeys is the one mapped into its window. A CPU with a domain's bitmap in
 * its window changes it before it enters another domain (ec_switch). One that is in the domain when
 * the first port is opened notices at the exception that the access to it raises.
 */
#ifndef CAIRN_PORTS_H
#define CAIRN_PORTS_H

#include "space.h"

#define PORTS_FRAMES  2u
#define PORTS_A_FRAME (FRAME_SIZE * 8)

struct cpu;
struct ec;

/* Forbids or opens `count` ports. Under the space's lock. */
static inline void ports_set(struct space *space, uint32_t first, uint32_t count, bool forbid)
{
    for (uint32_t port = first; port < first + count;) {
        uint64_t *word = &space->ports[port / PORTS_A_FRAME][port % PORTS_A_FRAME / 64];
        uint32_t room = 64 - port % 64, left = first + count - port;
        uint32_t bits = left < room ? left : room;
        uint64_t mask = (bits == 64 ? UINT64_MAX : (1ull << bits) - 1) << port % 64;
        __atomic_store_n(word, forbid ? *word | mask : *word & ~mask, __ATOMIC_RELAXED);
        port += bits;
    }
}

/* Puts the space's bitmap, or the one that forbids all, into this CPU's window. */
void ports_load(struct cpu *cpu, const struct space *space);

/* Does this CPU obey another bitmap than the space's, which the current EC is in? Loads it then. */
bool ports_missed(struct cpu *cpu, const struct space *space);

/* Takes the bitmap of a space that no EC is in out of all windows and gives its frames back. */
void ports_end(struct space *space, uint32_t cpu);

#endif
