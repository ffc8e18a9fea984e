/* Segment registers. Intel SDM 3, 5.4 to 5.8; in real and virtual-8086 mode 20.1.1. */
#include "run.h"

struct descriptor {
    struct vcpu_segment segment;
    struct access access; /* of its upper half, to set the accessed bit */
    uint64_t value;
};

static bool is_null(uint64_t selector)
{
    return !(selector & 0xfffc);
}

static struct vcpu_segment real_segment(const struct run *r, const struct vcpu_segment *old,
                                        uint64_t selector)
{
    struct vcpu_segment segment = *old;

    segment.selector = (uint16_t)selector;
    segment.base = selector << 4;
    if (r->s->cr0 & CR0_PE) { /* virtual-8086 mode */
        segment.limit = 0xffff;
        segment.attributes = 0xf3;
    }
    return segment;
}

/* Reads the descriptor. error: what the exceptions say, the selector without RPL. */
static bool descriptor_read(struct run *r, uint64_t selector, struct descriptor *d)
{
    const struct vcpu_state *s = r->s;
    const struct vcpu_segment *table = selector & 4 ? &s->ldtr : &s->gdtr;
    uint64_t offset = selector & 0xfff8;
    uint64_t linear = table->base + offset;

    if (offset + 7 > table->limit || (selector & 4 && !(table->attributes & SEGMENT_PRESENT)))
        return run_raise_error(r, VECTOR_GP, selector & 0xfffc);
    if (!(s->efer & EFER_LMA))
        linear &= UINT32_MAX;
    if (!table_read(r, linear, 8, &d->value) ||
        !linear_resolve(r, linear + 5, 1, WALK_IMPLICIT, &d->access))
        return false;
    uint64_t v = d->value;
    d->segment.selector = (uint16_t)selector;
    d->segment.attributes = (uint16_t)((v >> 40 & 0xff) | (v >> 52 & 0xf) << 8);
    d->segment.base = (v >> 16 & 0xffffff) | (v >> 56) << 24;
    d->segment.limit = (uint32_t)((v & 0xffff) | (v >> 48 & 0xf) << 16);
    if (d->segment.attributes & SEGMENT_GRANULAR)
        d->segment.limit = d->segment.limit << 12 | 0xfff;
    return true;
}

/* Sets the accessed bit, in memory too, as a write of the processor itself. */
static bool descriptor_use(struct run *r, struct descriptor *d)
{
    uint64_t linear = (d->segment.selector & 4 ? r->s->ldtr.base : r->s->gdtr.base) +
                      (d->segment.selector & 0xfff8) + 5;

    if (d->segment.attributes & SEGMENT_ACCESSED)
        return true;
    if (!(r->s->efer & EFER_LMA))
        linear &= UINT32_MAX;
    if (!linear_resolve(r, linear, 1, WALK_WRITE | WALK_IMPLICIT, &d->access))
        return false;
    d->segment.attributes |= SEGMENT_ACCESSED;
    memory_write(r, &d->access, d->segment.attributes & 0xff);
    return true;
}

/* Whether a descriptor is one that SS can have: writable data of this privilege. */
static bool stack_is_legal(const struct run *r, uint64_t selector, unsigned attributes)
{
    return (selector & 3) == r->cpl && (attributes >> 5 & 3) == r->cpl &&
           attributes & SEGMENT_CODE_DATA && !(attributes & SEGMENT_CODE) &&
           attributes & SEGMENT_WRITABLE;
}

static bool data_is_legal(const struct run *r, uint64_t selector, unsigned attributes)
{
    unsigned dpl = attributes >> 5 & 3;

    if (!(attributes & SEGMENT_CODE_DATA))
        return false;
    if (attributes & SEGMENT_CODE) {
        if (!(attributes & SEGMENT_WRITABLE))
            return false; /* not readable */
        if (attributes & SEGMENT_DOWN)
            return true; /* conforming */
    }
    return dpl >= r->cpl && dpl >= (selector & 3);
}

/* A null selector: SS can have it in 64-bit mode only, at a privilege under 3. */
static bool null_load(struct run *r, struct vcpu_segment *segment, unsigned number,
                      uint64_t selector)
{
    if (number == SEGMENT_SS) {
        if (r->mode != 8 || r->cpl == 3 || (selector & 3) != r->cpl)
            return run_raise_error(r, VECTOR_GP, 0);
        segment->selector = (uint16_t)selector; /* the rest keeps the CPL */
        segment->attributes = (uint16_t)(segment->attributes & ~SEGMENT_PRESENT);
        return true;
    }
    *segment = (struct vcpu_segment){.selector = (uint16_t)selector};
    return true;
}

bool segment_load(struct run *r, unsigned number, uint64_t selector)
{
    struct vcpu_segment *segment = segment_at(r->s, number);
    struct descriptor d;

    if (!r->protects) {
        *segment = real_segment(r, segment, selector);
    } else if (is_null(selector)) {
        if (!null_load(r, segment, number, selector))
            return false;
    } else {
        if (!descriptor_read(r, selector, &d))
            return false;
        unsigned attributes = d.segment.attributes;
        if (number == SEGMENT_SS ? !stack_is_legal(r, selector, attributes)
                                 : !data_is_legal(r, selector, attributes))
            return run_raise_error(r, VECTOR_GP, selector & 0xfffc);
        if (!(attributes & SEGMENT_PRESENT))
            return run_raise_error(r, number == SEGMENT_SS ? VECTOR_SS : VECTOR_NP,
                                   selector & 0xfffc);
        if (!descriptor_use(r, &d))
            return false;
        *segment = d.segment;
    }
    r->changed |= number == SEGMENT_SS   ? STATE_CS_SS
                  : number >= SEGMENT_FS ? STATE_FS_GS
                                         : STATE_DS_ES;
    return true;
}

