/*
 * Capability tables: adding frames of slots, and giving up a table.
 */
#include "table.h"

enum status table_init(struct table *table, struct pool *pool)
{
    *table = (struct table){.directory = pool_take_frame(pool), .pool = pool};
    return table->directory ? STATUS_SUCCESS : STATUS_NEEDS_FRAMES;
}

static uint64_t frames_missing(const struct table *table, uint64_t first, uint64_t last)
{
    uint64_t missing = 0;

    for (uint64_t i = first; i <= last; i++)
        missing += !table->directory[i];
    return missing;
}

static void frames_add(struct table *table, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++)
        if (!table->directory[i])
            __atomic_store_n(&table->directory[i], pool_take_reserved(table->pool),
                             __ATOMIC_RELEASE);
    if (table->end <= last)
        table->end = (uint32_t)last + 1;
    if (table->top <= last)
        table->top = (uint32_t)last + 1;
}

uint64_t table_extend(struct table *table, uint64_t first, uint64_t count)
{
    uint64_t last = (first + count - 1) / TABLE_SLOTS, missing;

    first /= TABLE_SLOTS;
    if (!frames_missing(table, first, last)) /* frames never go while the table can be reached */
        return 0;
    lock_take(&table->lock);
    missing = pool_reserve(table->pool, frames_missing(table, first, last));
    if (!missing)
        frames_add(table, first, last);
    lock_give(&table->lock);
    return missing;
}

/* Empties a frame of slots. Returns whether some are left. */
static bool slots_clear_step(struct node *slots, unsigned *budget)
{
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        if (slot_revoke_step(&slots[i], budget, true))
            return true;
    return false;
}

bool table_clear_step(struct table *table, unsigned *budget)
{
    for (; table->end; table->end--) {
        struct node *slots = table->directory[table->end - 1];

        if (slots && slots_clear_step(slots, budget))
            return true;
    }
    return false;
}

/*
 * Slots may have been filled after their frame was cleared, by a call that found the table just
 * before its end; they go first.
 */
bool table_free_step(struct table *table)
{
    unsigned budget = TABLE_SLOTS;

    for (; table->top; table->top--) {
        struct node **slots = &table->directory[table->top - 1];

        if (!*slots)
            continue;
        if (!slots_clear_step(*slots, &budget)) {
            pool_give_clean_frame(table->pool, *slots);
            *slots = NULL;
        }
        return true;
    }
    pool_give_clean_frame(table->pool, table->directory);
    table->directory = NULL;
    return false;
}
