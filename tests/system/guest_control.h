/*
 * For suites about what is done to a VCPU from outside: VCPU 0 of a monitor with a guest that goes
 * on for ever, whose exits are counted, and whose handler stays in an exit as long as it is told
 * to.
 */
#pragma once

#include "monitor.h"

enum control_semaphore {
    CONTROL_LET = SEMAPHORE, /* lets the handler go on */
    CONTROL_HELD,            /* the handler is in an exit and waits */
    CONTROL_TOLD,            /* supervisor of VCPUs */
    CONTROL_DONE,            /* for the suites */
    CONTROL_IDLE,            /* nobody as urgent as a guest wants the CPU */
};

#define CONTROL_LIMIT WORLD_LIMIT
#define CONTROL_NONE  EXIT_COUNT
#define CONTROL_KNOCK (0x80ull | 1ull << EXIT_IO_SIZE_SHIFT) /* qualification of a knock */

struct control {
    volatile uint64_t seen[EXIT_COUNT]; /* exits by reason that were answered */
    volatile uint32_t hold;             /* in exits of this reason the handler waits */
    uint64_t (*answer)(struct monitor_vcpu *v, const struct monitor_exit *e); /* or NULL */
};

/* Of VCPU 0 of each monitor. */
extern struct control controls[MONITORS];

/* A VM, its memory and the VCPU with a guest in it, which has no time yet. No test but on failure.
 */
bool control_open(unsigned i, const struct tiny *guest, uint32_t cpu, uint32_t groups);

/* Gives it time. One test. */
bool control_start(unsigned i);

/* All of it goes; with tests. */
void control_close(unsigned i);

/* Counts, waits if it is to, and answers as the suite wants or as a monitor usually does. */
uint64_t control_answer(struct monitor_vcpu *v, const struct monitor_exit *e);

static inline struct monitor_vcpu *control_vcpu(unsigned i)
{
    return &monitors[i].vcpus[0];
}

static inline uint32_t control_selector(unsigned i)
{
    return monitor_vcpu(control_vcpu(i));
}

/* A word of guest memory. What the guests here count is at TINY_DATA. */
static inline volatile uint64_t *control_word(unsigned i, uint64_t gpa)
{
    return (volatile uint64_t *)monitor_at(&monitors[i], gpa);
}

static inline volatile uint64_t *control_count(unsigned i)
{
    return control_word(i, TINY_DATA);
}

/*
 * Sleeps, so that others run, until a number is above a value; how long that takes is the host's
 * affair. False: it takes too long.
 */
bool control_await(const volatile uint64_t *number, uint64_t value);

/* One test: the guest goes on, or it stands still for some milliseconds. */
bool control_goes_on(unsigned i, const char *what);
bool control_stands_still(unsigned i, const char *what);

/* One test: the handler waits in an exit; and it goes on, and waits no more. */
bool control_held(const char *what);
void control_let(unsigned i);

/*
 * Sleeps until a CPU has nothing to do for who is as urgent as a guest: its handler has replied,
 * and the guest stands still or sleeps. It must have been about to.
 */
void control_settle(uint32_t cpu);

/* The agent, or, with cpu 0, the caller runs a function: on the VCPU's CPU. */
void control_there(uint32_t cpu, void (*run)(void));
