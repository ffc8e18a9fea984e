/* Operands of an instruction: registers, memory, immediates, the stack. */
#include "run.h"

uint64_t operand_address(const struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t address = i->displacement;

    if (i->base != REGISTER_NONE)
        address += r->gpr[i->base];
    if (i->index != REGISTER_NONE)
        address += r->gpr[i->index] << i->scale;
    return address & mask_of(i->address_width);
}

bool rm_open(struct run *r, unsigned width, enum walk_access access)
{
    if (!r->i->memory || r->opened)
        return true;
    r->opened = true;
    return memory_resolve(r, r->i->segment, operand_address(r), width, access, &r->rm);
}

bool operand_read(struct run *r, unsigned operand, unsigned width, uint64_t *value)
{
    switch (operand) {
    case OPERAND_RM:
        if (!r->i->memory) {
            *value = gpr_get(r, r->i->rm, width);
            return true;
        }
        if (!rm_open(r, width, WALK_READ))
            return false;
        r->loaded = access_read(r, &r->rm);
        *value = r->loaded;
        return true;
    case OPERAND_REG:
        *value = gpr_get(r, r->i->reg, width);
        return true;
    case OPERAND_IMMEDIATE:
        *value = r->i->immediate & mask_of(width);
        return true;
    case OPERAND_CL:
        *value = r->gpr[1] & 0xff;
        return true;
    default:
        *value = 1;
        return true;
    }
}

/* Memory is only written if it is as it was read, where the instruction is locked. */
bool operand_write(struct run *r, unsigned operand, unsigned width, uint64_t value)
{
    if (operand == OPERAND_REG) {
        gpr_set_operand(r, r->i->reg, width, value);
        return true;
    }
    if (!r->i->memory) {
        gpr_set_operand(r, r->i->rm, width, value);
        return true;
    }
    if (!rm_open(r, width, WALK_WRITE))
        return false;
    r->write[r->writes++] = (struct write){r->rm, value, r->loaded, r->i->locked};
    return true;
}

void stack_set(struct run *r, uint64_t value)
{
    gpr_set(r, 4, r->stack, value);
}

bool push(struct run *r, unsigned width, uint64_t value)
{
    uint64_t top = (r->gpr[4] - width) & mask_of(r->stack);
    struct access a;

    if (!memory_resolve(r, SEGMENT_SS, top, width, WALK_WRITE, &a))
        return false;
    memory_write(r, &a, value);
    stack_set(r, top);
    return true;
}

bool pop(struct run *r, unsigned width, uint64_t *value)
{
    uint64_t top = r->gpr[4] & mask_of(r->stack);

    if (!memory_read(r, SEGMENT_SS, top, width, value))
        return false;
    stack_set(r, top + width);
    return true;
}
