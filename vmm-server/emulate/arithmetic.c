/* Addition to division, comparisons, conversions. */
#include "run.h"

static bool is_both(struct run *r, uint64_t *a, uint64_t *b)
{
    return operand_read(r, r->i->to, r->i->width, a) && operand_read(r, r->i->from, r->i->width, b);
}

/* The operation is bits 5:3 of the opcode, or in group 1 of ModRM. */
bool op_alu(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operation = i->opcode >= 0x80 ? i->reg & 7 : i->opcode >> 3;
    uint64_t a;
    uint64_t b;

    if (operation != 7 && i->to == OPERAND_RM && !rm_open(r, i->width, WALK_WRITE))
        return false;
    if (!is_both(r, &a, &b))
        return false;
    uint64_t result = alu(operation, a, b, i->width, &r->flags);
    return operation == 7 || operand_write(r, i->to, i->width, result);
}

bool op_test(struct run *r)
{
    uint64_t a;
    uint64_t b;

    if (!is_both(r, &a, &b))
        return false;
    alu(4, a, b, r->i->width, &r->flags);
    return true;
}

bool op_inc_dec(struct run *r)
{
    const struct instruction *i = r->i;
    bool decrements = i->opcode >= 0xfe ? i->reg & 1 : i->opcode & 8;
    uint64_t carry = r->flags & FLAG_CF;
    uint64_t a;

    if (i->opcode == 0xfe && i->reg & 6)
        return run_raise(r, VECTOR_UD);
    if (!rm_open(r, i->width, WALK_WRITE) || !operand_read(r, i->to, i->width, &a))
        return false;
    uint64_t result = alu(decrements ? 5 : 0, a, 1, i->width, &r->flags);
    r->flags = (r->flags & ~FLAG_CF) | carry;
    return operand_write(r, i->to, i->width, result);
}

/* The double-width accumulator: AX, DX:AX, EDX:EAX, RDX:RAX. */
static void accumulator_set(struct run *r, unsigned width, uint64_t low, uint64_t high)
{
    if (width == 1) {
        gpr_set(r, 0, 2, (low & 0xff) | high << 8);
        return;
    }
    gpr_set(r, 0, width, low);
    gpr_set(r, 2, width, high);
}

static unsigned __int128 accumulator(const struct run *r, unsigned width)
{
    if (width == 1)
        return r->gpr[0] & 0xffff;
    uint64_t low = r->gpr[0] & mask_of(width);
    return (unsigned __int128)(r->gpr[2] & mask_of(width)) << width * 8 | low;
}

static __int128 product_signed(uint64_t a, uint64_t b, unsigned width)
{
    return (__int128)(int64_t)sign_extend(a, width) * (int64_t)sign_extend(b, width);
}

/* CF and OF: the product does not fit. The other flags are undefined; they stay. */
static void overflow_set(struct run *r, bool overflow)
{
    r->flags = flags_set(r->flags, FLAG_CF | FLAG_OF, overflow);
}

static void multiply(struct run *r, uint64_t b, bool is_signed)
{
    unsigned width = r->i->width;
    uint64_t a = r->gpr[0] & mask_of(width);
    unsigned __int128 product = (unsigned __int128)a * b;

    if (is_signed)
        product = (unsigned __int128)product_signed(a, b, width);
    uint64_t low = (uint64_t)product & mask_of(width);
    uint64_t high = (uint64_t)(product >> width * 8) & mask_of(width);
    uint64_t sign = is_signed && low >> (width * 8 - 1) ? mask_of(width) : 0;
    accumulator_set(r, width, low, high);
    overflow_set(r, high != sign);
}

static bool divide(struct run *r, uint64_t divisor)
{
    unsigned width = r->i->width;
    unsigned __int128 dividend = accumulator(r, width);

    if (!divisor || (uint64_t)(dividend >> width * 8) >= divisor)
        return run_raise(r, VECTOR_DE);
    accumulator_set(r, width, (uint64_t)(dividend / divisor), (uint64_t)(dividend % divisor));
    return true;
}

static bool divide_signed(struct run *r, uint64_t value)
{
    unsigned width = r->i->width;
    unsigned __int128 dividend = accumulator(r, width);
    unsigned __int128 sign = (unsigned __int128)1 << (width * 16 - 1);
    bool negative = dividend & sign;
    bool opposite = value >> (width * 8 - 1);
    uint64_t divisor = (opposite ? -value : value) & mask_of(width);

    if (negative)
        dividend = -dividend & (sign | (sign - 1));
    if (!divisor || (uint64_t)(dividend >> width * 8) >= divisor)
        return run_raise(r, VECTOR_DE);
    uint64_t quotient = (uint64_t)(dividend / divisor);
    uint64_t rest = (uint64_t)(dividend % divisor);
    uint64_t most = mask_of(width) >> 1;
    if (quotient > (negative != opposite ? most + 1 : most))
        return run_raise(r, VECTOR_DE);
    accumulator_set(r, width, negative != opposite ? -quotient : quotient, negative ? -rest : rest);
    return true;
}

static bool negate(struct run *r, uint64_t a, bool with_flags)
{
    uint64_t result = ~a;

    if (with_flags)
        result = alu(5, 0, a, r->i->width, &r->flags);
    return operand_write(r, OPERAND_RM, r->i->width, result & mask_of(r->i->width));
}

/* TEST, TEST, NOT, NEG, MUL, IMUL, DIV, IDIV. */
bool op_group3(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operation = i->reg & 7;
    uint64_t a;

    if ((operation == 2 || operation == 3) && !rm_open(r, i->width, WALK_WRITE))
        return false;
    if (!operand_read(r, OPERAND_RM, i->width, &a))
        return false;
    switch (operation) {
    case 0:
    case 1:
        alu(4, a, i->immediate & mask_of(i->width), i->width, &r->flags);
        return true;
    case 2:
    case 3:
        return negate(r, a, operation == 3);
    case 4:
    case 5:
        multiply(r, a, operation == 5);
        return true;
    case 6:
        return divide(r, a);
    default:
        return divide_signed(r, a);
    }
}

/* Two operands (0f af), or with an immediate three. */
bool op_imul(struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t a;
    uint64_t b = i->immediate;

    if (!operand_read(r, OPERAND_RM, i->width, &a))
        return false;
    if (i->opcode == 0x1af)
        b = gpr_get(r, i->reg, i->width);
    __int128 product = product_signed(a, b, i->width);
    uint64_t low = (uint64_t)product & mask_of(i->width);
    overflow_set(r, (__int128)(int64_t)sign_extend(low, i->width) != product);
    return operand_write(r, OPERAND_REG, i->width, low);
}

/* CBW, CWDE, CDQE. */
bool op_convert(struct run *r)
{
    unsigned width = r->i->width;

    gpr_set(r, 0, width, sign_extend(r->gpr[0], width / 2));
    return true;
}

/* CWD, CDQ, CQO. */
bool op_convert_double(struct run *r)
{
    unsigned width = r->i->width;

    gpr_set(r, 2, width, r->gpr[0] >> (width * 8 - 1) & 1 ? UINT64_MAX : 0);
    return true;
}
