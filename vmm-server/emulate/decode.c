#include "instruction.h"

#include <stddef.h>

/* Reads bytes; behind the last one it reads zeros and says so. */
struct cursor {
    const uint8_t *bytes;
    unsigned at, available;
    bool is_short;
};

static uint64_t take(struct cursor *c, unsigned size)
{
    uint64_t value = 0;

    if (size > c->available - c->at) {
        c->is_short = true;
        return 0;
    }
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)c->bytes[c->at + i] << i * 8;
    c->at += size;
    return value;
}

static uint64_t take_signed(struct cursor *c, unsigned size)
{
    uint64_t sign = 1ull << (size * 8 - 1);

    return (take(c, size) ^ sign) - sign;
}

struct prefixes {
    bool data16, address, locked;
    uint8_t rex;     /* 0: none */
    uint8_t segment; /* 0xff: none */
    uint8_t repeat;
};

static bool prefix_take(struct prefixes *p, uint8_t byte, unsigned mode)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        if (mode != 8) /* where they mean nothing */
            p->segment = (byte >> 3) & 3;
        return true;
    case 0x64:
    case 0x65:
        p->segment = (uint8_t)(SEGMENT_FS + (byte & 1));
        return true;
    case 0x66:
        p->data16 = true;
        return true;
    case 0x67:
        p->address = true;
        return true;
    case 0xf0:
        p->locked = true;
        return true;
    case 0xf2:
    case 0xf3:
        p->repeat = byte & 1 ? REPEAT_E : REPEAT_NE;
        return true;
    default:
        return false;
    }
}

/* Up to the first byte of the opcode, which is returned. Only a REX right before it counts. */
static uint8_t prefixes_take(struct prefixes *p, struct cursor *c, unsigned mode)
{
    *p = (struct prefixes){.segment = 0xff};
    for (;;) {
        uint8_t byte = (uint8_t)take(c, 1);
        if (mode == 8 && (byte & 0xf0) == 0x40)
            p->rex = byte;
        else if (prefix_take(p, byte, mode))
            p->rex = 0;
        else
            return byte;
        if (c->is_short)
            return 0;
    }
}

/* Registers of 16-bit addresses by ModRM.rm: BX+SI, BX+DI, BP+SI, BP+DI, SI, DI, BP, BX. */
static void address_16(struct instruction *i, struct cursor *c, unsigned mod)
{
    static const uint8_t base[8] = {3, 3, 5, 5, 6, 7, 5, 3};
    static const uint8_t index[8] = {
        6, 7, 6, 7, REGISTER_NONE, REGISTER_NONE, REGISTER_NONE, REGISTER_NONE};

    if (mod == 0 && i->rm == 6) {
        i->displacement = take(c, 2);
        return;
    }
    i->base = base[i->rm];
    i->index = index[i->rm];
    i->segment = i->base == 5 ? SEGMENT_SS : SEGMENT_DS;
    if (mod)
        i->displacement = take_signed(c, mod);
}

static void address_32(struct instruction *i, struct cursor *c, unsigned mod, unsigned rex,
                       unsigned mode)
{
    unsigned base = i->rm & 7;

    if (base == 4) {
        unsigned sib = (unsigned)take(c, 1);
        unsigned index = (sib >> 3 & 7) | (rex & 2) << 2;
        base = sib & 7;
        i->scale = (uint8_t)(sib >> 6);
        if (index != 4)
            i->index = (uint8_t)index;
        if (base == 5 && mod == 0) {
            i->displacement = take_signed(c, 4);
            return;
        }
    } else if (base == 5 && mod == 0) {
        i->displacement = take_signed(c, 4);
        if (mode == 8)
            i->base = REGISTER_RIP;
        return;
    }
    i->base = (uint8_t)(base | (rex & 1) << 3);
    i->segment = i->base == 4 || i->base == 5 ? SEGMENT_SS : SEGMENT_DS;
    if (mod)
        i->displacement = take_signed(c, mod == 1 ? 1 : 4);
}

static void modrm_take(struct instruction *i, struct cursor *c, unsigned rex, unsigned mode)
{
    unsigned modrm = (unsigned)take(c, 1);
    unsigned mod = modrm >> 6;

    i->reg = (uint8_t)((modrm >> 3 & 7) | (rex & 4) << 1);
    i->rm = modrm & 7;
    i->memory = mod != 3;
    if (!i->memory)
        i->rm = (uint8_t)(i->rm | (rex & 1) << 3);
    else if (i->address_width == 2)
        address_16(i, c, mod);
    else
        address_32(i, c, mod, rex, mode);
}

static void immediate_take(struct instruction *i, struct cursor *c, unsigned kind)
{
    unsigned z = i->width == 8 ? 4 : i->width;

    switch (kind) {
    case IMMEDIATE_BYTE:
        i->immediate = take_signed(c, 1);
        break;
    case IMMEDIATE_Z:
        i->immediate = take_signed(c, z);
        break;
    case IMMEDIATE_V:
        i->immediate = take(c, i->width);
        break;
    case IMMEDIATE_WORD:
        i->immediate = take(c, 2);
        break;
    case IMMEDIATE_FAR:
        i->immediate = take(c, z);
        i->selector = (uint16_t)take(c, 2);
        break;
    case IMMEDIATE_ENTER:
        i->immediate = take(c, 2);
        i->selector = (uint16_t)take(c, 1);
        break;
    case IMMEDIATE_MOFFS:
        i->displacement = take(c, i->address_width);
        i->memory = true;
        break;
    default:
        break;
    }
}

