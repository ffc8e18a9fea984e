/*
 * The ordered tree against a sorted array: random insertions and removals, after each of which the
 * whole tree is checked: links, order, depth, and that equal keys keep their order.
 */
#include "tap.h"
#include "tree.h"

#define NODES 200u
#define MANY  65536u

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct tree_node nodes[NODES], many[MANY];

/* What the tree must hold, in order. */
static struct {
    struct tree_node *node;
    uint64_t key;
} model[NODES];
static unsigned modelled;

#define DEPTH_MOST 129u

/* Walks the whole tree; returns how many nodes are in it, UINT_MAX if one is not where it must be.
 */
static unsigned tree_count(const struct tree *tree, unsigned *depth)
{
    struct trie_node *way[DEPTH_MOST + 1], *const *place[DEPTH_MOST + 1] = {&tree->root};
    unsigned count = 0, at = 0, came[DEPTH_MOST + 1] = {0};

    *depth = 0;
    while (true) {
        way[at] = *place[at];
        if (way[at] && came[at] < 2) {
            if (way[at]->place != place[at] || at == DEPTH_MOST)
                return UINT32_MAX;
            count += !came[at];
            place[at + 1] = &way[at]->child[came[at]++];
            came[++at] = 0;
            *depth = at > *depth ? at : *depth;
        } else if (at-- == 0) {
            return count;
        }
    }
}

/* The tree holds the model's nodes, each of them where a search finds it. */
static bool tree_good(const struct tree *tree)
{
    unsigned depth;
    bool good = tree_count(tree, &depth) == modelled &&
                tree_first(tree) == (modelled ? model[0].node : NULL);

    for (unsigned i = 0; good && i < modelled; i++)
        good = model[i].key == model[i].node->trie.key && tree_holds(model[i].node) &&
               ((i + 1 < modelled && model[i + 1].key == model[i].key) ||
                tree_floor(tree, model[i].key) == model[i].node);
    return good;
}

static void model_insert(struct tree_node *node, uint64_t key)
{
    unsigned at = modelled++;

    for (; at > 0 && model[at - 1].key > key; at--)
        model[at] = model[at - 1];
    model[at].node = node;
    model[at].key = key;
}

static void model_remove(const struct tree_node *node)
{
    unsigned at = 0;

    while (model[at].node != node)
        at++;
    for (modelled--; at < modelled; at++)
        model[at] = model[at + 1];
}

static struct tree_node *model_floor(uint64_t key)
{
    unsigned at = modelled;

    while (at > 0 && model[at - 1].key > key)
        at--;
    return at > 0 ? model[at - 1].node : NULL;
}

/* One random walk: keys below `keys` (0: any), insertions in `fill` of 8 steps. */
static bool walk(uint64_t seed, unsigned steps, uint64_t keys, unsigned fill)
{
    struct tree tree = {0};

    random_state = seed;
    memset(nodes, 0, sizeof(nodes));
    modelled = 0;
    for (unsigned step = 0; step < steps; step++) {
        struct tree_node *node = &nodes[random_next() % NODES];
        uint64_t key = keys ? random_next() % keys : random_next();
        bool insert = random_next() % 8 < fill;

        if (insert && !tree_holds(node)) {
            tree_insert(&tree, node, key);
            model_insert(node, key);
        } else if (!insert && tree_holds(node)) {
            tree_remove(&tree, node);
            model_remove(node);
        }
        key = keys ? random_next() % (keys + 2) : random_next();
        if (!tree_good(&tree) || tree_floor(&tree, key) != model_floor(key))
            return false;
    }
    for (unsigned i = 0; i < NODES; i++) {
        if (tree_holds(&nodes[i])) {
            tree_remove(&tree, &nodes[i]);
            model_remove(&nodes[i]);
        }
        if (!tree_good(&tree))
            return false;
    }
    return !tree.root && !tree.first;
}

static void test_random(void)
{
    ok(walk(1, 20000, 0, 4), "random walk with keys of 64 bits");
    ok(walk(2, 20000, 16, 4), "with many equal keys");
    ok(walk(3, 5000, 1, 5), "with one key only");
    ok(walk(4, 20000, 100, 6), "with a tree that is nearly full");
    ok(walk(5, 10000, 100, 2), "with a tree that is nearly empty");
}

