/* Jumps, calls, returns; interrupts of real mode. */
#include "run.h"

/* A near target: canonical, or within the limit. */
static bool target_check(struct run *r, uint64_t rip)
{
    if (r->mode == 8 ? !is_canonical(r->s, rip) : rip > r->s->cs.limit)
        return run_raise_error(r, VECTOR_GP, 0);
    return true;
}

bool near_go(struct run *r, unsigned width, uint64_t rip)
{
    rip &= mask_of(width);
    if (!target_check(r, rip))
        return false;
    r->next = rip;
    return true;
}

static bool relative_go(struct run *r)
{
    return near_go(r, r->i->width, r->next + r->i->immediate);
}

bool op_jmp(struct run *r)
{
    return relative_go(r);
}

bool op_call(struct run *r)
{
    uint64_t from = r->next;

    return relative_go(r) && push(r, r->i->width, from & mask_of(r->i->width));
}

bool op_ret(struct run *r)
{
    uint64_t rip;

    if (!pop(r, r->i->width, &rip))
        return false;
    stack_set(r, r->gpr[4] + r->i->immediate);
    return near_go(r, r->i->width, rip);
}

bool op_jcc(struct run *r)
{
    return !flags_condition(r->flags, r->i->opcode) || relative_go(r);
}

/* LOOPNE, LOOPE, LOOP, JCXZ: the counter is as wide as addresses. */
bool op_loop(struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t count = r->gpr[1] & mask_of(i->address_width);
    bool taken;

    if (i->opcode == 0xe3)
        return count || relative_go(r);
    count = (count - 1) & mask_of(i->address_width);
    gpr_set(r, 1, i->address_width, count);
    taken = count != 0;
    if (i->opcode != 0xe2)
        taken = taken && !(r->flags & FLAG_ZF) == (i->opcode == 0xe0);
    return !taken || relative_go(r);
}

static bool indirect(struct run *r)
{
    uint64_t from = r->next;
    uint64_t rip;

    if (!operand_read(r, OPERAND_RM, r->i->width, &rip) || !near_go(r, r->i->width, rip))
        return false;
    return (r->i->reg & 7) == 4 || push(r, r->i->width, from & mask_of(r->i->width));
}

static bool far_transfer(struct run *r, uint64_t selector, uint64_t offset, bool calls)
{
    unsigned width = r->i->width;
    struct far_target target;
    uint64_t from = r->next;
    uint64_t cs = r->s->cs.selector;

    if (!far_check(r, FAR_JUMP, selector, offset & mask_of(width), &target))
        return false;
    if (calls && (!push(r, width, cs) || !push(r, width, from & mask_of(width))))
        return false;
    far_go(r, &target);
    return true;
}

bool op_far_jmp(struct run *r)
{
    return far_transfer(r, r->i->selector, r->i->immediate, false);
}

bool op_far_call(struct run *r)
{
    return far_transfer(r, r->i->selector, r->i->immediate, true);
}

/* A far pointer in memory: the offset, then the selector. */
static bool indirect_far(struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t address = operand_address(r);
    uint64_t offset;
    uint64_t selector;

    if (!i->memory)
        return run_raise(r, VECTOR_UD);
    if (!memory_read(r, i->segment, address, i->width, &offset) ||
        !memory_read(r, i->segment, (address + i->width) & mask_of(i->address_width), 2, &selector))
        return false;
    return far_transfer(r, selector, offset, (i->reg & 7) == 3);
}

/* INC, DEC, CALL, CALL far, JMP, JMP far, PUSH. */
bool op_group5(struct run *r)
{
    switch (r->i->reg & 7) {
    case 0:
    case 1:
        return op_inc_dec(r);
    case 2:
    case 4:
        return indirect(r);
    case 3:
    case 5:
        return indirect_far(r);
    case 6:
        return op_push(r);
    default:
        return run_raise(r, VECTOR_UD);
    }
}

bool op_far_ret(struct run *r)
{
    struct far_target target;
    uint64_t rip;
    uint64_t cs;

    if (!pop(r, r->i->width, &rip) || !pop(r, r->i->width, &cs) ||
        !far_check(r, FAR_RETURN, cs & 0xffff, rip, &target))
        return false;
    stack_set(r, r->gpr[4] + r->i->immediate);
    far_go(r, &target);
    return true;
}

/* Back to the same privilege: not to virtual-8086 mode, another task, or in 64-bit mode. */
bool op_iret(struct run *r)
{
    unsigned width = r->i->width;
    struct far_target target;
    uint64_t rip;
    uint64_t cs;
    uint64_t flags;

    if (r->s->efer & EFER_LMA || (r->s->cr0 & CR0_PE && r->flags & (FLAG_NT | FLAG_VM)))
        return run_unknown(r);
    if (!pop(r, width, &rip) || !pop(r, width, &cs) || !pop(r, width, &flags))
        return false;
    if (r->protects && width > 2 && flags & FLAG_VM)
        return run_unknown(r);
    if (!far_check(r, FAR_RETURN, cs & 0xffff, rip, &target))
        return false;
    r->flags = flags_popped(r, flags, width);
    r->shadow &= ~SHADOW_NMI;
    far_go(r, &target);
    return true;
}

/* INT n, INT3, INTO in real mode: Intel SDM 3, 20.1.4. */
bool op_int(struct run *r)
{
    struct vcpu_state *s = r->s;
    uint64_t vector = r->i->opcode == 0xcd ? r->i->immediate & 0xff : r->i->opcode == 0xcc ? 3 : 4;
    uint64_t entry;

    if (r->i->opcode == 0xce && !(r->flags & FLAG_OF))
        return true;
    if (s->cr0 & CR0_PE)
        return run_unknown(r);
    if (vector * 4 + 3 > s->idtr.limit)
        return run_raise(r, VECTOR_GP);
    if (!push(r, 2, r->flags & 0xffff) || !push(r, 2, s->cs.selector) ||
        !push(r, 2, r->next & 0xffff) ||
        !table_read(r, (s->idtr.base + vector * 4) & UINT32_MAX, 4, &entry))
        return false;
    r->flags &= ~(FLAG_IF | FLAG_TF | FLAG_AC);
    struct far_target target = {s->cs, entry & 0xffff};
    target.cs.selector = (uint16_t)(entry >> 16);
    target.cs.base = (uint64_t)target.cs.selector << 4;
    far_go(r, &target);
    return true;
}
