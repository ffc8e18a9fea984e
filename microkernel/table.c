/*
 * Capability tables: adding frames of slots, and giving up a table.
 */
#include "table.h"

enum status table_refusal(uint64_t word, enum object_type type)
{
    return capability_serves(word, type, 0) ? STATUS_NO_RIGHT : STATUS_BAD_CAPABILITY;
}

enum status table_init(struct table *table, struct pool *pool)
{
    *table = (struct table){.directory = pool_take_frame(pool), .pool = pool};
    return table->directory ? STATUS_SUCCESS : STATUS_NEEDS_FRAMES;
}

struct node *table_extend(struct table *table, uint64_t selector)
{
    uint32_t at = (uint32_t)(selector / TABLE_SLOTS);

    lock_take(&table->lock);
    if (!table->directory[at])
        __atomic_store_n(&table->directory[at], pool_take_frame(table->pool), __ATOMIC_RELEASE);
    if (table->end <= at)
        table->end = at + 1;
    if (table->top <= at)
        table->top = at + 1;
    lock_give(&table->lock);
    return table_slot(table, selector);
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
    struct node **directory = table->directory;
    uint32_t end = table->end;

    if (end && directory[end - 1])
        end -= !slots_clear_step(directory[end - 1], budget);
    else
        while (end && !directory[end - 1])
            end--;
    table->end = end;
    return end;
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
