/* Sums and searches over the boot information's tables. */
#include "machine.h"

uint16_t machine_port(const struct machine *m, enum boot_port_kind kind)
{
    const struct boot_ports *ports;

    for (uint32_t i = 0; (ports = machine_ports(m, i)); i++) {
        if (ports->kind == kind) {
            return ports->base;
        }
    }
    return 0;
}

bool memory_is_ram(uint32_t type)
{
    switch (type) {
    case MEMORY_FREE:
    case MEMORY_ACPI_TABLES:
    case MEMORY_ACPI_NVS:
    case MEMORY_KERNEL:
    case MEMORY_BOOT_INFO:
    case MEMORY_FIRST:
    case MEMORY_MODULE:
    case MEMORY_LOADER:
        return true;
    default:
        return false;
    }
}

uint64_t machine_memory_of(const struct machine *m, enum memory_type type)
{
    const struct boot_memory *range;
    uint64_t sum = 0;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        sum += range->type == type ? range->size : 0;
    }
    return sum;
}

uint64_t machine_ram(const struct machine *m)
{
    const struct boot_memory *range;
    uint64_t sum = 0;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        sum += memory_is_ram(range->type) ? range->size : 0;
    }
    return sum;
}
