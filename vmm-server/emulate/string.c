/*
 * MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, repeated or not. A call does at most 4 KiB; when more is
 * to come RIP stays on the instruction, as between two steps that an interrupt parts. A fault after
 * the first step is told by the next call, which begins with it.
 */
#include "run.h"

#define BYTES_A_CALL 4096u

enum kind { MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS };

static enum kind kind_of(unsigned opcode)
{
    switch (opcode & ~1u) {
    case 0x6c:
        return INS;
    case 0x6e:
        return OUTS;
    case 0xa4:
        return MOVS;
    case 0xa6:
        return CMPS;
    case 0xaa:
        return STOS;
    case 0xac:
        return LODS;
    default:
        return SCAS;
    }
}

/* Some steps whose operands lie in one page each, so that they are resolved once. */
struct batch {
    enum kind kind;
    unsigned width;
    uint64_t steps;
    bool reads, writes; /* memory at SI; uses memory at DI */
    struct access source, destination;
};

static uint64_t room(const struct run *r, unsigned reg, unsigned width)
{
    uint64_t at = gpr_get(r, reg, r->i->address_width);

    return (4096 - (at & 4095)) / width;
}

static bool batch_resolve(struct run *r, struct batch *b)
{
    unsigned address = r->i->address_width;
    unsigned size = b->width * (unsigned)b->steps;
    enum walk_access access = b->kind == CMPS || b->kind == SCAS ? WALK_READ : WALK_WRITE;

    if (b->reads && !memory_resolve(r, r->i->segment, r->gpr[6] & mask_of(address), size, WALK_READ,
                                    &b->source))
        return false;
    return !b->writes || memory_resolve(r, SEGMENT_ES, r->gpr[7] & mask_of(address), size, access,
                                        &b->destination);
}

/* Offsets are only as good as the segment's base: what crosses a page is done a step at a time. */
static bool batch_open(struct run *r, struct batch *b, uint64_t steps)
{
    b->steps = r->flags & FLAG_DF || steps < 1 ? 1 : steps;
    if (b->reads && b->steps > room(r, 6, b->width))
        b->steps = room(r, 6, b->width);
    if (b->writes && b->steps > room(r, 7, b->width))
        b->steps = room(r, 7, b->width);
    if (b->steps > 1 && batch_resolve(r, b) && (!b->reads || b->source.first == b->source.size) &&
        (!b->writes || b->destination.first == b->destination.size))
        return true;
    b->steps = 1;
    return batch_resolve(r, b);
}

/* The operand of a step. */
static struct access step_access(const struct batch *b, const struct access *whole, uint64_t step)
{
    struct access a = *whole;

    if (b->steps == 1)
        return a;
    a.size = b->width;
    a.first = b->width;
    a.gpa[0] += step * b->width;
    if (a.host[0])
        a.host[0] += step * b->width;
    return a;
}

static uint64_t step_read(struct run *r, const struct batch *b, const struct access *whole,
                          uint64_t step)
{
    struct access a = step_access(b, whole, step);

    return access_read(r, &a);
}

static void step_write(struct run *r, const struct batch *b, uint64_t step, uint64_t value)
{
    struct access a = step_access(b, &b->destination, step);

    access_write(r, &a, value);
}

static void step(struct run *r, const struct batch *b, uint64_t n)
{
    uint64_t a = gpr_get(r, 0, b->width);
    uint64_t port = r->gpr[2] & 0xffff;

    switch (b->kind) {
    case MOVS:
        step_write(r, b, n, step_read(r, b, &b->source, n));
        break;
    case CMPS:
        a = step_read(r, b, &b->source, n);
        /* fall through */
    case SCAS:
        alu(7, a, step_read(r, b, &b->destination, n), b->width, &r->flags);
        break;
    case STOS:
        step_write(r, b, n, a);
        break;
    case LODS:
        gpr_set(r, 0, b->width, step_read(r, b, &b->source, n));
        break;
    case INS:
        step_write(r, b, n, bus_read(r->e->ports, port, b->width));
        break;
    default:
        bus_write(r->e->ports, port, b->width, step_read(r, b, &b->source, n));
        break;
    }
}

static void advance(struct run *r, const struct batch *b)
{
    unsigned address = r->i->address_width;
    uint64_t by = r->flags & FLAG_DF ? -(uint64_t)b->width : b->width;

    if (b->reads)
        gpr_set(r, 6, address, r->gpr[6] + by);
    if (b->writes)
        gpr_set(r, 7, address, r->gpr[7] + by);
    if (r->i->repeat)
        gpr_set(r, 1, address, r->gpr[1] - 1);
}

/* A comparison that ends the repetition: REPE at the first difference, REPNE at the first match. */
static bool is_decided(const struct run *r, const struct batch *b)
{
    if (b->kind != CMPS && b->kind != SCAS)
        return false;
    return !(r->flags & FLAG_ZF) == (r->i->repeat == REPEAT_E);
}

static bool repeat(struct run *r, struct batch *b)
{
    uint64_t left = r->s->rflags & FLAG_TF ? 1 : BYTES_A_CALL / b->width;
    bool first = true;

    for (;;) {
        uint64_t count = gpr_get(r, 1, r->i->address_width);
        if (!count)
            return true;
        if (!left)
            break;
        if (!batch_open(r, b, count < left ? count : left)) {
            if (first)
                return false;
            break;
        }
        first = false;
        left -= b->steps;
        for (uint64_t n = 0; n < b->steps; n++) {
            step(r, b, n);
            advance(r, b);
            if (is_decided(r, b))
                return true;
        }
    }
    r->next = r->s->rip;
    return true;
}

bool op_string(struct run *r)
{
    struct batch b = {.kind = kind_of(r->i->opcode), .width = r->i->width};

    if ((b.kind == INS || b.kind == OUTS) && b.width == 8)
        b.width = 4;
    b.reads = b.kind == MOVS || b.kind == CMPS || b.kind == LODS || b.kind == OUTS;
    b.writes = b.kind != LODS && b.kind != OUTS;
    if ((b.kind == INS || b.kind == OUTS) && !ports_allowed(r, r->gpr[2] & 0xffff, b.width))
        return false;
    if (r->i->repeat)
        return repeat(r, &b);
    if (!batch_open(r, &b, 1))
        return false;
    step(r, &b, 0);
    advance(r, &b);
    return true;
}
