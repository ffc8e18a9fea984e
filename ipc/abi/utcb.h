/*
 * The UTCB: one page that an execution context shares with the kernel. Messages longer than four
 * words pass through it, and capabilities. The kernel reads each word of it once.
 */
#pragma once

#include <stdint.h>

#define MESSAGE_REGISTERS \
    4u                     /* words 0 to 3: RSI, RDX, R8, R9; their places in the UTCB are unused */
#define MESSAGE_WORDS 488u /* the longest message */
#define MESSAGE_ITEMS 8u   /* capabilities in a message */

/* The second argument of CALL and the first of REPLY: how long the message is. */
#define MESSAGE_LENGTH(words, items) ((uint64_t)(words) | (uint64_t)(items) << 16)
#define MESSAGE_LENGTH_WORDS(length) ((uint32_t)(length)&0xffff)
#define MESSAGE_LENGTH_ITEMS(length) ((uint32_t)((length) >> 16) & 0xffff)

/* A capability in a message: the sender's selector and the rights that pass. */
struct utcb_item {
    uint32_t selector;
    uint32_t rights;
};

struct utcb {
    uint64_t word[MESSAGE_WORDS];
    struct utcb_item item[MESSAGE_ITEMS];
    uint32_t window;       /* first selector of the receive window */
    uint32_t window_count; /* selectors in it, 0: closed */
    uint64_t reserved[15];
};

_Static_assert(sizeof(struct utcb) <= 4096, "one page");

/* What an execution context is doing. */
enum utcb_activity {
    ACTIVITY_READY = 0,     /* ready to run */
    ACTIVITY_WAITING = 1,   /* a handler that waits for a call; or it has not begun */
    ACTIVITY_CALLING = 2,   /* for a reply, or for a handler to become free */
    ACTIVITY_BLOCKED = 3,   /* in a semaphore */
    ACTIVITY_EXCEPTION = 4, /* for the reply to its exception */
    ACTIVITY_STOPPED = 5,   /* its exception could not be delivered */
};

/*
 * State of an execution context, from word 0 of the UTCB of who reads it (EC_READ) or sets it
 * (EC_SET). Registers that the system call which it is in loses are zero, or what they were at some
 * time before. EC_SET takes the first twenty fields.
 */
struct utcb_state {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t fs_base, gs_base;
    uint64_t activity;               /* enum utcb_activity */
    uint64_t vector, error, address; /* of the exception, if it has one now; else zero */
    uint64_t id;                     /* names it in the event trace while it lives */
};
