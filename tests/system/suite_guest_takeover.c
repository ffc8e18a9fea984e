/*
 * Exits that find no handler, or lose theirs: the VCPU stops and its supervisor is told; another
 * monitor, in another domain, takes it over, and gets the exit as it was.
 */
#include "agent.h"
#include "guest_control.h"
#include "suites.h"

enum {
    GUEST = 0,
    OTHER = TEST_SELECTORS,     /* domains of monitors */
    FRESH = TEST_SELECTORS + 2, /* further capabilities to the page */
    THIRD = 0,                  /* actors: handler in another domain, */
    CALLER,                     /* somebody else who calls it, */
    SPINNER,                    /* and who would run for ever in between */
};

#define PAGE_THERE (TEST_ADDRESS + (3ull << 28)) /* the page, in domains of monitors */
#define GENERAL    (STATE_RIP | STATE_RFLAGS | STATE_RSP | STATE_CR | STATE_CS_SS)
#define ROUNDS     3u
#define BINDINGS   1000u

/* What handlers in other domains do; they have the data of this one. */
static volatile struct {
    bool vandal;      /* spoils the page, and does not reply */
    bool spins;       /* while it does not reply */
    uint64_t entered; /* exits that it got */
    uint64_t words[4];
    uint64_t found[18]; /* general registers, RIP, RFLAGS */
    uint64_t wrong;
} third;

static uint32_t vcpu(void)
{
    return control_selector(GUEST);
}

static uint64_t seen(uint32_t reason)
{
    return controls[GUEST].seen[reason];
}

/* A knock is the only exit that it gets. */
static void handle(struct handler *self, struct message *m)
{
    volatile struct vcpu_state *s = (volatile struct vcpu_state *)PAGE_THERE;
    volatile uint64_t *general = &s->rax;

    (void)self;
    bool again = third.entered > 0;
    for (unsigned i = 0; i < 18; i++) {
        third.wrong += again && i < 16 && general[i] != third.found[i];
        third.found[i] = general[i];
    }
    third.wrong += again && !third.vandal && m->word[2] != third.words[2];
    for (unsigned i = 0; i < 4; i++) {
        third.words[i] = m->word[i];
    }
    third.wrong += m->length != 4 || m->word[0] != EXIT_IO || m->word[1] != CONTROL_KNOCK ||
                   m->word[2] != s->rip || m->word[3] != 0 || s->reason != EXIT_IO ||
                   s->qualification != CONTROL_KNOCK || s->address != 0;
    third.entered++;
    m->length = 1;
    if (!third.vandal) {
        s->rip += 2;
        m->word[0] = STATE_RIP;
        return;
    }
    for (unsigned i = 0; i < sizeof(struct vcpu_state) / 8; i++) {
        general[i] = 0xdead000000000000 + i;
    }
    (void)semaphore_up(CONTROL_HELD);
    while (third.spins) {
    }
    (void)semaphore_down(CONTROL_LET, 0, CONTROL_LIMIT);
    m->word[0] = STATE_ALL;
}

static bool went(struct answer a, const char *what)
{
    return tap_equal(a.status, STATUS_SUCCESS, what);
}

/* Its handler's portal gets the knocks. */
static bool bind(void)
{
    return went(vcpu_bind(vcpu(), EXIT_IO, actor_portal(THIRD), GENERAL), "its portal");
}

