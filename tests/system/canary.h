/*
 * Registers filled with marks before the kernel is entered, and all of them looked at afterwards
 * (canary.S). RSP points at the struct meanwhile, because it is the one register that every way
 * through the kernel preserves; so a new execution context may also begin with it.
 */
#pragma once

#define CANARY_IN          0
#define CANARY_IN_BASES    128
#define CANARY_IN_SEGMENTS 144
#define CANARY_EVENT       152
#define CANARY_STOP        160
#define CANARY_STACK       168
#define CANARY_OUT         192
#define CANARY_OUT_BASES   320
#define CANARY_OUT_FLAGS   336
#define CANARY_OUT_SEGMENT 344
#define CANARY_ROOM        64 /* before RSP */
#define CANARY_VECTORS     3072
#define CANARY_IN_VECTORS  384
#define CANARY_OUT_VECTORS (CANARY_IN_VECTORS + CANARY_VECTORS)

#define CANARY_SYSCALL    0
#define CANARY_BREAKPOINT 1
#define CANARY_SPIN       2

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

enum canary_register {
    CANARY_RAX,
    CANARY_RCX,
    CANARY_RDX,
    CANARY_RBX,
    CANARY_RSP,
    CANARY_RBP,
    CANARY_RSI,
    CANARY_RDI,
    CANARY_R8,
    CANARY_R9,
    CANARY_R10,
    CANARY_R11,
    CANARY_R12,
    CANARY_REGISTERS = 16,
};

struct canary {
    uint8_t room[CANARY_ROOM];
    uint64_t in[CANARY_REGISTERS]; /* RSP is not taken from here */
    uint64_t in_bases[2];          /* FS, GS */
    uint16_t in_segments[4];       /* DS, ES, FS, GS */
    uint64_t event;
    volatile uint64_t stop; /* not 0: CANARY_SPIN is over */
    uint64_t stack;         /* of who called canary_once */
    uint64_t owner;
    uint64_t reserved;
    volatile uint64_t out[CANARY_REGISTERS];
    volatile uint64_t out_bases[2];
    volatile uint64_t out_flags;
    volatile uint16_t out_segments[4];
    uint64_t reserved2[4];
    uint8_t in_vectors[CANARY_VECTORS]; /* XSAVE areas, standard format */
    volatile uint8_t out_vectors[CANARY_VECTORS];
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct canary, out) == CANARY_ROOM + CANARY_OUT, "canary.S");
_Static_assert(offsetof(struct canary, in_vectors) == CANARY_ROOM + CANARY_IN_VECTORS, "canary.S");
_Static_assert(offsetof(struct canary, out_vectors) == CANARY_ROOM + CANARY_OUT_VECTORS,
               "canary.S");

/* Fills all registers from `in`, lets the event happen, and notes all registers in `out`. */
void canary_once(struct canary *c);

/* Where an EC with RSP = c->in begins: notes its registers, fills them, SYSCALL, and again. */
extern const char canary_serve[];

#endif
