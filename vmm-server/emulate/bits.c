/* Shifts, rotates, bit tests and scans. Flags that a count leaves undefined are left as they are.
 */
#include "run.h"

struct shifted {
    uint64_t value;
    bool carry;
};

/* Rotation by count in 1 to bits - 1 of a value of so many bits; or by 0, which changes nothing. */
static uint64_t rotate_left(uint64_t value, unsigned count, unsigned bits)
{
    uint64_t mask = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;

    return count ? ((value << count) | (value >> (bits - count))) & mask : value;
}

/* Through carry: a rotation of bits + 1 bits. */
static struct shifted rotate_carry(uint64_t value, bool carry, unsigned left, unsigned bits)
{
    unsigned __int128 wide = (unsigned __int128)carry << bits | value;
    unsigned __int128 mask = ((unsigned __int128)1 << (bits + 1)) - 1;

    if (left)
        wide = ((wide << left) | (wide >> (bits + 1 - left))) & mask;
    return (struct shifted){(uint64_t)wide & (bits == 64 ? UINT64_MAX : (1ull << bits) - 1),
                            wide >> bits & 1};
}

static struct shifted shift(unsigned operation, uint64_t a, unsigned count, unsigned width,
                            bool carry)
{
    unsigned bits = width * 8;
    unsigned __int128 wide = a;
    uint64_t value;

    switch (operation) {
    case 0: /* ROL */
        value = rotate_left(a, count % bits, bits);
        return (struct shifted){value, value & 1};
    case 1: /* ROR */
        value = rotate_left(a, (bits - count % bits) % bits, bits);
        return (struct shifted){value, value >> (bits - 1)};
    case 2: /* RCL */
        return rotate_carry(a, carry, count % (bits + 1), bits);
    case 3: /* RCR */
        return rotate_carry(a, carry, (bits + 1 - count % (bits + 1)) % (bits + 1), bits);
    case 5: /* SHR */
        return (struct shifted){(uint64_t)(wide >> count), wide >> (count - 1) & 1};
    case 7: { /* SAR */
        __int128 extended = (__int128)(int64_t)sign_extend(a, width);
        return (struct shifted){(uint64_t)(extended >> count) & mask_of(width),
                                extended >> (count - 1) & 1};
    }
    default: /* SHL */
        return (struct shifted){(uint64_t)(wide << count) & mask_of(width),
                                wide << count >> bits & 1};
    }
}

/* OF after a count of 1; the processors have it so for other counts of most, which is undefined. */
static bool shift_overflow(unsigned operation, uint64_t before, struct shifted after,
                           unsigned width)
{
    unsigned top = width * 8 - 1;
    bool high = after.value >> top & 1;

    switch (operation) {
    case 1:
    case 3:
        return high != (after.value >> (top - 1) & 1);
    case 5:
        return before >> top & 1;
    case 7:
        return false;
    default:
        return high != after.carry;
    }
}

bool op_shift(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operation = i->reg & 7;
    uint64_t a;
    uint64_t count;

    if (!rm_open(r, i->width, WALK_WRITE) || !operand_read(r, OPERAND_RM, i->width, &a) ||
        !operand_read(r, i->from, 1, &count))
        return false;
    count &= i->width == 8 ? 63 : 31;
    if (!count) /* of 32 bits the upper half is cleared even so */
        return operand_write(r, OPERAND_RM, i->width, a);
    struct shifted result = shift(operation, a, (unsigned)count, i->width, r->flags & FLAG_CF);
    r->flags = flags_set(r->flags, FLAG_CF, result.carry);
    r->flags = flags_set(r->flags, FLAG_OF, shift_overflow(operation, a, result, i->width));
    if (operation >= 4)
        r->flags = flags_result(r->flags, result.value, i->width);
    return operand_write(r, OPERAND_RM, i->width, result.value);
}

