/* A domain that the fuzzers know nothing of, and must leave as it is (fuzz_stage.h). */
#include <stddef.h>

#include "actors.h"
#include "fuzz_stage.h"

#define KEPT_PAGE    512u /* of WORLD_MEMORY */
#define KEPT_PAGES   4u
#define KEPT_ADDRESS TEST_ADDRESS
#define KEPT_WORDS   (KEPT_PAGES * PAGE / sizeof(uint64_t))
#define KEPT_VECTOR  0x6b6565706d656b65ull
#define HALVES       32u
#define LOOKUPS      512u /* selectors that are looked at */
#define GIVEN        5u   /* the one that is not empty: */
#define GIVEN_RIGHTS (SM_RIGHT_UP | SM_RIGHT_DOWN)
#define LIMIT        WORLD_LIMIT

enum { ASK_ECHO, ASK_FILL, ASK_CHECK };

static volatile uint64_t kept_rounds, kept_lost; /* of the thread with the vector registers */
static uint64_t asked;

static uint64_t pattern(uint64_t i)
{
    return (i + 1) * 0x9e3779b97f4a7c15;
}

static volatile uint64_t *word_at(uint64_t i)
{
    return (volatile uint64_t *)KEPT_ADDRESS + i;
}

/* How much is not as it was: words of memory and selectors. */
static uint64_t damage(void)
{
    uint64_t wrong = 0;

    for (uint64_t i = 0; i < KEPT_WORDS; i++) {
        wrong += *word_at(i) != pattern(i);
    }
    for (uint32_t s = 0; s < LOOKUPS; s++) {
        struct lookup l = capability_lookup(s);
        wrong += l.type != (s == GIVEN ? OBJECT_SM : OBJECT_NONE) ||
                 l.rights != (s == GIVEN ? GIVEN_RIGHTS : 0);
    }
    return wrong;
}

/* In that domain: word 0 is what is asked, word 1 comes back plus one. */
static void witness(struct handler *self, struct message *m)
{
    (void)self;
    for (uint64_t i = 0; m->word[0] == ASK_FILL && i < KEPT_WORDS; i++) {
        *word_at(i) = pattern(i);
    }
    m->word[0] = m->word[0] == ASK_CHECK ? damage() : 0;
    m->word[1]++;
    m->length = 2;
}

/* Less urgent than the fuzzers, so that they come in between. */
static void keep(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    vectors_fill(KEPT_VECTOR);
    for (;;) {
        for (unsigned i = 0; i < 1000; i++) {
            cpu_pause();
        }
        kept_lost = kept_lost + HALVES - vectors_count(KEPT_VECTOR);
        kept_rounds = kept_rounds + 1;
    }
}

/* The answer's word 0; all ones: there was none, or a wrong one. */
static uint64_t ask(uint64_t what)
{
    struct message m = world_message();

    m.word[0] = what;
    m.word[1] = ++asked;
    m.length = 2;
    enum status status = portal_call(actor_portal(FUZZ_WITNESS), &m, LIMIT);
    return status == STATUS_SUCCESS && m.length == 2 && m.word[1] == asked + 1 ? m.word[0]
                                                                               : UINT64_MAX;
}

bool fuzz_witness_open(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW - 1);
    uint32_t cpu = fuzz_cpus - 1;
    struct map map = {
        .address = KEPT_ADDRESS, .count = KEPT_PAGES, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    low.cpu = SELECTOR_CPUS + cpu;
    kept_rounds = kept_lost = 0;
    return domain_open_from(FUZZ_WITNESS_DOMAIN, SELECTOR_POOL) &&
           memory_create(FUZZ_WITNESS_PAGES, SELECTOR_POOL, WORLD_MEMORY, KEPT_PAGE * PAGE,
                         KEPT_PAGES * PAGE, 0)
                   .status == STATUS_SUCCESS &&
           memory_map(FUZZ_WITNESS_PAGES, FUZZ_WITNESS_DOMAIN, &map).status == STATUS_SUCCESS &&
           capability_delegate(FUZZ_WITNESS_DOMAIN, GIVEN, SEMAPHORE, GIVEN_RIGHTS).status ==
               STATUS_SUCCESS &&
           actor_serve(FUZZ_WITNESS, FUZZ_WITNESS_DOMAIN, witness, NULL) &&
           actor_run_at(FUZZ_KEEPER, cpu, FUZZ_WITNESS_DOMAIN, &low, keep, NULL) &&
           ask(ASK_FILL) == 0;
}

bool fuzz_witness_answers(void)
{
    return ask(ASK_ECHO) == 0;
}

/* The thread runs once more, now that nobody is more urgent. */
void fuzz_witness_check(void)
{
    uint64_t limit = LIMIT, before = kept_rounds;

    while (kept_rounds < before + 2 && tsc_read() < limit) {
        world_sleep(world.millisecond);
    }
    tap_ok(kept_rounds >= before + 2, "a thread of the witness goes on");
    tap_equal(kept_lost, 0, "with its vector registers");
    tap_equal(ask(ASK_CHECK), 0, "the memory and the capabilities of the witness are untouched");
}

void fuzz_witness_close(void)
{
    tap_ok(actor_end(FUZZ_KEEPER) && actor_end(FUZZ_WITNESS) &&
               object_destroy(FUZZ_WITNESS_DOMAIN) == STATUS_SUCCESS &&
               object_destroy(FUZZ_WITNESS_PAGES) == STATUS_SUCCESS,
           "the witness goes");
}
