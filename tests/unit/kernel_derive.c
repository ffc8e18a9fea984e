/*
 * Derivation against a tree of nodes that know their parent and children: random delegations,
 * mappings, revocations in interrupted steps and destructions. After each operation the chain of
 * the object concerned must be the tree in preorder, with its depths and rights.
 */
#include "derive.h"

#include <pthread.h>
#include <stdlib.h>

#include "tap.h"

#define OBJECTS     8u
#define SLOTS       192u
#define MAPPINGS    64u
#define NODES       (SLOTS + MAPPINGS)
#define REVOCATIONS 6u
#define OPERATIONS  1000000u
#define NOBODY      (-1)

struct model {
    bool used;
    unsigned object;
    uint32_t rights;
    int parent, child, sibling; /* first child: the one derived last */
};

struct revocation {
    bool open, self;
    unsigned slot, steps;
};

static struct object objects[OBJECTS] __attribute__((aligned(64)));
static struct node nodes[NODES]; /* slots, then mappings */
static struct model model[NODES];
static int first[OBJECTS]; /* the object's first capability */
static struct revocation revocations[REVOCATIONS];
static unsigned removed; /* mappings, by mapping_remove */
static unsigned most_steps;
static uint64_t errors;

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static void expect(bool good, int line)
{
    if (!good && errors++ < 10)
        printf("# line %d\n", line);
}

#define EXPECT(condition) expect(condition, __LINE__)

void mem_remove(struct node *origin)
{
    (void)origin;
    abort();
}

void mapping_remove(struct node *node)
{
    EXPECT(node >= nodes + SLOTS && node < nodes + NODES && node->word == 0xabc);
    node->word = 0;
    __atomic_fetch_add(&removed, 1, __ATOMIC_RELAXED);
}

void interrupt_remove(struct node *node)
{
    (void)node;
    EXPECT(false); /* there are none here */
}

static void object_reset(struct object *object)
{
    memset(object, 0, sizeof(*object));
    chain_init(&object->nodes);
}

static void reset(void)
{
    memset(nodes, 0, sizeof(nodes));
    memset(model, 0, sizeof(model));
    for (unsigned i = 0; i < OBJECTS; i++) {
        object_reset(&objects[i]);
        first[i] = NOBODY;
    }
    removed = 0;
    errors = 0;
}

/* --- the model --- */

static void model_insert(unsigned node, unsigned object, int parent, uint32_t rights)
{
    model[node] = (struct model){true, object, rights, parent, NOBODY, NOBODY};
    if (parent == NOBODY) {
        first[object] = (int)node;
    } else {
        model[node].sibling = model[parent].child;
        model[parent].child = (int)node;
    }
}

static void model_remove(int node)
{
    int parent = model[node].parent;
    int *link = parent == NOBODY ? &first[model[node].object] : &model[parent].child;

    while (*link != node)
        link = &model[*link].sibling;
    *link = model[node].sibling;
    model[node].used = false;
}

/* Removes a node and what is derived from it, as far as the budget goes. */
static bool model_revoke(int node, unsigned *budget, bool self)
{
    for (int at = node, parent;; at = parent) {
        for (; model[at].child != NOBODY; at = model[at].child)
            if (self || at != node)
                model[at].rights = 0;
        if (at == node && !self)
            return false;
        if (!*budget)
            return true;
        --*budget;
        parent = model[at].parent;
        model_remove(at);
        if (at == node)
            return false;
    }
}

/* Everything of an object, the last in preorder first. */
static bool model_die(int node, unsigned *budget)
{
    for (int at = node, parent; at != NOBODY; at = parent) {
        while (model[at].child != NOBODY)
            for (at = model[at].child; model[at].sibling != NOBODY;)
                at = model[at].sibling;
        if (!*budget)
            return true;
        --*budget;
        parent = at == node ? NOBODY : model[at].parent;
        model_remove(at);
    }
    return false;
}

static void compare_node(int node, uint32_t depth, const struct chain *link)
{
    struct object *object = &objects[model[node].object];

    EXPECT(link == &nodes[node].chain);
    EXPECT(nodes[node].depth == depth);
    EXPECT(nodes[node].kind == ((unsigned)node < SLOTS ? NODE_SLOT : NODE_MAPPING));
    if ((unsigned)node < SLOTS) {
        EXPECT(capability_object(nodes[node].word) == object);
        EXPECT(capability_rights(nodes[node].word) == model[node].rights);
    }
}

/* Compares the chain from link on with the tree under root. Returns what is behind it. */
static const struct chain *compare_tree(int root, const struct chain *link)
{
    uint32_t depth = 1;

    for (int node = root; node != NOBODY && !errors; link = link->next) {
        compare_node(node, depth, link);
        if (model[node].child != NOBODY) {
            node = model[node].child;
            depth++;
            continue;
        }
        for (; node != root && model[node].sibling == NOBODY; depth--)
            node = model[node].parent;
        node = node == root ? NOBODY : model[node].sibling;
    }
    return link;
}

static void compare(unsigned object)
{
    const struct chain *head = &objects[object].nodes, *link = head->next;

    if (first[object] != NOBODY)
        link = compare_tree(first[object], link);
    EXPECT(link == head);
    for (link = head; link->next != head && !errors; link = link->next)
        EXPECT(link->next->prev == link);
}

