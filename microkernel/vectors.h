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
#pragma once

#include "ec.h"
#include "handoff.h"

#define XCR0_ALL      0xffffffffu /* requested-feature bitmap */
#define XSAVE_MAXIMUM (FRAME_OBJECT_MAXIMUM - EC_VECTORS)

_Static_assert(HANDOFF_VECTORS_MAX <= XSAVE_MAXIMUM, "what the loader accepts fits a frame");

struct vcpu;

/* The XSAVE area of registers that nobody has used. */
extern const struct guest_image initial_vectors;

static inline void vectors_write(void *area)
{
    __asm__ volatile("xsave %0"
                     : "+m"(*(char(*)[XSAVE_MAXIMUM])area)
                     : "a"(XCR0_ALL), "d"(XCR0_ALL));
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
    vectors_write(ec_vectors(ec));
    ec->vectors_saved = true;
}

/* Into the registers again, of an EC that has them saved. */
static inline void vectors_load(struct ec *ec)
{
    vectors_touch();
    vectors_read(ec_vectors(ec));
    ec->vectors_saved = false;
}

/* Before another domain is entered: nothing of this one's stays in the registers. */
void vectors_reset(void);

/* Before vcpu's guest is entered, if cpu->guest.vectors is not it: no program has state there. */
void vectors_give(struct cpu *cpu, struct vcpu *vcpu);

/*
 * For programs again: saves the state of cpu->guest.vectors, and resets. False: that is NULL, so
 * an #NM is not because of a guest.
 */
bool vectors_take(struct cpu *cpu);
