/* The stack, apart from calls. Intel SDM 2: PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE. */
#include "run.h"

/* A register, an immediate, or memory; of memory the stack is looked at before a device is read. */
bool op_push(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operand = i->opcode == 0xff ? OPERAND_RM : i->from;
    uint64_t top = (r->gpr[4] - i->width) & mask_of(r->stack);
    struct access a;
    uint64_t value;

    if (!memory_resolve(r, SEGMENT_SS, top, i->width, WALK_WRITE, &a) ||
        !operand_read(r, operand, i->width, &value))
        return false;
    memory_write(r, &a, value);
    stack_set(r, top);
    return true;
}

/* RSP in the address of the operand is the one after the pop. */
bool op_pop(struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t value;

    if (i->opcode == 0x8f && i->reg & 7)
        return run_unknown(r);
    return pop(r, i->width, &value) && operand_write(r, i->to, i->width, value);
}

bool op_pusha(struct run *r)
{
    uint64_t before = r->gpr[4];

    for (unsigned n = 0; n < 8; n++)
        if (!push(r, r->i->width,
                  n == 4 ? before & mask_of(r->i->width) : gpr_get(r, n, r->i->width)))
            return false;
    return true;
}

bool op_popa(struct run *r)
{
    uint64_t value;

    for (unsigned n = 8; n-- > 0;) {
        if (!pop(r, r->i->width, &value))
            return false;
        if (n != 4)
            gpr_set(r, n, r->i->width, value);
    }
    return true;
}

/* Virtual-8086 mode with IOPL under 3: #GP, for the virtual interrupt flag is not known here. */
static bool is_denied_in_v86(const struct run *r)
{
    return r->cpl == 3 && !r->protects && (r->flags & FLAG_IOPL) != FLAG_IOPL;
}

bool op_pushf(struct run *r)
{
    if (is_denied_in_v86(r))
        return run_raise_error(r, VECTOR_GP, 0);
    return push(r, r->i->width, (r->flags & ~(FLAG_VM | FLAG_RF)) & mask_of(r->i->width));
}

bool op_popf(struct run *r)
{
    uint64_t value;

    if (is_denied_in_v86(r))
        return run_raise_error(r, VECTOR_GP, 0);
    if (!pop(r, r->i->width, &value))
        return false;
    r->flags = flags_popped(r, value, r->i->width);
    return true;
}

/*
 * The frames of the levels are copied from those of the caller (Intel SDM 1, 6.6), which may be
 * where they are copied to: one by one, after all have been found to be possible.
 */
bool op_enter(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned level = i->selector & 31;
    uint64_t frame_at = r->gpr[5];
    struct access from[31];
    struct access end; /* where the stack will be must be writable */

    if (!push(r, i->width, r->gpr[5] & mask_of(i->width)))
        return false;
    uint64_t frame = r->gpr[4];
    for (unsigned n = 1; n < level; n++) {
        frame_at -= i->width;
        if (!memory_resolve(r, SEGMENT_SS, frame_at & mask_of(r->stack), i->width, WALK_READ,
                            &from[n]) ||
            !push(r, i->width, 0))
            return false;
    }
    if (level && !push(r, i->width, frame & mask_of(i->width)))
        return false;
    stack_set(r, r->gpr[4] - i->immediate);
    if (!memory_resolve(r, SEGMENT_SS, r->gpr[4] & mask_of(r->stack), i->width, WALK_WRITE, &end))
        return false;
    gpr_set(r, 5, i->width < r->stack ? r->stack : i->width, frame);
    for (unsigned n = 0; n < r->writes; n++) {
        bool copied = n && n < level;
        access_write(r, &r->write[n].access, copied ? access_read(r, &from[n]) : r->write[n].value);
    }
    r->writes = 0;
    return true;
}

bool op_leave(struct run *r)
{
    uint64_t value;

    stack_set(r, r->gpr[5]);
    if (!pop(r, r->i->width, &value))
        return false;
    gpr_set(r, 5, r->i->width, value);
    return true;
}

uint64_t flags_popped(const struct run *r, uint64_t value, unsigned width)
{
    uint64_t taken = FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT;

    if (r->cpl == 0)
        taken |= FLAG_IOPL;
    if (r->cpl <= (r->flags & FLAG_IOPL) >> 12)
        taken |= FLAG_IF;
    if (width > 2)
        taken |= FLAG_AC | FLAG_ID;
    return ((r->flags & ~taken) | (value & taken)) & ~FLAG_RF;
}
