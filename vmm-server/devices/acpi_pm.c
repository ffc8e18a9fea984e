#include "acpi_pm.h"

#define HALF (1ull << 31) /* counts after which bit 31 of the timer changes */

/* The RTC's event never comes, and the FADT says so; Linux wants to be able to enable it. */
enum { TIMER = 1 << 0, GLOBAL = 1 << 5, BUTTON = 1 << 8, RTC = 1 << 10 };
enum { EVENTS = TIMER | GLOBAL | BUTTON | RTC };
enum { SCI_ON = 1 << 0, BUS_MASTER_WAKES = 1 << 1, SLEEP_TYPE = 7 << 10, SLEEP = 1 << 13 };
enum { TYPE_SHIFT = 10 };

static uint64_t counts(const struct acpi_pm *pm)
{
    return time_scale(pm->machine->timers.now() - pm->start, pm->machine->timers.hz, ACPI_PM_HZ);
}

/* The timer's bit 31 is watched only while somebody waits for it to change. */
static void update(struct acpi_pm *pm)
{
    struct timers *timers = &pm->machine->timers;
    uint64_t deadline = 0;

    if (counts(pm) / HALF != pm->halves)
        pm->status |= TIMER;
    else if (pm->enable & TIMER)
        deadline = pm->start + time_scale_up((pm->halves + 1) * HALF, ACPI_PM_HZ, timers->hz);
    timer_set(timers, &pm->timer, deadline);
    line_set(&pm->sci, pm->status & pm->enable);
}

static void timer_fired(void *device, uint64_t deadline)
{
    (void)deadline;
    update(device);
}

void acpi_pm_power_button(struct acpi_pm *pm)
{
    pm->status |= BUTTON;
    update(pm);
}

static uint64_t acpi_pm_read(void *device, uint64_t offset, unsigned size)
{
    struct acpi_pm *pm = device;

    if (offset >= ACPI_PM_TIMER)
        return (uint32_t)counts(pm) >> (offset - ACPI_PM_TIMER) * 8;
    update(pm);
    uint64_t registers = pm->status | (uint64_t)pm->enable << 16 | (uint64_t)pm->control << 32;
    (void)size;
    return registers >> offset * 8;
}

static void status_clear(struct acpi_pm *pm, uint16_t bits)
{
    pm->status &= (uint16_t)~bits;
    if (bits & TIMER)
        pm->halves = counts(pm) / HALF;
}

/* value, and which of its bits are written: an access may hold a part of a register, or two. */
static void acpi_pm_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct acpi_pm *pm = device;

    if (offset >= ACPI_PM_TIMER)
        return;
    uint64_t written = ((1ull << size * 8) - 1) << offset * 8;
    value <<= offset * 8;
    status_clear(pm, (uint16_t)(value & written));
    pm->enable = (uint16_t)((pm->enable & ~(written >> 16)) | (value >> 16 & EVENTS));
    value >>= 32;
    written >>= 32;
    uint64_t kept = BUS_MASTER_WAKES | SLEEP_TYPE;
    pm->control = (uint16_t)((pm->control & ~(written & kept)) | (value & kept));
    update(pm);
    if (value & SLEEP && pm->sleep)
        pm->sleep(pm->context, (uint8_t)((pm->control & SLEEP_TYPE) >> TYPE_SHIFT));
}

/* ACPI 6.4, 4.8.3: all bits 0, but the guest need not switch ACPI on. */
void acpi_pm_reset(struct acpi_pm *pm)
{
    pm->status = pm->enable = 0;
    pm->control = SCI_ON;
    pm->start = pm->machine->timers.now();
    pm->halves = 0;
    update(pm);
}

bool acpi_pm_open(struct acpi_pm *pm, struct machine *machine, const struct line *sci,
                  void (*sleep)(void *context, uint8_t type), void *context)
{
    static const struct bus_operations operations = {acpi_pm_read, acpi_pm_write};
    const struct bus_range range = {ACPI_PM_PORT, ACPI_PM_PORTS, &operations, pm, 4};

    *pm = (struct acpi_pm){.machine = machine, .sci = *sci, .sleep = sleep, .context = context};
    pm->timer = (struct timer){.fire = timer_fired, .device = pm};
    acpi_pm_reset(pm);
    return bus_add(&machine->ports, &range);
}
