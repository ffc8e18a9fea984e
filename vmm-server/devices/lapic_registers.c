/* The registers of a LAPIC: what each allows, its value, and the page in which xAPIC mode has them.
 */
#include "lapic_registers.h"

#include "lapic_timer.h"

/* Version 0x14, six LVT entries, and EOI broadcasts can be suppressed (Intel SDM 3A, 11.4.8). */
#define VERSION 0x01050014u

#define STATUS (1u << 12) /* delivery status of ICR and LVT: nothing is ever on its way */

#define ALL_READ  (READ | X2_READ)
#define ALL_WRITE (WRITE | X2_WRITE)
#define ALL       (ALL_READ | ALL_WRITE)

const struct lapic_register lapic_registers[REGISTERS] = {
    [REGISTER_ID] = {ALL_READ, 0, 0},
    [REGISTER_VERSION] = {ALL_READ, 0, 0},
    [REGISTER_TPR] = {ALL, 0xff, 0},
    [REGISTER_APR] = {READ, 0, 0},
    [REGISTER_PPR] = {ALL_READ, 0, 0},
    [REGISTER_EOI] = {ALL_WRITE, 0, 0},
    [REGISTER_RRD] = {READ, 0, 0},
    [REGISTER_LDR] = {ALL_READ | WRITE, 0xff000000, 0},
    [REGISTER_DFR] = {READ | WRITE, 0xf0000000, 0},
    [REGISTER_SVR] = {ALL, 0xff | SVR_ENABLED | SVR_EOI_IS_MINE, 0},
    [REGISTER_ISR... REGISTER_IRR + 7] = {ALL_READ, 0, 0},
    [REGISTER_ESR] = {ALL, 0, 0},
    [REGISTER_ICR] = {ALL, 0x000ccfff, STATUS},
    [REGISTER_ICR_HIGH] = {READ | WRITE, 0xff000000, 0},
    [REGISTER_LVT + LVT_TIMER] = {ALL, 0x000700ff, STATUS},
    [REGISTER_LVT + LVT_THERMAL] = {ALL, 0x000107ff, STATUS},
    [REGISTER_LVT + LVT_PERF] = {ALL, 0x000107ff, STATUS},
    [REGISTER_LVT + LVT_LINT0] = {ALL, 0x0001a7ff, STATUS | LVT_REMOTE},
    [REGISTER_LVT + LVT_LINT1] = {ALL, 0x0001a7ff, STATUS | LVT_REMOTE},
    [REGISTER_LVT + LVT_ERROR] = {ALL, 0x000100ff, STATUS},
    [REGISTER_INITIAL] = {ALL, 0xffffffff, 0},
    [REGISTER_CURRENT] = {ALL_READ, 0, 0},
    [REGISTER_DIVIDE] = {ALL, 0xb, 0},
    [REGISTER_SELF_IPI] = {X2_WRITE, 0xff, 0},
};

static uint32_t set_read(const struct vectors *set, uint32_t word)
{
    return (uint32_t)(set->word[word >> 1 & 3] >> (word & 1) * 32);
}

uint32_t lapic_register_read(struct lapic *l, uint32_t number)
{
    if (number >= REGISTER_ISR && number < REGISTER_TMR)
        return set_read(&l->isr, number);
    if (number >= REGISTER_TMR && number < REGISTER_IRR)
        return set_read(&l->tmr, number);
    if (number >= REGISTER_IRR && number < REGISTER_ESR)
        return set_read(&l->irr, number);
    if (number >= REGISTER_LVT && number < REGISTER_LVT + LVT_COUNT)
        return l->lvt[number - REGISTER_LVT];
    switch (number) {
    case REGISTER_ID:
        return l->base & APIC_BASE_EXTD ? l->id : l->id << 24;
    case REGISTER_VERSION:
        return VERSION;
    case REGISTER_TPR:
        return l->tpr;
    case REGISTER_PPR:
        return l->ppr;
    case REGISTER_LDR:
        return l->ldr;
    case REGISTER_DFR:
        return l->dfr;
    case REGISTER_SVR:
        return l->svr;
    case REGISTER_ESR:
        return l->esr;
    case REGISTER_ICR:
        return (uint32_t)l->icr;
    case REGISTER_ICR_HIGH:
        return (uint32_t)(l->icr >> 32);
    case REGISTER_INITIAL:
        return l->initial;
    case REGISTER_CURRENT:
        return lapic_timer_count(l);
    case REGISTER_DIVIDE:
        return l->divide;
    default:
        return 0;
    }
}

