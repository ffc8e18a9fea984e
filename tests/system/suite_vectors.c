/* Vector registers: kept over preemption, never seen by another domain. */
#include "actors.h"
#include "suites.h"
#include "world.h"

enum {
    OTHER = TEST_SELECTORS,
    NEAR = 0, /* actors */
    FAR,
    SERVER,
};

#define MINE   0x1111111122222222ull
#define THEIRS 0x3333333344444444ull
#define HALVES 32u
#define ROUNDS 5u

static volatile uint64_t runs[2], lost[2];

/* Every half millisecond: are mine still there? Argument: number of the actor. */
static void keep_vectors(struct thread *self, void *argument)
{
    uint64_t i = (uint64_t)argument, canary = THEIRS + i;

    (void)self;
    for (;;) {
        vectors_fill(canary);
        uint64_t end = tsc_read() + world.millisecond / 4;
        while (tsc_read() < end) {
        }
        lost[i] = lost[i] + HALVES - vectors_count(canary);
        runs[i] = runs[i] + 1;
        world_sleep(world.millisecond / 2);
    }
}

/* Replies how many halves were zero and how many the caller's, and leaves its own there. */
static void look(struct handler *self, struct message *m)
{
    (void)self;
    uint64_t zero = vectors_count(0), mine = vectors_count(MINE);

    vectors_fill(THEIRS);
    m->length = 2;
    m->word[0] = zero;
    m->word[1] = mine;
}

static void check_preemption(void)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH),
                    higher = actor_schedule(PRIORITY_HIGH + 1);
    uint64_t changed = 0;

    if (!tap_ok(actor_run(NEAR, SELECTOR_PD, &high, keep_vectors, NULL) &&
                    actor_run(FAR, OTHER, &higher, keep_vectors, (void *)1),
                "threads that preempt, in both domains")) {
        return;
    }
    runs[0] = runs[1] = lost[0] = lost[1] = 0;
    vectors_fill(MINE);
    uint64_t end = tsc_read() + 20 * world.millisecond;
    while (tsc_read() < end || runs[0] < ROUNDS || runs[1] < ROUNDS) {
        changed += HALVES - vectors_count(MINE);
    }
    tap_ok(runs[0] >= ROUNDS && runs[1] >= ROUNDS, "they ran meanwhile");
    tap_equal(changed, 0, "vector registers are kept over preemption");
    tap_equal(lost[0] + lost[1], 0, "those of the others too");
    tap_ok(actor_end(NEAR) && actor_end(FAR), "the threads go");
}

static void check_calls(void)
{
    struct message m = world_message();
    uint64_t zero = 0, mine = 0, theirs = 0;

    if (!tap_ok(actor_serve(SERVER, OTHER, look, NULL), "a handler in the other domain")) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        m.length = 0;
        vectors_fill(MINE);
        if (portal_call(actor_portal(SERVER), &m, 0) != STATUS_SUCCESS) {
            break;
        }
        theirs += vectors_count(THEIRS);
        zero += m.word[0];
        mine += m.word[1];
    }
    tap_equal(mine, 0, "a call takes no vector register to another domain");
    tap_equal(zero, 4ull * HALVES, "all are zero there");
    tap_equal(theirs, 0, "nor does the reply bring any back");
    tap_ok(actor_end(SERVER), "the handler goes");
}

void suite_vectors(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (domain_open(OTHER)) {
        check_preemption();
        check_calls();
        domain_close(OTHER);
    }
    vectors_fill(0);
    world_balance(before);
}