/* SHLD and SHRD. Of 16 bits, counts over 16 are undefined: here the two registers repeat. */
bool op_shift_double(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned bits = i->width * 8;
    bool right = i->opcode & 8;
    uint64_t a;
    uint64_t n;

    if (!rm_open(r, i->width, WALK_WRITE) || !operand_read(r, OPERAND_RM, i->width, &a) ||
        !operand_read(r, i->from, 1, &n))
        return false;
    unsigned count = (unsigned)n & (i->width == 8 ? 63 : 31);
    if (!count)
        return operand_write(r, OPERAND_RM, i->width, a);
    uint64_t b = gpr_get(r, i->reg, i->width);
    if (count >= bits) {
        count -= bits;
        uint64_t swapped = a;
        a = b;
        b = swapped;
    }
    uint64_t result = a;
    bool carry = right ? b >> (bits - 1) : b & 1;
    if (count && right) {
        carry = a >> (count - 1) & 1;
        result = (a >> count | b << (bits - count)) & mask_of(i->width);
    } else if (count) {
        carry = a >> (bits - count) & 1;
        result = (a << count | b >> (bits - count)) & mask_of(i->width);
    }
    r->flags = flags_set(r->flags, FLAG_CF, carry);
    r->flags = flags_set(r->flags, FLAG_OF, (a ^ result) >> (bits - 1) & 1);
    r->flags = flags_result(r->flags, result, i->width);
    return operand_write(r, OPERAND_RM, i->width, result);
}

/* A bit number in a register reaches beyond the operand: Intel SDM 1, 4.4.3. */
static bool bit_open(struct run *r, uint64_t number, enum walk_access access)
{
    const struct instruction *i = r->i;
    uint64_t words = (uint64_t)((int64_t)sign_extend(number, i->width) >> (i->width == 8   ? 6
                                                                           : i->width == 4 ? 5
                                                                                           : 4));
    uint64_t address = operand_address(r) + words * i->width;

    r->opened = true;
    return memory_resolve(r, i->segment, address & mask_of(i->address_width), i->width, access,
                          &r->rm);
}

/* BT, BTS, BTR, BTC; of group 8 by reg, else by bits 4:3 of the opcode. */
bool op_bit(struct run *r)
{
    const struct instruction *i = r->i;
    unsigned operation = i->opcode == 0x1ba ? i->reg & 7 : 4 | (i->opcode >> 3 & 3);
    enum walk_access access = operation == 4 ? WALK_READ : WALK_WRITE;
    uint64_t number;
    uint64_t a;

    if (operation < 4)
        return run_raise(r, VECTOR_UD);
    operand_read(r, i->from, i->width, &number);
    if (i->memory && i->from == OPERAND_REG && !bit_open(r, number, access))
        return false;
    if (!rm_open(r, i->width, access) || !operand_read(r, OPERAND_RM, i->width, &a))
        return false;
    uint64_t bit = 1ull << (number & (i->width * 8u - 1));
    r->flags = flags_set(r->flags, FLAG_CF, a & bit);
    switch (operation) {
    case 5:
        return operand_write(r, OPERAND_RM, i->width, a | bit);
    case 6:
        return operand_write(r, OPERAND_RM, i->width, a & ~bit);
    case 7:
        return operand_write(r, OPERAND_RM, i->width, a ^ bit);
    default:
        return true;
    }
}

/* BSF and BSR. With F3 they are TZCNT and LZCNT, where the guest's CPU has those: not known here.
 */
bool op_scan(struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t a;

    if (i->repeat == REPEAT_E)
        return run_unknown(r);
    if (!operand_read(r, OPERAND_RM, i->width, &a))
        return false;
    r->flags = flags_set(r->flags, FLAG_ZF, !a);
    if (!a)
        return true; /* the register stays, all of it */
    uint64_t index = (uint64_t)(i->opcode & 1 ? 63 - __builtin_clzll(a) : __builtin_ctzll(a));
    return operand_write(r, OPERAND_REG, i->width, index);
}

bool op_popcnt(struct run *r)
{
    const struct instruction *i = r->i;
    uint64_t a;

    if (i->repeat != REPEAT_E)
        return run_unknown(r);
    if (!operand_read(r, OPERAND_RM, i->width, &a))
        return false;
    r->flags = flags_set(r->flags & ~FLAGS_STATUS, FLAG_ZF, !a);
    return operand_write(r, OPERAND_REG, i->width, (uint64_t)__builtin_popcountll(a));
}
