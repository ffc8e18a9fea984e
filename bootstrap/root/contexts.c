#include "contexts.h"

#define OWNER_ENDS 0x80000000u /* its EC is just being given back: nobody takes the selector */

/* Of each selector from ROOT_CONTEXTS on: instance << 32 | program + 1; 0: nobody's. Atomic. */
static uint64_t owners[BOOT_MAX_CPUS * CPU_CONTEXTS];

static uint64_t *owner_of(uint32_t selector)
{
    return &owners[selector - ROOT_CONTEXTS];
}

static uint64_t owner_word(const struct caller *caller)
{
    return (uint64_t)caller->instance << 32 | (program_index(caller->program) + 1);
}

static uint64_t place_word(const struct caller *caller, uint32_t selector)
{
    return (uint64_t)caller->instance << 32 | selector;
}

bool contexts_open(uint32_t cpu)
{
    uint32_t first = ROOT_CONTEXTS + cpu * CPU_CONTEXTS;
    struct answer a = {STATUS_SUCCESS, 0};

    for (uint32_t i = 0; i < CPU_CONTEXTS && a.status == STATUS_SUCCESS; i += 64) {
        WITH_FUNDS(&root.funds, a, semaphore_create(first + i, SELECTOR_POOL, 0));
        if (a.status == STATUS_SUCCESS)
            a.status = object_destroy(first + i);
    }
    return a.status == STATUS_SUCCESS;
}

/* Has it no EC, or none any more? Then it is nobody's from now on. */
static bool is_free(uint32_t selector)
{
    uint64_t *owner = owner_of(selector), old = __atomic_load_n(owner, __ATOMIC_ACQUIRE);

    if (old & OWNER_ENDS || capability_lookup(selector).status == STATUS_SUCCESS)
        return false;
    return !old ||
           __atomic_compare_exchange_n(owner, &old, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

uint32_t context_window(uint32_t cpu)
{
    uint32_t first = ROOT_CONTEXTS + cpu * CPU_CONTEXTS;

    for (uint32_t i = 0; i < CPU_CONTEXTS; i++)
        if (is_free(first + i))
            return first + i;
    return SELECTOR_NONE;
}

/* Its EC, if it still is the caller's: the capability goes, then the owner. */
static void release(const struct caller *caller, uint32_t selector)
{
    uint64_t mine = owner_word(caller);

    if (!__atomic_compare_exchange_n(owner_of(selector), &mine, mine | OWNER_ENDS, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return;
    (void)capability_revoke(selector, REVOKE_SELF);
    __atomic_store_n(owner_of(selector), 0, __ATOMIC_RELEASE);
}

enum root_status context_add(const struct caller *caller, uint32_t selector, uint64_t *place)
{
    __atomic_store_n(owner_of(selector), owner_word(caller), __ATOMIC_RELEASE);
    for (uint32_t n = 0; n < ROOT_THREADS; n++) {
        uint64_t *word = &caller->program->thread[n];
        uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
        bool taken = old >> 32 == caller->instance && (uint32_t)old;
        if (taken || !__atomic_compare_exchange_n(word, &old, place_word(caller, selector), false,
                                                  __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        *place = n;
        return ROOT_DONE;
    }
    release(caller, selector);
    return ROOT_FULL;
}

enum root_status context_remove(const struct caller *caller, uint64_t place)
{
    if (place >= ROOT_THREADS)
        return ROOT_BAD_REQUEST;
    uint64_t *word = &caller->program->thread[place];
    uint64_t old = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    uint32_t selector = (uint32_t)old;
    if (old >> 32 != caller->instance || !selector ||
        !__atomic_compare_exchange_n(word, &old, place_word(caller, 0), false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return ROOT_BAD_REQUEST;
    release(caller, selector);
    return ROOT_DONE;
}

uint32_t context_at(const struct caller *caller, uint32_t place)
{
    uint64_t word = __atomic_load_n(&caller->program->thread[place], __ATOMIC_ACQUIRE);
    uint32_t selector = (uint32_t)word;

    if (word >> 32 != caller->instance || !selector ||
        __atomic_load_n(owner_of(selector), __ATOMIC_ACQUIRE) != owner_word(caller))
        return SELECTOR_NONE;
    return selector;
}
