/*
 * What the bench's guest, its monitor and the program that starts both agree on. Shared with
 * assembly.
 */
#pragma once

/* Guest-physical addresses. */
#define GUEST_BEFORE  0x0 /* the TSC before and after */
#define GUEST_AFTER   0x4
#define GUEST_FLAG    0x8
#define GUEST_GDT     0x100
#define GUEST_IDT     0x200
#define GUEST_STACK   0x1000
#define GUEST_CODE    0x1000
#define GUEST_BYTES   0x2000   /* of memory, from 0 on */
#define GUEST_NOTHING 0x400000 /* nothing is mapped there, or one page at times */

#define GUEST_VECTOR 0x40

/* Of ipc/abi/vcpu_state.h. */
#define GROUP_INJECTION (1 << 15)
#define GROUPS_ALL      ((1 << 21) - 1) /* all but the vector state */
#define INJECTION       192
