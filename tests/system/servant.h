/*
 * A guest that uses memory as a suite tells it (guests/tiny/memory.S), on VCPU 0 of a monitor. What
 * it is to do is given to it when it asks; meanwhile its handler waits. Between servant_begin and
 * servant_end it is doing it, on its CPU.
 */
#pragma once

#include "monitor.h"

struct order {
    uint64_t what; /* TINY_DO_* */
    uint64_t address, count, value;
};

struct servant {
    struct monitor *monitor;
    struct order order;
    volatile uint64_t result;

    /*
     * At a guest-physical access that no mapping allows: true: the guest tries again. NULL: it
     * gives the order up.
     */
    bool (*mend)(struct servant *s);
    volatile uint64_t misses;   /* such accesses during the order, and */
    struct monitor_exit missed; /* the last of them */
    volatile uint64_t others;   /* exits that nobody expects */
};

extern struct servant servants[MONITORS];

/* Of a monitor that is open; on a CPU. True: it waits for orders. */
bool servant_open(struct servant *s, struct monitor *m, uint32_t cpu);
bool servant_close(struct servant *s);

void servant_begin(struct servant *s, const struct order *order);

/* Waits until it asks again; its result, or UINT64_MAX and a comment: it takes too long. */
uint64_t servant_end(struct servant *s);

uint64_t servant_do(struct servant *s, uint64_t what, uint64_t address, uint64_t count,
                    uint64_t value);

/* In its page table for the first 2 MiB: what is at a linear address. */
void servant_point(struct servant *s, uint64_t linear, uint64_t gpa);

/* Waits until a number, which it counts at this address of ours, has grown. */
bool servant_counts(const volatile uint64_t *number);

/* The number stays as it is. */
bool servant_stands(const volatile uint64_t *number);

/* The servant missed once, at that address, and the qualification was that one. */
bool servant_missed(const struct servant *s, uint64_t qualification, uint64_t address);
