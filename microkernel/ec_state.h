/*
 * What somebody wants the registers of an EC to be, before they are used: constraints (SDM 3A, 2.3;
 * 1, 3.3.7.1).
 */
#ifndef CAIRN_EC_STATE_H
#define CAIRN_EC_STATE_H

#include "space.h"
#include "utcb.h"
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
 * Makes RFLAGS what a program could have: its own flags as given, interrupts on, no right to I/O.
 * False: RIP is no program's, or a segment base is not canonical; loading those would fault in the
 * kernel. All else a program can load itself.
 */
__attribute__((warn_unused_result)) static inline bool state_constrain(struct utcb_state *state)
{
    state->rflags = (state->rflags & RFLAGS_USER) | RFLAGS_IF | RFLAGS_RESERVED;
    return state->rip < SPACE_END && canonical(state->fs_base) && canonical(state->gs_base);
}

#endif
