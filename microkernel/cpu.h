/*
 * What each CPU has of its own. It lives in the CPU's window (layout.h), so that any kernel stack
 * pointer leads to it.
 */
#ifndef CAIRN_CPU_H
#define CAIRN_CPU_H

#include "boot_info.h"
#include "layout.h"
#include "types.h"

/* Only its own CPU touches it, but for the fields that say otherwise. */
struct cpu {
    uint64_t user_rsp; /* stack pointer of the program that made the system call (entry.S) */
    uint32_t index;
    bool x2apic;
    bool tsc_deadline;
    uint64_t gdt[7];            /* null, kernel CS and SS, user SS and CS, TSS (two entries) */
    uint64_t timer_fired;       /* TSC when the timer interrupt last came, 0 before */
    struct boot_cpu *boot_info; /* this CPU's record in the boot information area */
};

_Static_assert(offsetof(struct cpu, user_rsp) == 0, "entry.S stores the stack pointer there");
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
