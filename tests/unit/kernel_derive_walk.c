/*
 * Derivation against a tree of nodes that know their parent and children: random delegations,
 * mappings, revocations in interrupted steps and destructions. After each operation the chain of
 * the object concerned must be the tree in preorder, with its depths and rights.
 */
#include "kernel_derive.h"

#define REVOCATIONS 6u
#define OPERATIONS  1000000u
struct revocation {
    bool open, self;
    unsigned slot, steps;
};

static struct revocation revocations[REVOCATIONS];
static unsigned most_steps;

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

int main(void)
{
    test_walk();
    return done_testing();
}
