/*
 * One instruction being carried out. It works on the registers in the state page, of which there is
 * a copy for the case that it fails; writes to memory are collected and done when nothing can fail
 * any more. Segments, control registers, ports and the shadow are changed last, by whoever does it.
 */
#pragma once

#include <stddef.h>
#include <string.h>

#include "emulate.h"
#include "instruction.h"

#define FLAG_CF   (1ull << 0)
#define FLAG_ONE  (1ull << 1) /* reads as 1 */
#define FLAG_PF   (1ull << 2)
#define FLAG_AF   (1ull << 4)
#define FLAG_ZF   (1ull << 6)
#define FLAG_SF   (1ull << 7)
#define FLAG_TF   (1ull << 8)
#define FLAG_IF   (1ull << 9)
#define FLAG_DF   (1ull << 10)
#define FLAG_OF   (1ull << 11)
#define FLAG_IOPL (3ull << 12)
#define FLAG_NT   (1ull << 14)
#define FLAG_RF   (1ull << 16)
#define FLAG_VM   (1ull << 17)
#define FLAG_AC   (1ull << 18)
#define FLAG_VIF  (1ull << 19)
#define FLAG_VIP  (1ull << 20)
#define FLAG_ID   (1ull << 21)

#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE (1ull << 0)
#define CR0_TS (1ull << 3)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_PAE  (1ull << 5)
#define CR4_UMIP (1ull << 11)
#define CR4_LA57 (1ull << 12)

#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

/* Attributes of segments, as struct vcpu_segment has them. */
#define SEGMENT_ACCESSED  (1u << 0)
#define SEGMENT_WRITABLE  (1u << 1) /* of code: readable */
#define SEGMENT_DOWN      (1u << 2) /* of data: expands down; of code: conforming */
#define SEGMENT_CODE      (1u << 3)
#define SEGMENT_CODE_DATA (1u << 4) /* not a system segment */
#define SEGMENT_DPL(s)    ((s)->attributes >> 5 & 3u)
#define SEGMENT_LONG      (1u << 9)
#define SEGMENT_BIG       (1u << 10)
#define SEGMENT_GRANULAR  (1u << 11)

enum vector {
    VECTOR_DE = 0,
    VECTOR_BR = 5,
    VECTOR_UD = 6,
    VECTOR_NM = 7,
    VECTOR_TS = 10,
    VECTOR_NP = 11,
    VECTOR_SS = 12,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
};

/* Where a memory operand is: one piece, or two where it crosses a page. */
struct access {
    uint8_t *host[2]; /* NULL: a device */
    uint64_t gpa[2];
    uint32_t size, first; /* bytes in all, and in the first piece */
};

struct write {
    struct access access;
    uint64_t value, expected;
    bool locked; /* only if `expected` is still there */
};

#define WRITES 34u /* ENTER of level 31 has 32 */

struct run {
    struct emulate *e;
    struct vcpu_state *s;
    uint64_t *gpr; /* in the state page */
    struct instruction *i;
    enum emulate_result result; /* if execute returned false */
    uint64_t flags, next;       /* RFLAGS and RIP afterwards */
    unsigned mode;              /* 2, 4 or 8: of the code segment */
    unsigned stack;             /* 2, 4 or 8: of RSP */
    unsigned cpl;
    bool protects; /* protected mode, not virtual-8086 mode */
    bool opened;   /* `rm` is resolved */
    struct access rm;
    uint64_t loaded; /* what was last read of rm */
    uint32_t changed, shadow;
    unsigned writes;
    struct write write[WRITES];
};

