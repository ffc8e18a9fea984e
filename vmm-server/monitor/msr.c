#include "msr.h"

#include <stddef.h>
#include <string.h>

#define MSR_TSC        0x10u
#define MSR_TSC_ADJUST 0x3bu
#define MSR_MICROCODE  0x8bu

/* Memory types (SDM 3, 11.11.1). */
#define TYPE_UNCACHED   0u
#define TYPE_WRITE_BACK 6u
#define TYPES           0x73u /* bit n: n is a type of MTRRs */

#define MTRR_CAPABILITIES (MSR_MTRRS | 1u << 8 /* fixed ones */ | 1u << 10 /* write-combining */)
#define MTRR_ENABLED      (1u << 11)
#define MTRR_VALID        (1u << 11) /* of a mask */
#define DEVICES           0xc0000000ull
#define DEVICES_END       0x100000000ull

/* What a write may be. */
enum rule {
    ANY,         /* bits of `may`; others have to be 0 */
    KEEP,        /* bits of `may` count; others are ignored, or fault outside of `known` */
    MTRR_TYPE,   /* IA32_MTRR_DEF_TYPE */
    MTRR_FIXED,  /* eight types */
    MTRR_RANGE,  /* a base with its type, then a mask, in turns */
    WALL_CLOCK,  /* by the hook */
    SYSTEM_TIME, /* the same */
    PV_EOI,      /* the same */
};

enum vendor { BOTH, INTEL, AMD };

/* What it had after RESET, each of its registers. Of MTRR ranges it is told below. */
static const struct row {
    uint32_t first, count;
    enum vendor vendor;
    enum rule rule;
    uint64_t initial, may, known;
} rows[] = {
    {0x17, 1, INTEL, ANY, 0, 0, 0}, /* IA32_PLATFORM_ID */
    {0x2a, 1, INTEL, ANY, 0, 0, 0}, /* EBL_CR_POWERON */
    {0x3a, 1, INTEL, ANY, 1, 0, 0}, /* IA32_FEATURE_CONTROL: locked, nothing is on */
    {0xfe, 1, BOTH, ANY, MTRR_CAPABILITIES, 0, 0},
    {0x179, 1, BOTH, ANY, 0, 0, 0},  /* IA32_MCG_CAP: no banks */
    {0x17a, 1, BOTH, KEEP, 0, 0, 0}, /* IA32_MCG_STATUS: can be cleared */
    /* IA32_MISC_ENABLE: fast strings; neither BTS nor PEBS. The others can be neither had nor
     * missed. */
    {0x1a0, 1, INTEL, KEEP, 0x1801, 1, 0x400c51889ull},
    {0x1d9, 1, BOTH, KEEP, 0, 0, 3}, /* IA32_DEBUGCTL: LBR and BTF are ignored */
    {0x200, 2 * MSR_MTRRS, BOTH, MTRR_RANGE, 0, 0, 0},
    {0x250, 1, BOTH, MTRR_FIXED, 0x0606060606060606ull, 0, 0}, /* 0 to 0x7ffff */
    {0x258, 1, BOTH, MTRR_FIXED, 0x0606060606060606ull, 0, 0}, /* to 0x9ffff */
    {0x259, 1, BOTH, MTRR_FIXED, 0, 0, 0},                     /* the VGA's window */
    {0x268, 8, BOTH, MTRR_FIXED, 0x0606060606060606ull, 0, 0}, /* 0xc0000 to 0xfffff */
    {0x2ff, 1, BOTH, MTRR_TYPE, MTRR_ENABLED | 1u << 10 | TYPE_WRITE_BACK, 0, 0},
    {0xc0010010, 1, AMD, ANY, 0, 0x7c0000, 0},            /* SYSCFG: MTRR bits, TOM2 */
    {0xc0010015, 1, AMD, ANY, 1u << 24, 0x0100015b, 0},   /* HWCR: the TSC counts at P0 */
    {0xc001001a, 1, AMD, ANY, DEVICES, 0, 0},             /* TOP_MEM */
    {0xc001001d, 1, AMD, ANY, 0, 0, 0},                   /* TOP_MEM2 */
    {0xc001001f, 1, AMD, ANY, 1ull << 46, 1ull << 46, 0}, /* NB_CFG: CF8 extended */
    {0xc0010055, 1, AMD, ANY, 0, 0, 0},                   /* interrupt pending: no C1E */
    {0xc0010058, 1, AMD, ANY, 0, 0, 0},                   /* MMIO configuration base: none */
    {0xc0011029, 1, AMD, ANY, 2, 2, 0},                   /* DE_CFG: LFENCE waits */
    {MSR_KVM_WALL_CLOCK, 1, BOTH, WALL_CLOCK, 0, ~3ull, 0},
    {MSR_KVM_SYSTEM_TIME, 1, BOTH, SYSTEM_TIME, 0, ~2ull, 0},
    {MSR_KVM_PV_EOI, 1, BOTH, PV_EOI, 0, ~2ull, 0},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The row of a register, and where it is kept; NULL: there is none. */
static const struct row *row_find(struct msrs *msrs, uint32_t number, uint64_t **stored)
{
    enum vendor other = msrs->amd ? INTEL : AMD;
    uint32_t at = 0;

    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        if (number - row->first < row->count && row->vendor != other) {
            *stored = &msrs->stored[at + (number - row->first)];
            return row;
        }
        at += row->count;
    }
    return NULL;
}

