#include "debug_exit.h"

static uint64_t debug_exit_read(void *device, uint64_t offset, unsigned size)
{
    (void)device;
    (void)offset;
    (void)size;
    return 0;
}

static void debug_exit_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct debug_exit *exit = device;

    (void)offset;
    (void)size;
    if (exit->exit)
        exit->exit(exit->context, (uint32_t)value);
}

bool debug_exit_open(struct debug_exit *device, struct machine *machine,
                     void (*hook)(void *context, uint32_t value), void *context)
{
    static const struct bus_operations operations = {debug_exit_read, debug_exit_write};
    const struct bus_range range = {DEBUG_EXIT_PORT, DEBUG_EXIT_PORTS, &operations, device, 4};

    *device = (struct debug_exit){hook, context};
    return bus_add(&machine->ports, &range);
}
