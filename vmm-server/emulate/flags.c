/* Status flags: Intel SDM 1, 3.4.3.1, and the tables of volume 2. */
#include "run.h"

uint64_t flags_set(uint64_t flags, uint64_t mask, bool value)
{
    return value ? flags | mask : flags & ~mask;
}

uint64_t flags_result(uint64_t flags, uint64_t result, unsigned width)
{
    result &= mask_of(width);
    flags &= ~(FLAG_ZF | FLAG_SF | FLAG_PF);
    if (!result)
        flags |= FLAG_ZF;
    if (result >> (width * 8 - 1))
        flags |= FLAG_SF;
    if (!(__builtin_popcount((unsigned)(result & 0xff)) & 1))
        flags |= FLAG_PF;
    return flags;
}

bool flags_condition(uint64_t flags, unsigned condition)
{
    bool sign = flags & FLAG_SF;
    bool overflow = flags & FLAG_OF;
    bool holds;

    switch (condition >> 1 & 7) {
    case 0:
        holds = overflow;
        break;
    case 1:
        holds = flags & FLAG_CF;
        break;
    case 2:
        holds = flags & FLAG_ZF;
        break;
    case 3:
        holds = flags & (FLAG_CF | FLAG_ZF);
        break;
    case 4:
        holds = sign;
        break;
    case 5:
        holds = flags & FLAG_PF;
        break;
    case 6:
        holds = sign != overflow;
        break;
    default:
        holds = sign != overflow || flags & FLAG_ZF;
        break;
    }
    return holds != (condition & 1);
}

/* carries: bit n is the carry, or borrow, out of bit n. */
static uint64_t arithmetic(uint64_t flags, uint64_t result, uint64_t carries, unsigned width)
{
    unsigned top = width * 8 - 1;

    flags = flags_result(flags, result, width) & ~(FLAG_CF | FLAG_OF | FLAG_AF);
    flags |= carries >> top & 1;    /* CF */
    flags |= (carries << 1 & 0x10); /* AF: out of bit 3 */
    flags |= ((carries >> top ^ carries >> (top - 1)) & 1) ? FLAG_OF : 0;
    return flags;
}

uint64_t alu(unsigned operation, uint64_t a, uint64_t b, unsigned width, uint64_t *flags)
{
    uint64_t carry = *flags & FLAG_CF;
    uint64_t result;

    switch (operation) {
    case 0:
        carry = 0;
        /* fall through */
    case 2:
        result = a + b + carry;
        *flags = arithmetic(*flags, result, (a & b) | ((a | b) & ~result), width);
        return result & mask_of(width);
    case 5:
    case 7:
        carry = 0;
        /* fall through */
    case 3:
        result = a - b - carry;
        *flags = arithmetic(*flags, result, (~a & b) | ((~a | b) & result), width);
        return result & mask_of(width);
    case 1:
        result = a | b;
        break;
    case 4:
        result = a & b;
        break;
    default:
        result = a ^ b;
        break;
    }
    *flags = flags_result(*flags, result, width) & ~(FLAG_CF | FLAG_OF | FLAG_AF);
    return result;
}
