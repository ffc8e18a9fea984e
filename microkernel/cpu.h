/*
 * What each CPU has of its own. It lives in the CPU's window (kernel_layout.h), so that any kernel
 * stack pointer leads to it.
 */
#ifndef CAIRN_CPU_H
#define CAIRN_CPU_H

#include "boot_info.h"
#include "entry.h"
#include "guest_cpu.h"
#include "layout.h"
#include "lock.h"
#include "runqueue.h"
#include "timers.h"
#include "types.h"

struct ec;
struct sc;
struct shoot_cpu;

/* Only its own CPU touches it, but for the fields that say otherwise. */
struct cpu {
    uint64_t user_rsp;  /* stack pointer of the program that made the system call (entry.S) */
    struct ec *current; /* whose registers the CPU has, or had last (entry.S) */
    bool reschedule;    /* somebody more urgent may be ready; checked on the way out (entry.S) */

    bool x2apic;
    bool tsc_deadline;
    bool tracing;
    uint32_t index;
    uint64_t waiting;        /* ec_word(index, EC_WAITING); 0 while tracing */
    uint64_t calling;        /* with EC_CALLING; 0: a helper is in the current SC's chain */
    struct shoot_cpu *shoot; /* this CPU's */
    uint64_t tag;            /* offset of its tag in space.tags (entry.S) */
    struct sc *sc;           /* on whose time the CPU runs; NULL while idle */
    uint64_t since;          /* TSC when that SC's time began */
    uint64_t slice_end;      /* TSC when it has to stop */
    uint64_t armed;          /* when the one-shot timer comes: not after what is due first */
    const uint64_t *ports;   /* bitmap in the window (ports.h). Atomic */
    struct timers waits;     /* deadlines of ECs */
    struct timers refills;   /* of SCs whose budget is used up */

    struct lock wake_lock; /* protects woken, ending, told, doomed, doom: other CPUs write them */
    bool told;             /* woken or ending has something. Atomic: looked at without the lock */
    struct chain woken;    /* ECs to make ready (ec.wake) */
    struct chain ending;   /* ECs and SCs to end (struct ending) */
    struct chain doomed;   /* domains that destroyed themselves (pd.doomed) */
    uint32_t doom;         /* the highest priority at which one of them did */

    uint64_t gdt[7];          /* null, kernel CS and SS, user SS and CS, TSS (two entries) */
    struct registers trapped; /* of the kernel, where it was interrupted (entry.S) */
    uint64_t trace_number;    /* of the last event recorded there */
    struct guest_cpu guest;
    struct runqueue ready;
};

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

/* The CPU that runs this. */
static inline struct cpu *cpu_this(void)
{
    uint64_t stack;
    __asm__("mov %%rsp, %0" : "=r"(stack));
    return (struct cpu *)((stack & ~(uint64_t)(CPU_AREA_SIZE - 1)) + CPU_DATA);
}

/* Control registers, MSRs and vector state of this CPU. Returns its features (boot_info.h). */
uint64_t cpu_features_enable(struct cpu *cpu);

/* Fills the IDT of all CPUs, once, before it becomes read-only. */
void idt_build(void);

/* GDT, TSS, IDT and the system-call entry of this CPU. */
void cpu_descriptors_load(struct cpu *cpu);

/* Of these, what a guest changes: TR, and STAR, LSTAR, SFMASK. */
void task_load(struct cpu *cpu);
void system_call_setup(struct cpu *cpu);

/* Operand of LGDT and LIDT (SDM 2A). */
struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

struct table_pointer gdt_pointer(const struct cpu *cpu);
uint64_t idt_address(void);

/* main.c: what every CPU does from start.S on. */
NORETURN void cpu_main(uint32_t index);

#endif
