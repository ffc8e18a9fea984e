/*
 * CPU capabilities: the ceiling and the share of what is made from one, and what goes with it. Much
 * of it is done on the last CPU, that is, on another one where there is one.
 */
#include "suites.h"
#include "world.h"

enum {
    PART = TEST_SELECTORS, /* a CPU capability, */
    INNER,                 /* one cut from it, */
    WEAK,                  /* and one with fewer rights */
    HOME,                  /* EC for time that is not to run */
    TIME,                  /* and following: its scheduling contexts */
    TIMES = 64,
    SPINNER = 0, /* actor */
};

#define QUARTER (CPU_SHARE_ALL / 4)
#define CEILING 40u

static uint32_t machine_last, whole; /* the last CPU and its capability */

static enum status time_make(uint32_t selector, uint32_t cpu, uint8_t priority, uint64_t budget,
                             uint64_t period)
{
    struct schedule s = {
        .cpu = cpu, .priority = priority, .reserve = true, .budget = budget, .period = period};

    return time_create(selector, SELECTOR_POOL, HOME, &s).status;
}

static void check_cut(void)
{
    tap_equal(cpu_free(whole).value, CPU_SHARE_ALL, "the whole of a CPU is free");
    tap_equal(cpu_create(PART, SELECTOR_POOL, SELECTOR_PD, 1, 1).status, STATUS_BAD_CAPABILITY,
              "cut from what is no CPU");
    (void)capability_delegate(SELECTOR_PD, WEAK, whole, CPU_RIGHT_TIME);
    tap_equal(cpu_create(PART, SELECTOR_POOL, WEAK, 1, 1).status, STATUS_NO_RIGHT,
              "cut without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(cpu_create(PART, SELECTOR_POOL, whole, 128, 1).status, STATUS_BAD_PARAMETER,
              "a ceiling above the parent's");
    tap_equal(cpu_create(PART, SELECTOR_POOL, whole, 1, CPU_SHARE_ALL + 1).status,
              STATUS_BAD_PARAMETER, "more than a CPU");
    tap_equal(object_create(OBJECT_CPU, PART, SELECTOR_POOL, whole, 1, 1, 1).status,
              STATUS_BAD_PARAMETER, "a reserved argument");
    tap_equal(cpu_create(PART, SELECTOR_POOL, whole, CEILING, QUARTER).status, STATUS_SUCCESS,
              "a quarter of a CPU");
    tap_equal(capability_lookup(PART).rights, RIGHTS_ALL, "with its parent's rights");
    tap_equal(cpu_free(whole).value, CPU_SHARE_ALL - QUARTER, "is not free any more");
    tap_equal(cpu_create(INNER, SELECTOR_POOL, whole, 1, CPU_SHARE_ALL).status, STATUS_IN_USE,
              "the whole of it");
    tap_equal(cpu_create(INNER, SELECTOR_POOL, PART, CEILING + 1, 1).status, STATUS_BAD_PARAMETER,
              "a higher ceiling in the part");
    tap_equal(cpu_create(INNER, SELECTOR_POOL, PART, CEILING, QUARTER + 1).status, STATUS_IN_USE,
              "more than the part");
    tap_equal(cpu_create(INNER, SELECTOR_POOL, PART, CEILING, QUARTER).status, STATUS_SUCCESS,
              "all of the part");
    tap_equal(cpu_free(PART).value, 0, "nothing of it is left");
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "the part goes");
    tap_equal(capability_lookup(INNER).status, STATUS_BAD_CAPABILITY, "and the part of it");
    tap_equal(cpu_free(whole).value, CPU_SHARE_ALL, "the whole is free again");
    tap_equal(object_destroy(whole), STATUS_IN_USE, "what was there at boot stays");
}

