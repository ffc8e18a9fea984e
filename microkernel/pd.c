/*
 * Making a protection domain.
 */
#include "pd.h"

#include "boot.h"
#include "pool.h"

bool pd_init(struct pd *pd, struct pool *pool)
{
    chain_init(&pd->ecs);
    chain_init(&pd->doomed);
    if (table_init(&pd->table, pool))
        return false;
    if (space_init(&pd->space, pool, frame_at(boot_handoff.root)))
        return true;
    while (table_free_step(&pd->table))
        ;
    return false;
}
