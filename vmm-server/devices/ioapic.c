#include "ioapic.h"

#include <string.h>

#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_REMOTE  (1ull << 14)
#define ENTRY_LEVEL   (1ull << 15)
#define ENTRY_MASKED  (1ull << 16)
/* Vector, modes, polarity, trigger, mask, destination (82093AA, 3.2.4). */
#define ENTRY_WRITABLE 0xff0000000001afffull

#define VERSION ((IOAPIC_PINS - 1) << 16 | 0x20)

enum { REGISTER_SELECT = 0, REGISTER_WINDOW = 0x10, REGISTER_EOI = 0x40 };

static uint8_t mode_of(uint64_t entry)
{
    return entry >> 8 & 7;
}

/* Only these two modes can be levels; the others are edges whatever the entry says (3.2.4). */
static bool is_level(uint64_t entry)
{
    return entry & ENTRY_LEVEL && mode_of(entry) <= APIC_LOWEST;
}

static bool deliver(struct ioapic *ioapic, uint32_t pin)
{
    uint64_t entry = ioapic->entry[pin];
    const struct apic_message message = {
        .destination = apics_destination((uint8_t)(entry >> 56)),
        .logical = entry & ENTRY_LOGICAL,
        .mode = mode_of(entry),
        .vector = (uint8_t)entry,
        .level = is_level(entry),
    };

    return message.mode != APIC_STARTUP && apics_deliver(ioapic->apics, &message);
}

/* A level that is up and not yet taken asks. */
static void level_ask(struct ioapic *ioapic, uint32_t pin)
{
    uint64_t entry = ioapic->entry[pin];

    if (is_level(entry) && !(entry & (ENTRY_MASKED | ENTRY_REMOTE)) && ioapic->lines >> pin & 1 &&
        deliver(ioapic, pin)) {
        ioapic->entry[pin] |= ENTRY_REMOTE;
        ioapic->remote |= 1u << pin;
    }
}

void ioapic_set(void *target, uint32_t pin, bool level)
{
    struct ioapic *ioapic = target;

    if (pin >= IOAPIC_PINS || (ioapic->lines >> pin & 1) == level)
        return;
    ioapic->lines ^= 1u << pin;
    if (!level)
        return;
    if (is_level(ioapic->entry[pin]))
        level_ask(ioapic, pin);
    else if (!(ioapic->entry[pin] & ENTRY_MASKED))
        deliver(ioapic, pin);
}

static void remote_clear(struct ioapic *ioapic, uint32_t pin)
{
    ioapic->entry[pin] &= ~ENTRY_REMOTE;
    ioapic->remote &= ~(1u << pin);
}

void ioapic_eoi(void *target, uint8_t vector)
{
    struct ioapic *ioapic = target;

    for (uint32_t left = ioapic->remote; left; left &= left - 1) {
        uint32_t pin = (uint32_t)__builtin_ctz(left);
        if ((uint8_t)ioapic->entry[pin] == vector) {
            remote_clear(ioapic, pin);
            level_ask(ioapic, pin);
        }
    }
}

/* --- registers (82093AA, 3.1 and 3.2) --------------------------------------------------------- */

static uint32_t window_read(const struct ioapic *ioapic)
{
    uint32_t pin = (uint32_t)(ioapic->select - 0x10) >> 1;

    switch (ioapic->select) {
    case 0: /* id */
    case 2: /* its priority in arbitration, which is the id */
        return (uint32_t)ioapic->id << 24;
    case 1:
        return VERSION;
    default:
        if (pin >= IOAPIC_PINS)
            return 0;
        return (uint32_t)(ioapic->entry[pin] >> (ioapic->select & 1) * 32);
    }
}

static void window_write(struct ioapic *ioapic, uint32_t value)
{
    uint32_t pin = (uint32_t)(ioapic->select - 0x10) >> 1;
    uint32_t shift = (ioapic->select & 1) * 32;

    if (!ioapic->select)
        ioapic->id = value >> 24 & 0xf;
    if (ioapic->select < 0x10 || pin >= IOAPIC_PINS)
        return;
    uint64_t writable = ENTRY_WRITABLE & 0xffffffffull << shift;
    ioapic->entry[pin] = (ioapic->entry[pin] & ~writable) | ((uint64_t)value << shift & writable);
    if (!is_level(ioapic->entry[pin])) /* how old systems end an interrupt by force */
        remote_clear(ioapic, pin);
    level_ask(ioapic, pin);
}

static uint64_t ioapic_read(void *device, uint64_t offset, unsigned size)
{
    const struct ioapic *ioapic = device;
    uint32_t value = 0;

    (void)size;
    if ((offset & ~3ull) == REGISTER_SELECT)
        value = ioapic->select;
    else if ((offset & ~3ull) == REGISTER_WINDOW)
        value = window_read(ioapic);
    return value >> (offset & 3) * 8;
}

/* The window takes 32 bits at once only. */
static void ioapic_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *ioapic = device;

    if (offset == REGISTER_SELECT)
        ioapic->select = (uint8_t)value;
    else if (offset == REGISTER_WINDOW && size == 4)
        window_write(ioapic, (uint32_t)value);
    else if (offset == REGISTER_EOI)
        ioapic_eoi(ioapic, (uint8_t)value);
}

void ioapic_reset(struct ioapic *ioapic)
{
    ioapic->id = 0;
    ioapic->select = 0;
    ioapic->remote = 0;
    for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++)
        ioapic->entry[pin] = ENTRY_MASKED;
}

bool ioapic_open(struct ioapic *ioapic, struct machine *machine, struct apics *apics)
{
    static const struct bus_operations operations = {ioapic_read, ioapic_write};
    const struct bus_range range = {IOAPIC_BASE, 0x1000, &operations, ioapic, 4};

    memset(ioapic, 0, sizeof(*ioapic));
    ioapic->apics = apics;
    apics->ioapic = ioapic;
    apics->eoi = ioapic_eoi;
    ioapic_reset(ioapic);
    return bus_add(&machine->memory, &range);
}
