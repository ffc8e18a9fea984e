#include "reset.h"

enum { FAST_RESET = 1, A20 = 2 };

void reset_set(void *device, uint32_t pin, bool level)
{
    const struct reset *reset = device;

    (void)pin;
    if (level && reset->reset)
        reset->reset(reset->context);
}

static uint64_t control_read(void *device, uint64_t offset, unsigned size)
{
    const struct reset *reset = device;

    (void)offset;
    (void)size;
    return reset->port;
}

static void control_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct reset *reset = device;
    bool begins = value & ~reset->port & FAST_RESET;

    (void)offset;
    (void)size;
    reset->port = value & (FAST_RESET | A20);
    reset_set(reset, 0, begins);
}

/* A20 is open, as firmware leaves it. */
void reset_reset(struct reset *reset)
{
    reset->port = A20;
}

bool reset_open(struct reset *reset, struct machine *machine, void (*hook)(void *context),
                void *context)
{
    static const struct bus_operations operations = {control_read, control_write};
    const struct bus_range range = {RESET_PORT, 1, &operations, reset, 1};

    reset->reset = hook;
    reset->context = context;
    reset_reset(reset);
    return bus_add(&machine->ports, &range);
}
