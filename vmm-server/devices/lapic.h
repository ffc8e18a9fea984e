/*
 * Local APIC of one VCPU (Intel SDM 3A, chapter 11): xAPIC and x2APIC, all timer modes.
 *
 * What reaches a VCPU: at each entry the monitor asks in this order
 *     NMI (which came by the hook apics.nmi),
 *     lapic_extint(): then the vector is pic_take()'s, after lapic_extint_taken(),
 *     lapic_next(): a vector, or -1; when it was injected, lapic_taken(vector).
 * After lapic_eoi, lapic_cr8_set and every write of a register by the VCPU itself lapic_next may
 * say something else: there is no wake for that. apics.wake comes for what others do, the timer
 * among them.
 *
 * Deviations that the manual leaves open: the xAPIC id is read-only, SMIs go nowhere, the remote
 * read and arbitration priority registers read as 0, the polarity of LINT0 and LINT1 is kept and
 * means nothing (a struct line says whether it asks), and no spurious interrupt ever arises, since
 * the monitor takes what it was told at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "apics.h"
#include "timers.h"
#include "vectors.h"

#define LAPIC_BASE 0xfee00000ull
#define LAPIC_HZ   1000000000ull /* of its timer, before the divider */

#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC       0x800u /* register of the page at offset * 16, to 0x83f */

/* IA32_APIC_BASE (SDM 3A, 11.4.4). */
#define APIC_BASE_BSP     (1ull << 8)
#define APIC_BASE_EXTD    (1ull << 10)
#define APIC_BASE_ENABLED (1ull << 11)

enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
#define LVT_MODE   0x700u
#define LVT_REMOTE (1u << 14)
#define LVT_LEVEL  (1u << 15)
#define LVT_MASKED (1u << 16)

#define SVR_ENABLED     (1u << 8)
#define SVR_EOI_IS_MINE (1u << 12) /* no broadcast: the guest writes the IOAPIC's EOI register */

struct lapic {
    struct vectors irr, isr, tmr;
    uint8_t tpr, ppr;
    bool extint;  /* a message of that mode came */
    uint8_t line; /* levels of LINT0 and LINT1 */
    uint32_t id;
    uint64_t base; /* IA32_APIC_BASE */
    uint64_t icr;  /* destination in bits 63:32, in xAPIC mode 63:56 */
    uint32_t svr, ldr, dfr;
    uint32_t esr, errors; /* as read; since the last write */
    uint32_t lvt[LVT_COUNT];

    /* The timer: `left` counts after tick `begun` it expires, then every `initial`; in mode
     * TSC-deadline at guest TSC `deadline`. Host TSC + tsc_offset is the guest's. */
    uint32_t divide, initial, left;
    uint64_t begun, deadline, tsc_offset;
    struct timer timer;

    struct timers *timers;
    struct apics *apics;
};

/* Puts it on the bus (at most APICS_MAX; false: no room). Id 0 is the bootstrap processor's. */
bool lapic_open(struct lapic *l, struct apics *apics, struct timers *timers, uint32_t id);
/* State after RESET, and after INIT, which keeps IA32_APIC_BASE (SDM 3A, 11.4.7). tsc_offset stays
 * in both. */
void lapic_reset(struct lapic *l);
void lapic_init(struct lapic *l);
/* State that firmware leaves behind: enabled, LINT1 an NMI, and on the bootstrap processor LINT0
 * an ExtINT ("virtual wire", MP specification 1.4, 3.6.2.2). After lapic_reset. */
void lapic_boot(struct lapic *l);

/* The register page while it is one (xAPIC mode): its address, else UINT64_MAX. */
uint64_t lapic_page(const struct lapic *l);
static inline bool lapic_enabled(const struct lapic *l) /* CPUID 1, EDX bit 9 */
{
    return l->base & APIC_BASE_ENABLED;
}

/* Aligned 32-bit accesses of the page; a register is at a multiple of 16. Outside of xAPIC mode
 * there is no page: all ones, and no write. */
uint32_t lapic_read(struct lapic *l, uint32_t offset);
void lapic_write(struct lapic *l, uint32_t offset, uint32_t value);
/* The page with every size and alignment, as the functions of a struct bus_operations. What is not
 * an aligned access of 4 bytes is undefined (SDM 3A, 11.4.1); here it reads the bytes of the
 * 4-byte words (0 between registers), and is not written. offset + size is at most 4096 + 7. */
uint64_t lapic_page_read(void *lapic, uint64_t offset, unsigned size);
void lapic_page_write(void *lapic, uint64_t offset, unsigned size, uint64_t value);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE and the x2APIC registers. False: #GP (also for other MSRs). */
bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value);

/* The vector that can be delivered now, or -1. */
static inline int lapic_next(const struct lapic *l)
{
    int vector = vectors_highest(&l->irr);

    return vector >> 4 > l->ppr >> 4 ? vector : -1;
}

/* That vector, from lapic_next, was injected: it goes from IRR to ISR. */
void lapic_taken(struct lapic *l, uint8_t vector);
/* End of interrupt of the highest vector in service; none: nothing. */
void lapic_eoi(struct lapic *l);
/*
 * The guest may end the interrupt in service without an exit (KVM's paravirtual EOI): it is
 * edge-triggered, and nothing waits for its end. Ask after lapic_taken at each entry; the monitor
 * calls lapic_eoi at the first exit after the guest did so, before it asks anything else here.
 */
static inline bool lapic_eoi_can_be_skipped(const struct lapic *l)
{
    int vector = vectors_highest(&l->isr);

    return vector >= 0 && !l->irr.words && !vectors_has(&l->tmr, (uint8_t)vector);
}

/* The PIC's interrupt reaches this VCPU; it does without an APIC too (SDM 3A, 11.4.3). */
static inline bool lapic_extint(const struct lapic *l)
{
    if (l->extint || !(l->line & 1))
        return l->extint;
    return !lapic_enabled(l) || (l->lvt[LVT_LINT0] & (LVT_MASKED | LVT_MODE)) == APIC_EXTINT << 8;
}
/* The vector was taken from the PIC and injected. */
void lapic_extint_taken(struct lapic *l);

/* CR8: bits 7:4 of TPR. */
static inline uint8_t lapic_cr8(const struct lapic *l)
{
    return l->tpr >> 4;
}
void lapic_cr8_set(struct lapic *l, uint8_t value);

/* LINT0 (pin 0: the PIC's output) and LINT1 (pin 1: NMI). Is the function of a struct line. */
void lapic_lint(void *lapic, uint32_t pin, bool level);

/* The guest's TSC is the host's + offset from now on; an armed deadline follows it. */
void lapic_tsc_offset_set(struct lapic *l, uint64_t offset);

/* For apics.c: takes an interrupt of any mode; false: it does not (disabled, or an illegal vector).
 * destination is for it (SDM 3A, 11.6.2). */
bool lapic_accept(struct lapic *l, uint8_t mode, uint8_t vector, bool level);
bool lapic_is_meant(const struct lapic *l, uint32_t destination, bool logical);
