#include "instruction.h"

#include <string.h>

#include "vcpu.h"

#define RFLAGS_TF      (1ull << 8)
#define PENDING_STEP   (1ull << 14)
#define EFER_LMA       (1ull << 10)
#define ATTRIBUTE_LONG (1u << 9)
#define ATTRIBUTE_BIG  (1u << 10)
#define WALK_GROUPS    (STATE_CS_SS | STATE_CR | STATE_EFER)

static bool is_64(const struct vcpu_state *s)
{
    return s->efer & EFER_LMA && s->cs.attributes & ATTRIBUTE_LONG;
}

void instruction_skip_bytes(struct vcpu *v, unsigned length)
{
    struct vcpu_state *s = v->state;
    uint64_t next = s->rip + length;

    /* Past the end of 32 or 16 bits it wraps; above that it was in 64-bit mode. */
    if (next >> 32 && !(s->rip >> 32)) {
        vcpu_need(v, STATE_CS_SS | STATE_EFER);
        if (!is_64(s))
            next = (uint32_t)next;
    }
    s->rip = next;
    vcpu_change(v, STATE_RIP);
    if (s->rflags & RFLAGS_TF) {
        vcpu_need(v, STATE_INTERRUPTS);
        s->shadow &= SHADOW_NMI;
        s->pending_debug |= PENDING_STEP;
        vcpu_change(v, STATE_INTERRUPTS);
    }
}

/* The bytes from RIP on that can be read: how many. */
static unsigned fetch(struct vcpu *v, uint8_t bytes[EMULATE_BYTES], struct emulate_fault *fault)
{
    struct emulate e = {.state = v->state,
                        .memory = &v->vm->memory,
                        .cache = v->decoded,
                        .phys_bits = v->vm->physical_bits};

    vcpu_need(v, WALK_GROUPS);
    unsigned count = emulate_fetch(&e, bytes);
    *fault = e.fault;
    return count;
}

static bool is_prefix(uint8_t byte, bool in_64)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return in_64 && (byte & 0xf0) == 0x40;
    }
}

/* Bytes of prefixes in front of the opcode, which is the next byte. */
static unsigned prefixes_of(const struct vcpu_state *s, const uint8_t *bytes, unsigned count)
{
    const bool in_64 = is_64(s);
    unsigned prefixes = 0;

    while (prefixes < count && is_prefix(bytes[prefixes], in_64))
        prefixes++;
    return prefixes;
}

/* It could not be read: the guest's page tables have changed since. */
static void fetch_failed(struct vcpu *v, const struct emulate_fault *fault)
{
    if (!fault->vector)
        return;
    v->state->cr2 = fault->cr2;
    vcpu_change(v, STATE_CR);
    vcpu_raise(v, fault->vector, fault->has_error, fault->error);
}

bool instruction_skip(struct vcpu *v, unsigned opcode)
{
    struct vcpu_state *s = v->state;
    uint8_t bytes[EMULATE_BYTES];
    struct emulate_fault fault;

    if (s->instruction_length) {
        instruction_skip_bytes(v, s->instruction_length);
        return true;
    }
    unsigned count = fetch(v, bytes, &fault);
    unsigned prefixes = prefixes_of(s, bytes, count);
    if (prefixes + opcode <= count) {
        instruction_skip_bytes(v, prefixes + opcode);
        return true;
    }
    fetch_failed(v, &fault);
    return false;
}

#define OPCODE_DX 8u /* of IN and OUT 0xe4 to 0xe7, 0xec to 0xef */

void instruction_skip_io(struct vcpu *v)
{
    struct vcpu_state *s = v->state;
    uint8_t bytes[EMULATE_BYTES];
    struct emulate_fault fault;

    if (s->instruction_length) {
        instruction_skip_bytes(v, s->instruction_length);
        return;
    }
    unsigned count = fetch(v, bytes, &fault);
    unsigned prefixes = prefixes_of(s, bytes, count);
    if (prefixes < count)
        instruction_skip_bytes(v, prefixes + (bytes[prefixes] & OPCODE_DX ? 1 : 2));
    else
        fetch_failed(v, &fault);
}

#define REX_B 1u

/* 0f 20 to 0f 23, and ModRM, of which reg is the special register and rm the general one. */
bool instruction_register(struct vcpu *v, unsigned *number)
{
    struct vcpu_state *s = v->state;
    uint8_t bytes[EMULATE_BYTES];
    struct emulate_fault fault;
    unsigned count = fetch(v, bytes, &fault);
    unsigned at = prefixes_of(s, bytes, count);

    if (at + 3 > count || bytes[at] != 0x0f || (bytes[at + 1] & 0xfc) != 0x20)
        return false;
    bool rex = at && is_64(s) && (bytes[at - 1] & 0xf0) == 0x40;
    *number = (bytes[at + 2] & 7u) | (rex && bytes[at - 1] & REX_B ? 8 : 0);
    return true;
}