static void check_time(void)
{
    (void)cpu_create(PART, SELECTOR_POOL, whole, CEILING, QUARTER);
    tap_equal(time_make(TIME, PART, CEILING + 1, 1, 100), STATUS_BAD_PARAMETER,
              "a priority above the ceiling");
    tap_equal(time_make(TIME, PART, CEILING, 26, 100), STATUS_IN_USE, "26 % of a quarter");
    tap_equal(cpu_free(PART).value, QUARTER, "takes nothing");
    tap_equal(time_make(TIME, PART, CEILING, 25, 100), STATUS_SUCCESS, "25 % of it");
    tap_equal(cpu_free(PART).value, 0, "takes all");
    tap_equal(time_make(TIME + 1, PART, 1, 1, UINT64_MAX), STATUS_IN_USE, "the least more");
    tap_equal(object_destroy(TIME), STATUS_SUCCESS, "it goes");
    tap_equal(cpu_free(PART).value, QUARTER, "all is free again");
    tap_equal(time_make(TIME, PART, 1, 1, UINT64_MAX), STATUS_SUCCESS, "the least there is");
    tap_equal(cpu_free(PART).value, QUARTER - 1, "is rounded up");
    tap_equal(time_make(TIME + 1, PART, 1, UINT64_MAX - 1, UINT64_MAX), STATUS_IN_USE,
              "nearly everything");
    tap_equal(time_make(TIME + 1, PART, 1, 7, 7), STATUS_SUCCESS, "without a limit");
    tap_equal(cpu_free(PART).value, QUARTER - 1, "it is outside of the share");
    (void)capability_delegate(SELECTOR_PD, WEAK, PART, RIGHTS_ALL & ~CPU_RIGHT_UNLIMITED);
    tap_equal(time_make(TIME + 2, WEAK, 1, 7, 7), STATUS_NO_RIGHT, "and needs a right");
    tap_equal(time_make(TIME + 2, WEAK, 1, 7, 70), STATUS_SUCCESS, "with a limit it does not");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(cpu_free(PART).value, QUARTER - 1, "what was made through a grant ends with it");
    tap_equal(object_destroy(TIME + 2), STATUS_SUCCESS, "the object does not");
    (void)capability_delegate(SELECTOR_PD, WEAK, PART, CPU_RIGHT_DIVIDE | CPU_RIGHT_UNLIMITED);
    tap_equal(time_make(TIME + 2, WEAK, 1, 7, 70), STATUS_NO_RIGHT, "time without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "the part goes before what was made from it");
    tap_equal(cpu_free(whole).value, CPU_SHARE_ALL, "the whole is free");
    tap_equal(object_destroy(TIME), STATUS_SUCCESS, "limited time goes");
    tap_equal(object_destroy(TIME + 1), STATUS_SUCCESS, "unlimited time goes");
}

/* Random making and ending: what is free is what nobody has, and nobody has more than there is. */
static void check_account(void)
{
    uint64_t state = 1, wrong = 0, refused = 0, has[TIMES] = {0}, sum = 0;

    (void)cpu_create(PART, SELECTOR_POOL, whole, CEILING, QUARTER);
    for (unsigned step = 0; step < 2000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t i = (uint32_t)(state >> 58);
        uint64_t budget = 1 + (state >> 40 & 0xfff);
        if (has[i]) {
            wrong += object_destroy(TIME + i) != STATUS_SUCCESS;
            sum -= has[i];
            has[i] = 0;
        } else {
            uint64_t share = (budget * CPU_SHARE_ALL + 99998) / 99999;
            enum status want = sum + share > QUARTER ? STATUS_IN_USE : STATUS_SUCCESS;
            wrong += time_make(TIME + i, PART, 1, budget, 99999) != want;
            refused += want != STATUS_SUCCESS;
            has[i] = want == STATUS_SUCCESS ? share : 0;
            sum += has[i];
        }
        wrong += cpu_free(PART).value != QUARTER - sum;
    }
    tap_ok(refused > 0, "a share is used up now and then");
    tap_equal(wrong, 0, "the account is right at each of 2000 steps");
    for (uint32_t i = 0; i < TIMES; i++) {
        wrong += has[i] && object_destroy(TIME + i) != STATUS_SUCCESS;
    }
    tap_equal(cpu_free(PART).value + wrong, QUARTER, "in the end all is free");
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "the part goes");
}

static volatile uint64_t spins;

static void spin(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        spins = spins + 1;
    }
}

/* A thread runs on time from a part; without the part it does not run, from that moment on. */
static bool spinner_run(void)
{
    struct schedule s = {.cpu = PART,
                         .priority = CEILING,
                         .budget = world.millisecond,
                         .period = 4 * world.millisecond};
    uint64_t end = WORLD_LIMIT;

    spins = 0;
    if (cpu_create(PART, SELECTOR_POOL, whole, CEILING, QUARTER + 1).status != STATUS_SUCCESS ||
        !actor_run_at(SPINNER, machine_last, SELECTOR_PD, &s, spin, NULL)) {
        return false;
    }
    while (!spins && tsc_read() < end) {
        world_sleep(world.millisecond);
    }
    return spins;
}

static void check_end(bool revoke)
{
    uint64_t running = 0, rounds = 20;

    for (unsigned i = 0; i < rounds; i++) {
        running += spinner_run();
        enum status status = revoke ? capability_revoke(PART, 0) : object_destroy(PART);
        uint64_t at = spins;
        world_sleep(world.millisecond);
        running += status == STATUS_SUCCESS && spins == at && actor_end(SPINNER);
        running -= revoke && object_destroy(PART) != STATUS_SUCCESS;
    }
    tap_equal(running, 2 * rounds,
              revoke ? "a thread runs until its time is revoked" : "or destroyed, and no longer");
}

void suite_shares(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    machine_last = m->info->cpus.count - 1;
    whole = SELECTOR_CPUS + machine_last;
    if (!tap_equal(
            context_create(HOME, SELECTOR_POOL, SELECTOR_PD, 0, 0, TEST_ADDRESS, machine_last)
                .status,
            STATUS_SUCCESS, "an EC to make time for")) {
        return;
    }
    check_cut();
    check_time();
    check_account();
    check_end(true);
    check_end(false);
    tap_equal(object_destroy(HOME), STATUS_SUCCESS, "the EC goes");
    tap_equal(cpu_free(whole).value, CPU_SHARE_ALL, "no share is lost");
    world_balance(before);
}
