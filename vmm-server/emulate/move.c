/* Moves, exchanges, flags as data, addresses. */
#include "run.h"

bool op_mov(struct run *r)
{
    uint64_t value;

    if (r->i->opcode >= 0xc6 && r->i->opcode <= 0xc7 && r->i->reg & 7)
        return run_unknown(r);
    return operand_read(r, r->i->from, r->i->width, &value) &&
           operand_write(r, r->i->to, r->i->width, value);
}

/* The source is a byte or a word by the opcode's low bit; of MOVSXD it is 4 bytes at most. */
static unsigned source_width(const struct instruction *i)
{
    if (i->opcode == 0x63)
        return i->width == 2 ? 2 : 4;
    return i->opcode & 1 ? 2 : 1;
}

bool op_movzx(struct run *r)
{
    uint64_t value;

    return operand_read(r, OPERAND_RM, source_width(r->i), &value) &&
           operand_write(r, OPERAND_REG, r->i->width, value);
}

/* In 64-bit mode 63 is MOVSXD, elsewhere ARPL. */
bool op_movsx(struct run *r)
{
    unsigned width = source_width(r->i);
    uint64_t value;

    if (r->i->opcode == 0x63 && r->mode != 8)
        return run_unknown(r);
    return operand_read(r, OPERAND_RM, width, &value) &&
           operand_write(r, OPERAND_REG, r->i->width, sign_extend(value, width));
}

static uint64_t swapped(uint64_t value, unsigned width)
{
    return __builtin_bswap64(value) >> (64 - width * 8);
}

bool op_movbe(struct run *r)
{
    uint64_t value;

    if (r->i->repeat == REPEAT_NE) /* CRC32 */
        return run_unknown(r);
    if (!r->i->memory)
        return run_raise(r, VECTOR_UD);
    return operand_read(r, r->i->from, r->i->width, &value) &&
           operand_write(r, r->i->to, r->i->width, swapped(value, r->i->width));
}

/* Of 16 bits the result is undefined: it is 0, as on most. */
bool op_bswap(struct run *r)
{
    unsigned width = r->i->width;
    uint64_t value = gpr_get(r, r->i->reg, width);

    gpr_set(r, r->i->reg, width, width == 2 ? 0 : swapped(value, width));
    return true;
}

/* Memory is locked with or without the prefix. 90 is NOP unless REX.B makes the register R8. */
bool op_xchg(struct run *r)
{
    unsigned width = r->i->width;
    bool plain = r->i->opcode >= 0x90;
    unsigned other = plain ? 0 : r->i->reg;
    unsigned to = plain ? OPERAND_REG : OPERAND_RM;
    uint64_t a;

    if (plain && r->i->reg == 0)
        return true;
    uint64_t b = gpr_get(r, other, width);
    if ((!plain && !rm_open(r, width, WALK_WRITE)) || !operand_read(r, to, width, &a))
        return false;
    gpr_set_operand(r, other, width, a);
    operand_write(r, to, width, b);
    if (r->writes)
        r->write[0].locked = true;
    return true;
}

bool op_xadd(struct run *r)
{
    unsigned width = r->i->width;
    uint64_t b = gpr_get(r, r->i->reg, width);
    uint64_t a;

    if (!rm_open(r, width, WALK_WRITE) || !operand_read(r, OPERAND_RM, width, &a))
        return false;
    uint64_t sum = alu(0, a, b, width, &r->flags);
    gpr_set_operand(r, r->i->reg, width, a);
    return operand_write(r, OPERAND_RM, width, sum);
}

/* Writes in any case: what was there, if it is not equal. */
bool op_cmpxchg(struct run *r)
{
    unsigned width = r->i->width;
    uint64_t a;

    if (!rm_open(r, width, WALK_WRITE) || !operand_read(r, OPERAND_RM, width, &a))
        return false;
    alu(7, r->gpr[0] & mask_of(width), a, width, &r->flags);
    if (r->flags & FLAG_ZF)
        return operand_write(r, OPERAND_RM, width, gpr_get(r, r->i->reg, width));
    gpr_set(r, 0, width, a);
    return !r->i->memory || operand_write(r, OPERAND_RM, width, a);
}

