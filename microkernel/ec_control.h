/*
 * What others do to an EC: read and set its registers, recall, resume, supervise it. And what comes
 * of an exception: a call of its portal, or the EC stops and its supervisor is told.
 *
 * An EC's registers are looked at on its own CPU only, where it is not the one that runs.
 */
#pragma once

#include "ec.h"
#include "x86.h"

#define RFLAGS_ARITHMETIC 0x8d5ull /* CF, PF, AF, ZF, SF, OF */
#define RFLAGS_ID         (1ull << 21)
#define RFLAGS_USER \
    (RFLAGS_ARITHMETIC | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

static inline bool canonical(uint64_t address)
{
    return address + (1ull << 47) < 1ull << 48;
}

/*
 * What somebody wants the registers of an EC to be, before they are used (SDM 3A, 2.3; 1, 3.3.7.1).
 * Makes RFLAGS what a program could have: its own flags as given, interrupts on, no right to I/O.
 * False: RIP is no program's, or a segment base is not canonical; loading those would fault in the
 * kernel. All else a program can load itself.
 */
__attribute__((warn_unused_result)) static inline bool state_constrain(struct utcb_state *state)
{
    state->rflags = (state->rflags & RFLAGS_USER) | RFLAGS_IF | RFLAGS_RESERVED;
    return state->rip < SPACE_END && canonical(state->fs_base) && canonical(state->gs_base);
}

/* CONTROL on ec by the caller, who has these rights to it; RSI: operation, RDX: argument. */
uint64_t ec_control(struct ec *caller, struct ec *ec, uint32_t rights);

/* A semaphore of the caller's becomes its supervisor: EC_SUPERVISOR, VCPU_SUPERVISOR. */
enum status supervisor_set(const struct ec *caller, struct ec *ec, uint64_t selector)
    __attribute__((warn_unused_result));

/* The EC was about to run, but has something pending. */
NORETURN void ec_raise_pending(struct cpu *cpu, struct ec *ec);

/*
 * Stops an EC of this CPU and ups its supervisor. Scheduling contexts come to wait at it by
 * themselves. The first program's own thread has nobody to tell but the kernel: without a
 * supervisor, its end is that of the run.
 */
void ec_stop(struct ec *ec);
