/*
 * As hello, but what it says is where its memory is: frames of what root gave it to divide, how
 * many of them it mapped and how many it deposited, and how many frames of its two pools are free.
 */
#include <stdio.h>

#include "environment.h"
#include "port.h"
#include "system.h"

static unsigned pages_mapped(void)
{
    const struct port_frames *f = &port_pages.frames;
    unsigned mapped = 0;

    for (uint32_t i = 0; i < port_frames_words(f->count); i++)
        mapped += (unsigned)__builtin_popcountll(f->taken[i]);
    return mapped;
}

int main(void)
{
    struct answer pool = pool_free(PROCESS_POOL), bank = pool_free(PROCESS_BANK);

    if (pool.status != STATUS_SUCCESS || bank.status != STATUS_SUCCESS)
        return 1;
    printf("own %lu mapped %u deposited %u free %lu\n", ENVIRONMENT->memory_size / PORT_PAGE,
           pages_mapped(), port_pages.frames.floor, pool.value + bank.value);
    return 0;
}
