#include "lapic_registers.h"
#include "lapic_timer.h"

/* Changes of mode as in Intel SDM 3A, 11.12.5, figure 11-27: out of x2APIC mode only to disabled,
 * out of disabled only to xAPIC mode; x2APIC mode without enabled is none. */
static bool base_write(struct lapic *l, uint64_t value)
{
    uint64_t allowed = APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_ENABLED |
                       (((1ull << l->apics->address_bits) - 1) & ~0xfffull);
    bool x2 = value & APIC_BASE_EXTD;
    bool enabled = value & APIC_BASE_ENABLED;
    bool was_x2 = l->base & APIC_BASE_EXTD;

    if (value & ~allowed || (x2 && !(enabled && lapic_enabled(l))) || (was_x2 && enabled && !x2))
        return false;
    l->base = value;
    if (!enabled)
        lapic_init(l);
    if (x2 && !was_x2) {
        l->ldr = (l->id >> 4) << 16 | 1u << (l->id & 15);
        l->icr = (uint32_t)l->icr;
    }
    return true;
}

static bool x2_has(const struct lapic *l, uint32_t number, uint8_t right)
{
    return number < REGISTERS && l->base & APIC_BASE_EXTD && lapic_registers[number].rights & right;
}

bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value)
{
    if (msr == MSR_TSC_DEADLINE)
        *value = lapic_timer_deadline(l);
    else if (msr == MSR_APIC_BASE)
        *value = l->base;
    else if (!x2_has(l, msr - MSR_X2APIC, X2_READ))
        return false;
    else if (msr == MSR_X2APIC + REGISTER_ICR)
        *value = l->icr;
    else
        *value = lapic_register_read(l, msr - MSR_X2APIC);
    return true;
}

bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value)
{
    uint32_t number = msr - MSR_X2APIC;

    if (msr == MSR_TSC_DEADLINE) {
        lapic_timer_deadline_set(l, value);
        return true;
    }
    if (msr == MSR_APIC_BASE)
        return base_write(l, value);
    if (!x2_has(l, number, X2_WRITE))
        return false;
    const struct lapic_register *r = &lapic_registers[number];
    if ((uint32_t)value & ~(r->writable | r->kept))
        return false;
    if (number == REGISTER_ICR)
        l->icr = value & 0xffffffff00000000ull;
    else if (value >> 32)
        return false;
    lapic_register_write(l, number, (uint32_t)value & r->writable);
    return true;
}
