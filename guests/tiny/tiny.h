/*
 * Tiny guests: a few instructions each, which do one thing and tell of it by exits. They are flat
 * images that run at TINY_CODE in guest-physical memory of this layout, in a mode that whoever
 * monitors them sets up: paging, where there is some, maps the first 2 MiB to themselves.
 *
 * guests.list names them all. The offsets are shared with the assembly.
 */
#pragma once

/* Modes. */
#define TINY_REAL      0 /* 16-bit, all segments at 0 */
#define TINY_PROTECTED 1 /* 32-bit, flat, no paging */
#define TINY_PAGED     2 /* 32-bit paging */
#define TINY_PAE       3 /* PAE paging */
#define TINY_LONG      4 /* 64-bit */
#define TINY_MODES     5

/* Guest-physical memory. The IDT of real mode is at 0. */
#define TINY_CODE     0x1000
#define TINY_DATA     0x2000 /* a page for what guests read and write */
#define TINY_STACK    0x4000 /* end of the stack, of a page */
#define TINY_GDT      0x4000
#define TINY_IDT      0x5000
#define TINY_TSS      0x6000  /* of TR */
#define TINY_TSS2     0x6800  /* of TINY_TASK */
#define TINY_HANDLERS 0x7000  /* TINY_HANDLER bytes for each vector: OUT of AL to port n, IRET */
#define TINY_TABLES   0x8000  /* up to four page tables, the root first */
#define TINY_BYTES    0x10000 /* all of it */

#define TINY_HANDLER 4

/* What the servant does (memory.S). */
#define TINY_ASK      0x40 /* port at which it asks */
#define TINY_DO_READ  0
#define TINY_DO_WRITE 1
#define TINY_DO_CALL  2
#define TINY_DO_COUNT 3
#define TINY_DO_FILL  4
#define TINY_DO_ADD   5
#define TINY_DO_TURNS 6

#define TINY_FINISH 0x41 /* port of guests that do what they should not (hostile.S): the end */

#define TINY_WORK 0xd000 /* the page of the worker */

/* Selectors. Code and data are flat. */
#define TINY_CODE32 0x08
#define TINY_DATA32 0x10
#define TINY_CODE64 0x18
#define TINY_CODE16 0x20
#define TINY_DATA16 0x28
#define TINY_TR     0x30 /* of two places */
#define TINY_TASK   0x40 /* another TSS of 32 bits, available */
#define TINY_ABSENT 0x48 /* data that is not present */

#ifndef __ASSEMBLER__

#include <stdint.h>

struct tiny {
    const uint8_t *code;
    uint32_t bytes;
    uint32_t mode;
    const char *name;
};

#define GUEST(name, mode, does) extern const struct tiny tiny_##name;
#include "guests.list"
#undef GUEST

/* The handlers of each kind of IRET: 256 of TINY_HANDLER bytes. */
extern const uint8_t tiny_handlers[], tiny_handlers64[];

#endif
