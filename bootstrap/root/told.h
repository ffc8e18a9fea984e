/*
 * Words that are left for the main thread, by handlers and watchers on any CPU. A handler can be in
 * mid-call of a program that is just being stopped, and go on at any later time; so every such word
 * says of which instance of its program it is, and one of an instance that is gone is not left.
 *
 * Instances are counted from 1 on, each start of a program. 0 is nobody's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a program has asked for or done. */
enum told {
    TOLD_EXIT = 1, /* and its status is in told_status */
    TOLD_ALIVE = 2,
    TOLD_TEXT = 4,  /* text has some */
    TOLD_FAULT = 8, /* stopped has it: it is the main thread's then */
};

#define TOLD_STATUS   16u /* shift, above the bits; the first one stands */
#define TOLD_INSTANCE 32u /* shift */

static inline uint32_t told_instance(const uint64_t *told)
{
    return (uint32_t)(__atomic_load_n(told, __ATOMIC_ACQUIRE) >> TOLD_INSTANCE);
}

static inline uint32_t told_status(uint32_t taken)
{
    return taken >> TOLD_STATUS;
}

/* False: that instance is gone, and nothing was left. */
static inline bool told_leave(uint64_t *told, uint32_t instance, uint32_t bits, uint32_t status)
{
    uint64_t old = __atomic_load_n(told, __ATOMIC_RELAXED), new;

    do {
        if (old >> TOLD_INSTANCE != instance)
            return false;
        new = old | bits;
        if (bits & TOLD_EXIT && !(old & TOLD_EXIT))
            new |= (uint64_t)status << TOLD_STATUS;
    } while (
        !__atomic_compare_exchange_n(told, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

/*
 * The same for whichever instance is there: that there is something to look at, which says itself
 * of which one it is. False: none is there.
 */
static inline bool told_hint(uint64_t *told, uint32_t bits)
{
    uint32_t instance;

    do
        instance = told_instance(told);
    while (instance && !told_leave(told, instance, bits, 0));
    return instance;
}

/* Main thread: what was left since the last time; from when on an instance is there, and until when
 * it is. */
static inline uint32_t told_take(uint64_t *told)
{
    if (!(uint32_t)__atomic_load_n(told, __ATOMIC_RELAXED))
        return 0;
    return (uint32_t)__atomic_fetch_and(told, ~(uint64_t)UINT32_MAX, __ATOMIC_ACQ_REL);
}

static inline void told_open(uint64_t *told, uint32_t instance)
{
    __atomic_store_n(told, (uint64_t)instance << TOLD_INSTANCE, __ATOMIC_RELEASE);
}

static inline uint32_t told_close(uint64_t *told)
{
    return (uint32_t)__atomic_exchange_n(told, 0, __ATOMIC_ACQ_REL);
}