/* A domain with the VCPU's page and a handler on a CPU. */
static bool other_open(unsigned i, uint32_t cpu)
{
    struct map map = {
        .address = PAGE_THERE, .count = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    return domain_open(OTHER + i) && went(vcpu_page(vcpu(), FRESH + i), "the VCPU's page") &&
           went(memory_map(FRESH + i, OTHER + i, &map), "which it has") &&
           tap_ok(actor_serve_at(THIRD, cpu, OTHER + i, handle, NULL), "and a handler");
}

/* What a domain that is gone leaves. */
static void other_remains(unsigned i)
{
    tap_ok(capability_revoke(FRESH + i, REVOKE_SELF) == STATUS_SUCCESS &&
               object_destroy(actor_portal(THIRD)) == STATUS_SUCCESS &&
               capability_lookup(actor_context(THIRD)).status == STATUS_BAD_CAPABILITY,
           "nothing of it is left");
}

static bool knocker_open(uint32_t cpu)
{
    third.vandal = third.spins = false;
    third.entered = third.wrong = 0;
    return control_open(GUEST, &tiny_knocker, cpu, 0) &&
           tap_equal(vcpu_set_supervisor(vcpu(), CONTROL_TOLD), STATUS_SUCCESS, "its supervisor");
}

static bool told(const char *what)
{
    return tap_equal(semaphore_down(CONTROL_TOLD, 0, CONTROL_LIMIT), STATUS_SUCCESS, what);
}

static void resume(void)
{
    tap_equal(vcpu_resume(vcpu()), STATUS_SUCCESS, "it is resumed");
}

/* So that no exit comes while nothing is bound, after which it would have to be resumed. */
static void bind_frozen(void)
{
    tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "it is frozen");
    (void)bind();
    resume();
}

/* Its registers are what they were, always. */
static void knocker_well(void)
{
    control_goes_on(GUEST, "the guest goes on");
    tap_equal(*control_word(GUEST, TINY_DATA + 8), 0, "with its registers");
    tap_equal(third.wrong, 0, "its handlers found what they had to");
}

/* Whose domain ends, or only the handler, while it handles an exit. */
static void check_takeover(uint32_t cpu, bool domain, bool spins)
{
    if (knocker_open(cpu) && other_open(0, cpu)) {
        third.vandal = true;
        third.spins = spins;
        (void)control_start(GUEST);
        tap_ok(control_await(&controls[GUEST].seen[EXIT_IO], 2), "it runs");
        bind_frozen();
        (void)control_held("another handler gets an exit and spoils the page");
        world_sleep(world.millisecond);
        uint64_t count = *control_count(GUEST);
        if (domain) {
            (void)domain_close(OTHER);
        } else {
            tap_equal(object_destroy(actor_context(THIRD)), STATUS_SUCCESS, "the handler goes");
            (void)domain_close(OTHER);
        }
        (void)told("the VCPU stops");
        other_remains(0);
        third.vandal = third.spins = false;
        control_stands_still(GUEST, "it stands still");
        tap_equal(*control_count(GUEST), count, "where it was");
        if (other_open(1, cpu) && bind()) {
            resume();
            tap_ok(control_await(&third.entered, 1), "a second monitor gets the same exit");
            control_goes_on(GUEST, "to which it replies");
            knocker_well();
        }
        tap_equal(semaphore_down(CONTROL_TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK,
                  "the supervisor was told once");
        tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "freeze");
        (void)bind();
        (void)domain_close(OTHER + 1);
        other_remains(1);
        tap_ok(monitor_bind(control_vcpu(GUEST), EXIT_IO, 0) == STATUS_SUCCESS,
               "the first monitor takes it back");
        resume();
        if (semaphore_down(CONTROL_TOLD, DOWN_TRY, 0) == STATUS_SUCCESS) {
            (void)vcpu_resume(vcpu());
        }
        knocker_well();
    }
    control_close(GUEST);
}

/* It was frozen meanwhile, too. */
static void check_frozen(uint32_t cpu)
{
    if (knocker_open(cpu) && other_open(0, cpu)) {
        third.vandal = true;
        (void)control_start(GUEST);
        bind_frozen();
        (void)control_held("another handler gets an exit and spoils the page");
        tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "freeze");
        (void)domain_close(OTHER);
        other_remains(0);
        (void)told("the VCPU stops");
        tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "freeze");
        (void)monitor_bind(control_vcpu(GUEST), EXIT_IO, 0);
        control_stands_still(GUEST, "bound anew, it stands still");
        resume();
        knocker_well();
    }
    control_close(GUEST);
}

