/*
 * This CPU reads its TSC before and after another CPU reads its own: t0 <= t <= t2 if they agree.
 * The narrowest of several rounds bounds the difference: it lies between max(t - t2) and
 * min(t - t0).
 *
 * One round: this CPU sets tsc_question to the other one's index; that one sets tsc_answer to its
 * TSC, then tsc_question to 0. Each word has one writer at a time, and the release of the question
 * orders what was read or written before.
 */
#include "tsc.h"

#include "console.h"
#include "x86.h"

#define ROUNDS       32
#define WAIT_SECONDS 5u /* long, for emulators on a busy host */

uint32_t tsc_question; /* index of the CPU that is asked; 0: none */
uint64_t tsc_answer;

enum hardware_status tsc_compare(uint32_t index, uint64_t tsc_hz, uint64_t *skew)
{
    int64_t low = INT64_MIN, high = INT64_MAX;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t t0 = tsc_read_ordered();

        __atomic_store_n(&tsc_question, index, __ATOMIC_RELEASE);
        while (__atomic_load_n(&tsc_question, __ATOMIC_ACQUIRE)) {
            if (tsc_read() - t0 > WAIT_SECONDS * tsc_hz)
                return HARDWARE_CPU_SILENT;
            cpu_pause();
        }
        uint64_t t = tsc_answer, t2 = tsc_read_ordered();
        if ((int64_t)(t - t2) > low)
            low = (int64_t)(t - t2);
        if ((int64_t)(t - t0) < high)
            high = (int64_t)(t - t0);
    }
    if (low > 0 || high < 0) {
        console_line("the TSC of CPU %u differs by at least %lu ticks", index,
                     (unsigned long)(low > 0 ? low : -high));
        return HARDWARE_TSC_DIFFERS;
    }
    *skew = (uint64_t)(high > -low ? high : -low);
    return HARDWARE_OK;
}
