/* LAPICs on their bus for tests, and what they told the monitor. */
#pragma once

#include "lapic.h"
#include "vmm_machine.h"

#define CPUS 8u

static struct apics apics;
static struct lapic cpu[CPUS];

static struct told {
    uint32_t wakes[CPUS], inits[CPUS], startups[CPUS], nmis[CPUS];
    uint32_t vector, eois, eoi;
} told;

static void told_wake(void *owner, uint32_t id)
{
    (void)owner;
    told.wakes[id]++;
}

static void told_init(void *owner, uint32_t id)
{
    (void)owner;
    told.inits[id]++;
    lapic_init(&cpu[id]);
}

static void told_startup(void *owner, uint32_t id, uint8_t vector)
{
    (void)owner;
    told.startups[id]++;
    told.vector = vector;
}

static void told_nmi(void *owner, uint32_t id)
{
    (void)owner;
    told.nmis[id]++;
}

/* So many of them after RESET, enabled by software if asked. */
static inline void cpus_start(uint32_t count, bool enabled)
{
    machine_start();
    memset(&told, 0, sizeof(told));
    memset(&apics, 0, sizeof(apics));
    apics.address_bits = 39;
    apics.wake = told_wake;
    apics.init = told_init;
    apics.startup = told_startup;
    apics.nmi = told_nmi;
    for (uint32_t i = 0; i < count; i++) {
        lapic_open(&cpu[i], &apics, &machine.timers, i);
        if (enabled)
            lapic_write(&cpu[i], 0xf0, 0x1ff);
    }
}

static inline uint64_t msr(uint32_t id, uint32_t number)
{
    uint64_t value = 0xdeadull << 48;

    return lapic_msr_read(&cpu[id], number, &value) ? value : 0xdeadull << 48;
}

static inline bool x2_enable(uint32_t id)
{
    return lapic_msr_write(&cpu[id], MSR_APIC_BASE, cpu[id].base | APIC_BASE_EXTD);
}

/* What is pending for a CPU is taken and ended: the vector, or -1. */
static inline int serve(uint32_t id)
{
    int vector = lapic_next(&cpu[id]);

    if (vector >= 0) {
        lapic_taken(&cpu[id], (uint8_t)vector);
        lapic_eoi(&cpu[id]);
    }
    return vector;
}

static inline bool serve_is(uint32_t id, int vector)
{
    return serve(id) == vector;
}

/* The CPUs that have it pending, a bit each; it is served. */
static inline uint32_t served(uint8_t vector)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < apics.count; i++)
        if (vectors_has(&cpu[i].irr, vector)) {
            found |= 1u << i;
            vectors_remove(&cpu[i].irr, vector);
        }
    return found;
}
