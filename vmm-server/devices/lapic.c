#include "lapic.h"

#include <string.h>

#include "lapic_registers.h"
#include "lapic_timer.h"

/* --- state
 * ---------------------------------------------------------------------------------------*/

bool lapic_open(struct lapic *l, struct apics *apics, struct timers *timers, uint32_t id)
{
    if (apics->count == APICS_MAX)
        return false;
    memset(l, 0, sizeof(*l));
    l->id = id;
    l->apics = apics;
    l->timers = timers;
    l->timer.fire = lapic_timer_fire;
    l->timer.device = l;
    apics->lapic[apics->count++] = l;
    lapic_reset(l);
    return true;
}

void lapic_init(struct lapic *l)
{
    memset(&l->irr, 0, sizeof(l->irr));
    memset(&l->isr, 0, sizeof(l->isr));
    memset(&l->tmr, 0, sizeof(l->tmr));
    l->tpr = 0;
    l->ppr = 0;
    l->extint = false;
    l->svr = 0xff;
    l->ldr = l->base & APIC_BASE_EXTD ? l->ldr : 0;
    l->dfr = 0xffffffff;
    l->esr = 0;
    l->errors = 0;
    l->icr = 0;
    for (uint32_t i = 0; i < LVT_COUNT; i++)
        l->lvt[i] = LVT_MASKED;
    lapic_timer_reset(l);
}

void lapic_reset(struct lapic *l)
{
    l->base = LAPIC_BASE | APIC_BASE_ENABLED | (l->id ? 0 : APIC_BASE_BSP);
    lapic_init(l);
}

void lapic_boot(struct lapic *l)
{
    l->svr |= SVR_ENABLED;
    l->lvt[LVT_LINT0] = l->id ? LVT_MASKED : APIC_EXTINT << 8;
    l->lvt[LVT_LINT1] = APIC_NMI << 8;
}

uint64_t lapic_page(const struct lapic *l)
{
    return (l->base & (APIC_BASE_ENABLED | APIC_BASE_EXTD)) == APIC_BASE_ENABLED
               ? l->base & ~0xfffull
               : UINT64_MAX;
}

void lapic_priority_update(struct lapic *l)
{
    int vector = vectors_highest(&l->isr);
    uint8_t service = vector < 0 ? 0 : (uint8_t)(vector & 0xf0);

    l->ppr = (l->tpr & 0xf0) >= service ? l->tpr : service;
}

static void wake(const struct lapic *l)
{
    if (l->apics->wake)
        l->apics->wake(l->apics->owner, l->id);
}

/* --- interrupts
 * ----------------------------------------------------------------------------------*/

static void request(struct lapic *l, uint8_t vector, bool level)
{
    if (level)
        vectors_add(&l->tmr, vector);
    else
        vectors_remove(&l->tmr, vector);
    if (!vectors_has(&l->irr, vector)) {
        vectors_add(&l->irr, vector);
        wake(l);
    }
}

/* Its own interrupt can have an illegal vector too: that is an error that nobody is told of. */
void lapic_fail(struct lapic *l, uint32_t error)
{
    uint32_t entry = l->lvt[LVT_ERROR];

    l->errors |= error;
    if (entry & LVT_MASKED)
        return;
    if ((entry & 0xff) < 16)
        l->errors |= ERROR_RECEIVE_VECTOR;
    else
        request(l, (uint8_t)entry, false);
}

static bool accept_fixed(struct lapic *l, uint8_t vector, bool level)
{
    if (!(l->svr & SVR_ENABLED))
        return false;
    if (vector < 16) {
        lapic_fail(l, ERROR_RECEIVE_VECTOR);
        return false;
    }
    request(l, vector, level);
    return true;
}

bool lapic_accept(struct lapic *l, uint8_t mode, uint8_t vector, bool level)
{
    const struct apics *apics = l->apics;

    if (!lapic_enabled(l))
        return false;
    switch (mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        return accept_fixed(l, vector, level);
    case APIC_NMI:
        if (apics->nmi)
            apics->nmi(apics->owner, l->id);
        return true;
    case APIC_INIT:
        if (apics->init)
            apics->init(apics->owner, l->id);
        return true;
    case APIC_STARTUP:
        if (apics->startup)
            apics->startup(apics->owner, l->id, vector);
        return true;
    case APIC_EXTINT:
        l->extint = true;
        wake(l);
        return true;
    default:
        return false;
    }
}

