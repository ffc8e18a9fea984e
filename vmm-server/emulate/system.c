/* Ports, the interrupt flag, descriptor-table and control registers. Intel SDM 3, 2 and 4.1. */
#include "run.h"

#define CR0_KNOWN 0xe005003full
#define CR0_ET    (1ull << 4)
#define CR0_LMSW  0xfull
#define CR4_PCIDE (1ull << 17)
#define CR4_PAGES 0x00107030ull /* PSE, PAE, UMIP.., SMEP: what PDPTEs are loaded again for */

/* Intel SDM 1, 19.5.2: the bitmap's bytes, two of which are always read. */
bool ports_allowed(struct run *r, uint64_t port, unsigned size)
{
    const struct vcpu_segment *tr = &r->s->tr;
    unsigned type = tr->attributes & 0xf;
    uint64_t base;
    uint64_t bits;

    if (!(r->s->cr0 & CR0_PE) || (r->protects && r->cpl <= (r->flags & FLAG_IOPL) >> 12))
        return true;
    if (!(tr->attributes & SEGMENT_PRESENT) || (type != 9 && type != 11) || tr->limit < 103)
        return run_raise_error(r, VECTOR_GP, 0);
    if (!table_read(r, tr->base + 102, 2, &base))
        return false;
    if (base + port / 8 + 1 > tr->limit)
        return run_raise_error(r, VECTOR_GP, 0);
    if (!table_read(r, tr->base + base + port / 8, 2, &bits))
        return false;
    if (bits >> (port & 7) & mask_of(size) & ((1u << size) - 1))
        return run_raise_error(r, VECTOR_GP, 0);
    return true;
}

/* Bit 3 of the opcode: the port is in DX; bit 1: output. */
bool op_in_out(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned width = i->width == 8 ? 4 : i->width;
    uint64_t port = i->opcode & 8 ? r->gpr[2] & 0xffff : i->immediate & 0xff;

    if (!ports_allowed(r, port, width))
        return false;
    if (i->opcode & 2)
        bus_write(r->e->ports, port, width, gpr_get(r, 0, width));
    else
        gpr_set(r, 0, width, bus_read(r->e->ports, port, width));
    return true;
}

/* CLI and STI; the virtual interrupt flag of VME and PVI is not known here. */
bool op_interrupt_flag(struct run *r)
{
    bool on = r->i->opcode & 1;

    if (r->cpl > (r->flags & FLAG_IOPL) >> 12)
        return run_raise_error(r, VECTOR_GP, 0);
    if (on && !(r->flags & FLAG_IF))
        r->shadow |= SHADOW_STI;
    r->flags = flags_set(r->flags, FLAG_IF, on);
    return true;
}

static bool is_supervisor(struct run *r)
{
    return r->cpl == 0 || run_raise_error(r, VECTOR_GP, 0);
}

static bool may_store(struct run *r)
{
    return !(r->s->cr4 & CR4_UMIP) || is_supervisor(r);
}

/* SLDT and STR; the rest of the group is not known here. */
bool op_group6(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operation = i->reg & 7;

    if (operation > 1)
        return run_unknown(r);
    if (!r->protects)
        return run_raise(r, VECTOR_UD);
    if (!may_store(r))
        return false;
    return operand_write(r, OPERAND_RM, i->memory ? 2 : i->width,
                         operation ? r->s->tr.selector : r->s->ldtr.selector);
}

/* The limit, then the base: 6 bytes, or 10 in 64-bit mode. */
static bool table_store(struct run *r, const struct vcpu_segment *table)
{
    unsigned base = r->mode == 8 ? 8 : 4;
    uint64_t address = operand_address(r);
    struct access limit;
    struct access rest;

    if (!may_store(r) || !memory_resolve(r, r->i->segment, address, 2, WALK_WRITE, &limit) ||
        !memory_resolve(r, r->i->segment, (address + 2) & mask_of(r->i->address_width), base,
                        WALK_WRITE, &rest))
        return false;
    memory_write(r, &limit, table->limit & 0xffff);
    memory_write(r, &rest, table->base);
    return true;
}

static bool table_load(struct run *r, struct vcpu_segment *table)
{
    unsigned width = r->mode == 8 ? 8 : 4;
    uint64_t address = operand_address(r);
    uint64_t limit;
    uint64_t base;

    if (!is_supervisor(r) || !memory_read(r, r->i->segment, address, 2, &limit) ||
        !memory_read(r, r->i->segment, (address + 2) & mask_of(r->i->address_width), width, &base))
        return false;
    if (r->mode != 8 && r->i->width == 2)
        base &= 0xffffff;
    if (r->mode == 8 && !is_canonical(r->s, base))
        return run_raise_error(r, VECTOR_GP, 0);
    table->limit = (uint32_t)limit;
    table->base = base;
    r->changed |= STATE_GDTR_IDTR;
    return true;
}

/* PAE paging without long mode has its top level in registers: Intel SDM 3, 4.4.1. */
static bool pdptes_load(struct run *r, uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
    struct vcpu_state *s = r->s;
    uint64_t too_high = r->e->phys_bits < 52 ? (1ull << 52) - (1ull << r->e->phys_bits) : 0;
    uint64_t pdpte[4];

    if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || s->efer & (EFER_LMA | EFER_LME))
        return true;
    if (!guest_read(r->e->memory, cr3 & 0xffffffe0, pdpte, sizeof(pdpte)))
        return run_unknown(r);
    for (unsigned n = 0; n < 4; n++)
        if (pdpte[n] & 1 && pdpte[n] & (0xfff00000000001e6ull | too_high))
            return run_raise_error(r, VECTOR_GP, 0);
    memcpy(s->pdpte, pdpte, sizeof(pdpte));
    return true;
}