/* Nothing is bound to any exit; then some. */
static void check_unbound(uint32_t cpu)
{
    struct monitor_vcpu *v = control_vcpu(GUEST);
    uint32_t portal = actor_portal(monitor_actor(v));

    if (knocker_open(cpu)) {
        tap_equal(capability_revoke(portal, 0), STATUS_SUCCESS, "no portal is bound to its exits");
        (void)control_start(GUEST);
        (void)told("it stops at once");
        tap_equal(v->exits, 0, "nobody hears of its exits");
        resume();
        (void)told("and again");
        (void)monitor_bind(v, EXIT_STARTUP, STATE_ALL);
        resume();
        (void)told("with one bound, it gets as far as the next exit");
        tap_ok(v->exits == 1 && v->log[0].reason == EXIT_STARTUP && *control_count(GUEST) == 0,
               "having started");
        (void)monitor_bind(v, EXIT_IO, 0);
        resume();
        knocker_well();
        tap_equal(capability_revoke(portal, 0), STATUS_SUCCESS, "its portals are revoked");
        (void)told("it stops");
        control_stands_still(GUEST, "and stands still");
        uint64_t exits = v->exits;
        tap_equal(vcpu_recall(vcpu()), STATUS_SUCCESS, "recall");
        (void)monitor_bind(v, EXIT_IO, 0);
        world_sleep(world.millisecond);
        tap_equal(v->exits, exits, "binding and recalling do not resume it");
        (void)monitor_bind(v, EXIT_RECALL, 0);
        v->exits = 1;
        resume();
        knocker_well();
        tap_ok(v->log[1].reason == EXIT_IO && v->log[2].reason == EXIT_RECALL,
               "the exit comes before the recall");
    }
    control_close(GUEST);
}

/* Its exits' handler is on another CPU. */
static void check_elsewhere(uint32_t cpu)
{
    if (knocker_open(cpu) && other_open(0, 1 - cpu)) {
        (void)control_start(GUEST);
        (void)control_goes_on(GUEST, "it runs");
        tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "freeze");
        (void)bind();
        resume();
        (void)told("with its handler on another CPU it stops");
        tap_equal(third.entered, 0, "that one is not called");
        (void)monitor_bind(control_vcpu(GUEST), EXIT_IO, 0);
        resume();
        knocker_well();
        (void)domain_close(OTHER);
        other_remains(0);
    }
    control_close(GUEST);
}

static volatile uint64_t at[2], wrong[2]; /* by CPU: the round of binding, and failures */

static void binder(uint32_t here)
{
    for (uint64_t n = 1; n <= BINDINGS; n++) {
        agent_meet(&at[here], &at[!here], n);
        wrong[here] += monitor_bind(control_vcpu(GUEST), EXIT_CPUID, 0) != STATUS_SUCCESS;
    }
}

static void binder_there(void)
{
    binder(1);
}

/* Two CPUs bind one exit at the same moment. */
static void check_binders(void)
{
    at[0] = at[1] = wrong[0] = wrong[1] = 0;
    if (knocker_open(0)) {
        (void)control_start(GUEST);
        agent_begin(binder_there);
        binder(0);
        tap_ok(agent_wait() && wrong[0] + wrong[1] == 0, "who binds an exit as another does, does");
    }
    control_close(GUEST);
}

/* Work that depends on nobody's clock. */
static volatile uint64_t spun, spun_before, worked;

static void spin(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        spun = spun + 1;
    }
}

/* A call of somebody else to the VCPU's handler: takes some time. */
static void call(struct thread *self, void *argument)
{
    struct message m = message_make(self->utcb);

    (void)argument;
    m.length = 1;
    m.word[0] = EXIT_PAUSE;
    third.wrong +=
        portal_call(actor_portal(monitor_actor(control_vcpu(GUEST))), &m, 0) != STATUS_SUCCESS;
    (void)semaphore_up(CONTROL_DONE);
    (void)semaphore_down(CONTROL_LET, 0, 0);
}

static uint64_t answer_busy(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_PAUSE) {
        (void)semaphore_up(CONTROL_HELD);
        for (uint64_t i = 0; i < 20000; i++) {
            worked = worked + 1;
        }
        return 0;
    }
    if (e->reason == EXIT_STARTUP) {
        spun_before = spun;
        return monitor_begin(v);
    }
    (void)semaphore_up(CONTROL_DONE);
    return monitor_stop(v);
}