bool lapic_is_meant(const struct lapic *l, uint32_t destination, bool logical)
{
    uint32_t mine = l->ldr >> 24;

    if (destination == APICS_BROADCAST)
        return true;
    if (!logical)
        return destination == l->id;
    if (l->base & APIC_BASE_EXTD)
        return destination >> 16 == l->ldr >> 16 && destination & l->ldr & 0xffff;
    if (destination > 0xff)
        return false;
    if (l->dfr >> 28 == 0xf) /* flat */
        return destination & mine;
    return l->dfr >> 28 == 0 && (destination >> 4 == mine >> 4 || destination >> 4 == 0xf) &&
           destination & mine & 0xf;
}

void lapic_taken(struct lapic *l, uint8_t vector)
{
    vectors_remove(&l->irr, vector);
    vectors_add(&l->isr, vector);
    lapic_priority_update(l);
}

/* A level on LINT0 or LINT1, programmed as fixed, asks until its vector is in service. */
void lapic_lint_level(struct lapic *l, uint32_t pin)
{
    uint32_t *entry = &l->lvt[LVT_LINT0 + pin];

    if ((*entry & (LVT_LEVEL | LVT_MASKED | LVT_MODE | LVT_REMOTE)) != LVT_LEVEL ||
        !(l->line >> pin & 1))
        return;
    if (lapic_accept(l, APIC_FIXED, (uint8_t)*entry, true))
        *entry |= LVT_REMOTE;
}

void lapic_eoi(struct lapic *l)
{
    int highest = vectors_highest(&l->isr);
    uint8_t vector = (uint8_t)highest;

    if (highest < 0)
        return;
    vectors_remove(&l->isr, vector);
    lapic_priority_update(l);
    if (!vectors_has(&l->tmr, vector))
        return;
    for (uint32_t pin = 0; pin < 2; pin++)
        if (l->lvt[LVT_LINT0 + pin] & LVT_REMOTE && (l->lvt[LVT_LINT0 + pin] & 0xff) == vector) {
            l->lvt[LVT_LINT0 + pin] &= ~LVT_REMOTE;
            lapic_lint_level(l, pin);
        }
    if (l->apics->eoi && !(l->svr & SVR_EOI_IS_MINE))
        l->apics->eoi(l->apics->ioapic, vector);
}

void lapic_extint_taken(struct lapic *l)
{
    l->extint = false;
}

void lapic_cr8_set(struct lapic *l, uint8_t value)
{
    l->tpr = (uint8_t)(value << 4);
    lapic_priority_update(l);
}

void lapic_lint(void *lapic, uint32_t pin, bool level)
{
    struct lapic *l = lapic;
    bool rises = level && pin < 2 && !(l->line >> pin & 1);

    if (pin > 1)
        return;
    l->line = (uint8_t)((l->line & ~(1u << pin)) | (uint32_t)level << pin);
    if (!rises)
        return;
    uint32_t entry = l->lvt[LVT_LINT0 + pin];
    uint8_t mode = entry >> 8 & 7;
    if (!pin && lapic_extint(l)) {
        wake(l);
    } else if (!lapic_enabled(l)) { /* then LINT1 is the NMI pin */
        if (pin && l->apics->nmi)
            l->apics->nmi(l->apics->owner, l->id);
    } else if (mode == APIC_FIXED && entry & LVT_LEVEL) {
        lapic_lint_level(l, pin);
    } else if (!(entry & LVT_MASKED) &&
               (mode == APIC_FIXED || mode == APIC_NMI || mode == APIC_INIT)) {
        lapic_accept(l, mode, (uint8_t)entry, false);
    }
}

/* SDM 3A, 11.6.1 and table 11-3. An IPI is always sent as an edge, and INIT's falling level does
 * nothing any more. */
void lapic_send(struct lapic *l)
{
    uint32_t low = (uint32_t)l->icr;
    uint32_t high = (uint32_t)(l->icr >> 32);
    uint32_t shorthand = low >> 18 & 3;
    struct apic_message message = {
        .destination = l->base & APIC_BASE_EXTD ? high : apics_destination((uint8_t)(high >> 24)),
        .logical = low >> 11 & 1,
        .mode = low >> 8 & 7,
        .vector = (uint8_t)low,
        .except = shorthand == 3 ? l : NULL,
    };

    if (message.mode == APIC_EXTINT || (message.mode == APIC_INIT && (low >> 14 & 3) == 2))
        return;
    if (message.mode <= APIC_LOWEST && message.vector < 16)
        lapic_fail(l, ERROR_SEND_VECTOR);
    else if (shorthand == 1)
        lapic_accept(l, message.mode, message.vector, false);
    else {
        message.destination = shorthand ? APICS_BROADCAST : message.destination;
        apics_deliver(l->apics, &message);
    }
}
