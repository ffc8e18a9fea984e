/*
 * A domain does all that programs must not do, one thing after the other. Each ends in its own
 * exception, and nobody else notices: a witness in a further domain has marks in all its registers.
 */
#include "canary_check.h"
#include "hostile.h"
#include "suites.h"
#include "world.h"

enum {
    EVIL = TEST_SELECTORS, /* domains */
    OTHER,
    CODE,       /* MEM with a page of code that is made here */
    VICTIM = 0, /* actors */
    WITNESS,
    TOLD = SEMAPHORE + 1,
    DONE,
    OWNER = 1,
};

#define CODE_WRITE (TEST_ADDRESS)
#define CODE_RUN   (TEST_ADDRESS + PAGE)
#define SPACE_END  0x00007ffffffff000ull
#define SOON       WORLD_LIMIT
#define FLAGS      0x202u
#define UNDEFINED  6u
#define PROTECTION 13u
#define PAGE_FAULT 14u
#define BREAKPOINT 3u
#define OVERFLOW   4u

static struct canary witness;
static uint8_t stack[HOSTILE_STACK] __attribute__((aligned(16)));

static volatile struct utcb_state *state(void)
{
    return (volatile struct utcb_state *)FIRST_UTCB_ADDRESS;
}

/* Lets the victim go on at an address, with nothing in its registers, until it stops. */
static bool victim_try(uint64_t rip, uint64_t rax)
{
    volatile uint64_t *general = &state()->rax;

    for (unsigned i = 0; i < 16; i++) {
        general[i] = 0;
    }
    state()->rax = rax;
    state()->rsp = (uint64_t)stack + HOSTILE_STACK;
    state()->rip = rip;
    state()->rflags = FLAGS;
    state()->fs_base = state()->gs_base = 0;
    bool stopped = context_set(actor_context(VICTIM)) == STATUS_SUCCESS &&
                   context_resume(actor_context(VICTIM)) == STATUS_SUCCESS &&
                   semaphore_down(TOLD, 0, SOON) == STATUS_SUCCESS &&
                   context_read(actor_context(VICTIM)) == STATUS_SUCCESS &&
                   state()->activity == ACTIVITY_STOPPED;
    world_sleep(world.millisecond / 100); /* the witness runs */
    return stopped;
}

static bool wrong(const char *what, uint64_t i)
{
    tap_comment();
    print("%s %lu: vector %lu, error %#lx, rip %#lx\n", what, i, state()->vector, state()->error,
          state()->rip);
    return true;
}

/* The table of hostile.S. */
static void check_table(void)
{
    uint64_t count = 0, bad = 0;

    for (const struct hostile *h = hostile_begin; h < hostile_end; h++, count++) {
        if (!victim_try((uint64_t)h->begin, 0) || !(h->vectors >> state()->vector & 1) ||
            (h->rip && state()->rip != (uint64_t)h->rip)) {
            bad += wrong("case", count);
        }
    }
    tap_ok(count > 100, "more than 100 things that programs must not do");
    tap_equal(bad, 0, "each ends in the exception that it must");
}

/* Code at the front of the page. */
static void code_write(const uint8_t *bytes, unsigned count)
{
    volatile uint8_t *to = (volatile uint8_t *)CODE_WRITE;

    for (unsigned i = 0; i < count; i++) {
        to[i] = bytes[i];
    }
}

/* INT n for all n: only 3 and 4 are for programs. */
static void check_interrupts(void)
{
    uint64_t bad = 0;

    for (uint64_t n = 0; n < 256; n++) {
        uint8_t code[] = {0xcd, (uint8_t)n, 0x0f, 0x0b};
        bool ours = n == BREAKPOINT || n == OVERFLOW;
        code_write(code, sizeof(code));
        if (!victim_try(CODE_RUN, 0) || state()->vector != (ours ? n : PROTECTION) ||
            state()->rip != CODE_RUN + (ours ? 2 : 0)) {
            bad += wrong("INT", n);
        }
    }
    tap_equal(bad, 0, "INT n is refused for all n but 3 and 4");
}

/* MOV from and to each control and debug register. */
static void check_registers(void)
{
    uint64_t bad = 0;

    for (unsigned n = 0; n < 64; n++) {
        unsigned number = n & 15, opcode = 0x20 + (n >> 4);
        uint8_t code[] = {number > 7 ? 0x44 : 0x40,
                          0x0f,
                          (uint8_t)opcode,
                          (uint8_t)(0xc0 | (number & 7) << 3),
                          0x0f,
                          0x0b};
        code_write(code, sizeof(code));
        if (!victim_try(CODE_RUN, 0) || state()->rip != CODE_RUN ||
            (state()->vector != PROTECTION && state()->vector != UNDEFINED)) {
            bad += wrong("MOV of register", n);
        }
    }
    tap_equal(bad, 0, "no control or debug register can be read or written");
}

