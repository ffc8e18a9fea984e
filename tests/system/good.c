/* See good.h. */
#include "good.h"

#include "fuzz_stage.h"

#define ROUNDS TINY_DATA /* of the worker (guests/tiny/memory.S) */
#define WRONG  (TINY_DATA + 8)

static struct monitor *const monitor = &monitors[1];

/* Not the first: its handler is an actor of the witness. */
static struct monitor_vcpu *const worker = &monitors[1].vcpus[2];

const struct monitor_vcpu *good_worker(void)
{
    return worker;
}

static uint64_t number(uint64_t gpa)
{
    return *(volatile uint64_t *)monitor_at(monitor, gpa);
}

uint64_t good_rounds(void)
{
    return number(ROUNDS);
}

bool good_start(struct monitor_vcpu *v, uint8_t priority)
{
    const struct schedule schedule = {.cpu = SELECTOR_CPUS + v->cpu,
                                      .priority = priority,
                                      .budget = GOOD_TURN,
                                      .period = GOOD_TURN};

    return time_create(monitor_time(v), SELECTOR_POOL, monitor_vcpu(v), &schedule).status ==
           STATUS_SUCCESS;
}

static bool worker_open(void)
{
    if (!monitor_add(monitor, 2, 0, 0)) {
        return false;
    }
    worker->mode = tiny_worker.mode;
    monitor_load(monitor, &tiny_worker);
    return good_start(worker, PRIORITY_LOW);
}

bool good_open(void)
{
    fuzz_cpus = 1;
    bool good = tap_ok(fuzz_witness_open(), "a domain that knows nothing of guests");

    return monitor_open(1, TINY_BYTES) &&
           tap_ok(worker_open() && good_goes_on(), "a guest that behaves") && good;
}

bool good_goes_on(void)
{
    uint64_t before = good_rounds(), end = MONITOR_LIMIT;

    while (good_rounds() == before && tsc_read() < end) {
        world_sleep(world.millisecond / 2);
    }
    if (good_rounds() != before && number(WRONG) == 0 && worker->exits == 1 &&
        fuzz_witness_answers()) {
        return true;
    }
    tap_comment();
    print("%lu rounds, %lu before, %lu wrong, %lu exits\n", good_rounds(), before, number(WRONG),
          worker->exits);
    return false;
}

void good_close(void)
{
    tap_ok(good_goes_on(), "the guest that behaves goes on, and all its numbers were right");
    tap_ok(monitor_remove(worker), "it goes");
    monitor_close(monitor);
    fuzz_witness_check();
    fuzz_witness_close();
}
