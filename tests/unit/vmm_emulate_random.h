/* Random instructions, and the state in which they are executed and interpreted. */
#pragma once

#include <setjmp.h>
#include <stdlib.h>

#include "kernel_random.h"
#include "vmm_emulate_native.h"

#define COMPARED 1000000u
#define CODE     0x10000000ull /* a page */
#define DATA     0x10010000ull /* two pages, and none around them */
#define BYTES    8192u
#define TABLES   0x1000u
#define STACK    (1u << 20)
#define SHOWN    8u /* disagreements */

#define EFLAGS_START 0x202ull
#define EFLAGS_SEEN  (FLAGS_STATUS | 0x400)

static uint8_t tables[4 * 4096] __attribute__((aligned(4096)));

static struct {
    uint8_t *code, *data; /* of the interpreter; the processor's are where they say */
    struct emulate e;
    struct guest_memory memory;
    struct decode_cache cache;
    struct bus devices, ports;
    union {
        struct vcpu_state state;
        uint8_t page[4096];
    } page;
} world;

/* The instruction that is under test. */
static struct {
    const struct class *class;
    unsigned mode; /* 8 or 4 */
    uint8_t bytes[INSTRUCTION_BYTES];
    struct instruction decoded;
    uint64_t undefined; /* flags */
    uint64_t before[16], flags_before;
    uint64_t at;
    enum emulate_result result;
} now;

static uint64_t counts[CLASSES][2], skipped;
static unsigned wrong, modes;
static uint64_t compared;
static sigjmp_buf finished;

static uint64_t random64(void)
{
    random_below(2);
    return random_state;
}

/* Values at the edges are more telling than others. */
static uint64_t random_value(void)
{
    uint64_t value = random64();

    switch (random_below(8)) {
    case 0:
        return value & 0xff;
    case 1:
        return 1ull << (value & 63);
    case 2:
        return (1ull << (value & 63)) - 1;
    case 3:
        return (uint64_t)(int8_t)value;
    case 4:
        return (uint64_t)(int32_t)value;
    default:
        return value;
    }
}

static uint64_t random_target(void)
{
    switch (random_below(16)) {
    case 0:
        return DATA - random_below(20);
    case 1:
        return DATA + BYTES - random_below(40);
    case 2:
        return DATA + 4096 - random_below(20);
    default:
        return DATA + 64 + random_below(BYTES - 128);
    }
}

static void put(uint64_t at, const void *value, unsigned size)
{
    if (at >= DATA && at <= DATA + BYTES - size) {
        memcpy((void *)at, value, size);
        memcpy(world.data + (at - DATA), value, size);
    }
}

/* Prefixes, the opcode, ModRM and random bytes. Returns where ModRM is. */
static unsigned bytes_make(void)
{
    static const uint8_t plain[] = {0x66, 0x66, 0x67, 0x2e, 0x3e, 0x36, 0x26};
    const struct class *c = now.class;
    unsigned at = 0;

    if (c->flags & CLASS_REPEAT && random_below(4))
        now.bytes[at++] = (uint8_t)(0xf2 + random_below(2));
    if (c->flags & CLASS_F3)
        now.bytes[at++] = 0xf3;
    while (at < 3 && random_below(3) == 0) {
        uint8_t prefix = plain[random_below(sizeof(plain))];
        if (prefix == 0x66 && c->flags & CLASS_NO_66)
            continue;
        now.bytes[at++] = prefix;
    }
    if (random_below(12) == 0 && !(c->flags & CLASS_NO_LOCK))
        now.bytes[at++] = 0xf0;
    if (now.mode == 8 && random_below(2))
        now.bytes[at++] = (uint8_t)(0x40 + random_below(16));
    if (c->opcode & 0x100)
        now.bytes[at++] = 0x0f;
    if (c->opcode & 0x200) {
        now.bytes[at++] = 0x0f;
        now.bytes[at++] = 0x38;
    }
    now.bytes[at++] = (uint8_t)(c->opcode + random_below(c->span));
    unsigned modrm = at;
    while (at < sizeof(now.bytes))
        now.bytes[at++] = (uint8_t)random64();
    if (c->flags & CLASS_REG)
        now.bytes[modrm] = (uint8_t)((now.bytes[modrm] & 0xc7) | c->reg << 3);
    return modrm;
}

/* Makes the address of the memory operand what it should be, by a register or the displacement. */
static void aim(unsigned modrm, uint64_t target)
{
    const struct instruction *i = &now.decoded;
    uint64_t *gpr = now.before;
    uint64_t rest = target - i->displacement;

    if (now.class->flags & CLASS_MOFFS) {
        memcpy(now.bytes + modrm, &target, i->address_width);
    } else if (i->base == REGISTER_NONE || i->base == REGISTER_RIP) {
        unsigned at = modrm + ((now.bytes[modrm] & 7) == 4 ? 2 : 1);
        uint32_t displacement =
            (uint32_t)(i->base == REGISTER_RIP ? target - (now.at + i->length) : target);
        if (i->index == REGISTER_NONE)
            memcpy(now.bytes + at, &displacement, i->address_width == 2 ? 2 : 4);
        else
            gpr[i->index] = rest >> i->scale;
    } else if (i->base != i->index) {
        if (i->index != REGISTER_NONE)
            rest -= gpr[i->index] << i->scale;
        gpr[i->base] = rest;
    }
}

static void state_make(unsigned modrm)
{
    unsigned flags = now.class->flags;

    for (unsigned n = 0; n < 16; n++)
        now.before[n] = random_value();
    now.before[4] = random_target();
    now.flags_before = EFLAGS_START | (random64() & FLAGS_STATUS) | (random64() & 0x400);
    if (flags & CLASS_STRING) {
        now.before[1] = random_below(random_below(8) ? 40 : 700);
        now.before[6] = random_target();
        now.before[7] = random_target();
    }
    if (flags & CLASS_BIT && random_below(4))
        now.before[now.decoded.reg] = (uint64_t)(int64_t)((int)random_below(8192) - 4096);
    if (flags & CLASS_DIVIDE && random_below(4)) {
        now.before[2] = random_below(2) ? 0 : random_below(1000);
        now.before[0] >>= random_below(32);
    }
    if (now.class->opcode == 0xd7)
        now.before[3] = random_target();
    if (now.class->opcode == 0xc9 || now.class->opcode == 0xc8)
        now.before[5] = random_target();
    if (now.decoded.memory)
        aim(modrm, random_target());
    if (flags & CLASS_EQUAL && random_below(2) && !now.decoded.memory)
        now.before[0] = now.before[now.decoded.rm];
    if (flags & CLASS_POPF) {
        uint64_t popped = EFLAGS_START | (random64() & EFLAGS_SEEN);
        put(now.before[4], &popped, 8);
    }
    if (flags & CLASS_RETURN && random_below(4)) {
        uint64_t to = CODE + random_below(4000);
        put(now.before[4], &to, 8);
    }
    if (now.mode == 4)
        for (unsigned n = 0; n < 16; n++)
            now.before[n] = n < 8 ? now.before[n] & UINT32_MAX : 0;
}
