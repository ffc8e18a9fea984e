/* Exceptions of a thread as messages to a portal, and going on afterwards. */
#include "actors.h"
#include "suites.h"
#include "world.h"

enum {
    CODE = TEST_SELECTORS, /* MEM with a page of code */
    OTHER,
    VICTIM = 0, /* actors */
    DOCTOR,
    DONE = SEMAPHORE + 1,
};

#define CODE_WRITE (TEST_ADDRESS)
#define CODE_RUN   (TEST_ADDRESS + PAGE)
#define PAGE_HERE  (TEST_ADDRESS + 2 * PAGE)
#define LIMIT      WORLD_LIMIT
#define DIVIDE     0
#define BREAKPOINT 3
#define UNDEFINED  6
#define PAGE_FAULT 14

static struct {
    uint64_t count, vector, error, rip, address, length, id;
} seen;

static uint64_t reply_words;
static volatile uint64_t divisor;
static volatile uint64_t quotient;
static volatile uint64_t registers_wrong;

extern const char exception_breakpoint_next[];

/* In this domain: notes what happened and removes the cause. */
static void treat(struct handler *self, struct message *m)
{
    (void)self;
    seen.count++;
    seen.id = m->portal;
    seen.length = m->length;
    seen.vector = m->word[0];
    seen.error = m->word[1];
    seen.rip = m->word[2];
    seen.address = m->word[3];
    if (seen.vector == DIVIDE) {
        divisor = 7;
    } else if (seen.vector == UNDEFINED) {
        *(volatile uint16_t *)CODE_WRITE = 0x9090; /* two NOPs instead of UD2 */
    } else if (seen.vector == PAGE_FAULT) {
        struct map map = {PAGE_HERE, 0, 1, 0, MEM_RIGHT_READ};
        (void)memory_map(CODE, (uint32_t)(uint64_t)self->argument, &map);
    }
    m->length = reply_words;
    m->word[0] = m->word[1] = m->word[2] = m->word[3] = 0x0bad0bad0bad0bad;
}

/* 100 divided by what stands in divisor; afterwards all other registers are as before. */
static void divide(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    quotient = exception_divide_call(&divisor, &registers_wrong);
    (void)semaphore_up(DONE);
}

static void run_code(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    __asm__ volatile("call *%0" : : "r"(CODE_RUN) : "memory");
    (void)semaphore_up(DONE);
}

static void read_page(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    quotient = *(volatile uint64_t *)PAGE_HERE;
    (void)semaphore_up(DONE);
}

static void breakpoint(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    __asm__ volatile(".globl exception_breakpoint_next\nint3\nexception_breakpoint_next:");
    (void)semaphore_up(DONE);
}

/* Runs a function in a thread of the domain whose exceptions go to the doctor. */
static bool victim_run(uint32_t domain, void (*run)(struct thread *self, void *argument))
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    seen.count = 0;
    return tap_ok(actor_run(VICTIM, domain, &low, run, NULL), "a thread") &&
           tap_equal(context_set_events(actor_context(VICTIM), EVENTS), STATUS_SUCCESS,
                     "its events") &&
           tap_equal(semaphore_down(DONE, 0, LIMIT), STATUS_SUCCESS, "it comes to its end") &&
           tap_ok(actor_end(VICTIM), "it goes");
}

static void check_seen(uint64_t vector, uint64_t error, uint64_t rip)
{
    tap_equal(seen.count, 1, "one exception");
    tap_equal(seen.id, actor_id(DOCTOR), "through the portal");
    tap_equal(seen.length, 4, "a message of four words");
    tap_equal(seen.vector, vector, "vector");
    tap_equal(seen.error, error, "error code");
    tap_equal(seen.rip, rip, "RIP");
}

static void check_divide(uint32_t domain)
{
    tap_comment();
    print("divide error, a reply of %lu words\n", reply_words);
    divisor = 0;
    quotient = 0;
    if (victim_run(domain, divide)) {
        check_seen(DIVIDE, 0, (uint64_t)exception_divide);
        tap_equal(quotient, 100 / 7, "the division is done again");
        tap_equal(registers_wrong, 0, "all registers are as they were");
    }
}

static void check_domain(uint32_t domain)
{
    struct map map = {CODE_RUN, 0, 1, 0, MEM_RIGHT_READ | MEM_RIGHT_EXECUTE};

    if (!tap_ok(actor_serve(DOCTOR, SELECTOR_PD, treat, (void *)(uint64_t)domain), "a handler")) {
        return;
    }
    for (uint32_t vector = 0; vector < 32; vector++) {
        (void)capability_delegate(domain, EVENTS + vector, actor_portal(DOCTOR), PT_RIGHT_CALL);
    }
    for (reply_words = MESSAGE_REGISTERS + 1; reply_words >= MESSAGE_REGISTERS; reply_words--) {
        check_divide(domain);
    }
    reply_words = MESSAGE_REGISTERS;
    tap_comment();
    print("breakpoint\n");
    if (victim_run(domain, breakpoint)) {
        check_seen(BREAKPOINT, 0, (uint64_t)exception_breakpoint_next);
    }
    tap_comment();
    print("invalid opcode\n");
    *(volatile uint32_t *)CODE_WRITE = 0x00c30b0f; /* UD2, RET */
    tap_equal(memory_map(CODE, domain, &map).status, STATUS_SUCCESS, "a page of code");
    if (victim_run(domain, run_code)) {
        check_seen(UNDEFINED, 0, CODE_RUN);
    }
    tap_comment();
    print("page fault\n");
    if (victim_run(domain, read_page)) {
        check_seen(PAGE_FAULT, 4, seen.rip);
        tap_equal(seen.address, PAGE_HERE, "address");
        tap_equal(quotient & 0xffffffff, 0x00c39090, "the page is read");
    }
    (void)memory_unmap(domain, CODE_RUN);
    (void)memory_unmap(domain, PAGE_HERE);
    for (uint32_t vector = 0; domain == SELECTOR_PD && vector < 32; vector++) {
        (void)capability_revoke(EVENTS + vector, REVOKE_SELF);
    }
    tap_ok(actor_end(DOCTOR), "the handler goes");
}

static void check_errors(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    if (!tap_ok(actor_run(VICTIM, SELECTOR_PD, &low, read_page, NULL), "a thread")) {
        return;
    }
    tap_equal(context_set_events(actor_context(VICTIM), SELECTORS - 31), STATUS_BAD_PARAMETER,
              "events past the table");
    tap_equal(object_control(actor_context(VICTIM), 99, 0).status, STATUS_BAD_PARAMETER,
              "no such operation");
    (void)capability_delegate(SELECTOR_PD, OTHER, actor_context(VICTIM), EC_RIGHT_STATE);
    tap_equal(context_set_events(OTHER, EVENTS), STATUS_NO_RIGHT, "events without the right");
    tap_ok(actor_end(VICTIM), "the thread goes");
}

void suite_exceptions(const struct machine *m)
{
    struct map map = {CODE_WRITE, 0, 1, 0, MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!tap_ok(memory_create(CODE, SELECTOR_POOL, WORLD_MEMORY, 0, PAGE, 0).status ==
                        STATUS_SUCCESS &&
                    memory_map(CODE, SELECTOR_PD, &map).status == STATUS_SUCCESS,
                "a page")) {
        return;
    }
    check_domain(SELECTOR_PD);
    if (domain_open(OTHER)) {
        check_domain(OTHER);
        domain_close(OTHER);
    }
    check_errors();
    tap_equal(object_destroy(CODE), STATUS_SUCCESS, "the page goes");
    world_balance(before);
}
