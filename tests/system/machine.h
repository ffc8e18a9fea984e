/* What every suite gets: the opened boot information and what the command line says of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot_view.h"

struct machine {
    struct boot_view view;
    const struct boot_info *info; /* = view.header */
    const char *command_line;
    uint64_t cpus;    /* expect.cpus=N, 0 if not given */
    uint64_t memory;  /* expect.memory=BYTES, 0 if not given */
    bool framebuffer; /* expect.framebuffer: the firmware gives one */
    bool exact;       /* `exact`: time is counted in instructions, so its figures are asserted */
};

/* Entry i of a table, NULL beyond its end or where the table is broken. */
static inline const struct boot_memory *machine_memory(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->memory, i, sizeof(struct boot_memory));
}

static inline const struct boot_module *machine_module(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->modules, i, sizeof(struct boot_module));
}

static inline const struct boot_cpu *machine_cpu(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->cpus, i, sizeof(struct boot_cpu));
}

static inline const struct boot_ports *machine_ports(const struct machine *m, uint32_t i)
{
    return boot_view_entry(&m->view, &m->info->ports, i, sizeof(struct boot_ports));
}

/* Port of a kind that the program was given, 0 if none. */
uint16_t machine_port(const struct machine *m, enum boot_port_kind kind);

/* True for memory types that are RAM, whoever has it now. */
bool memory_is_ram(uint32_t type);

/* Bytes of all ranges of a type. */
uint64_t machine_memory_of(const struct machine *m, enum memory_type type);

/* Bytes of all ranges that are RAM. */
uint64_t machine_ram(const struct machine *m);