static bool cr0_write(struct run *r, uint64_t value)
{
    struct vcpu_state *s = r->s;
    uint64_t old = s->cr0;

    if ((value >> 32) || (value & CR0_PG && !(value & CR0_PE)) ||
        (value & CR0_NW && !(value & CR0_CD)))
        return run_raise_error(r, VECTOR_GP, 0);
    value = (value & CR0_KNOWN) | CR0_ET;
    if ((old ^ value) & CR0_PG) {
        bool longs = s->efer & EFER_LME;
        if (value & CR0_PG && longs && (!(s->cr4 & CR4_PAE) || s->cs.attributes & SEGMENT_LONG))
            return run_raise_error(r, VECTOR_GP, 0);
        if (!(value & CR0_PG) && (r->mode == 8 || s->cr4 & CR4_PCIDE))
            return run_raise_error(r, VECTOR_GP, 0);
        if (!pdptes_load(r, value, s->cr3, s->cr4))
            return false;
        if (longs) {
            s->efer = value & CR0_PG ? s->efer | EFER_LMA : s->efer & ~EFER_LMA;
            r->changed |= STATE_EFER;
        }
    }
    s->cr0 = value;
    r->changed |= STATE_CR;
    return true;
}

/* What a guest's CPU has of CR4 the VCPU's owner knows: bits are not refused here but as below. */
static bool cr4_write(struct run *r, uint64_t value)
{
    struct vcpu_state *s = r->s;
    uint64_t changed = s->cr4 ^ value;

    if (value >> 32 || (s->efer & EFER_LMA && (!(value & CR4_PAE) || changed & CR4_LA57)) ||
        (value & changed & CR4_PCIDE && (!(s->efer & EFER_LMA) || s->cr3 & 0xfff)))
        return run_raise_error(r, VECTOR_GP, 0);
    if (changed & CR4_PAGES && !pdptes_load(r, s->cr0, s->cr3, value))
        return false;
    s->cr4 = value;
    r->changed |= STATE_CR;
    return true;
}

static bool cr3_write(struct run *r, uint64_t value)
{
    struct vcpu_state *s = r->s;

    if (s->cr4 & CR4_PCIDE)
        value &= ~(1ull << 63);
    if (s->efer & EFER_LMA && value >> r->e->phys_bits)
        return run_raise_error(r, VECTOR_GP, 0);
    if (!pdptes_load(r, s->cr0, value, s->cr4))
        return false;
    s->cr3 = value;
    r->changed |= STATE_CR;
    return true;
}

/* 8 bytes in 64-bit mode, else 4; ModRM always names a register. CR8 is not in EMULATE_STATE. */
bool op_mov_cr(struct run *r)
{
    struct vcpu_state *s = r->s;
    unsigned width = r->mode == 8 ? 8 : 4;
    uint64_t value = r->gpr[r->i->rm] & mask_of(width);

    if (r->i->reg == 8 || r->i->memory)
        return run_unknown(r);
    if (r->i->reg == 1 || r->i->reg > 4)
        return run_raise(r, VECTOR_UD);
    if (!is_supervisor(r))
        return false;
    uint64_t *cr = r->i->reg == 0   ? &s->cr0
                   : r->i->reg == 2 ? &s->cr2
                   : r->i->reg == 3 ? &s->cr3
                                    : &s->cr4;
    if (r->i->opcode == 0x120) {
        gpr_set(r, r->i->rm, width, *cr);
        return true;
    }
    switch (r->i->reg) {
    case 0:
        return cr0_write(r, value);
    case 3:
        return cr3_write(r, value);
    case 4:
        return cr4_write(r, value);
    default:
        s->cr2 = value;
        r->changed |= STATE_CR;
        return true;
    }
}

bool op_clts(struct run *r)
{
    return is_supervisor(r) && cr0_write(r, r->s->cr0 & ~CR0_TS);
}

/* PE, MP, EM, TS; PE is not cleared. */
static bool lmsw(struct run *r)
{
    uint64_t old = r->s->cr0;
    uint64_t value;

    if (!is_supervisor(r) || !operand_read(r, OPERAND_RM, 2, &value))
        return false;
    return cr0_write(r, (old & ~CR0_LMSW) | (value & CR0_LMSW) | (old & CR0_PE));
}

/* SGDT, SIDT, LGDT, LIDT, SMSW, LMSW, INVLPG; of registers others, not known here. */
bool op_group7(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operation = i->reg & 7;

    if (operation == 4)
        return may_store(r) && operand_write(r, OPERAND_RM, i->memory ? 2 : i->width, r->s->cr0);
    if (operation == 6)
        return lmsw(r);
    if (!i->memory)
        return run_unknown(r);
    switch (operation) {
    case 0:
        return table_store(r, &r->s->gdtr);
    case 1:
        return table_store(r, &r->s->idtr);
    case 2:
        return table_load(r, &r->s->gdtr);
    case 3:
        return table_load(r, &r->s->idtr);
    case 7:
        r->changed |= STATE_CR; /* the kernel forgets translations */
        return is_supervisor(r);
    default:
        return run_unknown(r);
    }
}
