/*
 * Ordered tree. The first or last node of a subtree is found on the way along that side: it is the
 * root, or in the half on that side, or in the other one if that is empty.
 */
#include "tree.h"

#define BITS 64u

/* Which half holds what has that key and order, below a node that is so deep. */
static unsigned tree_side(uint64_t key, uint64_t order, unsigned depth)
{
    uint64_t rest = depth < BITS ? key << depth : order << (depth - BITS);

    return rest >> (BITS - 1) != 0;
}

static bool node_before(const struct tree_node *a, const struct tree_node *b)
{
    return a->trie.key != b->trie.key ? a->trie.key < b->trie.key : a->order < b->order;
}

/* The first (side 0) or last (side 1) node of a subtree. */
static struct tree_node *tree_outmost(struct trie_node *top, unsigned side)
{
    struct tree_node *found = NULL;

    for (struct trie_node *at = top; at;
         at = at->child[side] ? at->child[side] : at->child[1 - side]) {
        struct tree_node *node = (struct tree_node *)at;
        if (!found || node_before(node, found) != side)
            found = node;
    }
    return found;
}

void tree_insert(struct tree *tree, struct tree_node *node, uint64_t key)
{
    struct trie_node **place = &tree->root;

    *node = (struct tree_node){.trie.key = key, .order = ++tree->order};
    for (unsigned depth = 0; *place; depth++)
        place = &(*place)->child[tree_side(key, node->order, depth)];
    node->trie.place = place;
    *place = &node->trie;
    if (!tree->first || node_before(node, tree->first))
        tree->first = node;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    trie_remove(&node->trie);
    node->trie.place = NULL;
    if (tree->first == node)
        tree->first = tree_outmost(tree->root, 0);
}

/* On the way to key, what is left behind on the lower side is smaller; the last of it is last. */
struct tree_node *tree_floor(const struct tree *tree, uint64_t key)
{
    struct tree_node *found = NULL, *last;
    struct trie_node *at = tree->root, *lower = NULL;

    for (unsigned depth = 0; at; depth++) {
        struct tree_node *node = (struct tree_node *)at;
        unsigned side = tree_side(key, UINT64_MAX, depth);
        if (at->key <= key && (!found || node_before(found, node)))
            found = node;
        if (side && at->child[0])
            lower = at->child[0];
        at = at->child[side];
    }
    last = tree_outmost(lower, 1);
    return !found || (last && node_before(found, last)) ? last : found;
}
