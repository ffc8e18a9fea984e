/*
 * Locked instructions of several CPUs on one word of memory, while somebody clears the accessed and
 * dirty bits of the tables that lead there: nothing is lost, and nothing takes for ever.
 */
#include <pthread.h>

#include "tap.h"
#include "vmm_emulate_world.h"

#define ROUNDS  300000u
#define CPUS    2u
#define COUNTER 0x3000u

struct cpu {
    struct vcpu_state state;
    struct emulate e;
    struct decode_cache cache;
    uint64_t other; /* results that are neither done nor a page fault */
};

static struct cpu cpus[CPUS];
static bool stopping;

static void *run(void *argument)
{
    struct cpu *cpu = argument;

    for (unsigned n = 0; n < ROUNDS;) {
        enum emulate_result result = emulate(&cpu->e);
        if (cpu->state.rip != AT_CODE)
            n++;
        cpu->state.rip = AT_CODE;
        cpu->state.rax = 1;
        if (result != EMULATE_DONE && !(result == EMULATE_FAULT && cpu->e.fault.vector == 14))
            cpu->other++;
    }
    return NULL;
}

static void *clear(void *argument)
{
    uint64_t *table = (uint64_t *)(void *)(world.ram + PAGES);

    (void)argument;
    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
        for (unsigned n = 0; n < 5 * 512; n += 512)
            for (unsigned m = 0; m < 4; m++)
                __atomic_fetch_and(&table[n + m], ~0x60ull, __ATOMIC_RELAXED);
    return NULL;
}

static void count(const char *name, const char *code, size_t size, unsigned width)
{
    pthread_t threads[CPUS];
    pthread_t clearer;
    uint64_t other = 0;
    const struct vcpu_state *s = world_long(0);

    memcpy(world.ram + AT_CODE, code, size);
    stopping = false;
    for (unsigned n = 0; n < CPUS; n++) {
        cpus[n] = (struct cpu){.state = *s, .e = world.e};
        cpus[n].state.rbx = COUNTER;
        cpus[n].state.rax = 1;
        cpus[n].e.state = &cpus[n].state;
        cpus[n].e.cache = &cpus[n].cache;
    }
    pthread_create(&clearer, NULL, clear, NULL);
    for (unsigned n = 0; n < CPUS; n++)
        pthread_create(&threads[n], NULL, run, &cpus[n]);
    for (unsigned n = 0; n < CPUS; n++)
        pthread_join(threads[n], NULL);
    __atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
    pthread_join(clearer, NULL);
    for (unsigned n = 0; n < CPUS; n++)
        other += cpus[n].other;
    is_u64(ram_get(COUNTER, width), CPUS * ROUNDS, "%s: every one counts", name);
    is_u64(other, 0, "%s: done, or a page fault where a table was changed", name);
}

int main(void)
{
    count("lock inc dword", "\xf0\xff\x03", 3, 4);
    count("lock xadd of 8 bytes", "\xf0\x48\x0f\xc1\x03", 5, 8);
    return done_testing();
}
