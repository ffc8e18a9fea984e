/*
 * The search trie: keys that follow each other, keys that share all low bits, and a random walk
 * against a list.
 */
#include "kernel_random.h"
#include "tap.h"
#include "trie.h"

#define NODES 256u
#define STEPS 20000u

static struct trie_node nodes[NODES];
static struct trie trie;
static bool used[NODES];
/* Nodes reached from the roots; too many: one is not where its path says, or its place is wrong. */
static unsigned trie_count(unsigned *deepest)
{
    unsigned count = 0;

    for (unsigned n = 0; n < NODES; n++) {
        uint64_t bits = trie_path(nodes[n].key);
        struct trie_node *const *place = &trie.root[bits % TRIE_ROOTS];
        unsigned depth = 0;
        for (bits /= TRIE_ROOTS; *place && *place != &nodes[n]; bits >>= 1, depth++)
            place = &(*place)->child[bits & 1];
        if ((*place == &nodes[n]) != used[n] || (used[n] && nodes[n].place != place))
            return 2 * NODES;
        if (used[n] && depth > *deepest)
            *deepest = depth;
        count += used[n];
    }
    return count;
}

static void put(unsigned n, uint64_t key)
{
    nodes[n] = (struct trie_node){0};
    trie_insert(&trie, &nodes[n], key);
    used[n] = true;
}

static void take(unsigned n)
{
    trie_remove(&nodes[n]);
    used[n] = false;
}

static void test_keys(uint64_t step, unsigned most, const char *name)
{
    unsigned deepest = 0, missed = 0;

    for (unsigned n = 0; n < NODES; n++)
        put(n, 0x10000 + n * step);
    ok(trie_count(&deepest) == NODES, "%s: all are there", name);
    ok(deepest <= most, "at most %u deep, not %u", most, deepest);
    for (unsigned n = 0; n < NODES; n++)
        missed += trie_find(&trie, 0x10000 + n * step) != &nodes[n];
    ok(!missed, "and are found");
    ok(!trie_find(&trie, 1) && !trie_find(&trie, UINT64_MAX), "others are not");
    for (unsigned n = 0; n < NODES; n++)
        take(n);
    ok(!trie_any(&trie), "none is left");
}

static void test_random(uint64_t mask, const char *name)
{
    unsigned wrong = 0, count = 0, deepest = 0;

    for (unsigned step = 0; step < STEPS; step++) {
        unsigned n = random_below(NODES);
        uint64_t key = ((uint64_t)random_below(UINT32_MAX) << 32 | random_below(UINT32_MAX)) & mask;
        if (used[n]) {
            take(n);
            count--;
            wrong += trie_find(&trie, nodes[n].key) != NULL;
        } else if (!trie_find(&trie, key)) {
            put(n, key);
            count++;
        }
        n = random_below(NODES);
        wrong += used[n] && trie_find(&trie, nodes[n].key) != &nodes[n];
        if (step % 16 == 0)
            wrong += trie_count(&deepest) != count;
    }
    ok(!wrong, "%s: as in a list, at most %u deep", name, deepest);
    while (trie_any(&trie))
        take((unsigned)(trie_any(&trie) - nodes));
}

int main(void)
{
    test_keys(1, 14, "keys in a row");
    test_keys(512, 14, "with the same low bits");
    test_keys(1ull << 56, 64, "that differ in their highest bits only");
    test_random(UINT64_MAX, "random keys");
    test_random(0x8000000000000fff, "from a small set");
    return done_testing();
}
