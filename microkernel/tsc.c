/*
 * CPU 0 reads its TSC before and after another CPU reads its own: t0 <= t <= t2 if they agree. The
 * narrowest of several rounds bounds the difference: it lies between max(t - t2) and min(t - t0).
 *
 * One round: CPU 0 sets question to the CPU's number for that round; the CPU sets answer to its
 * TSC, which is never zero; CPU 0 takes the answer and clears it. Each word has one writer at a
 * time, and its release orders what was read before.
 */
#include "tsc.h"

#include "boot.h"
#include "stop.h"
#include "x86.h"

#define ROUNDS 32

static uint32_t question; /* index * ROUNDS + round + 1 */
static uint64_t answer;

static uint32_t question_number(uint32_t index, uint32_t round)
{
    return index * ROUNDS + round + 1;
}

uint64_t tsc_check_ask(uint32_t index)
{
    int64_t low = INT64_MIN, high = INT64_MAX;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t t0 = tsc_read_ordered(), t;
        __atomic_store_n(&question, question_number(index, round), __ATOMIC_RELEASE);
        while (!(t = __atomic_load_n(&answer, __ATOMIC_ACQUIRE))) {
            if (tsc_read() - t0 > boot_handoff.tsc_hz)
                stop("cpu %u does not answer", index);
            cpu_pause();
        }
        uint64_t t2 = tsc_read_ordered();
        __atomic_store_n(&answer, 0, __ATOMIC_RELEASE);
        if ((int64_t)(t - t2) > low)
            low = (int64_t)(t - t2);
        if ((int64_t)(t - t0) < high)
            high = (int64_t)(t - t0);
    }
    if (low > 0 || high < 0)
        stop("the TSC of cpu %u differs from that of cpu 0 by at least %lu ticks", index,
             (uint64_t)(low > 0 ? low : -high));
    return (uint64_t)(high > -low ? high : -low);
}

void tsc_check_answer(uint32_t index)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        while (__atomic_load_n(&question, __ATOMIC_ACQUIRE) != question_number(index, round))
            cpu_pause();
        __atomic_store_n(&answer, tsc_read_ordered(), __ATOMIC_RELEASE);
    }
}