/* Random bytes, seeded: whatever they are, they end in an exception, or are stopped. */
static void check_random(void)
{
    uint64_t seed = 0x5eed, ended = 0;

    for (unsigned n = 0; n < 200; n++) {
        uint8_t code[PAGE / 64];
        for (unsigned i = 0; i < sizeof(code); i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            code[i] = (uint8_t)(seed >> 56);
        }
        /* No system calls, which are the fuzzer's, and no loops, which end nothing. */
        for (unsigned i = 0; i + 1 < sizeof(code); i++) {
            bool call = code[i] == 0x0f && code[i + 1] == 0x05;
            bool jump = (code[i] & 0xf0) == 0x70 || (code[i] & 0xfc) == 0xe0 || code[i] == 0xe9 ||
                        code[i] == 0xeb || code[i] == 0xff ||
                        (code[i] == 0x0f && (code[i + 1] & 0xf0) == 0x80);
            code[i] = call || jump ? 0x90 : code[i];
        }
        code_write(code, sizeof(code));
        ended += victim_try(CODE_RUN, 0);
    }
    tap_equal(ended, 200, "random code ends in an exception");
}

/* SYSCALL as the last two bytes that a program can have: what follows is no program's. */
static void check_end(void)
{
    volatile uint8_t *last = (volatile uint8_t *)(CODE_WRITE + PAGE - 2);
    struct map map = {SPACE_END - PAGE, 0, 1, 0, MEM_RIGHT_READ | MEM_RIGHT_EXECUTE};

    last[0] = 0x0f;
    last[1] = 0x05;
    tap_equal(memory_map(CODE, EVIL, &map).status, STATUS_SUCCESS, "the last page");
    tap_ok(victim_try(SPACE_END - 2, SYSCALL_COUNT), "SYSCALL at the end of the address space");
    tap_equal(state()->vector, PAGE_FAULT, "the kernel returns to a page fault");
    tap_equal(state()->rip, SPACE_END, "behind the end");
    tap_equal(state()->rax, STATUS_BAD_CALL, "after the call");
    tap_equal(memory_unmap(EVIL, SPACE_END - PAGE), STATUS_SUCCESS, "the page goes");
}

static void run_witness(struct thread *self, void *argument)
{
    (void)self;
    canary_once(argument);
    (void)semaphore_up(DONE);
}

static bool witness_begin(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    canary_fill(&witness, OWNER);
    witness.event = CANARY_SPIN;
    return domain_open(OTHER) &&
           tap_ok(actor_run(WITNESS, OTHER, &low, run_witness, &witness), "a witness");
}

static void witness_end(void)
{
    witness.stop = 1;
    tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "the witness comes to its end");
    tap_equal(canary_kept(&witness) + canary_bases(&witness, false) +
                  canary_vectors_wrong(&witness, false),
              0, "and has all its registers");
    tap_ok(actor_end(WITNESS), "it goes");
    domain_close(OTHER);
}

static bool victim_begin(void)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);
    struct map map = {CODE_WRITE, 0, 1, 0, MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    bool made =
        memory_create(CODE, SELECTOR_POOL, WORLD_MEMORY, 0, PAGE, 0).status == STATUS_SUCCESS &&
        memory_map(CODE, SELECTOR_PD, &map).status == STATUS_SUCCESS;

    map.address = CODE_RUN;
    map.rights = MEM_RIGHT_READ | MEM_RIGHT_EXECUTE;
    made = made && memory_map(CODE, EVIL, &map).status == STATUS_SUCCESS &&
           context_create(actor_context(VICTIM), SELECTOR_POOL, EVIL, (uint64_t)hostile_stop, 0,
                          actor_utcb(VICTIM), 0)
                   .status == STATUS_SUCCESS &&
           context_supervise(actor_context(VICTIM), TOLD) == STATUS_SUCCESS &&
           time_create(actor_time(VICTIM), SELECTOR_POOL, actor_context(VICTIM), &high).status ==
               STATUS_SUCCESS;
    actors[VICTIM].serves = false;
    return tap_ok(made && semaphore_down(TOLD, 0, SOON) == STATUS_SUCCESS, "a thread that stops");
}

void suite_hostile(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!domain_open(EVIL) || !victim_begin() || !witness_begin()) {
        return;
    }
    check_table();
    check_interrupts();
    check_registers();
    check_random();
    check_end();
    witness_end();
    tap_ok(actor_end(VICTIM), "the thread goes");
    domain_close(EVIL);
    tap_equal(object_destroy(CODE), STATUS_SUCCESS, "the page goes");
    world_balance(before);
}
