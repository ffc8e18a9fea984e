/* Classes of instructions, and what of their result the manuals leave undefined. */
#pragma once

#include "run.h"

#define CLASS_REG     (1u << 0) /* ModRM.reg is `reg` */
#define CLASS_STRING  (1u << 1)
#define CLASS_REPEAT  (1u << 2)
#define CLASS_BIT     (1u << 3) /* reg is the number of a bit */
#define CLASS_DIVIDE  (1u << 4)
#define CLASS_MOFFS   (1u << 5)
#define CLASS_EQUAL   (1u << 6) /* compares with the accumulator */
#define CLASS_POPF    (1u << 7)
#define CLASS_RETURN  (1u << 8)
#define CLASS_32      (1u << 9)  /* not in 64-bit mode */
#define CLASS_NO_66   (1u << 10) /* vendors differ */
#define CLASS_F3      (1u << 11)
#define CLASS_PIECES  (1u << 12) /* several accesses that can fault */
#define CLASS_NO_LOCK (1u << 13) /* CR8, on some processors */

struct class
{
    const char *name;
    uint16_t opcode, span; /* the first, and how many */
    uint16_t flags;
    uint8_t reg;
};

#define STRINGS (CLASS_STRING | CLASS_REPEAT)

static const struct class classes[] = {
    {"add to cmp", 0x00, 6, 0, 0},
    {"or", 0x08, 6, 0, 0},
    {"adc", 0x10, 6, 0, 0},
    {"sbb", 0x18, 6, 0, 0},
    {"and", 0x20, 6, 0, 0},
    {"sub", 0x28, 6, 0, 0},
    {"xor", 0x30, 6, 0, 0},
    {"cmp", 0x38, 6, 0, 0},
    {"group 1", 0x80, 4, 0, 0},
    {"inc, dec of registers", 0x40, 16, CLASS_32, 0},
    {"push, pop of registers", 0x50, 16, 0, 0},
    {"pusha, popa", 0x60, 2, CLASS_32 | CLASS_PIECES, 0},
    {"movsxd", 0x63, 1, CLASS_NO_66, 0},
    {"push immediate 8", 0x6a, 1, 0, 0},
    {"push immediate", 0x68, 1, 0, 0},
    {"imul by immediate", 0x69, 1, 0, 0},
    {"imul by immediate 8", 0x6b, 1, 0, 0},
    {"ins, outs refused", 0x6c, 4, STRINGS, 0},
    {"jcc 8", 0x70, 16, CLASS_NO_66, 0},
    {"test", 0x84, 2, 0, 0},
    {"xchg", 0x86, 2, 0, 0},
    {"mov", 0x88, 4, 0, 0},
    {"mov from segment", 0x8c, 1, 0, 0},
    {"lea", 0x8d, 1, 0, 0},
    {"pop to memory", 0x8f, 1, CLASS_REG, 0},
    {"xchg accumulator", 0x90, 8, 0, 0},
    {"cbw, cwd", 0x98, 2, 0, 0},
    {"pushf", 0x9c, 1, 0, 0},
    {"popf", 0x9d, 1, CLASS_POPF, 0},
    {"sahf, lahf", 0x9e, 2, 0, 0},
    {"mov moffs", 0xa0, 4, CLASS_MOFFS, 0},
    {"movs", 0xa4, 2, STRINGS, 0},
    {"cmps", 0xa6, 2, STRINGS, 0},
    {"test accumulator", 0xa8, 2, 0, 0},
    {"stos", 0xaa, 2, STRINGS, 0},
    {"lods", 0xac, 2, STRINGS, 0},
    {"scas", 0xae, 2, STRINGS, 0},
    {"mov immediate", 0xb0, 16, 0, 0},
    {"shift by immediate", 0xc0, 2, 0, 0},
    {"ret", 0xc2, 2, CLASS_RETURN | CLASS_NO_66, 0},
    {"mov immediate to memory", 0xc6, 2, CLASS_REG, 0},
    {"enter", 0xc8, 1, CLASS_PIECES, 0},
    {"leave", 0xc9, 1, 0, 0},
    {"shift", 0xd0, 4, 0, 0},
    {"xlat", 0xd7, 1, 0, 0},
    {"loop, jcxz", 0xe0, 4, CLASS_NO_66, 0},
    {"in, out refused", 0xe4, 4, 0, 0},
    {"in, out dx refused", 0xec, 4, 0, 0},
    {"call", 0xe8, 1, CLASS_PIECES | CLASS_NO_66, 0},
    {"jmp", 0xe9, 1, CLASS_NO_66, 0},
    {"jmp 8", 0xeb, 1, CLASS_NO_66, 0},
    {"cmc, clc, stc", 0xf8, 2, 0, 0},
    {"cli, sti refused", 0xfa, 2, 0, 0},
    {"cld, std", 0xfc, 2, 0, 0},
    {"group 3", 0xf6, 2, 0, 0},
    {"mul", 0xf6, 2, CLASS_REG, 4},
    {"imul", 0xf6, 2, CLASS_REG, 5},
    {"div", 0xf6, 2, CLASS_REG | CLASS_DIVIDE, 6},
    {"idiv", 0xf6, 2, CLASS_REG | CLASS_DIVIDE, 7},
    {"inc, dec", 0xfe, 1, 0, 0},
    {"inc", 0xff, 1, CLASS_REG, 0},
    {"dec", 0xff, 1, CLASS_REG, 1},
    {"call indirect", 0xff, 1, CLASS_PIECES | CLASS_REG | CLASS_NO_66, 2},
    {"jmp indirect", 0xff, 1, CLASS_REG | CLASS_NO_66, 4},
    {"push", 0xff, 1, CLASS_REG | CLASS_PIECES, 6},
    {"mov cr, clts refused", 0x106, 1, 0, 0},
    {"mov from cr refused", 0x120, 1, CLASS_NO_LOCK, 0},
    {"mov to cr refused", 0x122, 1, CLASS_NO_LOCK, 0},
    {"cmov", 0x140, 16, 0, 0},
    {"jcc", 0x180, 16, CLASS_NO_66, 0},
    {"setcc", 0x190, 16, 0, 0},
    {"push fs", 0x1a0, 1, 0, 0},
    {"push gs", 0x1a8, 1, 0, 0},
    {"bt", 0x1a3, 1, CLASS_BIT, 0},
    {"bts", 0x1ab, 1, CLASS_BIT, 0},
    {"btr", 0x1b3, 1, CLASS_BIT, 0},
    {"btc", 0x1bb, 1, CLASS_BIT, 0},
    {"bt to btc by immediate", 0x1ba, 1, 0, 0},
    {"shld", 0x1a4, 2, 0, 0},
    {"shrd", 0x1ac, 2, 0, 0},
    {"imul two operands", 0x1af, 1, 0, 0},
    {"cmpxchg", 0x1b0, 2, CLASS_EQUAL, 0},
    {"movzx", 0x1b6, 2, 0, 0},
    {"movsx", 0x1be, 2, 0, 0},
    {"popcnt", 0x1b8, 1, CLASS_F3, 0},
    {"bsf, bsr", 0x1bc, 2, 0, 0},
    {"xadd", 0x1c0, 2, 0, 0},
    {"movnti", 0x1c3, 1, CLASS_NO_66, 0},
    {"cmpxchg8b, cmpxchg16b", 0x1c7, 1, CLASS_REG | CLASS_NO_66, 1},
    {"bswap", 0x1c8, 8, 0, 0},
    {"movbe", 0x2f0, 2, 0, 0},
    {"nop, prefetch", 0x118, 1, 0, 0},
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

#define FLAG_AF_ONLY FLAG_AF

static inline uint64_t undefined_of_shift(const struct instruction *i, const uint64_t *gpr)
{
    unsigned bits = i->width * 8u;
    bool is_double = i->opcode >= 0x100;
    unsigned operation = is_double ? 8 : i->reg & 7;
    uint64_t n = i->from == OPERAND_CL ? gpr[1] : i->from == OPERAND_ONE ? 1 : i->immediate;
    unsigned count = (unsigned)n & (i->width == 8 ? 63 : 31);
    uint64_t undefined = 0;

    if (!count)
        return 0;
    if (operation >= 4)
        undefined |= FLAG_AF;
    if (count != 1)
        undefined |= FLAG_OF;
    if (count >= bits && operation >= 4 && operation < 7)
        undefined |= FLAG_CF;
    return is_double && count > bits ? UINT64_MAX : undefined;
}

/* UINT64_MAX: more than flags is undefined. */
static inline uint64_t undefined_flags(const struct instruction *i, const uint64_t *gpr)
{
    if (i->execute == op_shift || i->execute == op_shift_double)
        return undefined_of_shift(i, gpr);
    if (i->execute == op_alu) {
        unsigned operation = i->opcode >= 0x80 ? i->reg & 7 : i->opcode >> 3;
        return operation == 1 || operation == 4 || operation == 6 ? FLAG_AF : 0;
    }
    if (i->execute == op_test || (i->execute == op_group3 && (i->reg & 7) < 2))
        return FLAG_AF;
    if (i->execute == op_imul || (i->execute == op_group3 && (i->reg & 6) == 4))
        return FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF;
    if (i->execute == op_group3 && (i->reg & 6) == 6)
        return FLAGS_STATUS;
    if (i->execute == op_bit)
        return FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF;
    if (i->execute == op_scan)
        return FLAGS_STATUS & ~FLAG_ZF;
    if (i->execute == op_bswap && i->width == 2)
        return UINT64_MAX;
    return 0;
}
