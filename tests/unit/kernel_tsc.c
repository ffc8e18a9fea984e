/*
 * The comparison of two CPUs' TSCs, with a thread of the host as the other CPU. Its TSC is the
 * host's plus an offset, which the kernel must find out, and refuse.
 */
#include <pthread.h>
#include <sched.h>

#include "boot.h"
#include "kernel_fakes.h"
#include "tap.h"

/* The source itself: the thread answers through its two words. */
#include "../../microkernel/tsc.c" /* NOLINT(bugprone-suspicious-include) */

#define OTHER   3u /* number of the other CPU */
#define SECONDS 20 /* no answer may take longer on a busy host */
#define OFFSET  (1ll << 40)

struct handoff boot_handoff;

static bool ending;

/* The other CPU: answers every question until it is told to end. */
static void *other_cpu(void *offset)
{
    uint32_t round = 0;

    while (!__atomic_load_n(&ending, __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(&question, __ATOMIC_ACQUIRE) != question_number(OTHER, round)) {
            sched_yield();
            continue;
        }
        __atomic_store_n(&answer, tsc_read_ordered() + (uint64_t) * (int64_t *)offset,
                         __ATOMIC_RELEASE);
        round++;
    }
    return NULL;
}

/* Asks a CPU whose TSC is that far off; true if the kernel stopped. */
static bool refused(int64_t offset, uint64_t *skew)
{
    volatile bool stopped;
    pthread_t thread;

    question = 0;
    answer = 0;
    ending = false;
    kernel_message[0] = '\0';
    if (pthread_create(&thread, NULL, other_cpu, &offset))
        return false;
    stopped = STOPS(*skew = tsc_check_ask(OTHER));
    __atomic_store_n(&ending, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    return stopped;
}

int main(void)
{
    const char *const differs =
        "# [kernel] the TSC of cpu 3 differs from that of cpu 0 by at least ";
    uint64_t skew = 0;

    boot_handoff.tsc_hz = SECONDS * 10000000000ull;
    ok(!refused(0, &skew), "TSCs that agree are accepted");
    ok(skew > 0, "how far they may differ is said: %llu ticks", (unsigned long long)skew);
    ok(refused(OFFSET, &skew), "a TSC that is ahead is refused");
    ok(!strncmp(kernel_message, differs, strlen(differs)), "  says so");
    ok(refused(-OFFSET, &skew), "a TSC that is behind is refused");
    ok(!strncmp(kernel_message, differs, strlen(differs)), "  says so");

    boot_handoff.tsc_hz = 1000000;
    ok(STOPS(skew = tsc_check_ask(OTHER)), "a CPU that does not answer ends the run");
    is_str(kernel_message, "# [kernel] cpu 3 does not answer\n", "  says so");
    return done_testing();
}
