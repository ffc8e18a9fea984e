/*
 * What start.S saw at the first instruction, before it changed anything. The offsets are shared
 * with the assembly; entry.h is included by both.
 */
#pragma once

#define ENTRY_GENERAL     0 /* RAX RCX RDX RBX RSP RBP RSI RDI R8 .. R15 */
#define ENTRY_FLAGS       128
#define ENTRY_BSS_DIRTY   136
#define ENTRY_STACK_DIRTY 144
#define ENTRY_SELECTORS   152 /* CS SS DS ES FS GS, 16 bits each */
#define ENTRY_RESERVED    164
#define ENTRY_FXSAVE      176
#define ENTRY_SIZE        688

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

enum entry_register {
    ENTRY_RCX = 1,
    ENTRY_RSP = 4,
    ENTRY_RDI = 7,
    ENTRY_R11 = 11,
    ENTRY_REGISTERS = 16,
};

enum entry_selector {
    ENTRY_CS,
    ENTRY_SS,
    ENTRY_DS,
    ENTRY_ES,
    ENTRY_FS,
    ENTRY_GS,
    ENTRY_SELECTOR_COUNT,
};

struct entry_state {
    uint64_t general[ENTRY_REGISTERS];
    uint64_t flags;
    uint64_t bss_dirty;   /* 8-byte words of .bss that were not zero */
    uint64_t stack_dirty; /* 8-byte words of the stack that were not zero */
    uint16_t selectors[ENTRY_SELECTOR_COUNT];
    uint8_t reserved[12];
    uint8_t fxsave[512]; /* Intel SDM 1, 10.5.1: FXSAVE64 image */
};

_Static_assert(offsetof(struct entry_state, flags) == ENTRY_FLAGS, "entry.h");
_Static_assert(offsetof(struct entry_state, selectors) == ENTRY_SELECTORS, "entry.h");
_Static_assert(offsetof(struct entry_state, fxsave) == ENTRY_FXSAVE, "entry.h");
_Static_assert(sizeof(struct entry_state) == ENTRY_SIZE, "entry.h");

extern const struct entry_state entry_state;
extern const char _start[];
extern char stack_begin[], stack_end[];

#endif
