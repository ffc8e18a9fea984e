/*
 * This CPU's local APIC, in whichever mode the firmware left it: registers in memory (xAPIC) or
 * in MSRs (x2APIC). Intel SDM 3A, 11.4 and 11.12. The APIC must be enabled (hardware_check_cpu).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Registers, as offsets in the memory page; the MSR is MSR_X2APIC + offset / 16. */
enum lapic_register {
    LAPIC_ID = 0x20,
    LAPIC_PRIORITY = 0x80,
    LAPIC_SPURIOUS = 0xf0,
    LAPIC_COMMAND = 0x300,
    LAPIC_COMMAND_HIGH = 0x310, /* xAPIC only */
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_INITIAL = 0x380,
    LAPIC_TIMER_CURRENT = 0x390,
    LAPIC_TIMER_DIVIDE = 0x3e0,
};

bool lapic_is_x2apic(void);

/* Switches x2APIC mode on, which the CPU has. */
void lapic_set_x2apic(void);

/*
 * As the kernel wants it: every local source masked but the NMI at LINT1, and the timer ready for a
 * first deadline or count.
 */
void lapic_prepare(bool tsc_deadline);

/* Physical address of the registers. */
uint64_t lapic_address(void);

/* This CPU's id: 8 bits in xAPIC mode, 32 in x2APIC mode. */
uint32_t lapic_id(void);

uint32_t lapic_read(enum lapic_register reg);
void lapic_write(enum lapic_register reg, uint32_t value);

/*
 * Sends the interrupt command (low half of the ICR: vector, delivery mode, level, trigger) to one
 * CPU. false if the one before it is still pending after a bounded wait.
 */
bool lapic_send(uint32_t apic_id, uint32_t command) __attribute__((warn_unused_result));
