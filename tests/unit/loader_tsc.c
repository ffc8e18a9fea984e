/*
 * The comparison of two CPUs' TSCs, with a thread of the host as the other CPU. Its TSC is the
 * host's plus an offset, which the loader must find out, and refuse.
 */
#include "tsc.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "loader_fakes.h"
#include "tap.h"
#include "x86.h"

#define OTHER  3u                    /* number of the other CPU */
#define SECOND (20 * 10000000000ull) /* no answer may take longer on a busy host */
#define OFFSET (1ll << 40)

extern uint32_t tsc_question;
extern uint64_t tsc_answer;

static bool ending;

/* The other CPU: answers every question until it is told to end, as trampoline.S does. */
static void *other_cpu(void *offset)
{
    while (!__atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(&tsc_question, __ATOMIC_ACQUIRE) != OTHER) {
            sched_yield();
            continue;
        }
        tsc_answer = tsc_read_ordered() + (uint64_t) * (int64_t *)offset;
        __atomic_store_n(&tsc_question, 0, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* Asks a CPU whose TSC is that far off. */
static enum hardware_status compare(int64_t offset, uint64_t *skew)
{
    enum hardware_status status;
    pthread_t thread;

    ending = false;
    console_lines = 0;
    if (pthread_create(&thread, NULL, other_cpu, &offset))
        return HARDWARE_STATUS_COUNT;
    status = tsc_compare(OTHER, SECOND, skew);
    __atomic_store_n(&ending, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    return status;
}

int main(void)
{
    const char *const differs = "the TSC of CPU 3 differs by at least ";
    uint64_t skew = 0;

    is_u64(compare(0, &skew), HARDWARE_OK, "TSCs that agree are accepted");
    ok(skew > 0, "how far they may differ is said: %llu ticks", (unsigned long long)skew);
    is_u64(console_lines, 0, "without a word");
    is_u64(compare(OFFSET, &skew), HARDWARE_TSC_DIFFERS, "a TSC that is ahead is refused");
    ok(!strncmp(console_last_line, differs, strlen(differs)), "  says so");
    console_last_line[0] = 0;
    is_u64(compare(-OFFSET, &skew), HARDWARE_TSC_DIFFERS, "a TSC that is behind is refused");
    ok(!strncmp(console_last_line, differs, strlen(differs)), "  says so");
    is_u64(tsc_compare(OTHER, 1000000, &skew), HARDWARE_CPU_SILENT,
           "a CPU that does not answer ends the boot");
    return done_testing();
}
