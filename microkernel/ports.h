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
#pragma once

#include "space.h"

#define PORTS_FRAMES  2u
#define PORTS_A_FRAME (FRAME_SIZE * 8)
#define PORTS_ALL     (PORTS_FRAMES * PORTS_A_FRAME)

struct cpu;

static inline uint64_t *ports_word(const struct space *space, uint32_t port)
{
    return &space->ports[port / PORTS_A_FRAME][port % PORTS_A_FRAME / 64];
}

/* In the word of a port: the bits from its own to that of port end - 1, or to the last. */
static inline uint64_t ports_mask(uint32_t port, uint32_t end)
{
    uint64_t from = UINT64_MAX << port % 64;

    return end - port < 64 - port % 64 ? from & ~(UINT64_MAX << end % 64) : from;
}

/* Are all ports from first to end - 1 forbidden? Under the space's lock. */
static inline bool ports_closed(const struct space *space, uint32_t first, uint32_t end)
{
    for (uint32_t port = first; space->ports[0] && port < end; port = (port | 63) + 1)
        if (~*ports_word(space, port) & ports_mask(port, end))
            return false;
    return true;
}

/* Forbids or opens them. Under the space's lock. */
static inline void ports_set(struct space *space, uint32_t first, uint32_t end, bool forbid)
{
    for (uint32_t port = first; port < end; port = (port | 63) + 1) {
        uint64_t *word = ports_word(space, port), mask = ports_mask(port, end);
        __atomic_store_n(word, forbid ? *word | mask : *word & ~mask, __ATOMIC_RELAXED);
    }
}

/*
 * Puts the bitmap of the space, which is loaded, or with NULL the one that forbids all, into this
 * CPU's window. False: it is what the CPU obeys already.
 */
bool ports_load(struct cpu *cpu, const struct space *space);
