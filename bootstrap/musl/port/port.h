/*
 * What the files of the port share. Every global name of the port begins with port_, call_ or
 * cairn_: the rest belongs to the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "environment.h"
#include "mutex.h"
#include "pages.h"
#include "system.h"
#include "tsc.h"
#include "waiting.h"

/* Locks, each with a semaphore. A thread takes a later one while it holds an earlier one only. */
enum port_lock {
    PORT_LOCK_OUTPUT,
    PORT_LOCK_FILES,
    PORT_LOCK_SERVICES, /* the clock and random numbers; the console is under that of output */
    PORT_LOCK_WAITING,
    PORT_LOCK_RESOURCES, /* pages, selectors, threads, deposits */
    PORT_LOCKS,
};

void port_lock(enum port_lock which);
void port_unlock(enum port_lock which);

/* resources.c; the lock is held. */
extern struct port_pages port_pages;
bool port_resources_open(const struct environment *environment);
bool port_locks_open(void);
__attribute__((warn_unused_result)) bool port_funds_add(const struct answer *answer);
uint32_t port_selectors_take(uint32_t count);
void port_selectors_give(uint32_t selector, uint32_t count);

/* Address of that many pages that somebody else fills, or 0; and back. The lock is held. */
uint64_t port_place_take(uint32_t pages);
void port_place_give(uint64_t address, uint32_t pages);

/* Does [address, address + size), whole pages, lie in what port_pages describes? */
bool port_range_pages(uint64_t address, uint64_t size, uint32_t *page, uint32_t *pages);

/* The call again, with more frames in the program's pool, until it does not lack any. */
#define PORT_WITH_FUNDS(answer, call) \
    do                                \
        (answer) = (call);            \
    while (port_funds_add(&(answer)))

#define PORT_PROCESS 1 /* its number: a program sees no other */

/*
 * How floating point is done: rounding, exceptions. A function call preserves it, a system call in
 * which others run does not: who makes one puts it back. A new thread has its creator's (POSIX,
 * pthread_create).
 */
struct port_floating {
    uint32_t mxcsr;
    uint16_t x87;
};

static inline struct port_floating port_floating_now(void)
{
    struct port_floating f;

    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(f.mxcsr), "=m"(f.x87));
    return f;
}

/* Exceptions that others have left behind in the x87 are nobody's. */
static inline void port_floating_set(struct port_floating f)
{
    __asm__ volatile("fnclex; fldcw %1; ldmxcsr %0" : : "m"(f.mxcsr), "m"(f.x87));
}

/* A thread of the program, or a handler. */
enum port_thread_state {
    PORT_THREAD_NONE,
    PORT_THREAD_LIVES,
    PORT_THREAD_OVER, /* does nothing any more: whoever makes or ends another one clears it away */
};

struct port_thread {
    struct utcb *utcb; /* first: enter.S */
    void *tls;         /* second: enter.S */
    uint32_t state;    /* enum port_thread_state. Atomic */
    uint32_t context;  /* selectors: EC, */
    uint32_t time;     /* SC, of a handler its reserve, */
    uint32_t sleep;    /* semaphore in which it waits */
    uint32_t cpu;
    uint32_t place; /* under which root knows it */
    int (*run)(void *argument);
    void *argument;
    struct port_floating floating;
    volatile int *cleared;   /* becomes 0 when it has ended */
    struct handler *handler; /* NULL: it has time of its own */
    struct port_waiter waiter;
    void *after[5];   /* what it finds at its thread pointer when its own storage may be gone */
    bool interrupted; /* by who found it not waiting; under PORT_LOCK_WAITING */

    /* Wishes for the next one that it makes. */
    uint32_t next_cpu, next_share;
    bool next_is_placed;
    struct handler *next_handler;
};

/* thread.c. The thread's number for Linux is its place in the table and one. */
struct port_thread *port_self(void);
struct port_thread *port_thread_of(long tid); /* NULL: there is none */
long port_thread_number(const struct port_thread *thread);
void port_main_thread_open(const struct environment *environment);
__attribute__((warn_unused_result)) bool port_main_thread_ready(void);
void port_threads_clear(void); /* those that are over; PORT_LOCK_RESOURCES is held */
void *port_handler_clear(const struct handler *handler); /* its thread pointer; NULL: none */
bool port_is_alone(void);         /* no other thread lives; PORT_LOCK_RESOURCES is held */
uint64_t port_threads_time(void); /* TSC ticks that all threads have used */

/* futex.c */
long port_sleep(uint64_t deadline); /* 0: it came; -EINTR */
void port_wake_all(volatile int *address);
void port_interrupt(struct port_thread *thread);
bool port_interrupted(void); /* was this one, while it did not wait? That is over then */

/* memory.c: the lock is held. 0 or an errno value. */
int port_unmap(uint64_t address, uint64_t size);

/* files.c: the lock of files is held. What mmap needs of an open file. */
struct port_file_part {
    uint32_t memory;
    uint64_t pages;
};
bool port_file_find(long descriptor, struct port_file_part *part);

/* output.c */
void port_output_flush(void);
long port_output_write(unsigned stream, const char *text, size_t size);

/* root.c. Words go with the call; an item if selector is not 0. The reply's word 1 to *result. */
struct port_request {
    uint64_t operation, word;
    const char *text; /* NULL: none; its size is `word` */
    uint32_t selector, rights;
};
uint64_t port_root_call(const struct port_request *request, uint64_t *result);

/* Waits for ever, holding nothing. */
static inline _Noreturn void port_rest(struct utcb *utcb)
{
    struct message nothing = message_make(utcb);

    for (;;) {
        nothing.length = 0;
        (void)!portal_reply(&nothing);
    }
}