static bool run_at(unsigned i, uint32_t cpu, uint8_t priority, void (*run)(struct thread *, void *))
{
    struct schedule s = actor_schedule(priority);

    s.cpu = SELECTOR_CPUS + cpu;
    return tap_ok(actor_run_at(i, cpu, SELECTOR_PD, &s, run, NULL), "a thread");
}

/* The VCPU, more urgent than who keeps its handler busy, lends that one its time. All on CPU 0. */
static void check_busy(void)
{
    const uint32_t cpu = 0;

    spun = worked = 0;
    spun_before = UINT64_MAX;
    if (knocker_open(cpu)) {
        controls[GUEST].answer = answer_busy;
        (void)run_at(CALLER, cpu, PRIORITY_LOW, call);
        (void)control_held("its handler is busy with somebody's call");
        tap_ok(worked < 20000, "and will be");
        tap_ok(monitor_start(control_vcpu(GUEST), PRIORITY_LOW + 16), "it starts");
        (void)run_at(SPINNER, cpu, PRIORITY_LOW + 8, spin);
        tap_equal(semaphore_down(CONTROL_DONE, 0, CONTROL_LIMIT), STATUS_SUCCESS, "it exits");
        tap_ok(monitor_wait(&monitors[GUEST]), "to its end");
        tap_equal(worked, 20000, "its handler's work was done first");
        tap_ok(actor_end(SPINNER), "the spinner goes");
        tap_equal(semaphore_down(CONTROL_DONE, 0, CONTROL_LIMIT), STATUS_SUCCESS,
                  "the other caller has got its reply");
        tap_equal(spun_before, 0, "nobody less urgent ran meanwhile");
        tap_equal(third.wrong, 0, "it was answered");
        tap_ok(seen(EXIT_STARTUP) == 1 && seen(EXIT_IO) == 1, "the exits came once");
        tap_ok(actor_end(CALLER), "the caller goes");
    }
    control_close(GUEST);
}

/* Frozen and resumed, recalled and destroyed while it helps. */
static void check_helping(uint32_t cpu)
{
    if (knocker_open(cpu)) {
        controls[GUEST].hold = EXIT_PAUSE;
        (void)run_at(CALLER, cpu, PRIORITY_LOW, call);
        (void)control_held("its handler is busy with somebody's call");
        (void)control_start(GUEST);
        world_sleep(world.millisecond);
        tap_equal(seen(EXIT_STARTUP), 0, "it waits for it");
        tap_equal(vcpu_recall(vcpu()), STATUS_SUCCESS, "recall");
        tap_equal(vcpu_freeze(vcpu()), STATUS_SUCCESS, "freeze");
        control_let(GUEST);
        tap_equal(semaphore_down(CONTROL_DONE, 0, CONTROL_LIMIT), STATUS_SUCCESS,
                  "the handler becomes free");
        world_sleep(world.millisecond);
        tap_equal(seen(EXIT_STARTUP), 0, "the VCPU is frozen");
        resume();
        tap_ok(control_await(&controls[GUEST].seen[EXIT_RECALL], 0), "resumed, it gets its reply");
        tap_ok(seen(EXIT_STARTUP) == 1 && control_vcpu(GUEST)->log[2].reason == EXIT_RECALL,
               "and is recalled");
        knocker_well();
        tap_ok(actor_end(CALLER), "the caller goes");
    }
    control_close(GUEST);
}

static void check_cpu(uint32_t cpu)
{
    tap_comment();
    print("on CPU %u\n", cpu);
    check_takeover(cpu, true, false);
    check_takeover(cpu, false, false);
    check_takeover(cpu, true, true);
    check_frozen(cpu);
    check_unbound(cpu);
    check_helping(cpu);
}

void suite_guest_takeover(const struct machine *m)
{
    bool several = m->info->cpus.count > 1;

    if (!monitor_possible(m) || (several && !agent_open())) {
        return;
    }
    uint64_t before = world_free();
    check_cpu(0);
    check_busy();
    if (several) {
        check_cpu(1);
        check_elsewhere(0);
        check_elsewhere(1);
        check_binders();
    }
    world_balance(before);
}
