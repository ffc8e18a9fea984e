/*
 * What each CPU has of its own. It lives in the CPU's window (kernel_layout.h), so that any kernel
 * stack pointer leads to it.
 */
#pragma once

#include "boot_info.h"
#include "entry.h"
#include "layout.h"
#include "lock.h"
#include "runqueue.h"
#include "timers.h"

struct ec;
struct sc;
struct shoot_cpu;
struct vcpu;
struct vm;

/*
 * Part of struct cpu. `vectors`, `debug` and so on name the VCPU whose state the CPU has there,
 * whether or not that one runs; NULL: none. Whoever needs the registers for something else saves
 * them first.
 */
struct guest_cpu {
    struct vcpu *settled; /* it has all of those below: it enters at once. NULL: look at them */
    struct vcpu *vectors; /* CR0.TS is set then (vectors.h) */
    struct vcpu *debug;   /* DR0 to DR3, DR6 */
    struct vcpu *loaded;  /* VMX: whose VMCS is current; SVM: whose MSRs were loaded last */
    const struct vm *vm;  /* of the guest that was entered last, or NULL */
    uint64_t generation;  /* of tags; from 1 on */
    uint64_t stamps;      /* last one given to a VM (struct guest_tag) */
    uint32_t next_id;     /* next tag */
    uint32_t msrs;        /* MSR_PASS_* of the MSR bitmap */
    bool ports_open;      /* some are in the I/O permission map, which is that of the VM */
    uint64_t ports;       /* that had this stamp */
    bool task_short;      /* VMX: TR has lost its I/O bitmap (ports.c) */
    void *frames;         /* GUEST_FRAMES frames: the back end's, physically contiguous */
};

#define GUEST_FRAMES (HANDOFF_GUEST + HANDOFF_GUEST_MAPS)

/*
 * Those from here on are the I/O permission map, for which both back ends use the same: a bit for
 * each port in two frames, and in the third what is behind the last one (APM 2, 15.10.1).
 */
#define GUEST_PORTS 4u

/* Only its own CPU touches it, but for the fields that say otherwise. */
struct cpu {
    uint64_t user_rsp;  /* stack pointer of the program that made the system call (entry.S) */
    struct ec *current; /* whose registers the CPU has, or had last (entry.S) */
    bool reschedule;    /* somebody more urgent may be ready; checked on the way out (entry.S) */

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
    const uint64_t *ports;   /* bitmap in the window (ports.h) */
    struct tree timers;      /* deadlines of ECs, refills of SCs whose budget is used up */

    struct lock wake_lock; /* protects woken, ending, told, doomed, doom: other CPUs write them */
    bool told;             /* woken or ending has something. Atomic: looked at without the lock */
    struct chain woken;    /* ECs to make ready (ec.wake) */
    struct chain ending;   /* ECs and SCs to end (struct ending) */
    struct chain doomed;   /* domains that destroyed themselves (pd.doomed) */
    uint32_t doom;         /* the highest priority at which one of them did */

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

/* This CPU's, in its window. */
static inline uint64_t *cpu_gdt(const struct cpu *cpu)
{
    return (uint64_t *)((char *)cpu - CPU_DATA + CPU_GDT);
}

/* Loads TR anew, where a guest has changed it. */
void task_load(struct cpu *cpu);

/* Fills the IDT of all CPUs, once, before it becomes read-only; then each CPU loads it. */
void idt_build(void);
void idt_load(void);
uint64_t idt_address(void);

/* main.c: what every CPU does from start.S on. */
NORETURN void cpu_main(uint32_t index);
