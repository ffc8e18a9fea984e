/* Derivation and revocation, case by case, and by several threads. */
#include "kernel_derive.h"

static uint64_t word_of(unsigned slot)
{
    return slot_word(&nodes[slot]);
}

static enum status delegate(unsigned from, unsigned to, uint32_t mask)
{
    return slot_delegate(&nodes[from], word_of(from), &nodes[to], mask);
}

static void create(unsigned object, unsigned slot, uint32_t rights)
{
    EXPECT(slot_claim(&nodes[slot]));
    node_insert_first(&objects[object], &nodes[slot], rights);
}

static void test_slots(void)
{
    reset();
    ok(slot_claim(&nodes[0]), "an empty slot can be claimed");
    ok(!slot_claim(&nodes[0]), "a claimed one cannot");
    is_u64(word_of(0), CAPABILITY_EMPTY, "a claimed slot holds nothing yet");
    slot_unclaim(&nodes[0]);
    create(0, 0, 7);
    is_u64(delegate(0, 0, 7), STATUS_IN_USE, "a capability is not delegated to its own slot");
    is_u64(delegate(0, 1, 8), STATUS_NO_RIGHT, "nor without any right");
    is_u64(delegate(0, 1, 3), STATUS_SUCCESS, "it is with some");
    is_u64(delegate(1, 2, RIGHTS_ALL), STATUS_SUCCESS, "and from there");
    is_u64(capability_rights(word_of(2)), 3, "with no more rights than there are");
    ok(capability_object(word_of(2)) == &objects[0], "to the same object");
    is_u64(errors, 0, "no other errors");
}

static void test_selective(void)
{
    unsigned budget = 100;

    reset();
    create(0, 0, 1);
    EXPECT(delegate(0, 1, 1) == STATUS_SUCCESS && delegate(0, 2, 1) == STATUS_SUCCESS);
    EXPECT(delegate(1, 3, 1) == STATUS_SUCCESS && delegate(2, 4, 1) == STATUS_SUCCESS);
    ok(!slot_revoke_step(&nodes[1], &budget, false), "revoking one of two grants ends at once");
    is_u64(budget, 99, "and removes one node");
    ok(!word_of(3) && word_of(0) && word_of(1) && word_of(2) && word_of(4), "that one");
    ok(!slot_revoke_step(&nodes[2], &budget, true), "revoking the other with itself");
    ok(!word_of(2) && !word_of(4) && word_of(0) && word_of(1), "removes it too");
    ok(!slot_revoke_step(&nodes[2], &budget, true), "revoking an empty slot does nothing");
    is_u64(budget, 97, "as the budget says");
    budget = 0;
    ok(slot_revoke_step(&nodes[0], &budget, false), "with no budget, more remains");
    is_u64(errors, 0, "no other errors");
}

static void test_depth(void)
{
    static struct node deep[DEPTH_MAX + 1];
    unsigned steps = 0, good = 0, budget;

    reset();
    EXPECT(slot_claim(&deep[0]));
    node_insert_first(&objects[0], &deep[0], 1);
    for (unsigned i = 1; i < DEPTH_MAX; i++)
        good += slot_delegate(&deep[i - 1], slot_word(&deep[i - 1]), &deep[i], 1) == STATUS_SUCCESS;
    is_u64(good, DEPTH_MAX - 1, "a line of derivation %u deep", DEPTH_MAX);
    is_u64(
        slot_delegate(&deep[DEPTH_MAX - 1], slot_word(&deep[DEPTH_MAX - 1]), &deep[DEPTH_MAX], 1),
        STATUS_DEPTH, "and no deeper");
    is_u64(deep[DEPTH_MAX].word, CAPABILITY_EMPTY, "the slot that was claimed is empty again");
    do {
        budget = 2;
        steps++;
    } while (slot_revoke_step(&deep[0], &budget, false));
    is_u64(steps, DEPTH_MAX / 2, "it goes two nodes a step");
    is_u64(capability_rights(slot_word(&deep[0])), 1, "what is revoked from keeps its rights");
}

