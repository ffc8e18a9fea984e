/*
 * What each CPU has of its own. It lives in the CPU's window (layout.h), so that any kernel stack
 * pointer leads to it.
 */
#ifndef CAIRN_CPU_H
#define CAIRN_CPU_H

#include "boot_info.h"
#include "layout.h"
#include "lock.h"
#include "runqueue.h"
#include "timers.h"
#include "types.h"

struct ec;
struct pd;
struct sc;

/* Only its own CPU touches it, but for the fields that say otherwise. */
struct cpu {
    uint64_t user_rsp;  /* stack pointer of the program that made the system call (entry.S) */
    struct ec *current; /* whose registers the CPU has, or had last (entry.S) */
    bool reschedule;    /* somebody more urgent may be ready; checked on the way out (entry.S) */

    bool xgetbv1; /* XGETBV(1) tells which vector state is in use */
    bool helping; /* a helper is in the chain from the current SC to the current EC */
    bool x2apic;
    bool tsc_deadline;
    bool tracing;
    uint32_t index;
    struct sc *sc;         /* on whose time the CPU runs; NULL while idle */
    uint64_t since;        /* TSC when that SC's time began */
    uint64_t slice_end;    /* TSC when it has to stop */
    uint64_t idle;         /* TSC ticks without an SC, in all */
    uint64_t armed;        /* deadline for which the one-shot timer is armed */
    uint64_t vectors;      /* domain (pd.id) whose the vector registers are; 0: initial values */
    uint64_t ready_domain; /* the same; 0 while tracing: ec_switch looks no further if it fits */
    const uint64_t *ports; /* bitmap in the window (ports.h). Atomic */
    struct timers waits;   /* deadlines of ECs */
    struct timers refills; /* of SCs whose budget is used up */

    struct lock wake_lock; /* protects woken and ending, which other CPUs write */
    struct chain woken;    /* ECs to make ready (ec.wake) */
    struct chain ending;   /* ECs and SCs to end (struct ending) */

    uint64_t gdt[7];            /* null, kernel CS and SS, user SS and CS, TSS (two entries) */
    uint64_t timer_fired;       /* TSC when the timer interrupt last came, 0 before */
    uint64_t trace_number;      /* of the last event recorded there */
    struct boot_cpu *boot_info; /* this CPU's record in the boot information area */
    struct runqueue ready;
};

_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "entry.S");
_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "entry.S");
_Static_assert(offsetof(struct cpu, reschedule) == CPU_RESCHEDULE, "entry.S");
_Static_assert(sizeof(struct cpu) <= FRAME_SIZE, "struct cpu has one frame");

/* Window of a CPU: [cpu_area(i), cpu_area(i) + CPU_AREA_SIZE). */
static inline uint64_t cpu_area(uint32_t index)
{
    return CPU_AREAS + (uint64_t)index * CPU_AREA_SIZE;
}

static inline struct cpu *cpu_at(uint32_t index)
{
    return (struct cpu *)(cpu_area(index) + CPU_DATA);
}

/* The CPU that runs this. Only on a stack of a CPU's window, that is, after cpu_enter. */
static inline struct cpu *cpu_this(void)
{
    uint64_t stack;
    __asm__("mov %%rsp, %0" : "=r"(stack));
    return (struct cpu *)((stack & ~(uint64_t)(CPU_AREA_SIZE - 1)) + CPU_DATA);
}

/* Control registers, MSRs and vector state of this CPU; records its features. */
void cpu_features_enable(struct cpu *cpu);

/* GDT, TSS, IDT and the system-call entry of this CPU. */
void cpu_descriptors_load(struct cpu *cpu);

/* start.S: leaves the loader's page tables; goes on at cpu_main(index) on that CPU's stack. */
NORETURN void cpu_enter(uint64_t index, uint64_t root);

/* main.c: what every CPU does from there. */
NORETURN void cpu_main(uint32_t index);

#endif
