#include "testdev.h"

#include <string.h>

static uint64_t scratch_read(void *device, uint64_t offset, unsigned size)
{
    const struct testdev *testdev = device;

    (void)size;
    return testdev->scratch >> offset * 8;
}

static void scratch_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct testdev *testdev = device;
    uint64_t mask = ((1ull << size * 8) - 1) << offset * 8;

    testdev->scratch = (uint32_t)((testdev->scratch & ~mask) | (value << offset * 8 & mask));
}

static uint64_t line_read(void *device, uint64_t offset, unsigned size)
{
    (void)device;
    (void)offset;
    (void)size;
    return UINT64_MAX;
}

/* Wider ones are no accesses to a line: else one of 4 bytes would lower three others. */
static void line_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    const struct testdev *testdev = device;

    if (size == 1)
        line_set(&testdev->lines[offset], value != 0);
}

static uint64_t memory_read(void *device, uint64_t offset, unsigned size)
{
    const struct testdev *testdev = device;
    uint64_t value = 0;

    memcpy(&value, testdev->memory + offset, size);
    return value;
}

static void memory_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct testdev *testdev = device;

    memcpy(testdev->memory + offset, &value, size);
}

void testdev_reset(struct testdev *device)
{
    device->scratch = 0;
    memset(device->memory, 0, TESTDEV_MEMORY_SIZE);
    for (uint32_t i = 0; i < TESTDEV_LINES; i++)
        line_set(&device->lines[i], false);
}

bool testdev_open(struct testdev *device, struct machine *machine, const struct line *lines,
                  uint8_t *memory)
{
    static const struct bus_operations scratch = {scratch_read, scratch_write};
    static const struct bus_operations line = {line_read, line_write};
    static const struct bus_operations plain = {memory_read, memory_write};
    const struct bus_range ports[] = {
        {TESTDEV_SCRATCH, 4, &scratch, device, 4},
        {TESTDEV_BYTES, 4, &scratch, device, 1},
        {TESTDEV_IRQ, TESTDEV_LINES, &line, device, 4},
    };
    const struct bus_range range = {TESTDEV_MEMORY, TESTDEV_MEMORY_SIZE, &plain, device, 8};

    device->memory = memory;
    memcpy(device->lines, lines, sizeof(device->lines));
    testdev_reset(device);
    for (uint32_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (!bus_add(&machine->ports, &ports[i]))
            return false;
    return bus_add(&machine->memory, &range);
}