static uint8_t width_of(const struct prefixes *p, unsigned attributes, unsigned opcode,
                        unsigned mode)
{
    if (attributes & OPCODE_BYTE || (attributes & OPCODE_SIZED && !(opcode & 1)))
        return 1;
    if (mode == 8) {
        if (p->rex & 8 || attributes & OPCODE_NEAR)
            return 8;
        if (p->data16)
            return 2;
        return attributes & OPCODE_STACK ? 8 : 4;
    }
    return (mode == 2) != p->data16 ? 2 : 4;
}

static unsigned map_take(struct cursor *c, uint8_t *opcode)
{
    if (*opcode != 0x0f)
        return 0;
    *opcode = (uint8_t)take(c, 1);
    if (*opcode != 0x38)
        return 1;
    *opcode = (uint8_t)take(c, 1);
    return 2;
}

/* Groups that hold instructions of several forms: what the table says of the whole is changed. */
static void group_adjust(struct instruction *i, struct cursor *c, unsigned mode)
{
    unsigned op = i->reg & 7;

    if ((i->opcode == 0xf6 || i->opcode == 0xf7) && op < 2) /* TEST has an immediate */
        immediate_take(i, c, i->opcode == 0xf6 ? IMMEDIATE_BYTE : IMMEDIATE_Z);
    if (i->opcode == 0xff && mode == 8 && (op == 2 || op == 4)) /* near CALL, JMP */
        i->width = 8;
    if (i->opcode == 0xff && mode == 8 && op == 6 && i->width == 4) /* PUSH */
        i->width = 8;
}

/* LOCK goes with memory that is read, changed and written: Intel SDM 2, LOCK. */
static bool lock_is_legal(const struct instruction *i, unsigned attributes)
{
    unsigned op = i->reg & 7;

    if (!(attributes & OPCODE_LOCK) || !i->memory || i->to != OPERAND_RM)
        return false;
    switch (i->opcode) {
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83:
        return op != 7; /* CMP */
    case 0xf6:
    case 0xf7:
        return op == 2 || op == 3; /* NOT, NEG */
    case 0xfe:
    case 0xff:
        return op < 2; /* INC, DEC */
    case 0x1ba:
        return op > 4; /* BTS, BTR, BTC */
    default:
        return true;
    }
}

static enum decode_result legal(const struct instruction *i, const struct opcode *row,
                                unsigned mode)
{
    if (mode == 8 && row->attributes & OPCODE_NOT_64)
        return DECODE_INVALID;
    if (row->attributes & OPCODE_MEMORY && !i->memory)
        return mode != 8 && (i->opcode == 0xc4 || i->opcode == 0xc5) ? DECODE_UNKNOWN /* VEX */
                                                                     : DECODE_INVALID;
    if (i->locked && !lock_is_legal(i, row->attributes))
        return DECODE_INVALID;
    return DECODE_OK;
}

enum decode_result instruction_decode(struct instruction *i, const uint8_t *bytes,
                                      unsigned available, unsigned mode)
{
    struct cursor c = {bytes, 0, available, false};
    struct prefixes p;
    uint8_t opcode = prefixes_take(&p, &c, mode);
    unsigned map = map_take(&c, &opcode);

    if (c.is_short)
        return DECODE_SHORT;
    const struct opcode *row = &opcodes[map][opcode];
    /* LES and LDS are VEX prefixes in 64-bit mode. */
    if (!row->execute || (mode == 8 && map == 0 && (opcode == 0xc4 || opcode == 0xc5)))
        return DECODE_UNKNOWN;
    *i = (struct instruction){
        .execute = row->execute,
        .opcode = (uint16_t)(map << 8 | opcode),
        .segment = SEGMENT_DS,
        .base = REGISTER_NONE,
        .index = REGISTER_NONE,
        .to = row->to,
        .from = row->from,
        .repeat = p.repeat,
        .locked = p.locked,
        .rex = p.rex != 0,
        .data16 = p.data16,
        .width = width_of(&p, row->attributes, opcode, mode),
        .address_width = (uint8_t)(p.address ? (mode == 4 ? 2 : 4) : mode),
    };
    if (row->attributes & OPCODE_REG)
        i->reg = (uint8_t)((opcode & 7) | (p.rex & 1) << 3);
    if (row->attributes & OPCODE_MODRM)
        modrm_take(i, &c, p.rex, mode);
    immediate_take(i, &c, row->attributes & OPCODE_IMMEDIATE);
    if (row->attributes & OPCODE_MODRM && map == 0 && opcode >= 0xf6)
        group_adjust(i, &c, mode);
    if (c.is_short)
        return DECODE_SHORT;
    i->length = (uint8_t)c.at;
    if (i->base == REGISTER_RIP)
        i->displacement += i->length;
    if (p.segment != 0xff)
        i->segment = p.segment;
    return legal(i, row, mode);
}