static inline uint64_t mask_of(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

static inline uint64_t sign_extend(uint64_t value, unsigned size)
{
    uint64_t sign = 1ull << (size * 8 - 1);

    return ((value & mask_of(size)) ^ sign) - sign;
}

static inline struct vcpu_segment *segment_at(struct vcpu_state *s, unsigned number)
{
    return (struct vcpu_segment *)(void *)((uint8_t *)s + offsetof(struct vcpu_state, es)) + number;
}

static inline uint64_t gpr_get(const struct run *r, unsigned number, unsigned width)
{
    if (width == 1 && !r->i->rex && number >= 4)
        return r->gpr[number - 4] >> 8 & 0xff; /* AH, CH, DH, BH */
    return r->gpr[number] & mask_of(width);
}

/* As wide as an address or a counter: no high bytes. */
static inline void gpr_set(struct run *r, unsigned number, unsigned width, uint64_t value)
{
    if (width >= 4)
        r->gpr[number] = value & mask_of(width);
    else
        r->gpr[number] = (r->gpr[number] & ~mask_of(width)) | (value & mask_of(width));
}

static inline void gpr_set_operand(struct run *r, unsigned number, unsigned width, uint64_t value)
{
    if (width == 1 && !r->i->rex && number >= 4)
        r->gpr[number - 4] = (r->gpr[number - 4] & ~0xff00ull) | (value & 0xff) << 8;
    else
        gpr_set(r, number, width, value);
}

/* All return false, for a handler to return. */
static inline bool run_unknown(struct run *r)
{
    r->result = EMULATE_UNKNOWN;
    return false;
}

static inline bool run_raise(struct run *r, unsigned vector)
{
    r->result = EMULATE_FAULT;
    r->e->fault = (struct emulate_fault){.vector = (uint8_t)vector};
    return false;
}

static inline bool run_raise_error(struct run *r, unsigned vector, uint64_t error)
{
    r->result = EMULATE_FAULT;
    r->e->fault = (struct emulate_fault){(uint8_t)vector, true, (uint32_t)error, 0};
    return false;
}

/* --- walk.c: the same as walk(), by the cache if that has it; host: as of a struct access --- */
bool run_walk(struct run *r, uint64_t linear, enum walk_access access, uint64_t *gpa,
              uint8_t **host);

/* --- memory.c. False: a fault is raised. --- */

bool is_canonical(const struct vcpu_state *s, uint64_t linear);
/* The linear address of [offset, offset + size) of a segment. access: WALK_WRITE, or WALK_READ. */
bool segment_linear(struct run *r, unsigned segment, uint64_t offset, uint64_t size,
                    enum walk_access access, uint64_t *linear);
bool linear_resolve(struct run *r, uint64_t linear, unsigned size, enum walk_access access,
                    struct access *a);
bool memory_resolve(struct run *r, unsigned segment, uint64_t offset, unsigned size,
                    enum walk_access access, struct access *a);
/* Up to 8 bytes. */
uint64_t access_read(struct run *r, const struct access *a);
void access_write(struct run *r, const struct access *a, uint64_t value);
bool memory_read(struct run *r, unsigned segment, uint64_t offset, unsigned size, uint64_t *value);
/* Of a descriptor table or the TSS. */
bool table_read(struct run *r, uint64_t linear, unsigned size, uint64_t *value);
/* Does it when the instruction can no longer fail. */
void memory_write(struct run *r, const struct access *a, uint64_t value);
/* Does all of that. False: somebody else was quicker at a locked one; nothing was written. */
bool writes_commit(struct run *r);

/* --- operand.c --- */

uint64_t operand_address(const struct run *r);
/* Resolves rm if it is memory, for an operand of so many bytes. */
bool rm_open(struct run *r, unsigned width, enum walk_access access);
bool operand_read(struct run *r, unsigned operand, unsigned width, uint64_t *value);
bool operand_write(struct run *r, unsigned operand, unsigned width, uint64_t value);
bool push(struct run *r, unsigned width, uint64_t value);
bool pop(struct run *r, unsigned width, uint64_t *value);
/* RFLAGS after POPF or IRET of so many bytes at this CPL and IOPL. */
uint64_t flags_popped(const struct run *r, uint64_t value, unsigned width);
/* RSP, as wide as the stack segment says. */
void stack_set(struct run *r, uint64_t value);

/* --- flags.c --- */

uint64_t flags_result(uint64_t flags, uint64_t result, unsigned width); /* ZF, SF, PF */
uint64_t flags_set(uint64_t flags, uint64_t mask, bool value);
bool flags_condition(uint64_t flags, unsigned condition); /* low 4 bits of Jcc */
/* The eight of opcodes 00 to 3f: ADD, OR, ADC, SBB, AND, SUB, XOR, CMP. */
uint64_t alu(unsigned operation, uint64_t a, uint64_t b, unsigned width, uint64_t *flags);

/* --- segment.c, control.c --- */

/* Loads a segment register but CS, as MOV does. */
bool segment_load(struct run *r, unsigned segment, uint64_t selector);
/* CS and RIP, by a far jump, call or return: checked first, changed when it returns. */
struct far_target {
    struct vcpu_segment cs;
    uint64_t rip;
};
enum far_kind { FAR_JUMP, FAR_RETURN };
bool far_check(struct run *r, enum far_kind kind, uint64_t selector, uint64_t offset,
               struct far_target *target);
void far_go(struct run *r, const struct far_target *target);
/* RIP is width bytes wide: #GP if it cannot be there. */
bool near_go(struct run *r, unsigned width, uint64_t rip);

/* CPL is at most IOPL, or the TSS allows the ports. */
bool ports_allowed(struct run *r, uint64_t port, unsigned size);

/* Those of the opcode tables, by file. */
instruction_handler op_alu, op_test, op_inc_dec, op_group3, op_imul, op_convert, op_convert_double;
instruction_handler op_shift, op_shift_double, op_bit, op_scan, op_popcnt;
instruction_handler op_mov, op_movzx, op_movsx, op_movbe, op_bswap, op_xchg, op_xadd, op_cmpxchg,
    op_cmpxchg8b, op_cmov, op_setcc, op_lea, op_xlat, op_nop, op_flag, op_sahf, op_lahf;
instruction_handler op_string;
instruction_handler op_push, op_pop, op_pusha, op_popa, op_pushf, op_popf, op_enter, op_leave;
instruction_handler op_jmp, op_call, op_ret, op_jcc, op_loop, op_far_jmp, op_far_call, op_group5,
    op_far_ret, op_iret, op_int;
instruction_handler op_mov_from_segment, op_mov_to_segment, op_push_segment, op_pop_segment,
    op_load_far;
instruction_handler op_in_out, op_interrupt_flag, op_group6, op_mov_cr, op_clts, op_group7;