/* Every order of insertion and of removal of five nodes, of which two have the same key. */
static void test_orders(void)
{
    static const uint64_t keys[5] = {10, 20, 20, 30, 40};
    bool good = true;
    unsigned orders = 0;

    for (unsigned code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
        unsigned order[5], seen = 0, rest = code;
        for (unsigned i = 0; i < 5; i++, rest /= 5) {
            order[i] = rest % 5;
            seen |= 1u << order[i];
        }
        if (seen != 0x1f)
            continue;
        orders++;
        for (unsigned removed = 0; removed < 5; removed++) {
            struct tree tree = {0};
            modelled = 0;
            for (unsigned i = 0; i < 5; i++) {
                tree_insert(&tree, &nodes[order[i]], keys[order[i]]);
                model_insert(&nodes[order[i]], keys[order[i]]);
                good = good && tree_good(&tree);
            }
            for (unsigned i = 0; i < 5; i++) {
                tree_remove(&tree, &nodes[(i + removed) % 5]);
                model_remove(&nodes[(i + removed) % 5]);
                good = good && tree_good(&tree) && !tree_holds(&nodes[(i + removed) % 5]);
            }
        }
    }
    is_u64(orders, 120, "all orders of five were tried");
    ok(good, "and each tree was right after each step");
}

static void test_depth(void)
{
    struct tree tree = {0};
    bool good = true;
    unsigned depth;

    for (unsigned i = 0; i < MANY; i++)
        tree_insert(&tree, &many[i], i);
    is_u64(tree_count(&tree, &depth), MANY, "rising keys: all nodes are there");
    ok(depth <= 65, "at most 65 deep, not %u", depth);
    for (unsigned i = 0; i < MANY; i++)
        good = good && tree_floor(&tree, i) == &many[i];
    ok(good, "floor finds each");
    for (unsigned i = 0; i < MANY; i++)
        if (i % 64)
            tree_remove(&tree, &many[i]);
    is_u64(tree_count(&tree, &depth), MANY / 64, "most have gone");
    for (unsigned i = 0; i < MANY; i++)
        good = good && tree_floor(&tree, i) == &many[i - i % 64];
    ok(good, "floor finds the rest");
    for (unsigned i = 0; i < MANY; i += 64) {
        good = good && tree_first(&tree) == &many[i];
        tree_remove(&tree, &many[i]);
    }
    ok(good && !tree.root && !tree.first, "which leave from the first on");

    for (unsigned i = 0; i < MANY; i++)
        tree_insert(&tree, &many[i], 7);
    is_u64(tree_count(&tree, &depth), MANY, "equal keys: all nodes are there");
    ok(depth <= DEPTH_MOST, "at most %u deep, not %u", DEPTH_MOST, depth);
    for (unsigned i = 0; i < MANY; i++) {
        good = good && tree_first(&tree) == &many[i];
        tree_remove(&tree, tree_first(&tree));
    }
    ok(good && !tree.root, "they leave in the order in which they came");
}

static void test_edges(void)
{
    struct tree tree = {0};

    ok(!tree_first(&tree) && !tree_floor(&tree, UINT64_MAX),
       "an empty tree has no first, no floor");
    tree_insert(&tree, &nodes[0], UINT64_MAX);
    tree_insert(&tree, &nodes[1], 0);
    ok(tree_first(&tree) == &nodes[1], "the extreme keys");
    ok(tree_floor(&tree, 0) == &nodes[1] && tree_floor(&tree, UINT64_MAX - 1) == &nodes[1] &&
           tree_floor(&tree, UINT64_MAX) == &nodes[0],
       "floors at the extremes");
    tree_remove(&tree, &nodes[1]);
    ok(!tree_floor(&tree, UINT64_MAX - 1), "no floor below the least key");
    tree_remove(&tree, &nodes[0]);
}

int main(void)
{
    test_edges();
    test_orders();
    test_random();
    test_depth();
    return done_testing();
}
