/* A guest of the interpreter's tests: RAM, a device, ports that remember, a state page. */
#pragma once

#include <stdlib.h>

#include "emulate.h"
#include "instruction.h"

#define WORLD_RAM    (2u << 20)
#define WORLD_DEVICE 0xd0000000ull

static struct {
    struct guest_memory memory;
    struct bus devices, ports;
    struct decode_cache cache;
    union {
        struct vcpu_state state;
        uint8_t page[4096];
    } page;
    struct emulate e;
    uint8_t *ram;
    uint8_t device[4096]; /* what the device holds */
    unsigned reads, writes;
    uint64_t port, port_value;
    unsigned port_size, port_count;
} world;

static uint64_t device_read(void *device, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    (void)device;
    world.reads++;
    memcpy(&value, world.device + offset, size);
    return value;
}

static void device_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    world.writes++;
    memcpy(world.device + offset, &value, size);
}

static uint64_t port_read(void *device, uint64_t offset, unsigned size)
{
    (void)device;
    world.port = offset;
    world.port_size = size;
    world.port_count++;
    return 0x0123456789abcdefull + world.port_count;
}

static void port_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    world.port = offset;
    world.port_size = size;
    world.port_value = value;
    world.port_count++;
}

static const struct bus_operations device_operations = {device_read, device_write};
static const struct bus_operations port_operations = {port_read, port_write};

#define CODE_REAL 0x9bu
#define DATA_REAL 0x93u
#define CODE_32   0xc9bu
#define DATA_32   0xc93u
#define CODE_64   0xa9bu
#define RING_3    0x60u
#define AT_CODE   0x1000u

static struct vcpu_segment segment_of(unsigned selector, uint64_t base, unsigned limit,
                                      unsigned attributes)
{
    return (struct vcpu_segment){(uint16_t)selector, (uint16_t)attributes, limit, base};
}

/* Everything as after RESET, in real mode; bytes at AT_CODE. */
static struct vcpu_state *world_reset(void)
{
    static bool open;
    struct vcpu_state *s = &world.page.state;

    if (!open) {
        world.ram = malloc(WORLD_RAM);
        guest_memory_lay(&world.memory, world.ram, WORLD_RAM);
        bus_add(&world.devices,
                &(struct bus_range){WORLD_DEVICE, 4096, &device_operations, NULL, 8});
        bus_add(&world.ports, &(struct bus_range){0, 65536, &port_operations, NULL, 4});
        open = true;
    }
    memset(world.ram, 0, WORLD_RAM);
    memset(world.page.page, 0, sizeof(world.page.page));
    memset(world.device, 0, sizeof(world.device));
    world.reads = world.writes = world.port_count = 0;
    world.e = (struct emulate){.state = s,
                               .memory = &world.memory,
                               .devices = &world.devices,
                               .ports = &world.ports,
                               .cache = &world.cache,
                               .phys_bits = 40};
    s->rflags = 2;
    s->cr0 = 0x10;
    s->rip = AT_CODE;
    s->rsp = 0x8000;
    s->cs = segment_of(0, 0, 0xffff, CODE_REAL);
    s->ds = s->es = s->fs = s->gs = s->ss = segment_of(0, 0, 0xffff, DATA_REAL);
    s->idtr.limit = s->gdtr.limit = 0xffff;
    s->tr = segment_of(0, 0, 0, 0x8b);
    return s;
}

/* Flat 32-bit protected mode without paging. */
static struct vcpu_state *world_protected(unsigned cpl)
{
    struct vcpu_state *s = world_reset();

    s->cr0 = 0x11;
    s->cs = segment_of(8 | cpl, 0, UINT32_MAX, CODE_32 | cpl << 5);
    s->ds = s->es = s->fs = s->gs = s->ss = segment_of(16 | cpl, 0, UINT32_MAX, DATA_32 | cpl << 5);
    return s;
}

#define PAGES 0x100000u /* the tables of world_long */

/* 64-bit mode: 512 pages of 2 MiB, the first two identical, the device's last, 4 KiB elsewhere. */
static inline struct vcpu_state *world_long(unsigned cpl)
{
    struct vcpu_state *s = world_protected(cpl);
    uint64_t *table = (uint64_t *)(void *)(world.ram + PAGES);

    s->cs.attributes = (uint16_t)(CODE_64 | cpl << 5);
    s->cr0 = 0x80000011;
    s->cr4 = 0x20;
    s->efer = 0xd00;
    s->cr3 = PAGES;
    table[0] = (PAGES + 0x1000) | 7;
    for (unsigned i = 0; i < 4; i++)
        table[512 + i] = (PAGES + 0x2000) | 7;
    table[512 + 3] = (PAGES + 0x3000) | 7;
    table[1024] = (PAGES + 0x4000) | 7;
    for (unsigned i = 0; i < 512; i++) {
        table[1536 + i] = (0xc0000000ull + i * 0x200000ull) | 0x87;
        table[2048 + i] = i * 4096ull | 7;
    }
    return s;
}

static inline enum emulate_result world_run(const void *bytes, size_t size)
{
    struct vcpu_state *s = &world.page.state;
    uint64_t at = (s->cs.base + s->rip) & 0xfffff;

    memcpy(world.ram + at, bytes, size);
    return emulate(&world.e);
}
#define RUN(...) world_run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline uint64_t ram_get(uint64_t at, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, world.ram + at, size);
    return value;
}

static inline void ram_set(uint64_t at, unsigned size, uint64_t value)
{
    memcpy(world.ram + at, &value, size);
}
