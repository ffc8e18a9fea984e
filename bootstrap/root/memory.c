/*
 * Free memory is handed out in pieces (pieces.h) and never comes back: what a program has it has
 * for the whole run, so there is nothing to run out of later.
 */
#include "memory.h"

#include <string.h>

#include "pieces.h"
#include "say.h"

#define ENTRIES 512u /* one call maps at most so many pages */
#define PIECE   (ENTRIES * PAGE)
#define LARGE   (2ull << 20) /* a page of the next size */

#define HUGE (1ull << 30) /* and of the one after that */

static struct pieces pieces;

_Static_assert(PIECES_MAX >= BOOT_MAX_RANGES + CONF_PROGRAMS + 1, "RAM leaves one more");

static void pieces_open(void)
{
    for (uint32_t i = 0; i < root.info->memory.count; i++) {
        const struct boot_memory *range = boot_entry(&root.info->memory, i);
        if (range->type == MEMORY_FREE)
            pieces_add(&pieces, &(struct piece){range->base, range->size, i});
    }
}

uint64_t memory_left(void)
{
    return pieces_sum(&pieces);
}

uint64_t memory_largest(void)
{
    return pieces_largest(&pieces);
}

/* A MEM of it. */
static bool piece_make(uint32_t selector, const struct piece *p)
{
    const struct boot_memory *range = boot_entry(&root.info->memory, p->range);
    struct answer a;

    do
        a = memory_create(selector, SELECTOR_POOL, SELECTOR_MEMORY + p->range,
                          p->base - range->base, p->size, 0);
    while (root.funds.memory && funds_add(&root.funds, &a));
    return a.status == STATUS_SUCCESS;
}

bool memory_reserve(uint32_t selector, uint64_t size, uint64_t *base)
{
    struct piece taken;

    if (!pieces_take(&pieces, size, PAGE, &taken))
        return false;
    *base = taken.base;
    return piece_make(selector, &taken);
}

bool memory_reserve_ram(uint32_t selector, uint64_t size, uint64_t *base)
{
    struct piece taken;

    if ((size < HUGE || !pieces_take(&pieces, size, HUGE, &taken)) &&
        !pieces_take(&pieces, size, LARGE, &taken))
        return false;
    *base = taken.base;
    return piece_make(selector, &taken);
}

/* What it finds there may be another boot's. Large pages where they fit: a large one has many. */
bool memory_clear(uint32_t selector, uint64_t size, uint64_t base)
{
    for (uint64_t done = 0, bytes; done < size; done += bytes) {
        uint64_t left = size - done, small = -(base + done) & (LARGE - 1);
        struct map map = {
            .address = WINDOW_CLEAR, .offset = done, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
        struct answer a;

        map.level = !small && left >= LARGE;
        small = !small || small > PIECE ? PIECE : small;
        bytes = map.level ? left & ~(LARGE - 1) : left < small ? left : small;
        bytes = map.level && bytes > ENTRIES * LARGE ? ENTRIES * LARGE : bytes;
        map.count = (uint32_t)(bytes / (map.level ? LARGE : PAGE));
        WITH_FUNDS(&root.funds, a, memory_map(selector, SELECTOR_PD, &map));
        if (a.status != STATUS_SUCCESS)
            return false;
        memset((void *)WINDOW_CLEAR, 0, bytes);
        (void)memory_unmap(SELECTOR_PD, WINDOW_CLEAR);
    }
    return true;
}

bool memory_take(uint32_t selector, uint64_t size)
{
    uint64_t base;

    return memory_reserve(selector, size, &base) && memory_clear(selector, size, base);
}

/*
 * A sixteenth of the machine, but at most 32 MiB, into root's pool: at once, because what is
 * deposited in any pool later needs a record in this one, which must not run dry before.
 */
bool memory_open(void)
{
    const uint64_t most = 32ull << 20;
    uint64_t size, base;

    pieces_open();
    size = memory_left() / 16 & ~(PAGE - 1);

    size = size < most ? size : most;
    if (!memory_reserve(ROOT_RESERVE, size, &base)) {
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
