/*
 * The interpreter, whatever the state and the bytes: it ends, in bounded work, and where it does
 * not carry an instruction out nothing has changed. Input: choices, then what the state page and
 * the code are made of.
 */
#include "emulate.h"

#include <stdlib.h>
#include <string.h>

#include "instruction.h"

#define RAM    0x8000u /* tables in the first pages, then code and data */
#define DEVICE 0x100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned asked; /* how often devices were */

static uint64_t device_read(void *device, uint64_t offset, unsigned size)
{
    (void)device;
    asked++;
    return offset * 0x0101010101010101ull + size;
}

static void device_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
    asked++;
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The next bytes of the input, zeros where it has ended. */
struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct input *in, unsigned size)
{
    uint64_t value = 0;
    size_t there = in->size < size ? in->size : size;

    if (there)
        memcpy(&value, in->data, there);
    in->data += there;
    in->size -= there;
    return value;
}

static void segment_make(struct input *in, struct vcpu_segment *s, unsigned attributes)
{
    unsigned choice = (unsigned)take(in, 1);

    *s = (struct vcpu_segment){8, (uint16_t)attributes, UINT32_MAX, 0};
    if (choice & 1)
        s->attributes = (uint16_t)(take(in, 2) & 0xfff);
    if (choice & 2)
        s->limit = (uint32_t)take(in, 4);
    if (choice & 4)
        s->base = take(in, choice & 8 ? 8 : 2);
    if (choice & 16)
        s->selector = (uint16_t)take(in, 2);
}

/* Identity of 2 MiB with a hole or two, for each kind of paging. */
static void tables_make(uint8_t *ram, uint64_t cr4, uint64_t efer)
{
    uint64_t *table = (uint64_t *)(void *)ram;
    uint32_t *directory = (uint32_t *)(void *)ram;

    if (!(cr4 & 0x20)) {
        directory[0] = 0x1007;
        directory = directory + 1024;
        for (unsigned n = 0; n < 1024; n++)
            directory[n] = n * 4096 | (n == 6 ? 5 : 7);
        return;
    }
    table[0] = efer & 0x400 ? 0x1007 : 0x3007;
    table[512] = 0x2007;
    table[1024] = 0x3007;
    for (unsigned n = 0; n < 512; n++)
        table[1536 + n] = n * 4096ull | (n == 6 ? 5 : 7);
}

static void state_make(struct input *in, struct vcpu_state *s)
{
    unsigned choice = (unsigned)take(in, 1);
    unsigned cpl = choice >> 4 & 3;
    uint64_t value;

    s->cr0 = choice & 1 ? 0x11 : 0x10;
    if ((choice & 3) == 3)
        s->cr0 |= 1ull << 31;
    if (choice & 4)
        s->cr4 = 0x20;
    if (choice & 8 && (choice & 7) == 7)
        s->efer = 0xd00;
    s->pdpte[0] = 0x3001;
    s->rflags = 2 | (take(in, 3) & 0x257fd5);
    if (!(choice & 1) || s->efer)
        s->rflags &= ~(1ull << 17); /* virtual-8086 mode */
    segment_make(in, &s->cs, (choice & 64 ? 0xc9bu : s->efer ? 0xa9bu : 0x9bu) | cpl << 5);
    segment_make(in, &s->ss, 0xc93u | cpl << 5);
    segment_make(in, &s->ds, 0xc93u | cpl << 5);
    segment_make(in, &s->es, 0xc93u | cpl << 5);
    segment_make(in, &s->fs, 0xc93u | cpl << 5);
    segment_make(in, &s->tr, 0x8b);
    segment_make(in, &s->ldtr, 0x82);
    s->gs = s->fs;
    s->gdtr = (struct vcpu_segment){0, 0, 0xff, 0x5000};
    s->idtr = (struct vcpu_segment){0, 0, 0x3ff, 0x5100};
    s->shadow = (uint32_t)take(in, 1) & 3;
    for (unsigned n = 0; n < 16; n++) { /* often an address in RAM or of the device */
        unsigned kind = (unsigned)take(in, 1);
        value = kind & 1 ? take(in, kind & 2 ? 8 : 2) : 0x4000 + (kind << 6);
        memcpy((uint64_t *)(void *)s + n, &value, 8);
    }
    s->rip = choice & 128 ? 0x4ff8 : 0x4100;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bus_operations operations = {device_read, device_write};
    static uint8_t ram[RAM] __attribute__((aligned(4096)));
    static uint8_t before[RAM];
    static const struct guest_memory memory = {1, {{0, RAM, ram}}};
    static struct bus devices, ports;
    static struct decode_cache cache;
    struct vcpu_state state = {0};
    struct input in = {data, size};
    struct emulate e = {.state = &state,
                        .memory = &memory,
                        .devices = &devices,
                        .ports = &ports,
                        .cache = &cache,
                        .phys_bits = 36};

    if (!devices.count) {
        require(bus_add(&devices, &(struct bus_range){DEVICE, 0x1000, &operations, NULL, 8}));
        require(bus_add(&ports, &(struct bus_range){0, 0x10000, &operations, NULL, 4}));
    }
    state_make(&in, &state);
    memset(ram, 0, RAM);
    tables_make(ram, state.cr4, state.efer);
    for (unsigned n = 0; n < 15; n++)
        ram[(state.rip + n) % RAM] = (uint8_t)take(&in, 1);
    for (unsigned n = 0x5000; in.size && n < RAM; n += (unsigned)in.size)
        memcpy(ram + n, in.data, in.size < RAM - n ? in.size : RAM - n);

    memcpy(before, ram, RAM);
    struct vcpu_state old = state;
    asked = 0;
    enum emulate_result result = emulate(&e);
    require(asked <= 8192);
    if (result != EMULATE_DONE) {
        require(!memcmp(&state, &old, sizeof(state)) && !e.changed);
        if (memcmp(ram, before, RAM) != 0)
            for (unsigned n = 0; n < 0x4000; n++) /* accessed and dirty */
                before[n] = (uint8_t)(before[n] | (ram[n] & 0x60));
        require(!memcmp(ram, before, RAM));
    }
    if (result == EMULATE_FAULT)
        require(e.fault.vector < 32);
    else if (result == EMULATE_DONE)
        require(e.changed & STATE_RIP || state.rip == old.rip);
    return 0;
}
