/*
 * The bus between the interrupt controllers of the APIC family: who is meant by a destination, and
 * what is told to the monitor about a VCPU.
 *
 * Destinations are 32 bits wide as in x2APIC mode; an 8-bit one (xAPIC's ICR, IOAPIC, MSI) is
 * widened by apics_destination, for its 0xff means everybody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "line.h"

#define APICS_MAX       8u
#define APICS_BROADCAST 0xffffffffu

/* Delivery modes, as in ICR, LVT, redirection entries and MSI (Intel SDM 3, 11.6.1). */
enum apic_mode {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_SMI = 2, /* there is no system management mode: it goes nowhere */
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_STARTUP = 6,
    APIC_EXTINT = 7,
};

struct lapic;

/*
 * The monitor fills `hooks` and its argument, and address_bits (CPUID 0x80000008); lapic_open and
 * ioapic_open add the rest. A hook must not call back into the APICs, except for the LAPIC of the
 * VCPU that it is about by init (lapic_init).
 */
struct apics {
    uint32_t count;
    struct lapic *lapic[APICS_MAX];
    uint8_t address_bits; /* of a guest-physical address: what IA32_APIC_BASE can hold */

    void *owner; /* first argument of the hooks; the second one is the APIC id of the VCPU */
    void (*wake)(void *owner, uint32_t id); /* an interrupt may have become deliverable */
    void (*init)(void *owner, uint32_t id); /* INIT: the VCPU waits for a startup */
    void (*startup)(void *owner, uint32_t id, uint8_t vector); /* begin at vector << 12 */
    void (*nmi)(void *owner, uint32_t id);

    void *ioapic; /* who is told of a level-triggered vector's end of interrupt */
    void (*eoi)(void *ioapic, uint8_t vector);
};

/* One interrupt on the bus. */
struct apic_message {
    uint32_t destination;
    bool logical;
    uint8_t mode; /* enum apic_mode; others go nowhere */
    uint8_t vector;
    bool level;                 /* level-triggered: its EOI is told to the IOAPIC */
    const struct lapic *except; /* not this one */
};

/* An 8-bit destination as one of 32 bits. */
static inline uint32_t apics_destination(uint8_t destination)
{
    return destination == 0xff ? APICS_BROADCAST : destination;
}

/* Delivers to every LAPIC that is meant, or with APIC_LOWEST to the one of lowest priority. False:
 * nobody took it. */
bool apics_deliver(struct apics *apics, const struct apic_message *message);

/* A memory write of data to address as a message-signalled interrupt (Intel SDM 3, 11.11; the
 * address must be 0xfeexxxxx, others are dropped). Is the function of a struct message_port. */
void apics_message(void *apics, uint64_t address, uint32_t data);
