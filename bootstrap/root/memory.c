/*
 * Free memory is handed out from the front of each range and never comes back: what a program has
 * it has for the whole run, so there is nothing to run out of later.
 */
#include "memory.h"

#include <string.h>

#include "say.h"

#define PIECE (512 * PAGE) /* one call maps at most that */

static uint64_t taken[BOOT_MAX_RANGES]; /* bytes of each range, from its front */

static const struct boot_memory *range_free(uint32_t i)
{
    const struct boot_memory *range = boot_entry(&root.info->memory, i);

    return range->type == MEMORY_FREE ? range : NULL;
}

uint64_t memory_left(void)
{
    uint64_t left = 0;

    for (uint32_t i = 0; i < root.info->memory.count; i++)
        if (range_free(i))
            left += range_free(i)->size - taken[i];
    return left;
}

static bool piece_take(uint32_t selector, uint64_t size)
{
    for (uint32_t i = 0; i < root.info->memory.count; i++) {
        const struct boot_memory *range = range_free(i);
        if (!range || range->size - taken[i] < size)
            continue;
        struct answer a;
        do
            a = memory_create(selector, SELECTOR_POOL, SELECTOR_MEMORY + i, taken[i], size, 0);
        while (root.funds.memory && funds_add(&root.funds, &a));
        taken[i] += a.status == STATUS_SUCCESS ? size : 0;
        return a.status == STATUS_SUCCESS;
    }
    return false;
}

/* What it finds there may be another boot's. */
static bool piece_clear(uint32_t selector, uint64_t size)
{
    for (uint64_t done = 0; done < size; done += PIECE) {
        uint64_t bytes = size - done < PIECE ? size - done : PIECE;
        if (pages_map(&root.funds, selector, SELECTOR_PD, WINDOW_IMAGE, done, bytes,
                      MEM_RIGHT_READ | MEM_RIGHT_WRITE) != STATUS_SUCCESS)
            return false;
        memset((void *)WINDOW_IMAGE, 0, bytes);
        pages_unmap(WINDOW_IMAGE, bytes);
    }
    return true;
}

bool memory_take(uint32_t selector, uint64_t size)
{
    return piece_take(selector, size) && piece_clear(selector, size);
}

/*
 * A sixteenth of the machine, but at most 32 MiB, into root's pool: at once, because what is
 * deposited in any pool later needs a record in this one, which must not run dry before.
 */
bool memory_open(void)
{
    const uint64_t most = 32ull << 20;
    uint64_t size = memory_left() / 16 & ~(PAGE - 1);

    size = size < most ? size : most;
    if (!piece_take(ROOT_RESERVE, size)) {
        say("error: no memory for root itself");
        return false;
    }
    selectors_open(&root.payments, ROOT_PAYMENTS, PAYMENTS);
    root.funds = (struct funds){.pool = SELECTOR_POOL,
                                .bank = SELECTOR_POOL,
                                .memory = ROOT_RESERVE,
                                .end = size,
                                .selectors = &root.payments};
    if (funds_deposit(&root.funds, size / PAGE) == STATUS_SUCCESS)
        return true;
    say("error: the memory for root itself is of no use");
    return false;
}

enum status pages_map(struct funds *funds, uint32_t memory, uint32_t domain, uint64_t address,
                      uint64_t offset, uint64_t size, uint32_t rights)
{
    for (uint64_t done = 0; done < size; done += PIECE) {
        uint64_t bytes = size - done < PIECE ? size - done : PIECE;
        struct map map = {.address = address + done,
                          .offset = offset + done,
                          .count = (uint32_t)(bytes / PAGE),
                          .rights = rights};
        struct answer a;
        do
            a = memory_map(memory, domain, &map);
        while (funds_add(funds, &a));
        if (a.status != STATUS_SUCCESS)
            return a.status;
    }
    return STATUS_SUCCESS;
}

void pages_unmap(uint64_t address, uint64_t size)
{
    for (uint64_t done = 0; done < size; done += PIECE)
        (void)memory_unmap(SELECTOR_PD, address + done);
}
