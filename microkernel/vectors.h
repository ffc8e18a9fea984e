/*
 * Vector state: x87, SSE, AVX and what else XCR0 holds.
 *
 * A call and its reply do not keep it: it is caller-saved. What keeps it is preemption. The CPU's
 * registers hold state of one protection domain at a time: before another one runs they are put to
 * their initial values, unless XGETBV(1) says that they have them anyway.
 *
 * A guest's state stays in the registers when it exits, since its monitor seldom needs them:
 * cpu->guest.vectors names it, and CR0.TS is set. Then no program has state there, and the first
 * instruction that touches the registers, in a program or here, is #NM, whose handler takes them
 * (vectors_take). TS keeps a program from the registers, not from what it can guess by speculation:
 * whoever leaves the guest for another domain, or for a thread that did not get the exit, takes
 * them at once.
 */
#ifndef CAIRN_VECTORS_H
#define CAIRN_VECTORS_H

#include "ec.h"

#define XCR0_ALL      0xffffffffu /* requested-feature bitmap */
#define XSAVE_MAXIMUM (FRAME_OBJECT_MAXIMUM - EC_VECTORS)

struct cpu;
struct vcpu;

/* The XSAVE area of registers that nobody has used. */
extern const struct initial_vectors initial_vectors;

/* Enables all components that the CPU has. Stops the kernel if an EC's frame cannot hold them. */
void vectors_enable(struct cpu *cpu);

static inline void vectors_write(void *area, uint32_t components)
{
    __asm__ volatile("xsave %0"
                     : "+m"(*(char(*)[XSAVE_MAXIMUM])area)
                     : "a"(components), "d"(components));
}

static inline void vectors_read(const void *area)
{
    __asm__ volatile("xrstor %0"
                     :
                     : "m"(*(const char(*)[XSAVE_MAXIMUM])area), "a"(XCR0_ALL), "d"(XCR0_ALL));
}

/*
 * #NM if a guest's state is in the registers. XSAVE and XRSTOR find out themselves (SDM 2D,
 * "XSAVE"), but not QEMU's. This one changes nothing, nor does it wait for x87 exceptions.
 */
static inline void vectors_touch(void)
{
    __asm__ volatile("movaps %%xmm0, %%xmm0" : : : "memory");
}

/* Saves the registers of the EC that was interrupted; they may stay as they are. */
static inline void vectors_save(struct ec *ec)
{
    vectors_touch();
    vectors_write(ec_vectors(ec), XCR0_ALL);
    ec->vectors_saved = true;
}

/* Into the registers again, of an EC that has them saved. */
void vectors_load(struct ec *ec);

/* Before another domain is entered: nothing of this one's stays in the registers. */
void vectors_reset(void);

/* Before vcpu's guest is entered, if cpu->guest.vectors is not it: no program has state there. */
void vectors_give(struct cpu *cpu, struct vcpu *vcpu);

/* For programs again: saves the state of cpu->guest.vectors, which is not NULL, and resets. */
void vectors_take(struct cpu *cpu);

/* VCPU's memory has another state: the CPU too, if it has vcpu's. */
void vectors_update(struct cpu *cpu, const struct vcpu *vcpu);

/* VCPU's state is of no use any more. */
void vectors_forget(struct cpu *cpu, const struct vcpu *vcpu);

/* Writes these components of cpu->guest.vectors, which is not NULL, to an XSAVE image. */
void vectors_show(void *image, uint32_t components);

/* #NM, on this CPU. False: it is not because of a guest. */
bool vectors_wanted(struct cpu *cpu);

#endif
