/*
 * Making and ending scheduling contexts.
 */
#include "sc.h"

enum status sc_derive(struct sc *sc, struct node *slot, uint64_t word)
{
    const struct budget *budget = &sc->budget;
    struct object *object = capability_object(word), *head = object_head(object);
    struct cpu_share *share = (struct cpu_share *)object;

    if (sc->ready.priority > share->ceiling || !budget_valid(budget->budget, budget->period))
        return STATUS_BAD_PARAMETER;
    if (sc->home->cpu != share->cpu)
        return STATUS_WRONG_CPU;
    sc->share = budget_share(budget->budget, budget->period);
    lock_take(&head->lock);
    enum status status = slot_check(slot, word, 1);
    if (!status)
        status = share_take(share, sc->share);
    if (!status) {
        sc_init(sc);
        node_insert(slot, &sc->time, capability_make(object, 0), NODE_TIME);
    }
    lock_give(&head->lock);
    return status;
}

/* Another CPU does not run it any more when it has taken the request in. */
void sc_remove(struct node *node)
{
    struct sc *sc = CONTAINER(node, struct sc, time);

    ((struct cpu_share *)capability_object(node->word))->free += sc->share;
    __atomic_store_n(&node->word, 0, __ATOMIC_RELAXED);
    if (!ending_ask(&sc->ending, sc->cpu))
        shoot_await();
}

void sc_release(struct sc *sc)
{
    uint64_t word = __atomic_load_n(&sc->time.word, __ATOMIC_RELAXED);

    if (!word) /* made at boot, or its capability has gone */
        return;
    /* If that goes now, the object stays until this CPU leaves the kernel. */
    struct object *head = object_head(capability_object(word));
    lock_take(&head->lock);
    if (sc->time.kind == NODE_TIME)
        node_remove(&sc->time);
    lock_give(&head->lock);
}