/* As on the processor, of 16 aligned bytes of RAM: no builtin that both compilers have does it. */
static bool exchange_16(void *host, uint64_t old[2], uint64_t low, uint64_t high)
{
    uint64_t(*memory)[2] = host;
    bool equal;

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(equal), "+m"(*memory), "+a"(old[0]), "+d"(old[1])
                     : "b"(low), "c"(high));
    return equal;
}

static bool compare_16(struct run *r)
{
    uint64_t old[2] = {r->gpr[0], r->gpr[2]};
    uint64_t base = r->i->segment >= SEGMENT_FS ? segment_at(r->s, r->i->segment)->base : 0;

    if ((base + operand_address(r)) & 15)
        return run_raise_error(r, VECTOR_GP, 0);
    if (!rm_open(r, 16, WALK_WRITE))
        return false;
    if (!r->rm.host[0])
        return run_unknown(r);
    bool equal = exchange_16(r->rm.host[0], old, r->gpr[3], r->gpr[1]);
    r->flags = flags_set(r->flags, FLAG_ZF, equal);
    r->gpr[0] = old[0];
    r->gpr[2] = old[1];
    return true;
}

/* CMPXCHG8B and, with REX.W, CMPXCHG16B, which must be aligned, and here be in RAM. */
bool op_cmpxchg8b(struct run *r)
{
    uint64_t a;

    if ((r->i->reg & 7) != 1 || !r->i->memory) /* RDRAND, XSAVES */
        return run_unknown(r);
    if (r->i->width == 8)
        return compare_16(r);
    if (!rm_open(r, 8, WALK_WRITE) || !operand_read(r, OPERAND_RM, 8, &a))
        return false;
    bool equal = a == (r->gpr[2] << 32 | (r->gpr[0] & UINT32_MAX));
    r->flags = flags_set(r->flags, FLAG_ZF, equal);
    if (equal)
        return operand_write(r, OPERAND_RM, 8, r->gpr[1] << 32 | (r->gpr[3] & UINT32_MAX));
    gpr_set(r, 0, 4, a);
    gpr_set(r, 2, 4, a >> 32);
    return operand_write(r, OPERAND_RM, 8, a);
}

bool op_cmov(struct run *r)
{
    unsigned width = r->i->width;
    uint64_t value;

    if (!operand_read(r, OPERAND_RM, width, &value)) /* it faults in any case */
        return false;
    if (!flags_condition(r->flags, r->i->opcode))
        value = gpr_get(r, r->i->reg, width);
    return operand_write(r, OPERAND_REG, width, value);
}

bool op_setcc(struct run *r)
{
    return operand_write(r, OPERAND_RM, 1, flags_condition(r->flags, r->i->opcode));
}

bool op_lea(struct run *r)
{
    return operand_write(r, OPERAND_REG, r->i->width, operand_address(r));
}

bool op_xlat(struct run *r)
{
    uint64_t address = (r->gpr[3] + (r->gpr[0] & 0xff)) & mask_of(r->i->address_width);
    uint64_t value;

    if (!memory_read(r, r->i->segment, address, 1, &value))
        return false;
    gpr_set(r, 0, 1, value);
    return true;
}

/* NOP, PAUSE, prefetches: an address is computed, nothing more. */
bool op_nop(struct run *r)
{
    (void)r;
    return true;
}

/* CMC, CLC, STC, CLD, STD. */
bool op_flag(struct run *r)
{
    switch (r->i->opcode) {
    case 0xf5:
        r->flags ^= FLAG_CF;
        break;
    case 0xf8:
    case 0xf9:
        r->flags = flags_set(r->flags, FLAG_CF, r->i->opcode & 1);
        break;
    default:
        r->flags = flags_set(r->flags, FLAG_DF, r->i->opcode & 1);
        break;
    }
    return true;
}

#define FLAGS_AH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF)

bool op_sahf(struct run *r)
{
    r->flags = (r->flags & ~FLAGS_AH) | (r->gpr[0] >> 8 & FLAGS_AH);
    return true;
}

bool op_lahf(struct run *r)
{
    r->gpr[0] = (r->gpr[0] & ~0xff00ull) | ((r->flags & FLAGS_AH) | FLAG_ONE) << 8;
    return true;
}
