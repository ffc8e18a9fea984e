/*
 * The system-call fuzzer (fuzz.h): what its domain is made of, the watch over its threads, and what
 * must have happened. Options: calls=N, seed=N.
 */
#include "fuzz.h"
#include "suites.h"

enum {
    DOMAIN = TEST_SELECTORS,
    POOL,
    POOL_PART,
    POOR_POOL,
    POOR_PART,
    POOR_PD,
    EMPTY_POOL,
    MEMORY,
    SM,
    NEVER,
    DEEP_MEMORY,
    MAPPED,
    LEND = TEST_SELECTORS + 16, /* and following */
    DEEP = TEST_SELECTORS + 64, /* and following: a chain of delegations */
    AGENT_GO = 416,             /* semaphores that stay, for each CPU but the first */
    AGENT_DONE = AGENT_GO + FUZZ_CPUS,
    FUZZER = 0, /* actors */
    CALLED = FUZZER + FUZZ_THREADS,
    AGENT = CALLED + FUZZ_CPUS - 1,
};

#define RANGE       (1ull << 20) /* where in WORLD_RANGE the fuzzers' memory begins */
#define POOL_FRAMES 160u
#define POOR_FRAMES 3u
#define ROUND       (5 * world.millisecond)
#define ROUNDS_DEAD 8u /* rounds without a beat after which a thread is cut off */
#define ROUNDS_MOST 40000u
#define HARMLESS    (RIGHTS_ALL & ~RIGHT_DESTROY)
#define RIGHT_NONE  (1u << 15)

#define BIT(status) (1u << STATUS_##status)

/* The statuses that README.md of ipc/abi gives each call, and those that need a second CPU. */
static const struct {
    const char *name;
    uint32_t statuses, two_cpus;
} documented[FUZZ_CALLS] = {
    [SYSCALL_CALL] = {"CALL",
                      BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER) |
                          BIT(DEPTH) | BIT(TIMEOUT) | BIT(ABORTED),
                      BIT(WRONG_CPU)},
    [SYSCALL_REPLY] = {"REPLY", BIT(SUCCESS) | BIT(BAD_PARAMETER), 0},
    [SYSCALL_UP] = {"UP", BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT), 0},
    [SYSCALL_DOWN] = {"DOWN",
                      BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER) |
                          BIT(WOULD_BLOCK) | BIT(TIMEOUT) | BIT(ABORTED),
                      0},
    [SYSCALL_CREATE] = {"CREATE",
                        BIT(SUCCESS) | BIT(BAD_PARAMETER) | BIT(BAD_SELECTOR) |
                            BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(IN_USE) | BIT(NEEDS_FRAMES),
                        BIT(WRONG_CPU)},
    [SYSCALL_DELEGATE] = {"DELEGATE",
                          BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER) |
                              BIT(BAD_SELECTOR) | BIT(IN_USE) | BIT(NEEDS_FRAMES) | BIT(DEPTH),
                          0},
    [SYSCALL_REVOKE] = {"REVOKE", BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(BAD_PARAMETER), 0},
    [SYSCALL_DESTROY] = {"DESTROY", BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT), 0},
    [SYSCALL_LOOKUP] = {"LOOKUP", BIT(SUCCESS) | BIT(BAD_CAPABILITY), 0},
    [SYSCALL_MAP] = {"MAP",
                     BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER) |
                         BIT(IN_USE) | BIT(NEEDS_FRAMES) | BIT(DEPTH),
                     0},
    [SYSCALL_UNMAP] = {"UNMAP",
                       BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER), 0},
    [SYSCALL_DEPOSIT] = {"DEPOSIT",
                         BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(IN_USE), 0},
    [SYSCALL_WITHDRAW] = {"WITHDRAW",
                          BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER) |
                              BIT(BUSY),
                          0},
    [SYSCALL_CONTROL] = {"CONTROL",
                         BIT(SUCCESS) | BIT(BAD_CAPABILITY) | BIT(NO_RIGHT) | BIT(BAD_PARAMETER),
                         0},
    [SYSCALL_COUNT] = {"none", BIT(BAD_CALL), 0},
};

static unsigned cpus;
static volatile unsigned agent_actor; /* what the agent ends */
static volatile bool agent_ended;
static bool agents_open;

static void agent_serve(struct thread *self, void *argument)
{
    uint32_t cpu = (uint32_t)(uint64_t)argument;

    (void)self;
    for (;;) {
        (void)semaphore_down(AGENT_GO + cpu, 0, 0);
        agent_ended = actor_end(agent_actor);
        (void)semaphore_up(AGENT_DONE);
    }
}

