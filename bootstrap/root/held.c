#include "held.h"

static void remember(struct program *p, uint32_t there, uint32_t type, uint32_t rights)
{
    held_forget(p, there);
    if (p->held_count < HELD_MAX)
        p->held[p->held_count++] = (struct held){(uint16_t)there, (uint16_t)rights, (uint16_t)type};
}

enum status held_give(struct program *p, uint32_t there, uint32_t selector, uint32_t rights)
{
    struct lookup own = capability_lookup(selector);
    struct answer a;

    if (p->held_count == HELD_MAX)
        return STATUS_IN_USE;
    WITH_FUNDS(&p->funds, a,
               capability_delegate(program_selector(p, PROGRAM_PD), there, selector, rights));
    if (a.status == STATUS_SUCCESS)
        remember(p, there, own.type, own.rights & rights);
    return a.status;
}

void held_forget(struct program *p, uint32_t there)
{
    for (uint32_t i = 0; i < p->held_count; i++)
        if (p->held[i].selector == there)
            p->held[i] = p->held[--p->held_count];
}