/* Code of this privilege; gates, tasks and returns to other privileges are not known here. */
static bool code_check(struct run *r, enum far_kind kind, uint64_t selector, struct descriptor *d)
{
    uint64_t error = selector & 0xfffc;

    if (is_null(selector))
        return run_raise_error(r, VECTOR_GP, 0);
    if (!descriptor_read(r, selector, d))
        return false;
    struct vcpu_segment *s = &d->segment;
    if (!(s->attributes & SEGMENT_CODE_DATA))
        return kind == FAR_JUMP ? run_unknown(r) : run_raise_error(r, VECTOR_GP, error);
    unsigned rpl = selector & 3;
    if (kind == FAR_RETURN && rpl > r->cpl)
        return run_unknown(r);
    bool conforming = s->attributes & SEGMENT_DOWN;
    bool privileged = conforming ? SEGMENT_DPL(s) <= r->cpl : SEGMENT_DPL(s) == r->cpl;
    if (!(s->attributes & SEGMENT_CODE) || !privileged ||
        (kind == FAR_RETURN ? rpl != r->cpl : rpl > r->cpl && !conforming))
        return run_raise_error(r, VECTOR_GP, error);
    if (!(s->attributes & SEGMENT_PRESENT))
        return run_raise_error(r, VECTOR_NP, error);
    if (r->s->efer & EFER_LMA &&
        (s->attributes & (SEGMENT_LONG | SEGMENT_BIG)) == (SEGMENT_LONG | SEGMENT_BIG))
        return run_raise_error(r, VECTOR_GP, error);
    s->selector = (uint16_t)((selector & 0xfffc) | r->cpl);
    return true;
}

bool far_check(struct run *r, enum far_kind kind, uint64_t selector, uint64_t offset,
               struct far_target *target)
{
    struct descriptor d;

    target->rip = offset;
    if (!r->protects) {
        target->cs = real_segment(r, &r->s->cs, selector);
        return offset <= target->cs.limit || run_raise_error(r, VECTOR_GP, 0);
    }
    if (!code_check(r, kind, selector, &d))
        return false;
    target->cs = d.segment;
    bool is_64 = r->s->efer & EFER_LMA && d.segment.attributes & SEGMENT_LONG;
    if (is_64 ? !is_canonical(r->s, offset) : offset > d.segment.limit)
        return run_raise_error(r, VECTOR_GP, 0);
    if (!descriptor_use(r, &d))
        return false;
    target->cs = d.segment;
    return true;
}

void far_go(struct run *r, const struct far_target *target)
{
    r->s->cs = target->cs;
    r->next = target->rip;
    r->changed |= STATE_CS_SS;
}

static unsigned number_of(unsigned opcode)
{
    return opcode >= 0x1a0 ? (opcode & 8 ? SEGMENT_GS : SEGMENT_FS) : opcode >> 3 & 3;
}

/* To memory 2 bytes, to a register as wide as that. */
bool op_mov_from_segment(struct run *r)
{
    unsigned number = r->i->reg & 7;

    if (number > SEGMENT_GS)
        return run_raise(r, VECTOR_UD);
    return operand_write(r, OPERAND_RM, r->i->memory ? 2 : r->i->width,
                         segment_at(r->s, number)->selector);
}

bool op_mov_to_segment(struct run *r)
{
    unsigned number = r->i->reg & 7;
    uint64_t selector;

    if (number > SEGMENT_GS || number == SEGMENT_CS)
        return run_raise(r, VECTOR_UD);
    if (!operand_read(r, OPERAND_RM, 2, &selector) || !segment_load(r, number, selector))
        return false;
    if (number == SEGMENT_SS)
        r->shadow |= SHADOW_MOV_SS;
    return true;
}

/* The whole slot is written: some processors leave the upper half of 4 bytes, which is allowed. */
bool op_push_segment(struct run *r)
{
    return push(r, r->i->width, segment_at(r->s, number_of(r->i->opcode))->selector);
}

bool op_pop_segment(struct run *r)
{
    unsigned number = number_of(r->i->opcode);
    uint64_t selector;

    uint64_t top = r->gpr[4] & mask_of(r->stack);

    if (!memory_read(r, SEGMENT_SS, top, 2, &selector))
        return false;
    stack_set(r, top + r->i->width);
    if (!segment_load(r, number, selector))
        return false;
    if (number == SEGMENT_SS)
        r->shadow |= SHADOW_MOV_SS;
    return true;
}

/* LES, LDS, LSS, LFS, LGS. */
bool op_load_far(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned number = i->opcode == 0xc4   ? SEGMENT_ES
                      : i->opcode == 0xc5 ? SEGMENT_DS
                                          : i->opcode & 7;
    uint64_t address = operand_address(r);
    uint64_t offset;
    uint64_t selector;

    return memory_read(r, i->segment, address, i->width, &offset) &&
           memory_read(r, i->segment, (address + i->width) & mask_of(i->address_width), 2,
                       &selector) &&
           segment_load(r, number, selector) && operand_write(r, OPERAND_REG, i->width, offset);
}
