/*
 * Instruction classifier: prefixes first, then the opcode map, then the ModRM byte.
 *
 * The mode of the code is not known and need not be. Three encodings depend on it:
 * - 40..4f is a REX prefix in 64-bit code and INC or DEC elsewhere. INC and DEC are the last byte
 *   of their instruction, REX never is.
 * - c4, c5 and 62 begin a VEX or EVEX instruction, or are LES, LDS and BOUND; 8f begins XOP or is
 *   POP. Neither kind is an event.
 * - The fields mod and reg of ModRM, which are all that is read of it, mean the same everywhere.
 */
#include "classify.h"

#include <stdbool.h>

#define BIT(event) (1u << (event))

/* An instruction taken apart as far as classification needs. map: 0 one byte, 1 after 0f, 2 after
 * 0f 38. modrm is valid if has_modrm: a byte follows the opcode. */
struct insn {
    bool lock, operand_size, repeat;
    uint8_t rex;
    uint8_t map;
    uint8_t opcode;
    bool has_modrm;
    uint8_t modrm;
};

const char *event_name(enum event event)
{
    static const char *const names[EVENTS] = {
        [EVENT_CR3] = "cr3",
        [EVENT_INVALIDATE] = "invalidate",
        [EVENT_XSAVE] = "xsave",
        [EVENT_WRMSR] = "wrmsr",
        [EVENT_RDMSR] = "rdmsr",
        [EVENT_LOCK] = "lock",
        [EVENT_VMRUN] = "vmrun",
        [EVENT_VMLOAD] = "vmload",
        [EVENT_PORT] = "port",
        [EVENT_STRING] = "string",
        [EVENT_STRING_STEP] = "string_step",
        [EVENT_HLT] = "hlt",
        [EVENT_STI] = "sti",
        [EVENT_CLI] = "cli",
        [EVENT_RETURN] = "return",
    };

    return names[event];
}

/* Takes one prefix in; false if byte is none. A REX counts only just before the opcode. */
static bool insn_take_prefix(struct insn *insn, uint8_t byte, bool last)
{
    if ((byte & 0xf0) == 0x40 && !last) {
        insn->rex = byte;
        return true;
    }
    switch (byte) {
    case 0xf0:
        insn->lock = true;
        break;
    case 0xf2:
    case 0xf3:
        insn->repeat = true;
        break;
    case 0x66:
        insn->operand_size = true;
        break;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x67:
        break;
    default:
        return false;
    }
    insn->rex = 0;
    return true;
}

/* Returns false if the bytes end before the opcode. */
static bool insn_split(struct insn *insn, const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    *insn = (struct insn){0};
    while (at < size && insn_take_prefix(insn, bytes[at], at + 1 == size))
        at++;
    if (at < size && bytes[at] == 0x0f) {
        insn->map = 1;
        at++;
        if (at < size && bytes[at] == 0x38) {
            insn->map = 2;
            at++;
        }
    }
    if (at >= size)
        return false;
    insn->opcode = bytes[at++];
    insn->has_modrm = at < size;
    if (insn->has_modrm)
        insn->modrm = bytes[at];
    return true;
}

static unsigned int insn_reg(const struct insn *insn)
{
    return (insn->modrm >> 3) & 7;
}

static bool insn_has_memory(const struct insn *insn)
{
    return insn->has_modrm && insn->modrm < 0xc0;
}

static uint32_t classify_one_byte(const struct insn *insn)
{
    uint8_t opcode = insn->opcode;
    uint32_t events = 0;

    if ((opcode >= 0xe4 && opcode <= 0xe7) || (opcode >= 0xec && opcode <= 0xef) ||
        (opcode >= 0x6c && opcode <= 0x6f))
        events |= BIT(EVENT_PORT);
    if (insn->repeat && ((opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
                         (opcode >= 0xaa && opcode <= 0xaf)))
        events |= BIT(EVENT_STRING) | BIT(EVENT_STRING_STEP);
    if ((opcode == 0x86 || opcode == 0x87) && insn_has_memory(insn))
        events |= BIT(EVENT_LOCK);
    if (opcode == 0xf4)
        events |= BIT(EVENT_HLT);
    if (opcode == 0xcf)
        events |= BIT(EVENT_RETURN);
    if (opcode == 0xfb)
        events |= BIT(EVENT_STI);
    if (opcode == 0xfa)
        events |= BIT(EVENT_CLI);
    return events;
}

/* 0f 01: register forms are single instructions, memory forms are told apart by reg. */
static uint32_t classify_group_7(const struct insn *insn)
{
    if (insn_has_memory(insn))
        return insn_reg(insn) == 7 ? BIT(EVENT_INVALIDATE) : 0;
    switch (insn->modrm) {
    case 0xd8:
        return BIT(EVENT_VMRUN);
    case 0xda:
    case 0xdb:
        return BIT(EVENT_VMLOAD);
    case 0xdf:
        return BIT(EVENT_INVALIDATE);
    default:
        return 0;
    }
}

static uint32_t classify_two_byte(const struct insn *insn)
{
    unsigned int reg = insn_reg(insn);
    bool plain_memory = insn_has_memory(insn) && !insn->operand_size && !insn->repeat;

    switch (insn->opcode) {
    case 0x01:
        return insn->has_modrm ? classify_group_7(insn) : 0;
    case 0x07:
        return BIT(EVENT_RETURN);
    case 0x22: /* REX.R would select CR11, which does not exist */
        return insn->has_modrm && reg == 3 && !(insn->rex & 4) ? BIT(EVENT_CR3) : 0;
    case 0x30:
        return BIT(EVENT_WRMSR);
    case 0x32:
        return BIT(EVENT_RDMSR);
    case 0xae: /* with 66 or f3: CLWB, CLFLUSHOPT, PTWRITE and others */
        return plain_memory && (reg <= 1 || (reg >= 4 && reg <= 6)) ? BIT(EVENT_XSAVE) : 0;
    case 0xc7:
        return plain_memory && reg >= 3 && reg <= 5 ? BIT(EVENT_XSAVE) : 0;
    default:
        return 0;
    }
}

uint32_t insn_classify(const uint8_t *bytes, size_t size)
{
    struct insn insn;
    uint32_t events = 0;

    if (!insn_split(&insn, bytes, size))
        return 0;
    if (insn.lock)
        events |= BIT(EVENT_LOCK);
    if (insn.map == 0)
        events |= classify_one_byte(&insn);
    else if (insn.map == 1)
        events |= classify_two_byte(&insn);
    else if (insn.opcode == 0x82 && insn.operand_size && insn_has_memory(&insn))
        events |= BIT(EVENT_INVALIDATE);
    return events;
}

int insn_marker(const uint8_t *bytes, size_t size)
{
    if (size != 7 || bytes[0] != 0x0f || bytes[1] != 0x1f || bytes[2] != 0x80 || bytes[4] != 0x00 ||
        bytes[5] != 0x4b || bytes[6] != 0x4d)
        return -1;
    return bytes[3];
}
