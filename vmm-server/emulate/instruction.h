/* Decoded instructions: bytes to structure, without the state of a CPU. Intel SDM 2, chapter 2. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "emulate.h"

#define INSTRUCTION_BYTES EMULATE_BYTES

/* Numbers of registers in addresses: 0 to 15 general; RIP follows them in struct vcpu_state. */
#define REGISTER_RIP  16u
#define REGISTER_NONE 17u

enum segment { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };

/* Where an operand is. */
enum operand {
    OPERAND_NONE,
    OPERAND_RM,  /* `rm`, or memory */
    OPERAND_REG, /* `reg`: of ModRM, of the opcode's low bits, or the accumulator */
    OPERAND_IMMEDIATE,
    OPERAND_CL,
    OPERAND_ONE,
};

enum repeat { REPEAT_NONE, REPEAT_NE, REPEAT_E }; /* F2, F3 */

struct run;

/* Carries an instruction out. False: run->result says what instead. */
typedef bool instruction_handler(struct run *r);

struct instruction {
    instruction_handler *execute;
    uint64_t immediate;    /* sign-extended where the instruction does; of far ones the offset */
    uint64_t displacement; /* sign-extended; to a REGISTER_RIP, the length is added */
    uint16_t selector;     /* of far pointers; of ENTER the level */
    uint16_t opcode;       /* 0x1xx: after 0f, 0x2xx: after 0f 38 */
    uint8_t length;
    uint8_t width;         /* of operands: 1, 2, 4 or 8 bytes */
    uint8_t address_width; /* 2, 4 or 8 */
    uint8_t reg, rm;
    uint8_t segment; /* of the memory operand */
    uint8_t base, index, scale;
    uint8_t to, from; /* enum operand */
    uint8_t repeat;   /* enum repeat: the last of F2 and F3 */
    bool memory;      /* there is a memory operand */
    bool locked, rex, data16;
};

enum decode_result {
    DECODE_OK,
    DECODE_SHORT,   /* it goes on after the bytes that are there */
    DECODE_INVALID, /* #UD */
    DECODE_UNKNOWN, /* perhaps an instruction, but not here */
};

/* mode: 2, 4 or 8, the size of addresses that the code segment has by default. */
enum decode_result instruction_decode(struct instruction *i, const uint8_t *bytes,
                                      unsigned available, unsigned mode);

/* A row of the opcode tables. */
struct opcode {
    instruction_handler *execute;
    uint16_t attributes; /* OPCODE_* */
    uint8_t to, from;
};

#define OPCODE_MODRM     (1u << 0)
#define OPCODE_BYTE      (1u << 1) /* operands are bytes */
#define OPCODE_REG       (1u << 2) /* `reg` is the opcode's low bits */
#define OPCODE_STACK     (1u << 3) /* 64-bit mode: 8 bytes unless 16-bit */
#define OPCODE_NEAR      (1u << 4) /* 64-bit mode: 8 bytes always */
#define OPCODE_NOT_64    (1u << 5) /* #UD in 64-bit mode */
#define OPCODE_LOCK      (1u << 6) /* LOCK is legal with a memory operand; groups look closer */
#define OPCODE_IMMEDIATE (7u << 7) /* mask */
#define IMMEDIATE_BYTE   (1u << 7) /* sign-extended */
#define IMMEDIATE_Z      (2u << 7) /* 2 or 4 bytes, sign-extended */
#define IMMEDIATE_V      (3u << 7) /* as wide as the operands */
#define IMMEDIATE_WORD   (4u << 7)
#define IMMEDIATE_FAR    (5u << 7)  /* offset, then selector */
#define IMMEDIATE_ENTER  (6u << 7)  /* 16 bits, then 8 */
#define IMMEDIATE_MOFFS  (7u << 7)  /* an address: memory operand */
#define OPCODE_MEMORY    (1u << 10) /* ModRM must name memory, or #UD */
#define OPCODE_SIZED     (1u << 11) /* operands are bytes if the opcode is even */

extern const struct opcode opcodes[3][256];

/*
 * A walk of long mode's tables, to be done again: it leads to the same place if the registers that
 * it depends on and the entries on its way are what they were.
 */
struct walk_memo {
    uint64_t page, cr0, cr3, cr4, efer, ac; /* page: of the linear address, >> 12 */
    unsigned access;
    unsigned count; /* 0: free */
    uint64_t *at[5];
    uint64_t entry[5];
    uint64_t gpa;  /* of the page, */
    uint8_t *host; /* and where it is; NULL: a device */
};

/*
 * Instructions by RIP. An entry is valid while the bytes there are those that it was made from, so
 * nothing has to be forgotten when the guest changes its code, its tables or its CR3.
 */
#define DECODE_CACHE_ENTRIES 32u
#define WALK_MEMOS           8u

struct decode_cache {
    struct walk_memo walk[WALK_MEMOS];
    struct {
        uint8_t bytes[16]; /* zero after `length` of them */
        uint8_t mode;      /* 0: free */
        struct instruction instruction;
    } entry[DECODE_CACHE_ENTRIES];
};
