/*
 * Making a protection domain.
 */
#include "pd.h"

#include "address_space.h"
#include "pool.h"

bool pd_init(struct pd *pd, struct pool *pool)
{
    static uint64_t newest;

    chain_init(&pd->ecs);
    pd->id = __atomic_add_fetch(&newest, 1, __ATOMIC_RELAXED);
    if (table_init(&pd->table, pool))
        return false;
    if (space_init(&pd->space, pool, frame_at(kernel_root)))
        return true;
    while (table_free_step(&pd->table))
        ;
    return false;
}