static void compare_unused(void)
{
    static const struct node zero;

    for (unsigned i = 0; i < NODES; i++)
        if (!model[i].used)
            EXPECT(memcmp(&nodes[i], &zero, sizeof(zero)) == 0);
}

/* --- random operations --- */

static void walk_create(void)
{
    unsigned object = random_below(OBJECTS), slot = random_below(SLOTS);
    uint32_t rights = 1 + random_below(RIGHTS_ALL);

    if (first[object] != NOBODY)
        return;
    EXPECT(slot_claim(&nodes[slot]) == !model[slot].used);
    if (model[slot].used)
        return;
    objects[object].dying = false;
    node_insert_first(&objects[object], &nodes[slot], rights);
    model_insert(slot, object, NOBODY, rights);
    compare(object);
}

static void walk_delegate(void)
{
    unsigned from = random_below(SLOTS), to = random_below(SLOTS);
    uint32_t mask = random_below(4) ? RIGHTS_ALL : random_below(RIGHTS_ALL + 1);
    enum status want = STATUS_SUCCESS, status;

    if (!model[from].used)
        return;
    if (!(model[from].rights & mask))
        want = STATUS_NO_RIGHT;
    else if (model[to].used)
        want = STATUS_IN_USE;
    else if (objects[model[from].object].dying)
        want = STATUS_BAD_CAPABILITY;
    status = slot_delegate(&nodes[from], slot_word(&nodes[from]), &nodes[to], mask);
    EXPECT(status == want);
    if (status == STATUS_SUCCESS)
        model_insert(to, model[from].object, (int)from, model[from].rights & mask);
    compare(model[from].object);
}

/* With a word that is no longer there, or never was. */
static void walk_delegate_stale(void)
{
    unsigned from = random_below(SLOTS), to = random_below(SLOTS);
    uint64_t word = capability_make(&objects[random_below(OBJECTS)], 1 + random_below(RIGHTS_ALL));

    if (model[to].used || slot_word(&nodes[from]) == word)
        return;
    EXPECT(slot_delegate(&nodes[from], word, &nodes[to], RIGHTS_ALL) == STATUS_BAD_CAPABILITY);
    EXPECT(nodes[to].word == CAPABILITY_EMPTY);
}

static void walk_map(void)
{
    unsigned from = random_below(SLOTS), mapping = SLOTS + random_below(MAPPINGS);
    enum status status;

    if (!model[from].used || !model[from].rights || model[mapping].used)
        return;
    status = node_derive(&nodes[from], nodes[from].word, &nodes[mapping], 0xabc, NODE_MAPPING);
    EXPECT(status == (objects[model[from].object].dying ? STATUS_BAD_CAPABILITY : STATUS_SUCCESS));
    if (status == STATUS_SUCCESS)
        model_insert(mapping, model[from].object, (int)from, 0);
    compare(model[from].object);
}

static bool revoke_step(unsigned slot, bool self, unsigned budget)
{
    unsigned left = budget, model_left = budget, object = model[slot].object;
    bool more = slot_revoke_step(&nodes[slot], &left, self);

    if (!model[slot].used) {
        EXPECT(!more && left == budget);
        return false;
    }
    EXPECT(more == model_revoke((int)slot, &model_left, self));
    EXPECT(left == model_left);
    compare(object);
    return more;
}

static void walk_revoke(void)
{
    struct revocation *revocation = &revocations[random_below(REVOCATIONS)];

    if (!revocation->open) {
        revocation->slot = random_below(SLOTS);
        revocation->self = random_below(2);
        revocation->steps = 0;
    }
    revocation->open = revoke_step(revocation->slot, revocation->self, 1 + random_below(4));
    revocation->steps++;
    if (revocation->steps > most_steps)
        most_steps = revocation->steps;
    if (random_below(200) == 0) /* given up */
        revocation->open = false;
}

static void walk_destroy(void)
{
    unsigned object = random_below(OBJECTS);
    unsigned left, model_left;
    bool more;

    if (!objects[object].dying && random_below(16))
        return;
    left = model_left = 1 + random_below(8);
    more = object_die_step(&objects[object], &left);
    EXPECT(more == model_die(first[object], &model_left));
    EXPECT(left == model_left);
    compare(object);
}

static void test_walk(void)
{
    uint64_t used = 0, want_removed = 0;

    reset();
    for (unsigned i = 0; i < OPERATIONS && !errors; i++) {
        unsigned what = random_below(100);

        if (what < 4)
            walk_create();
        else if (what < 70)
            walk_delegate();
        else if (what < 74)
            walk_delegate_stale();
        else if (what < 85)
            walk_map();
        else if (what < 99)
            walk_revoke();
        else
            walk_destroy();
        if (i % 64 == 0) {
            compare_unused();
            for (unsigned n = 0; n < NODES; n++)
                used += model[n].used;
        }
    }
    want_removed = removed;
    is_u64(errors, 0, "%u random operations agree with the tree", OPERATIONS);
    printf("# %" PRIu64 " nodes in use on average, longest revocation %u steps\n",
           used / (OPERATIONS / 64), most_steps);
    ok(want_removed > OPERATIONS / 100, "many mappings were removed");
}

/* --- single cases --- */

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
    test_walk();
    return done_testing();
}
