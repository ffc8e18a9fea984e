/*
 * Capability tables: adding frames of slots, and giving up a table.
 */
#include "table.h"

enum status table_refusal(uint64_t word, enum object_type type)
{
    return capability_serves(word, type, 0) ? STATUS_NO_RIGHT : STATUS_BAD_CAPABILITY;
}

bool table_init(struct table *table, struct pool *pool)
{
    *table = (struct table){.directory = pool_take_frame(pool), .pool = pool};
    return table->directory;
}

struct node *table_extend(struct table *table, uint64_t selector)
{
    uint32_t at = (uint32_t)(selector / TABLE_SLOTS);

    lock_take(&table->lock);
    if (!table->directory[at])
        __atomic_store_n(&table->directory[at], pool_take_frame(table->pool), __ATOMIC_RELEASE);
    if (table->end <= at)
        table->end = at + 1;
    lock_give(&table->lock);
    return table_slot(table, selector);
}

bool table_end_step(struct table *table, unsigned *budget)
{
    uint32_t end = table->end;

    while (end && !table->directory[end - 1])
        end--;
    if (end && end == table->end) {
        struct node *slots = table->directory[--end];
        for (unsigned i = 0; i < TABLE_SLOTS; i++)
            if (slots[i].word && slot_revoke_step(&slots[i], budget, true))
                return true;
        table->directory[end] = NULL;
        pool_give_clean_frame(table->pool, slots);
    }
    table->end = end;
    return end;
}
