/*
 * Access to the local APIC. See lapic.h.
 */
#include "lapic.h"

#include "kernel_layout.h"
#include "x86.h"

#define APIC_BASE_X2APIC (1ull << 10)
#define SPURIOUS_ENABLE  (1u << 8)
#define LVT_MASKED       (1u << 16)
#define LVT_NMI          (4u << 8)
#define LVT_TSC_DEADLINE (2u << 17)
#define DIVIDE_BY_1      0xbu
#define COMMAND_PENDING  (1u << 12)
#define PENDING_POLLS    1000000u

bool lapic_is_x2apic(void)
{
    return msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

void lapic_set_x2apic(void)
{
    msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

uint64_t lapic_address(void)
{
    return msr_read(MSR_APIC_BASE) & APIC_BASE_ADDRESS;
}

static volatile uint32_t *lapic_memory(enum lapic_register reg)
{
    return (volatile uint32_t *)(lapic_address() + reg);
}

uint32_t lapic_read(enum lapic_register reg)
{
    if (lapic_is_x2apic())
        return (uint32_t)msr_read(MSR_X2APIC + reg / 16);
    return *lapic_memory(reg);
}

void lapic_write(enum lapic_register reg, uint32_t value)
{
    if (lapic_is_x2apic())
        msr_write(MSR_X2APIC + reg / 16, value);
    else
        *lapic_memory(reg) = value;
}

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(LAPIC_ID);

    return lapic_is_x2apic() ? id : id >> 24;
}

/* In x2APIC mode the command register is one 64-bit MSR and is never pending (11.12.9). */
bool lapic_send(uint32_t apic_id, uint32_t command)
{
    if (lapic_is_x2apic()) {
        __asm__ volatile("mfence; lfence" : : : "memory"); /* that write does not order stores */
        msr_write(MSR_X2APIC + LAPIC_COMMAND / 16, (uint64_t)apic_id << 32 | command);
        return true;
    }
    for (uint32_t polls = 0; lapic_read(LAPIC_COMMAND) & COMMAND_PENDING; polls++) {
        if (polls == PENDING_POLLS)
            return false;
        cpu_pause();
    }
    lapic_write(LAPIC_COMMAND_HIGH, apic_id << 24);
    lapic_write(LAPIC_COMMAND, command);
    return true;
}

/* The write to the LVT must arrive before the first one to the MSR (SDM 3A, 10.5.4.1). */
void lapic_prepare(bool tsc_deadline)
{
    lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_PRIORITY, 0);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
    if (!tsc_deadline)
        lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER, (tsc_deadline ? LVT_TSC_DEADLINE : 0) | VECTOR_TIMER);
    __asm__ volatile("mfence" : : : "memory");
}
