/*
 * What the guests of switch.S share with whoever monitors them: an area in guest memory, to which
 * R15 points, at these offsets. The monitor puts in what the registers have at the start; the guest
 * compares, changes both, goes away for a while, and compares again, for ever.
 */
#pragma once

#define SWITCH_AREA(n) (0xc000 + 0x1000 * (n)) /* guest-physical; the end is a stack's, too */

#define SWITCH_WRONG 0x00 /* bits: SWITCH_ROWS, and those below */
#define SWITCH_COUNT 0x08 /* rounds */
#define SWITCH_SPIN  0x10 /* turns of the loop at the end of each round */
#define SWITCH_TSC   0x18 /* RDTSC, of the last round */
#define SWITCH_CR2   0x20
#define SWITCH_CR4   0x28
#define SWITCH_CR8   0x30
#define SWITCH_XCR0  0x38 /* 0: not to be looked at */
#define SWITCH_VALUE 0x40 /* in x87 and AVX registers */
#define SWITCH_WORD  0x48
#define SWITCH_POINT 0x50 /* is written, by `points` */

/* MSRs: number, or 0: not to be accessed; bits that change; value. */
#define SWITCH_TABLE 0x100
#define SWITCH_ROW   24
#define SWITCH_ROWS  11
#define ROW_STAR     0
#define ROW_LSTAR    1
#define ROW_CSTAR    2
#define ROW_SFMASK   3
#define ROW_KERNEL   4 /* KERNEL_GS_BASE */
#define ROW_FS       5
#define ROW_GS       6
#define ROW_CS       7 /* SYSENTER_CS and so on */
#define ROW_ESP      8
#define ROW_EIP      9
#define ROW_PAT      10

#define SWITCH_VALUE_OF(row) (SWITCH_TABLE + SWITCH_ROW * (row) + 16)

/* Bits of SWITCH_WRONG behind those of the rows. */
#define WRONG_FS     16 /* what is there by FS, */
#define WRONG_GS     17 /* by GS, */
#define WRONG_KERNEL 18 /* and after SWAPGS */
#define WRONG_LSTAR  19 /* SYSCALL went elsewhere, */
#define WRONG_STAR   20 /* with another CS, */
#define WRONG_SFMASK 21 /* with other flags */
#define WRONG_CR2    22
#define WRONG_CR4    23
#define WRONG_CR8    24
#define WRONG_XCR0   25
#define WRONG_X87    26
#define WRONG_AVX    27

/* Words that FS and GS can point to, each with its own address; targets of LSTAR; a RET. */
#define SWITCH_WORDS   0x400
#define SWITCH_TARGETS 0x800
#define SWITCH_TARGET  0x10 /* bytes of each: MOV its address to EAX, JMP *RDI */
#define SWITCH_RETURN  0x900
#define SWITCH_STACK   0xff0

/* AC and ID, with which SYSCALL is executed. (QEMU's TCG loses CF and DF over it.) */
#define SWITCH_FLAGS 0x240000