/* One agent for each further CPU: only it can end what runs there. They stay. */
static bool agents_start(void)
{
    struct schedule s = actor_schedule(FIRST_PRIORITY);
    bool open =
        agents_open || semaphore_create(AGENT_DONE, SELECTOR_POOL, 0).status == STATUS_SUCCESS;

    for (uint32_t cpu = 1; !agents_open && open && cpu < cpus; cpu++) {
        s.cpu = SELECTOR_CPUS + cpu;
        open = semaphore_create(AGENT_GO + cpu, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
               actor_run_at(AGENT + cpu, cpu, SELECTOR_PD, &s, agent_serve, (void *)(uint64_t)cpu);
    }
    agents_open = open;
    return tap_ok(open, "an agent on each other CPU");
}

static bool end_on(uint32_t cpu, unsigned actor)
{
    if (cpu == 0) {
        return actor_end(actor);
    }
    agent_actor = actor;
    (void)semaphore_up(AGENT_GO + cpu);
    return semaphore_down(AGENT_DONE, 0, tsc_read() + 5000 * world.millisecond) == STATUS_SUCCESS &&
           agent_ended;
}

/* Memory of the fuzzers, as a part of WORLD_RANGE behind what has been given out. */
static bool memory_part(uint32_t selector, uint64_t frames)
{
    static uint64_t used;
    uint64_t offset = used;

    used = selector == POOL_PART ? frames : used + frames;
    offset = selector == POOL_PART ? 0 : offset;
    return memory_create(selector, SELECTOR_POOL, WORLD_RANGE, RANGE + offset * PAGE, frames * PAGE,
                         0)
               .status == STATUS_SUCCESS;
}

static bool objects_open(void)
{
    bool open = memory_part(POOL_PART, POOL_FRAMES) && memory_part(POOR_PART, POOR_FRAMES) &&
                memory_part(MEMORY, MEM_FRAMES) && memory_part(DEEP_MEMORY, 1) &&
                memory_part(MAPPED, MEM_FRAMES);

    for (unsigned i = 0; i < fuzz_threads; i++) {
        open = open && memory_part(LEND + i, LEND_FRAMES);
    }
    return open && pool_create(POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_create(POOR_POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_create(EMPTY_POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_deposit(POOL, POOL_PART) == STATUS_SUCCESS &&
           pool_deposit(POOR_POOL, POOR_PART) == STATUS_SUCCESS &&
           domain_create(POOR_PD, POOR_POOL).status == STATUS_SUCCESS &&
           semaphore_create(SM, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           semaphore_create(NEVER, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           domain_open_from(DOMAIN, POOL);
}

static bool give(uint32_t selector, uint32_t there, uint32_t rights)
{
    fuzz_kinds[there] = (uint8_t)capability_lookup(selector).type;
    return capability_delegate(DOMAIN, there, selector, rights).status == STATUS_SUCCESS;
}

/* The last of the longest chain of delegations is the fuzzers'. */
static bool deep_give(void)
{
    uint32_t from = DEEP_MEMORY, before = from;

    for (uint32_t i = 0; i < 300; i++) {
        if (capability_delegate(SELECTOR_PD, DEEP + i, from, RIGHTS_ALL).status != STATUS_SUCCESS) {
            return capability_revoke(from, REVOKE_SELF) == STATUS_SUCCESS &&
                   give(before, F_DEEP, HARMLESS);
        }
        before = from;
        from = DEEP + i;
    }
    return false;
}

static bool capabilities_give(void)
{
    static const uint32_t all[][2] = {
        {DOMAIN, F_PD},        {POOL, F_POOL},        {MEMORY, F_MEM}, {SELECTOR_PORTS, F_PORTS},
        {SELECTOR_IRQ, F_IRQ}, {SELECTOR_PCI, F_PCI}, {SM, F_SM},      {EMPTY_POOL, F_POOR_POOL},
        {POOR_PD, F_POOR_PD},  {MAPPED, F_MAP},
    };
    static const uint32_t weak[] = {
        [OBJECT_PD] = DOMAIN,         [OBJECT_POOL] = POOL,
        [OBJECT_MEM] = MEMORY,        [OBJECT_SM] = SM,
        [OBJECT_CPU] = SELECTOR_CPUS, [OBJECT_PORTS] = SELECTOR_PORTS,
        [OBJECT_IRQ] = SELECTOR_IRQ,  [OBJECT_PCI] = SELECTOR_PCI,
    };
    bool given = give(NEVER, F_NEVER, SM_RIGHT_DOWN) && deep_give();

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        given = given && give(all[i][0], all[i][1], HARMLESS);
    }
    for (unsigned i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        given = given && (!weak[i] || give(weak[i], F_WEAK + i, RIGHT_NONE));
    }
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        given = given && give(SELECTOR_CPUS + cpu, F_CPU + cpu, HARMLESS);
    }
    for (unsigned i = 0; i < fuzz_threads; i++) {
        given = given && give(LEND + i, F_LEND + i, HARMLESS);
    }
    return given;
}

/* Others can name a fuzzer, but give it nothing that would keep it from being ended. */
static bool thread_start_one(unsigned i)
{
    struct schedule s = actor_schedule(PRIORITY_LOW);
    struct fuzzer *f = &fuzzers[i];

    s.cpu = SELECTOR_CPUS + f->cpu;
    return actor_run_at(FUZZER + i, f->cpu, DOMAIN, &s, fuzz_run, f) &&
           give(actor_context(FUZZER + i), F_EC + i, RIGHT_NONE) &&
           give(actor_time(FUZZER + i), F_SC + i, SC_RIGHT_READ);
}

static bool threads_start(uint64_t calls, uint64_t seed)
{
    bool started = true;

    fuzz_order = FUZZ_RUN;
    for (uint32_t cpu = 0; started && cpu < cpus; cpu++) {
        started =
            actor_serve_at(CALLED + cpu, cpu, DOMAIN, fuzz_called, &fuzzers[(size_t)2 * cpu]) &&
            give(actor_portal(CALLED + cpu), F_CALLED + cpu, HARMLESS);
    }
    if (started) {
        started = give(actor_portal(CALLED), F_WEAK + OBJECT_PT, RIGHT_NONE);
    }
    for (unsigned i = 0; started && i < fuzz_threads; i++) {
        fuzzers[i].index = i;
        fuzzers[i].cpu = i / 2;
        fuzzers[i].random = seed * 0x9e3779b97f4a7c15 + i + 1;
        fuzzers[i].limit = calls / fuzz_threads;
        started = thread_start_one(i);
    }
    return started && give(actor_context(FUZZER), F_WEAK + OBJECT_EC, RIGHT_NONE) &&
           give(actor_time(FUZZER), F_WEAK + OBJECT_SC, RIGHT_NONE);
}

static void thread_print(const struct fuzzer *f)
{
    tap_comment();
    print("fuzz: thread %u after %lu calls: rax %#lx rdi %#lx rsi %#lx rdx %#lx r8 %#lx r9 %#lx "
          "r10 %#lx\n",
          f->index, f->done, f->last.rax, f->last.rdi, f->last.rsi, f->last.rdx, f->last.r8,
          f->last.r9, f->last.r10);
}

static bool thread_restart(unsigned i)
{
    return end_on(fuzzers[i].cpu, FUZZER + i) && thread_start_one(i);
}

/* Has the thread done what it was ordered? */
static bool is_done(const struct fuzzer *f)
{
    return fuzz_order == FUZZ_RUN ? f->done >= f->limit : f->cleaned != UINT64_MAX;
}

/* Waits until all have; threads that wait for nothing are ended and begin again. */
static bool threads_watch(unsigned first, unsigned end, uint64_t *restarts)
{
    static uint64_t beat[FUZZ_THREADS], silent[FUZZ_THREADS];
    bool all = false;

    for (unsigned round = 0; !all && round < ROUNDS_MOST; round++) {
        world_sleep(ROUND);
        all = true;
        for (unsigned i = first; i < end; i++) {
            const struct fuzzer *f = &fuzzers[i];
            all = all && is_done(f);
            silent[i] = beat[i] == f->beat && !is_done(f) ? silent[i] + 1 : 0;
            beat[i] = f->beat;
            if (silent[i] < ROUNDS_DEAD) {
                continue;
            }
            silent[i] = 0;
            ++*restarts;
            if (!thread_restart(i)) {
                thread_print(f);
                return false;
            }
        }
    }
    for (unsigned i = first; !all && i < end; i++) {
        thread_print(&fuzzers[i]);
    }
    return all;
}

/* Each thread destroys what is left, in turn, until nothing more can be. */
static bool threads_clean(uint64_t *restarts)
{
    uint64_t done = 1;
    bool alive = true;

    for (unsigned round = 0; alive && done && round < 64; round++) {
        done = 0;
        for (unsigned i = 0; alive && i < fuzz_threads; i += 2) {
            for (unsigned j = 0; j < fuzz_threads; j++) {
                fuzzers[j].cleaned = j == i ? UINT64_MAX : 0;
            }
            fuzz_order = FUZZ_CLEAN;
            alive = threads_watch(i, i + 1, restarts);
            done += fuzzers[i].cleaned;
        }
    }
    return alive && !done;
}

static uint64_t counted(unsigned mode, unsigned call, unsigned status)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < fuzz_threads; i++) {
        sum += fuzzers[i].count[mode][call][status];
    }
    return sum;
}

static void report(void)
{
    uint64_t expected = 0, reached = 0, unknown = 0;

    for (unsigned call = 0; call < FUZZ_CALLS; call++) {
        uint32_t known = documented[call].statuses | (cpus > 1 ? documented[call].two_cpus : 0);
        for (unsigned status = 0; status < FUZZ_STATUSES; status++) {
            uint64_t grammar = counted(FUZZ_GRAMMAR, call, status);
            uint64_t nonsense = counted(FUZZ_RANDOM, call, status);
            bool wanted = known >> status & 1;
            expected += wanted;
            reached += wanted && grammar;
            unknown += !wanted && grammar + nonsense;
            if (wanted || grammar + nonsense) {
                tap_comment();
                print("fuzz: %s %u %lu and %lu%s\n", documented[call].name, status, grammar,
                      nonsense,
                      !wanted   ? ", not documented"
                      : grammar ? ""
                                : ", not reached");
            }
        }
    }
    tap_comment();
    print("fuzz: %lu of %lu documented pairs in grammar mode, %lu others\n", reached, expected,
          unknown);
    /* With several CPUs it depends on the host what meets what; there the calls are fewer, too. */
    if (cpus == 1) {
        tap_ok(reached * 100 >= expected * 95, "95 % of the documented pairs are reached");
    }
}

static bool threads_end(void)
{
    bool ended = true;

    fuzz_order = FUZZ_END;
    for (unsigned i = 0; i < fuzz_threads; i++) {
        ended = end_on(fuzzers[i].cpu, FUZZER + i) && ended;
    }
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        ended = end_on(cpu, CALLED + cpu) && ended;
    }
    return tap_ok(ended, "the fuzzers end");
}

static void objects_close(void)
{
    tap_equal(object_destroy(DOMAIN), STATUS_SUCCESS, "their domain goes");
    tap_equal(object_destroy(POOR_PD), STATUS_SUCCESS, "the poor domain goes");
    tap_equal(pool_free(POOL).value, POOL_FRAMES, "their pool has all its frames");
    tap_equal(pool_withdraw(POOL, POOL_PART), STATUS_SUCCESS, "which come back");
    tap_equal(pool_withdraw(POOR_POOL, POOR_PART), STATUS_SUCCESS, "as do those of the poor one");
    for (uint32_t s = POOL; s < LEND + fuzz_threads; s++) {
        if (capability_lookup(s).status == STATUS_SUCCESS &&
            !tap_equal(object_destroy(s), STATUS_SUCCESS, "what they had goes")) {
            tap_comment();
            print("selector %u\n", s - TEST_SELECTORS);
        }
    }
}

void suite_fuzz(const struct machine *m)
{
    uint64_t restarts = 0, seed = 1;

    if (!world_open(m)) {
        return;
    }
    cpus = m->info->cpus.count < FUZZ_CPUS ? m->info->cpus.count : FUZZ_CPUS;
    uint64_t calls = cpus > 1 || m->exact ? 10000 : 1000000;
    (void)option_number(m->command_line, "calls", &calls);
    (void)option_number(m->command_line, "seed", &seed);
    fuzz_threads = 2 * cpus;
    if (!agents_start()) {
        return;
    }
    uint64_t before = world_free();
    tap_comment();
    print("fuzz: %lu calls by %u threads, seed=%lu\n", calls, fuzz_threads, seed);
    if (!tap_ok(objects_open() && capabilities_give() && threads_start(calls, seed),
                "fuzzers in a domain of their own")) {
        return;
    }
    uint64_t start = tsc_read();
    tap_ok(threads_watch(0, fuzz_threads, &restarts), "all calls return");
    tap_comment();
    print("fuzz: %lu ms, %lu threads cut off\n", (tsc_read() - start) / world.millisecond,
          restarts);
    tap_ok(threads_clean(&restarts), "what they made can be destroyed");
    report();
    if (threads_end()) {
        objects_close();
    }
    world_balance(before);
    suite_grants(m);
    suite_objects(m);
}