static uint64_t now(const struct msrs *msrs)
{
    return msrs->hooks.now(msrs->hooks.owner);
}

/* Whatever moves the TSC moves its adjustment (SDM 3, 17.17.3). */
static void tsc_move(struct msrs *msrs, uint64_t by)
{
    msrs->tsc_offset += by;
    msrs->tsc_adjust += by;
    msrs->hooks.tsc_offset(msrs->hooks.owner, msrs->tsc_offset);
}

static bool is_type(uint64_t type)
{
    return type < 8 && TYPES >> type & 1;
}

static bool are_types(uint64_t types)
{
    for (uint32_t i = 0; i < 64; i += 8)
        if (!is_type(types >> i & 0xff))
            return false;
    return true;
}

static bool write_allowed(const struct msrs *msrs, const struct row *row, uint32_t number,
                          uint64_t value)
{
    const struct msr_hooks *hooks = &msrs->hooks;
    uint64_t addresses = (1ull << msrs->physical_bits) - 1;

    switch (row->rule) {
    case KEEP:
        return !(value & ~(row->may | row->known));
    case MTRR_TYPE:
        return !(value & ~0xcffull) && is_type(value & 0xff);
    case MTRR_FIXED:
        return are_types(value);
    case MTRR_RANGE:
        if (value & ~addresses)
            return false;
        return number & 1 ? !(value & 0x7ff) : !(value & 0xf00) && is_type(value & 0xff);
    default:
        break;
    }
    if (value & ~row->may || (!row->may && row->rule == ANY))
        return false;
    if (row->rule == WALL_CLOCK)
        hooks->wall_clock(hooks->owner, value);
    if (row->rule == SYSTEM_TIME)
        return hooks->system_time(hooks->owner, value);
    return row->rule != PV_EOI || hooks->pv_eoi(hooks->owner, value);
}

enum msr_result msr_read(struct msrs *msrs, uint32_t number, uint64_t *value)
{
    uint64_t *stored = NULL;

    switch (number) {
    case MSR_TSC:
        *value = now(msrs) + msrs->tsc_offset;
        return MSR_DONE;
    case MSR_TSC_ADJUST:
        *value = msrs->tsc_adjust;
        return MSR_DONE;
    case MSR_MICROCODE:
        *value = msrs->microcode;
        return MSR_DONE;
    default:
        break;
    }
    if (!row_find(msrs, number, &stored))
        return MSR_FAULT;
    *value = *stored;
    return MSR_DONE;
}

enum msr_result msr_write(struct msrs *msrs, uint32_t number, uint64_t value)
{
    uint64_t *stored = NULL;

    switch (number) {
    case MSR_TSC:
        tsc_move(msrs, value - now(msrs) - msrs->tsc_offset);
        return MSR_DONE;
    case MSR_TSC_ADJUST:
        tsc_move(msrs, value - msrs->tsc_adjust);
        return MSR_DONE;
    case MSR_MICROCODE: /* software writes 0 before it asks CPUID (SDM 3, 9.11.7.1) */
        return msrs->amd || value ? MSR_FAULT : MSR_DONE;
    default:
        break;
    }
    const struct row *row = row_find(msrs, number, &stored);
    if (!row || !write_allowed(msrs, row, number, value))
        return MSR_FAULT;
    *stored = row->rule == KEEP ? (value & row->may) | (row->initial & ~row->may) : value;
    return MSR_DONE;
}

void msrs_reset(struct msrs *msrs)
{
    uint32_t at = 0;
    uint64_t *range = NULL;

    for (size_t i = 0; i < ROWS; i++)
        for (uint32_t k = 0; k < rows[i].count; k++)
            msrs->stored[at++] = rows[i].initial;
    msrs->tsc_adjust = 0;
    row_find(msrs, 0x200, &range);
    range[0] = DEVICES | TYPE_UNCACHED;
    range[1] = ((1ull << msrs->physical_bits) - (DEVICES_END - DEVICES)) | MTRR_VALID;
}
