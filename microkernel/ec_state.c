/*
 * Constraints on an EC's registers (SDM 3A, 2.3; 1, 3.3.7.1).
 */
#include "ec_state.h"

#include "space.h"
#include "x86.h"

#define RFLAGS_ARITHMETIC 0x8d5ull /* CF, PF, AF, ZF, SF, OF */
#define RFLAGS_ID         (1ull << 21)
#define RFLAGS_USER \
    (RFLAGS_ARITHMETIC | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

static bool canonical(uint64_t address)
{
    return address + (1ull << 47) < 1ull << 48;
}

bool state_constrain(struct utcb_state *state)
{
    state->rflags = (state->rflags & RFLAGS_USER) | RFLAGS_IF | RFLAGS_RESERVED;
    return state->rip < SPACE_END && canonical(state->fs_base) && canonical(state->gs_base);
}