static void entry_write(struct lapic *l, uint32_t which, uint32_t value)
{
    if (!(l->svr & SVR_ENABLED))
        value |= LVT_MASKED;
    if (which == LVT_TIMER) {
        lapic_timer_entry_set(l, value);
        return;
    }
    if (value & LVT_LEVEL) /* as an edge it has nothing to remember */
        value |= l->lvt[which] & LVT_REMOTE;
    l->lvt[which] = value;
    if (which == LVT_LINT0 || which == LVT_LINT1)
        lapic_lint_level(l, which - LVT_LINT0);
}

/* Disabling by software masks the LVT for as long; what is pending stays (SDM 3A, 11.4.7.2). */
static void svr_write(struct lapic *l, uint32_t value)
{
    l->svr = value;
    if (value & SVR_ENABLED)
        return;
    for (uint32_t i = 0; i < LVT_COUNT; i++)
        entry_write(l, i, l->lvt[i]);
}

void lapic_register_write(struct lapic *l, uint32_t number, uint32_t value)
{
    if (number >= REGISTER_LVT && number < REGISTER_LVT + LVT_COUNT) {
        entry_write(l, number - REGISTER_LVT, value);
        return;
    }
    switch (number) {
    case REGISTER_TPR:
        l->tpr = (uint8_t)value;
        lapic_priority_update(l);
        break;
    case REGISTER_EOI:
        lapic_eoi(l);
        break;
    case REGISTER_LDR:
        l->ldr = value;
        break;
    case REGISTER_DFR:
        l->dfr = value | 0x0fffffff;
        break;
    case REGISTER_SVR:
        svr_write(l, value);
        break;
    case REGISTER_ESR:
        l->esr = l->errors;
        l->errors = 0;
        break;
    case REGISTER_ICR:
        l->icr = (l->icr & 0xffffffff00000000ull) | value;
        lapic_send(l);
        break;
    case REGISTER_ICR_HIGH:
        l->icr = (uint64_t)value << 32 | (uint32_t)l->icr;
        break;
    case REGISTER_INITIAL:
        lapic_timer_initial_set(l, value);
        break;
    case REGISTER_DIVIDE:
        lapic_timer_divide_set(l, value);
        break;
    default: /* REGISTER_SELF_IPI */
        if (value < 16)
            lapic_fail(l, ERROR_SEND_VECTOR);
        else
            lapic_accept(l, APIC_FIXED, (uint8_t)value, false);
    }
}

/* --- the page: a register at each multiple of 16 ---------------------------------------------- */

/* The register's number, or 0 (there is none): what is not a register is an error that ESR shows.
 */
static uint32_t page_register(struct lapic *l, uint32_t offset, uint8_t right)
{
    uint32_t number = offset >> 4;

    if (lapic_page(l) == UINT64_MAX || offset & 0xf)
        return 0;
    if (number >= REGISTERS || !(lapic_registers[number].rights & (READ | WRITE))) {
        lapic_fail(l, ERROR_REGISTER);
        return 0;
    }
    return lapic_registers[number].rights & right ? number : 0;
}

uint32_t lapic_read(struct lapic *l, uint32_t offset)
{
    uint32_t number = page_register(l, offset, READ);

    if (lapic_page(l) == UINT64_MAX)
        return UINT32_MAX;
    return number ? lapic_register_read(l, number) : 0;
}

void lapic_write(struct lapic *l, uint32_t offset, uint32_t value)
{
    uint32_t number = page_register(l, offset, WRITE);

    if (number)
        lapic_register_write(l, number, value & lapic_registers[number].writable);
}

uint64_t lapic_page_read(void *lapic, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (size == 4 && !(offset & 3))
        return lapic_read(lapic, (uint32_t)offset);
    for (unsigned i = 0; i < size; i++) {
        uint32_t at = (uint32_t)offset + i;
        uint64_t word = lapic_read(lapic, at & ~3u);
        value |= (word >> (at & 3) * 8 & 0xff) << i * 8;
    }
    return value;
}

void lapic_page_write(void *lapic, uint64_t offset, unsigned size, uint64_t value)
{
    if (size == 4 && !(offset & 3))
        lapic_write(lapic, (uint32_t)offset, (uint32_t)value);
}