/* Between two steps the one who is being revoked derives again, as often as it is let. */
static void test_defiance(void)
{
    unsigned steps = 0, budget, next = 2;

    reset();
    create(0, 0, 1);
    EXPECT(delegate(0, 1, 1) == STATUS_SUCCESS);
    while (next < 20)
        EXPECT(delegate(1, next++, 1) == STATUS_SUCCESS);
    do {
        budget = 1;
        for (unsigned from = 1; from < next && next < SLOTS; from++)
            for (unsigned i = 0; i < 3 && next < SLOTS; i++)
                next += word_of(from) && delegate(from, next, 1) == STATUS_SUCCESS;
        steps++;
    } while (slot_revoke_step(&nodes[0], &budget, false));
    ok(steps <= SLOTS, "revocation ends though everybody goes on deriving (%u steps)", steps);
    ok(word_of(0) && chain_empty(&nodes[0].chain) == false, "the capability itself stays");
    ok(nodes[0].chain.next == &objects[0].nodes, "alone");
    EXPECT(delegate(0, 1, 1) == STATUS_SUCCESS && delegate(1, 2, 1) == STATUS_SUCCESS);
    budget = 0;
    ok(slot_revoke_step(&nodes[0], &budget, false), "a revocation is given up");
    is_u64(delegate(1, 3, 1), STATUS_NO_RIGHT, "what it passed cannot be delegated");
    is_u64(delegate(0, 3, 1), STATUS_SUCCESS, "what it began from can");
    is_u64(errors, 0, "no other errors");
}

static void test_die(void)
{
    unsigned budget = 2;

    reset();
    create(0, 0, 1);
    EXPECT(delegate(0, 1, 1) == STATUS_SUCCESS && delegate(1, 2, 1) == STATUS_SUCCESS);
    ok(object_die_step(&objects[0], &budget),
       "an object with three capabilities dies in two steps");
    ok(word_of(0) && !word_of(1) && !word_of(2), "the last derived go first");
    is_u64(delegate(0, 1, 1), STATUS_BAD_CAPABILITY, "nothing is derived any more");
    budget = 2;
    ok(!object_die_step(&objects[0], &budget), "the second step is the last");
    is_u64(budget, 1, "and removes what was left");
    ok(!word_of(0) && chain_empty(&objects[0].nodes), "the object has no capability");
    is_u64(errors, 0, "no other errors");
}

/* Two threads over the same slots. */
#define THREAD_OPERATIONS 200000u

static void *stress(void *seed)
{
    uint64_t state = (uintptr_t)seed;

    for (unsigned i = 0; i < THREAD_OPERATIONS; i++) {
        struct node *a, *b;
        unsigned budget = 4;

        state = state * 6364136223846793005ull + 1442695040888963407ull;
        a = &nodes[(state >> 33) % 16];
        b = &nodes[(state >> 43) % 16];
        if (state >> 62 && slot_word(a)) {
            if (slot_delegate(a, slot_word(a), b, RIGHTS_ALL) > STATUS_DEPTH)
                return NULL;
        } else if (slot_revoke_step(a, &budget, a != &nodes[0]) && budget) {
            return NULL;
        }
    }
    return seed;
}

static void test_threads(void)
{
    pthread_t thread;
    uint32_t depth = 0, count = 0, used = 0;
    void *result = NULL;

    reset();
    create(0, 0, RIGHTS_ALL);
    create(1, 16, RIGHTS_ALL);
    if (!ok(pthread_create(&thread, NULL, stress, (void *)1) == 0, "a second thread"))
        return;
    ok(stress((void *)2) != NULL, "two threads delegate and revoke");
    pthread_join(thread, &result);
    ok(result != NULL, "both end");
    for (struct chain *link = objects[0].nodes.next; link != &objects[0].nodes; link = link->next) {
        struct node *node = CONTAINER(link, struct node, chain);

        EXPECT(link->next->prev == link && node->depth <= depth + 1 && node->depth > 0);
        EXPECT(slot_word(node) && capability_object(node->word) == &objects[0]);
        depth = node->depth;
        count++;
    }
    for (unsigned i = 0; i < 16; i++)
        used += word_of(i) != 0;
    is_u64(count, used, "the chain holds each slot in use once");
    is_u64(errors, 0, "the chain is sound");
}

int main(void)
{
    test_slots();
    test_selective();
    test_depth();
    test_defiance();
    test_die();
    test_threads();
    return done_testing();
}
